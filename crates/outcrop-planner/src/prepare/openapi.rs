//! OpenAPI documents of action groups: checked when the group is saved ([`check`]), turned into tools when the agent is
//! prepared.
//!
//! `operationId` may be missing: the tool is then named after method and path. `$ref` within the document is followed; a
//! cycle ends as an open object.

mod check;
mod document;

pub use check::{SchemaError, SchemaProblem, check};

use super::{Tools, action_kind};
use crate::agent::{Argument, Executor, Place, ToolKind};
use document::{Operation, list, operations, parse, resolve};
use outcrop_api::bedrock_agent as api;
use outcrop_ports::Action;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Deepest nesting of schemas that a model is shown.
const SCHEMA_DEPTH_MAX: usize = 12;
/// Most schema nodes in one schema; what is beyond is shown as "anything".
const SCHEMA_NODES_MAX: usize = 2_000;
/// Bytes of text that count as one more node.
const NODE_TEXT_BYTES: usize = 256;
/// Most schema nodes in all tools of one document.
const DOCUMENT_NODES_MAX: usize = 100_000;

/// Adds one tool for each operation.
pub(super) fn add(
    tools: &mut Tools,
    group: &api::AgentActionGroup,
    text: &str,
    executor: &Executor,
) -> Result<(), String> {
    let group_name = group.action_group_name.as_str();
    let refused = |detail: String| check::refusal(group_name, &detail);
    let document = parse(text).map_err(refused)?;
    let mut nodes_left = DOCUMENT_NODES_MAX;
    for operation in operations(&document) {
        add_operation(tools, group, executor, &document, &operation, &mut nodes_left);
    }
    Ok(())
}

fn add_operation(
    tools: &mut Tools,
    group: &api::AgentActionGroup,
    executor: &Executor,
    document: &Value,
    operation: &Operation<'_>,
    nodes_left: &mut usize,
) {
    let members = operation.operation;
    let mut input =
        InputSchema { document, nodes_left, properties: Map::new(), required: Vec::new(), arguments: Vec::new() };
    let own = list(members.get("parameters"));
    let same = |a: &Value, b: &Value| a.get("name") == b.get("name") && a.get("in") == b.get("in");
    let shared = list(Some(operation.shared));
    let inherited = shared
        .iter()
        .filter(|parameter| !own.iter().any(|other| same(resolve(document, other), resolve(document, parameter))));
    for parameter in inherited.chain(own) {
        input.add_parameter(resolve(document, parameter));
    }
    let media_type = members.get("requestBody").and_then(|body| input.add_body(resolve(document, body)));
    let text = |key: &str| members.get(key).and_then(Value::as_str).unwrap_or_default().trim();
    let description = if text("description").is_empty() { text("summary") } else { text("description") };
    let confirm = members.get("x-requireConfirmation").and_then(Value::as_str) == Some("ENABLED");
    let action = Action::ApiOperation { api_path: Arc::from(operation.path), http_method: Arc::from(operation.method) };
    let mut kind = action_kind(group, action, executor, confirm);
    if let ToolKind::Action { media_type: place, repeatable, .. } = &mut kind {
        *place = media_type;
        *repeatable = may_repeat(operation.method, members);
    }
    let schema = json!({"type": "object", "properties": input.properties, "required": input.required});
    let operation_id = match text("operationId") {
        "" => operation
            .path
            .split('/')
            .map(|part| part.trim_matches(['{', '}']))
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("_"),
        id => id.to_owned(),
    };
    let verb = operation.method.to_ascii_uppercase();
    tools.add(&[&verb, &group.action_group_name, &operation_id], description.to_owned(), schema, kind, input.arguments);
}

/// Whether an operation may be called again when nobody knows whether it was called: it says so, or takes the key that
/// every call carries, or its method is idempotent in HTTP.
fn may_repeat(method: &str, members: &Map<String, Value>) -> bool {
    let says = |extension: &str| members.get(extension).and_then(Value::as_bool);
    let by_method =
        ["get", "head", "options", "trace", "put", "delete"].iter().any(|one| method.eq_ignore_ascii_case(one));
    says("x-outcrop-idempotent").unwrap_or(by_method) || says("x-outcrop-idempotency-key") == Some(true)
}

/// The one schema a model sees, gathered from parameters and body.
struct InputSchema<'a> {
    document: &'a Value,
    nodes_left: &'a mut usize,
    properties: Map<String, Value>,
    required: Vec<Value>,
    arguments: Vec<Argument>,
}

