//! An answer as a JSON document: what the schema asks for is taken from the results of tools, by the names of members, and
//! the sentence of the answer goes where a text is wanted. What is not known is left out; nothing is made up.

use super::talk::Exchange;
use super::words::name_parts;
use serde_json::{Map, Value};

/// Deepest nesting of schemas that is followed; one may refer to itself.
const DEPTH_MAX: usize = 16;
/// Names of texts that the sentence of the answer is meant for.
const SPEAKING: [&str; 9] =
    ["answer", "message", "summary", "text", "reply", "explanation", "description", "response", "result"];

/// The document for a schema; `said` is the answer in words.
pub(super) fn write(schema: &Value, exchange: Option<&Exchange>, said: &str) -> String {
    let calls = exchange.map(|exchange| exchange.calls.as_slice()).unwrap_or_default();
    let outcomes = calls.iter().rev().filter_map(|call| call.outcome.as_ref()).filter(|outcome| !outcome.failed);
    let known: Vec<Value> = outcomes
        .filter_map(|outcome| outcome.json.clone())
        .chain(calls.iter().rev().map(|call| Value::Object(call.input.clone())))
        .collect();
    let writer = Writer { root: schema, known: &known, said };
    writer.value(schema, None, 0).unwrap_or(Value::Null).to_string()
}

struct Writer<'a> {
    root: &'a Value,
    known: &'a [Value],
    said: &'a str,
}

impl<'a> Writer<'a> {
    /// What fits a schema, as far as it is known; `name` is the member that it is for.
    fn value(&self, schema: &'a Value, name: Option<&str>, depth: usize) -> Option<Value> {
        let schema = self.resolved(schema)?;
        if depth > DEPTH_MAX {
            return None;
        }
        if let Some(only) = schema.get("const") {
            return Some(only.clone());
        }
        let forms = ["anyOf", "oneOf"].iter().find_map(|keyword| schema.get(*keyword)?.as_array());
        if let Some(forms) = forms {
            return forms.iter().find_map(|form| self.value(form, name, depth + 1));
        }
        let found = name.and_then(|name| self.known.iter().find_map(|value| find(value, name, schema, 0)));
        if found.is_some() {
            return found;
        }
        let kinds = kinds(schema);
        if kinds.contains(&"object") || schema.get("properties").is_some() {
            return self.object(schema, depth);
        }
        if kinds.contains(&"array") {
            // A list that is the whole of a result needs no name.
            let whole = self.known.iter().find(|value| value.is_array());
            return whole.cloned().or_else(|| kinds.contains(&"null").then_some(Value::Null));
        }
        let is_speaking = name.is_none_or(|name| name_parts(name).iter().any(|part| SPEAKING.contains(&part.as_str())));
        if kinds.contains(&"string") && schema.get("enum").is_none() && is_speaking {
            return Some(Value::from(self.said));
        }
        kinds.contains(&"null").then_some(Value::Null)
    }

    fn object(&self, schema: &'a Value, depth: usize) -> Option<Value> {
        let properties = schema.get("properties").and_then(Value::as_object)?;
        let members = properties
            .iter()
            .filter_map(|(name, schema)| Some((name.clone(), self.value(schema, Some(name), depth + 1)?)));
        let mut members: Map<String, Value> = members.collect();
        // The one text that is wanted and not known is the answer, whatever it is called.
        let mut open = properties.iter().filter(|(name, schema)| {
            !members.contains_key(*name) && kinds(schema) == ["string"] && schema.get("enum").is_none()
        });
        if let (Some((name, _)), None, true) = (open.next(), open.next(), members.is_empty()) {
            members.insert(name.clone(), Value::from(self.said));
        }
        Some(Value::Object(members))
    }

    fn resolved(&self, schema: &'a Value) -> Option<&'a Value> {
        let mut schema = schema;
        for _ in 0..DEPTH_MAX {
            match schema.get("$ref").and_then(Value::as_str) {
                Some(reference) => schema = self.root.pointer(reference.strip_prefix('#')?)?,
                None => return Some(schema),
            }
        }
        None
    }
}

/// The member of a name in a result, wherever it is, when it is of the kind that is wanted.
fn find(value: &Value, name: &str, schema: &Value, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    match value {
        Value::Object(members) => {
            let wanted = name_parts(name);
            let own = members.iter().find(|(key, value)| name_parts(key) == wanted && fits(schema, value));
            own.map(|(_, value)| value.clone())
                .or_else(|| members.values().find_map(|value| find(value, name, schema, depth + 1)))
        }
        Value::Array(items) => items.iter().find_map(|item| find(item, name, schema, depth + 1)),
        _ => None,
    }
}

fn fits(schema: &Value, value: &Value) -> bool {
    let allowed = schema.get("enum").and_then(Value::as_array);
    let kinds = kinds(schema);
    let is_kind = |kind: &&str| match *kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => false,
    };
    allowed.is_none_or(|allowed| allowed.contains(value)) && (kinds.is_empty() || kinds.iter().any(is_kind))
}

fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::{Call, Outcome};
    use super::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "cases read better with values")]
    fn check(schema: Value, result: Value, expected: Value) {
        let outcome = Outcome { text: result.to_string(), json: Some(result), failed: false };
        let input = Map::from_iter([("order_id".to_owned(), json!("A-1"))]);
        let call = Call { name: "status".into(), input, outcome: Some(outcome) };
        let exchange = Exchange { user: "Where?".into(), calls: vec![call], said: String::new() };
        let written = write(&schema, Some(&exchange), "It has shipped.");
        assert_eq!(serde_json::from_str::<Value>(&written).expect("is JSON"), expected);
    }

    fn object(properties: &Value) -> Value {
        json!({"type": "object", "properties": properties})
    }

    #[test]
    fn members_come_from_results() {
        let text = json!({"type": "string"});
        check(
            object(&json!({"orderId": text, "status": text, "total": {"type": "number"}, "paid": {"type": "boolean"}})),
            json!({"status": "shipped", "sums": [{"total": 4.5}], "paid": "yes"}),
            json!({"orderId": "A-1", "status": "shipped", "total": 4.5}),
        );
        check(object(&json!({"answer": text})), json!({}), json!({"answer": "It has shipped."}));
        check(object(&json!({"words": text})), json!({}), json!({"words": "It has shipped."}));
        check(object(&json!({"eta": {"anyOf": [text, {"type": "null"}]}})), json!({}), json!({"eta": null}));
        check(json!({"type": "array"}), json!([1, 2]), json!([1, 2]));
        check(
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"status": {"enum": ["shipped"]}}}}}),
            json!({"status": "shipped"}),
            json!({"status": "shipped"}),
        );
    }
}
