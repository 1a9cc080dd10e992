//! The part of JSON Schema to which providers can hold an answer.

use serde_json::{Map, Value};

/// Keywords that are kept. What only narrows a value (`minimum`, `pattern`, …) is left out: whoever asks checks the answer
/// against the whole schema.
const KEPT: [&str; 8] = ["type", "description", "title", "enum", "const", "required", "$ref", "format"];
/// Keywords that only narrow, or say nothing.
const LEFT_OUT: [&str; 18] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "default",
    "examples",
    "$schema",
    "$id",
    "$comment",
];
/// Formats that are known everywhere.
const FORMATS: [&str; 6] = ["date-time", "date", "time", "email", "uuid", "uri"];

/// The schema with closed objects, as providers want it; `None` when it says more than they understand: then the answer
/// is asked for in words only.
pub(crate) fn closed(schema: &Value) -> Option<Value> {
    let members = schema.as_object()?;
    let mut kept = Map::new();
    for (name, value) in members {
        match name.as_str() {
            "format" if !value.as_str().is_some_and(|format| FORMATS.contains(&format)) => {}
            name if KEPT.contains(&name) => {
                kept.insert(name.to_owned(), value.clone());
            }
            "properties" | "$defs" | "definitions" => {
                let each = value.as_object()?.iter().map(|(name, one)| Some((name.clone(), closed(one)?)));
                kept.insert(name.clone(), Value::Object(each.collect::<Option<_>>()?));
            }
            "items" => {
                kept.insert(name.clone(), closed(value)?);
            }
            "anyOf" => {
                kept.insert(name.clone(), value.as_array()?.iter().map(closed).collect::<Option<Vec<_>>>()?.into());
            }
            "additionalProperties" if *value == Value::Bool(false) => {}
            name if LEFT_OUT.contains(&name) => {}
            _ => return None,
        }
    }
    if kept.get("type").is_some_and(|kind| *kind == "object") {
        // An object of anything cannot be closed.
        kept.get("properties")?;
        kept.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    Some(Value::Object(kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_are_closed_or_the_schema_is_not_sent() {
        let schema = json!({
            "$schema": "x", "type": "object", "required": ["a"],
            "properties": {
                "a": {"type": "string", "minLength": 3, "format": "date"},
                "b": {"type": "array", "items": {"type": "object", "properties": {"c": {"type": ["integer", "null"], "minimum": 1}}}},
            },
        });
        let expected = json!({
            "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {
                "a": {"type": "string", "format": "date"},
                "b": {"type": "array", "items": {"type": "object", "additionalProperties": false, "properties": {"c": {"type": ["integer", "null"]}}}},
            },
        });
        assert_eq!(closed(&schema), Some(expected));
        for schema in [
            json!({"type": "object"}),
            json!({"type": "object", "properties": {}, "additionalProperties": {"type": "string"}}),
            json!({"oneOf": []}),
            json!(true),
        ] {
            assert_eq!(closed(&schema), None, "{schema}");
        }
    }
}
