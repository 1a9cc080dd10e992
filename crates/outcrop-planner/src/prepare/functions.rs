//! Function schemas: the short way to declare tools.

use super::{Tools, action_kind};
use crate::agent::{Argument, Executor, Place};
use outcrop_api::bedrock_agent as api;
use outcrop_ports::Action;
use serde_json::{Map, Value, json};

/// Adds one tool for each function of a group.
pub(super) fn add(tools: &mut Tools, group: &api::AgentActionGroup, functions: &[api::Function], executor: &Executor) {
    for function in functions {
        let mut properties = Map::new();
        let mut required = Vec::new();
        let mut arguments = Vec::new();
        for (name, detail) in function.parameters.iter().flat_map(outcrop_api::OrderedMap::iter) {
            let kind = detail.r#type.as_str();
            let mut schema = json!({ "type": kind });
            if kind == "array" {
                // Function schemas do not say of what; providers want to be told something.
                schema["items"] = json!({});
            }
            if let Some(description) = &detail.description {
                schema["description"] = Value::from(description.as_str());
            }
            let is_required = detail.required == Some(true);
            if is_required {
                required.push(Value::from(name.as_str()));
            }
            properties.insert(name.clone(), schema);
            arguments.push(Argument {
                schema_name: name.clone(),
                name: name.clone(),
                r#type: kind.to_owned(),
                place: Place::Parameter,
                required: is_required,
            });
        }
        let schema = json!({"type": "object", "properties": properties, "required": required});
        let description = function.description.clone().or_else(|| group.description.clone()).unwrap_or_default();
        let confirm = function.require_confirmation == Some(api::RequireConfirmation::Enabled);
        let kind = action_kind(group, Action::Function(function.name.as_str().into()), executor, confirm);
        tools.add(&[&group.action_group_name, &function.name], description, schema, kind, arguments);
    }
}