impl InputSchema<'_> {
    fn add_parameter(&mut self, parameter: &Value) {
        let Some(name) = parameter.get("name").and_then(Value::as_str) else { return };
        // Headers that carry credentials are not a model's to write.
        let is_header = parameter.get("in").and_then(Value::as_str) == Some("header");
        if is_header && ["authorization", "cookie", "x-api-key"].contains(&name.to_ascii_lowercase().as_str()) {
            return;
        }
        let mut schema = expand(self.document, self.nodes_left, parameter.get("schema").unwrap_or(&Value::Null));
        if let (Some(description), Some(members)) = (parameter.get("description"), schema.as_object_mut()) {
            members.insert("description".to_owned(), description.clone());
        }
        if let (Some(example), Some(members)) = (parameter.get("example"), schema.as_object_mut()) {
            members.insert("example".to_owned(), example.clone());
        }
        let required = parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
        self.add(name, schema, Place::Parameter, required);
    }

    /// Takes a body's properties apart; gives the media type they are sent as.
    fn add_body(&mut self, body: &Value) -> Option<String> {
        let content = body.get("content")?.as_object()?;
        let (media_type, media) = content.get_key_value("application/json").or_else(|| content.iter().next())?;
        let schema = expand(self.document, self.nodes_left, media.get("schema").unwrap_or(&Value::Null));
        let schema = merge_all_of(schema);
        match schema.get("properties").and_then(Value::as_object) {
            Some(properties) => {
                let required = list(schema.get("required"));
                for (name, property) in properties {
                    let is_required = required.iter().any(|one| one.as_str() == Some(name));
                    self.add(name, property.clone(), Place::Body, is_required);
                }
            }
            // A list or an open object: one argument that is the whole body.
            None => {
                let required = body.get("required").and_then(Value::as_bool).unwrap_or(false);
                self.add("body", schema, Place::Body, required);
            }
        }
        Some(media_type.clone())
    }

    fn add(&mut self, name: &str, schema: Value, place: Place, required: bool) {
        let schema_name = if self.properties.contains_key(name) { format!("body_{name}") } else { name.to_owned() };
        if required {
            self.required.push(Value::from(schema_name.as_str()));
        }
        self.arguments.push(Argument {
            schema_name: schema_name.clone(),
            name: name.to_owned(),
            r#type: type_of(&schema),
            place,
            required,
        });
        self.properties.insert(schema_name, schema);
    }
}

fn type_of(schema: &Value) -> String {
    let named = match schema.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        // 3.1: a list of types; `null` says that it may be missing.
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    };
    let inferred = if schema.get("properties").is_some() { "object" } else { "string" };
    named.unwrap_or(inferred).to_owned()
}

/// Puts the parts of an `allOf` together so that a body's properties can be told apart.
fn merge_all_of(mut schema: Value) -> Value {
    let parts = match schema.get_mut("allOf").map(Value::take) {
        Some(Value::Array(parts)) => parts,
        _ => return schema,
    };
    let mut merged = json!({"type": "object", "properties": {}, "required": []});
    if let Some(members) = schema.as_object_mut() {
        members.remove("allOf");
    }
    for part in parts.into_iter().map(merge_all_of).chain([schema]) {
        if let (Some(into), Some(Value::Object(from))) = (merged["properties"].as_object_mut(), part.get("properties"))
        {
            into.extend(from.clone());
        }
        if let (Some(into), Some(Value::Array(from))) = (merged["required"].as_array_mut(), part.get("required")) {
            into.extend(from.clone());
        }
    }
    merged
}

/// A schema with its references written out, cut where it is too deep, too large or circular.
fn expand(document: &Value, nodes_left: &mut usize, schema: &Value) -> Value {
    let allowed = SCHEMA_NODES_MAX.min(*nodes_left);
    let mut budget = allowed;
    let expanded = expand_within(document, schema, SCHEMA_DEPTH_MAX, &mut budget);
    *nodes_left -= allowed - budget;
    expanded
}

fn expand_within(document: &Value, schema: &Value, depth: usize, budget: &mut usize) -> Value {
    if depth == 0 || *budget == 0 {
        return json!({});
    }
    *budget -= 1;
    match resolve(document, schema) {
        Value::Object(members) if members.contains_key("$ref") => json!({}),
        Value::Object(members) => members
            .iter()
            // Examples of whole objects and vendor members cost tokens and tell a model nothing.
            .filter(|(key, _)| !key.starts_with("x-") && !["xml", "externalDocs", "examples"].contains(&key.as_str()))
            .map(|(key, value)| match (key.as_str(), value) {
                // Here the keys are the author's names, not schema words.
                ("properties", Value::Object(named)) => {
                    let named =
                        named.iter().map(|(name, one)| (name.clone(), expand_within(document, one, depth - 1, budget)));
                    (key.clone(), Value::Object(named.collect()))
                }
                _ => (key.clone(), expand_within(document, value, depth - 1, budget)),
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| expand_within(document, item, depth - 1, budget)).collect(),
        Value::Null => json!({}),
        Value::String(text) => {
            // Long descriptions that are repeated in every tool add up as nodes do.
            *budget = budget.saturating_sub(text.len() / NODE_TEXT_BYTES);
            Value::from(text.as_str())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circular_and_huge_schemas_end() {
        let document = json!({"components": {"schemas": {"Node": {"type": "object", "properties": {
            "left": {"$ref": "#/components/schemas/Node"}, "right": {"$ref": "#/components/schemas/Node"}}},
            "Self": {"$ref": "#/components/schemas/Self"}}}});
        let tree = expand(&document, &mut DOCUMENT_NODES_MAX.clone(), &json!({"$ref": "#/components/schemas/Node"}));
        assert_eq!(tree["properties"]["left"]["type"], "object");
        assert_eq!(
            expand(&document, &mut DOCUMENT_NODES_MAX.clone(), &json!({"$ref": "#/components/schemas/Self"})),
            json!({})
        );
    }
}
