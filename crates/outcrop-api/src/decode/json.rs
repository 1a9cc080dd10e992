//! JSON without members that stand twice in one object.
//!
//! Readers differ in which of the two they take, so whoever checks such a text may see another than whoever uses it. No
//! client writes one; it is refused.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Longest part of a member's name that is shown, in characters.
const NAME_SHOWN_MAX: usize = 64;

/// Reads a text whole.
pub(super) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str::<Unique>(text).map(|unique| unique.0)
}

/// A value none of whose objects has a member twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Seed.deserialize(deserializer).map(Self)
    }
}

struct Seed;

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Seed)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                let shown: String = name.chars().take(NAME_SHOWN_MAX).collect();
                return Err(Error::custom(format_args!("the member '{shown}' stands twice")));
            }
            object.insert(name, members.next_value_seed(Seed)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_like_everyone_but_for_what_stands_twice() {
        for text in
            ["null", "true", "-1", "18446744073709551615", "1.5e3", "\"\\u00e9\"", "[1,[],{}]", "{\"a\":{\"b\":[{}]}}"]
        {
            let value: Value = serde_json::from_str(text).expect("is JSON");
            assert_eq!(parse(text).expect("is JSON"), value);
        }
        assert_eq!(parse(r#"{"a":1,"b":{"a":2}}"#).expect("is JSON"), json!({"a": 1, "b": {"a": 2}}));
        for twice in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#] {
            let error = parse(twice).expect_err("is refused").to_string();
            assert!(error.starts_with("the member 'a' stands twice at line 1"), "{error}");
        }
        for broken in ["", "{", "[1,]", "1 2", "1e999", "{\"a\" 1}"] {
            let expected = serde_json::from_str::<Value>(broken).expect_err("is broken").to_string();
            assert_eq!(parse(broken).expect_err("is broken").to_string(), expected);
        }
        assert!(parse(&"[".repeat(1000)).is_err());
    }
}
