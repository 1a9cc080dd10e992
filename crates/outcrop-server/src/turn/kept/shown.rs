//! What of an entry is shown: without secrets, and bounded.

use crate::secrets::Secrets;
use serde_json::{Value, json};

/// Longest text in an entry, in bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// Longest text in an entry once much has been told.
const TEXT_BYTES_LATE: usize = 2 << 10;
/// Bytes of one entry at most.
const ENTRY_BYTES_MAX: usize = 4 << 20;
/// Longest text in an entry that has more.
const TEXT_BYTES_IN_LARGE: usize = 16 << 10;
/// Bytes of a trace in memory, after which texts are cut short.
const TRACE_BYTES_MAX: usize = 64 << 20;

/// Makes entries fit to be shown.
pub(super) struct Shown<'a> {
    secrets: &'a Secrets,
    bytes_left: usize,
}

impl<'a> Shown<'a> {
    pub(super) fn new(secrets: &'a Secrets) -> Self {
        Self { secrets, bytes_left: TRACE_BYTES_MAX }
    }

    /// Takes secrets out, and cuts what is too long: it says how long it was.
    pub(super) fn show(&mut self, mut value: Value) -> Value {
        self.secrets.remove(&mut value);
        cut(&mut value, if self.bytes_left > 0 { TEXT_BYTES_MAX } else { TEXT_BYTES_LATE });
        let mut bytes = size(&value);
        if bytes > ENTRY_BYTES_MAX {
            cut(&mut value, TEXT_BYTES_IN_LARGE);
            bytes = size(&value);
        }
        if bytes > ENTRY_BYTES_MAX {
            value = json!({ "leftOutBytes": bytes });
        }
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
        value
    }
}

/// Cuts texts that are longer.
pub fn cut(value: &mut Value, bytes_max: usize) {
    match value {
        Value::String(text) if text.len() > bytes_max => {
            let whole = text.len();
            text.truncate(text.floor_char_boundary(bytes_max));
            text.push_str(&format!("… (cut; the whole has {whole} bytes)"));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| cut(item, bytes_max)),
        Value::Object(members) => members.values_mut().for_each(|member| cut(member, bytes_max)),
        _ => {}
    }
}

/// About how many bytes it has as JSON.
fn size(value: &Value) -> usize {
    const AROUND: usize = 8;
    AROUND
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(size).sum(),
            Value::Object(members) => members.iter().map(|(name, member)| name.len() + size(member)).sum(),
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_says_how_long_it_was() {
        let secrets = Secrets::default();
        let mut shown = Shown::new(&secrets);
        let long = shown.show(json!({"a": "ü".repeat(TEXT_BYTES_MAX), "password": "x", "n": 1}));
        let text = long["a"].as_str().unwrap();
        assert!(text.len() < TEXT_BYTES_MAX + 64 && text.ends_with("… (cut; the whole has 2097152 bytes)"));
        assert_eq!((&long["password"], &long["n"]), (&json!(crate::secrets::REMOVED), &json!(1)));
        let many = shown.show(json!(vec!["x".repeat(100_000); 50]));
        assert!(size(&many) <= ENTRY_BYTES_MAX && many[49].as_str().unwrap().starts_with("xxx"));
        let too_many = shown.show(json!(vec!["x"; 1_000_000]));
        assert_eq!(too_many, json!({"leftOutBytes": 9_000_008}));
        shown.bytes_left = 1;
        let text = || json!({"a": "y".repeat(10_000)});
        assert_eq!([shown.show(text()), shown.show(text())].map(|text| size(&text) < 3_000), [false, true]);
    }
}
