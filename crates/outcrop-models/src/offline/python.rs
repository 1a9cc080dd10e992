//! Results written as Python literals: what `str(result)` gives where `json.dumps(result)` was meant.

use serde_json::{Map, Number, Value};

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 32;
/// Most values of one literal.
const VALUES_MAX: usize = 100_000;

/// Reads a dict, list or tuple. `None` when the text is anything else, or has anything after it.
pub(super) fn literal(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with(['{', '[', '(']) {
        return None;
    }
    let mut reader = Reader { rest: text, values: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    (reader.rest.is_empty() && (value.is_object() || value.is_array())).then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    values: usize,
}

impl<'a> Reader<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, mark: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(mark) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.values += 1;
        if depth > DEPTH_MAX || self.values > VALUES_MAX {
            return None;
        }
        self.skip_space();
        match self.rest.chars().next()? {
            '{' => self.dict(depth),
            '[' => self.sequence('[', ']', depth),
            '(' => self.sequence('(', ')', depth),
            '\'' | '"' => self.string().map(Value::String),
            c if c.is_ascii_digit() || matches!(c, '-' | '.' | '+') => self.number(),
            _ => self.name(depth),
        }
    }

    /// A dict; with values and no keys it is a set, which is told as a list.
    fn dict(&mut self, depth: usize) -> Option<Value> {
        self.eat('{');
        let mut object = Map::new();
        let mut items = Vec::new();
        while !self.eat('}') {
            let key = self.value(depth + 1)?;
            if self.eat(':') {
                let key = match key {
                    Value::String(key) => key,
                    Value::Object(_) => return None,
                    other => other.to_string(),
                };
                let value = self.value(depth + 1)?;
                object.insert(key, value);
            } else {
                items.push(key);
            }
            if !self.eat(',') && !self.rest.starts_with('}') {
                return None;
            }
        }
        match (object.is_empty(), items.is_empty()) {
            (_, true) => Some(Value::Object(object)),
            (true, false) => Some(Value::Array(items)),
            (false, false) => None,
        }
    }

    fn sequence(&mut self, open: char, close: char, depth: usize) -> Option<Value> {
        self.eat(open);
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.value(depth + 1)?);
            if !self.eat(',') && !self.rest.starts_with(close) {
                return None;
            }
        }
        Some(Value::Array(items))
    }

    fn string(&mut self) -> Option<String> {
        let mut characters = self.rest.char_indices();
        let (_, quote) = characters.next()?;
        let mut text = String::new();
        while let Some((at, c)) = characters.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                '\\' => {
                    let (_, escaped) = characters.next()?;
                    let digits = match escaped {
                        'x' => 2,
                        'u' => 4,
                        'U' => 8,
                        _ => 0,
                    };
                    match escaped {
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        'r' => text.push('\r'),
                        _ if digits > 0 => {
                            let mut code = 0;
                            for _ in 0..digits {
                                code = code * 16 + characters.next()?.1.to_digit(16)?;
                            }
                            text.push(char::from_u32(code)?);
                        }
                        other => text.push(other),
                    }
                }
                c => text.push(c),
            }
        }
        None
    }

    fn word(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c: char| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn number(&mut self) -> Option<Value> {
        let text = self.word(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_')).replace('_', "");
        if let Ok(whole) = text.parse::<i64>() {
            return Some(Value::from(whole));
        }
        Number::from_f64(text.parse().ok()?).map(Value::Number)
    }

    /// `True`, `None`, or a wrapper such as `Decimal('64.00')`, which stands for what it holds.
    fn name(&mut self, depth: usize) -> Option<Value> {
        match self.word(|c| c.is_alphanumeric() || matches!(c, '_' | '.')) {
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            "None" | "null" | "nan" | "inf" => Some(Value::Null),
            "" => None,
            name => {
                if !self.rest.starts_with('(') {
                    return None;
                }
                let Value::Array(mut held) = self.sequence('(', ')', depth + 1)? else { return None };
                match (held.len(), name) {
                    (1, "Decimal") => {
                        let text = held[0].as_str().unwrap_or_default();
                        text.parse().ok().and_then(Number::from_f64).map(Value::Number)
                    }
                    (1, _) => held.pop(),
                    (2.., _) if name.ends_with("date") || name.ends_with("datetime") => day(&held),
                    _ => Some(Value::Array(held)),
                }
            }
        }
    }
}

/// `datetime.date(2026, 12, 2)`, the time after it left out.
fn day(held: &[Value]) -> Option<Value> {
    let part = |index: usize| held.get(index).and_then(Value::as_i64);
    let (year, month, day) = (part(0)?, part(1)?, part(2)?);
    Some(Value::String(format!("{year:04}-{month:02}-{day:02}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn reads_literals() {
        for (text, expected) in [
            (
                "{'order_id': 'A-482', 'shipped': False, 'eta': None, 'total': 129.9}",
                Some(json!({"order_id": "A-482", "shipped": false, "eta": null, "total": 129.9})),
            ),
            ("[{'a': (1, -2)}, \"it's\", 'x\\'y\\u00e9']", Some(json!([{"a": [1, -2]}, "it's", "x'yé"]))),
            (
                "{'due': datetime.date(2026, 12, 2), 'sum': Decimal('64.00')}",
                Some(json!({"due": "2026-12-02", "sum": 64.0})),
            ),
            ("{1: True, }", Some(json!({"1": true}))),
            ("()", Some(json!([]))),
            ("(none of these)", None),
            ("{'a': 1} and more", None),
            ("{'a'", None),
            ("plain", None),
        ] {
            assert_eq!(literal(text), expected, "{text}");
        }
        assert_eq!(literal(&"[".repeat(10_000)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in r"[\[({](?:[\[\](){}'\\,: uxé0-9.-]|True|None|Decimal\(){0,60}") {
            let _ = literal(&text);
        }
    }
}
