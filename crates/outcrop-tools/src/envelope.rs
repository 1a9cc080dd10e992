//! What Bedrock sends to an action group's function, and what it reads from the answer.
//!
//! Every member is always present, maps perhaps empty: handlers index them without asking.

mod reply;

pub use reply::read_reply;

use bytes::Bytes;
use outcrop_ports::{Action, AgentIdentity, Parameter, ToolCall, ToolContext};
use serde::Serialize;
use std::collections::BTreeMap;

/// The event for a call, as JSON.
pub fn write_event(call: &ToolCall, context: &ToolContext) -> Bytes {
    let event = Event {
        message_version: "1.0",
        agent: &context.agent,
        input_text: &context.input_text,
        session_id: &context.session_id,
        action_group: &call.action_group,
        target: match &call.action {
            Action::Function(function) => Target::Function { function, parameters: &call.parameters },
            Action::ApiOperation { api_path, http_method } => api_target(call, api_path, http_method),
        },
        session_attributes: &context.session_attributes,
        prompt_session_attributes: &context.prompt_session_attributes,
    };
    let mut bytes = Vec::with_capacity(1024);
    serde_json::to_writer(&mut bytes, &event)
        .expect("texts and maps with text keys are JSON, and a Vec takes any length");
    Bytes::from(bytes)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    message_version: &'static str,
    agent: &'a AgentIdentity,
    input_text: &'a str,
    session_id: &'a str,
    action_group: &'a str,
    #[serde(flatten)]
    target: Target<'a>,
    session_attributes: &'a BTreeMap<String, String>,
    prompt_session_attributes: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Target<'a> {
    Function {
        function: &'a str,
        parameters: &'a [Parameter],
    },
    #[serde(rename_all = "camelCase")]
    Api {
        api_path: &'a str,
        http_method: String,
        parameters: &'a [Parameter],
        #[serde(skip_serializing_if = "Option::is_none")]
        request_body: Option<Body<'a>>,
    },
}

/// `{"content": {MEDIA TYPE: {"properties": […]}}}`.
#[derive(Serialize)]
struct Body<'a> {
    content: BTreeMap<&'a str, Properties<'a>>,
}

#[derive(Serialize)]
struct Properties<'a> {
    properties: &'a [Parameter],
}

fn api_target<'a>(call: &'a ToolCall, api_path: &'a str, http_method: &str) -> Target<'a> {
    let http_method = http_method.to_ascii_uppercase();
    let body = |media_type, properties| Body { content: BTreeMap::from([(media_type, Properties { properties })]) };
    let request_body = match &call.request_body {
        Some(given) => Some(body(given.media_type.as_str(), given.properties.as_slice())),
        // Handlers of these methods look for a body even where the document declares none.
        None if matches!(http_method.as_str(), "POST" | "PUT" | "PATCH") => Some(body("application/json", &[])),
        None => None,
    };
    Target::Api { api_path, http_method, parameters: &call.parameters, request_body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_ports::RequestBody;
    use serde_json::{Value, json};

    fn parameter(name: &str, r#type: &str, value: &str) -> Parameter {
        Parameter { name: name.into(), r#type: r#type.into(), value: value.into() }
    }

    fn call(action: Action) -> ToolCall {
        ToolCall {
            tool_use_id: "t-1".into(),
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:garden".into(),
            action_group: "garden".into(),
            action,
            parameters: vec![parameter("bed", "integer", "3")],
            request_body: None,
        }
    }

    fn operation(http_method: &str) -> Action {
        Action::ApiOperation { api_path: "/beds/{bed}/plants".into(), http_method: http_method.into() }
    }

    fn check(call: &ToolCall, attributes: &[(&str, &str)], expected: &Value) {
        let attributes: BTreeMap<_, _> = attributes.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let context = ToolContext {
            agent: AgentIdentity {
                name: "gardener".into(),
                id: "GARDEN0001".into(),
                alias: "TSTALIASID".into(),
                version: "DRAFT".into(),
            },
            input_text: "Plant \"leeks\"".into(),
            session_id: "s-1".into(),
            session_attributes: attributes.clone(),
            prompt_session_attributes: BTreeMap::new(),
        };
        let bytes = write_event(call, &context);
        // Compared as text, so that the order of members counts, too.
        assert_eq!(String::from_utf8_lossy(&bytes), expected.to_string());
    }

    #[test]
    fn writes_events_of_functions() {
        let agent = json!({"name": "gardener", "id": "GARDEN0001", "alias": "TSTALIASID", "version": "DRAFT"});
        let mut planting = call(Action::Function("plant".into()));
        check(
            &planting,
            &[("tenant", "north")],
            &json!({
                "messageVersion": "1.0", "agent": agent, "inputText": "Plant \"leeks\"", "sessionId": "s-1",
                "actionGroup": "garden", "function": "plant",
                "parameters": [{"name": "bed", "type": "integer", "value": "3"}],
                "sessionAttributes": {"tenant": "north"}, "promptSessionAttributes": {}
            }),
        );
        planting.parameters.clear();
        check(
            &planting,
            &[],
            &json!({
                "messageVersion": "1.0", "agent": agent, "inputText": "Plant \"leeks\"", "sessionId": "s-1",
                "actionGroup": "garden", "function": "plant", "parameters": [],
                "sessionAttributes": {}, "promptSessionAttributes": {}
            }),
        );
    }

    #[test]
    fn writes_events_of_operations() {
        let event = |method: &str, body: Option<Value>| {
            let mut event = json!({
                "messageVersion": "1.0",
                "agent": {"name": "gardener", "id": "GARDEN0001", "alias": "TSTALIASID", "version": "DRAFT"},
                "inputText": "Plant \"leeks\"", "sessionId": "s-1", "actionGroup": "garden",
                "apiPath": "/beds/{bed}/plants", "httpMethod": method,
                "parameters": [{"name": "bed", "type": "integer", "value": "3"}]
            });
            if let Some(body) = body {
                event["requestBody"] = body;
            }
            event["sessionAttributes"] = json!({});
            event["promptSessionAttributes"] = json!({});
            event
        };
        check(&call(operation("get")), &[], &event("GET", None));
        check(&call(operation("delete")), &[], &event("DELETE", None));
        let empty = json!({"content": {"application/json": {"properties": []}}});
        check(&call(operation("post")), &[], &event("POST", Some(empty)));
        let mut planting = call(operation("put"));
        let properties = vec![parameter("kinds", "array", r#"["leek","kale"]"#), parameter("count", "integer", "4")];
        planting.request_body = Some(RequestBody { media_type: "application/json".into(), properties });
        let body = json!({"content": {"application/json": {"properties": [
            {"name": "kinds", "type": "array", "value": "[\"leek\",\"kale\"]"},
            {"name": "count", "type": "integer", "value": "4"}
        ]}}});
        check(&planting, &[], &event("PUT", Some(body)));
    }
}
