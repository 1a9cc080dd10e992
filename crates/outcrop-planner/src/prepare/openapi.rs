//! OpenAPI documents of action groups: checked when the group is saved, turned into tools when the agent is prepared.
//!
//! Accepted: OpenAPI 3.x, JSON or YAML. An operation needs `responses` and a `description`; a `summary` stands in for
//! the description, because published schemas often have only that. `operationId` may be missing: the tool is then
//! named after method and path. `$ref` within the document is followed; a cycle ends as an open object.

use super::{Tools, action_kind};
use crate::agent::{Argument, Executor, Place, ToolKind};
use outcrop_api::bedrock_agent as api;
use outcrop_ports::Action;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Methods that are operations, in the order in which tools are listed.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// Deepest nesting of schemas that a model is shown.
const SCHEMA_DEPTH_MAX: usize = 12;
/// Most schema nodes in one schema; what is beyond is shown as "anything".
const SCHEMA_NODES_MAX: usize = 2_000;
/// Most schema nodes in all tools of one document.
const DOCUMENT_NODES_MAX: usize = 100_000;

/// Says what is wrong with a document, with the place.
pub fn check(group_name: &str, text: &str) -> Result<(), String> {
    let document = parse(group_name, text)?;
    operations(group_name, &document).map(drop)
}

/// Adds one tool for each operation.
pub(super) fn add(
    tools: &mut Tools,
    group: &api::AgentActionGroup,
    text: &str,
    executor: &Executor,
) -> Result<(), String> {
    let group_name = group.action_group_name.as_str();
    let document = parse(group_name, text)?;
    let mut nodes_left = DOCUMENT_NODES_MAX;
    for operation in operations(group_name, &document)? {
        add_operation(tools, group, executor, &document, &operation, &mut nodes_left);
    }
    Ok(())
}

struct Operation<'a> {
    path: &'a str,
    method: &'static str,
    /// Parameters of the whole path.
    shared: &'a Value,
    operation: &'a Map<String, Value>,
}

fn refusal(group_name: &str, detail: &str) -> String {
    format!(
        "Failed to create OpenAPI 3 model from the JSON/YAML object that you provided for action group {group_name}: {detail}"
    )
}

fn parse(group_name: &str, text: &str) -> Result<Value, String> {
    let document = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| refusal(group_name, &error.to_string()))?
    } else {
        serde_saphyr::from_str::<Value>(text).map_err(|error| {
            let message = error.to_string();
            refusal(group_name, message.lines().next().unwrap_or("cannot be read"))
        })?
    };
    if !document.is_object() {
        return Err(refusal(group_name, "it is not an object with openapi, info and paths"));
    }
    Ok(document)
}

fn operations<'a>(group_name: &str, document: &'a Value) -> Result<Vec<Operation<'a>>, String> {
    let refuse = |detail: String| Err(refusal(group_name, &detail));
    if let Some(version) = document.get("swagger") {
        return refuse(format!("swagger {} is not supported: convert the document to OpenAPI 3.0", text_of(version)));
    }
    match document.get("openapi") {
        // Unquoted in YAML, 3.0 is a number.
        Some(version @ (Value::String(_) | Value::Number(_))) if text_of(version).starts_with("3.") => {}
        Some(version) => return refuse(format!("openapi {} is not supported: use 3.0", text_of(version))),
        None => return refuse("'openapi' is missing: the first members are openapi, info and paths".to_owned()),
    }
    let Some(paths) = document.get("paths").and_then(Value::as_object) else {
        // Version 3.1 allows documents of webhooks only; they declare nothing an agent can call.
        return refuse("'paths' is missing: it declares the operations".to_owned());
    };
    let mut found = Vec::new();
    for (path, item) in paths {
        if path.starts_with("x-") {
            continue;
        }
        if !path.starts_with('/') {
            return refuse(format!("path {path} does not begin with /"));
        }
        let item = resolve(document, item);
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let Some(operation) = operation.as_object() else {
                return refuse(format!("'{method}' is not an object for path: {path}"));
            };
            let has_text =
                |key: &str| operation.get(key).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
            if !has_text("description") && !has_text("summary") {
                return refuse(format!("'description' is missing for path: {path} ({method})"));
            }
            if !operation.get("responses").is_some_and(Value::is_object) {
                return refuse(format!("'responses' is missing for path: {path} ({method})"));
            }
            for (index, parameter) in list(operation.get("parameters")).iter().enumerate() {
                let parameter = resolve(document, parameter);
                for key in ["name", "in"] {
                    if parameter.get(key).and_then(Value::as_str).is_none() {
                        return refuse(format!("'{key}' is missing for path: {path} ({method}), parameters[{index}]"));
                    }
                }
            }
            found.push(Operation { path, method, shared: item.get("parameters").unwrap_or(&Value::Null), operation });
        }
    }
    Ok(found)
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
    if let ToolKind::Action { media_type: place, .. } = &mut kind {
        *place = media_type;
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

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a `$ref` within the document names; references of references are followed a few times.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let mut current = value;
    for _ in 0..8 {
        let Some(pointer) = current.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#')) else {
            break;
        };
        match document.pointer(pointer) {
            Some(target) => current = target,
            None => break,
        }
    }
    current
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
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refusal(text: &str, expected: &str) {
        let refusal = check("orders", text).expect_err("is refused");
        assert!(refusal.contains(expected), "{refusal:?} does not say {expected:?}");
        assert!(refusal.starts_with("Failed to create OpenAPI 3 model"), "{refusal:?}");
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        check_refusal("{\"tools\": []}", "'openapi' is missing");
        check_refusal("swagger: '2.0'\npaths: {}", "swagger 2.0 is not supported");
        check_refusal("openapi: 3.0.0\ninfo: {}", "'paths' is missing");
        check_refusal("openapi: 3.0.0\npaths:\n  orders:\n    get: {}", "path orders does not begin with /");
        check_refusal(
            "openapi: 3.0.0\npaths:\n  /a:\n    get: {responses: {}}",
            "'description' is missing for path: /a",
        );
        check_refusal("openapi: 3.0.0\npaths:\n  /a:\n    get: {summary: s}", "'responses' is missing for path: /a");
        check_refusal("openapi: 3.0.0\npaths: [", "action group orders");
        check_refusal("{\"openapi\": \"3.0.0\",", "line 1 column");
        check_refusal("just text", "not an object");
    }

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
