//! Arguments of tool calls, as models write them.

use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// Arguments as they go back to a model, always an object: many refuse a conversation for what the model once wrote
/// wrongly.
pub(crate) fn object(input: &Value) -> Cow<'_, Value> {
    match input {
        Value::Object(_) => Cow::Borrowed(input),
        Value::Null => Cow::Owned(json!({})),
        Value::String(raw) => Cow::Owned(json!({ "invalid_arguments": raw })),
        other => Cow::Owned(json!({ "invalid_arguments": other.to_string() })),
    }
}

/// Arguments as JSON; as the text itself when they are none, so that the model can be shown what it wrote.
pub(crate) fn read(raw: String) -> Value {
    if raw.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(&long_integers_as_text(&raw)) {
        Ok(Value::Null) => Value::Object(Map::new()),
        // Some models write the object as text inside a text.
        Ok(Value::String(inner)) => match serde_json::from_str(&inner) {
            Ok(Value::Object(object)) => Value::Object(object),
            _ => Value::String(raw),
        },
        Ok(value) => value,
        Err(_) => Value::String(raw),
    }
}

/// Puts quotes around integers that 64 bits do not hold: read as numbers they would lose digits, and a text of digits is
/// taken for an integer where one is wanted.
fn long_integers_as_text(json: &str) -> Cow<'_, str> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut quoted = String::new();
    let (mut copied, mut at, mut inside) = (0, 0, false);
    let bytes = json.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if inside => at += 2,
            b'"' => {
                inside = !inside;
                at += 1;
            }
            b'-' | b'0'..=b'9' if !inside => {
                let sign = usize::from(bytes[at] == b'-');
                let end = at + sign + digits(&json[at + sign..]);
                let token = &json[at..end.max(at + 1)];
                let is_integer = !matches!(bytes.get(end), Some(b'.' | b'e' | b'E'));
                if is_integer && end > at + sign && token.parse::<i64>().is_err() && token.parse::<u64>().is_err() {
                    quoted.push_str(&json[copied..at]);
                    quoted.push('"');
                    quoted.push_str(token);
                    quoted.push('"');
                    copied = end;
                }
                at = end.max(at + 1);
                // The rest of a number with a fraction is no number of its own.
                while !is_integer && matches!(bytes.get(at), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
                    at += 1;
                }
            }
            _ => at += 1,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    quoted.push_str(&json[copied..]);
    Cow::Owned(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_integers_keep_their_digits() {
        for (raw, expected) in [
            (r#"{"id": 123456789012345678901234567890}"#, json!({"id": "123456789012345678901234567890"})),
            (r#"{"id": [-99999999999999999999, 7]}"#, json!({"id": ["-99999999999999999999", 7]})),
            (
                r#"{"id": 18446744073709551615, "x": "18446744073709551616 \" 1"}"#,
                json!({"id": u64::MAX, "x": "18446744073709551616 \" 1"}),
            ),
            (r#"{"x": 1152921504606846976.5}"#, json!({"x": 1152921504606846976.5})),
            (r#"{"x": 1e400000000000000000000}"#, json!(r#"{"x": 1e400000000000000000000}"#)),
            ("-", json!("-")),
        ] {
            assert_eq!(read(raw.to_owned()), expected, "{raw}");
        }
    }
}
