//! A Converse request that the author's function wrote, as a model request.

use super::super::prompt;
use outcrop_ports::{
    ContentBlock, InferenceConfig, Message, ModelRequest, Reasoning, Role, ToolChoice, ToolResult, ToolResultContent,
    ToolResultStatus, ToolSpec, ToolUse,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    model_id: Option<String>,
    #[serde(default)]
    system: Vec<SystemBlock>,
    #[serde(default)]
    messages: Vec<DocumentMessage>,
    tool_config: Option<ToolConfig>,
    inference_config: Option<Inference>,
    additional_model_request_fields: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct SystemBlock {
    text: Option<String>,
}

#[derive(Deserialize)]
struct DocumentMessage {
    role: Role,
    content: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolConfig {
    tools: Option<Vec<Map<String, Value>>>,
    tool_choice: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inference {
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    stop_sequences: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentSpec {
    name: String,
    #[serde(default)]
    description: String,
    input_schema: Option<DocumentSchema>,
}

#[derive(Deserialize)]
struct DocumentSchema {
    json: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DocumentResult {
    tool_use_id: String,
    #[serde(default)]
    content: Vec<Map<String, Value>>,
    status: Option<ToolResultStatus>,
}

/// Reads a request; the error says what is wrong with it. A request that names no model means the agent's.
pub(super) fn read(value: Value, default_model: &str) -> Result<ModelRequest, String> {
    let document: Document =
        serde_json::from_value(value).map_err(|error| format!("its Converse request cannot be read: {error}"))?;
    let mut messages = Vec::with_capacity(document.messages.len());
    for message in document.messages {
        let mut content = Vec::with_capacity(message.content.len());
        for entry in message.content {
            content.extend(block(entry)?);
        }
        if !content.is_empty() {
            messages.push(Arc::new(Message { role: message.role, content }));
        }
    }
    if messages.is_empty() {
        return Err("its Converse request has no messages".to_owned());
    }
    let (tools, tool_choice) = match document.tool_config {
        Some(config) => (tools(config.tools.unwrap_or_default())?, choice(config.tool_choice)?),
        None => (Vec::new(), ToolChoice::Auto),
    };
    let inference = document.inference_config.map(|given| InferenceConfig {
        max_tokens: given.max_tokens,
        temperature: given.temperature,
        top_p: given.top_p,
        stop_sequences: given.stop_sequences.unwrap_or_default(),
        ..InferenceConfig::default()
    });
    Ok(ModelRequest {
        model_id: document.model_id.filter(|id| !id.is_empty()).unwrap_or_else(|| default_model.to_owned()),
        system: document.system.into_iter().filter_map(|block| block.text).collect(),
        messages: prompt::alternating(messages),
        tools: tools.into(),
        tool_choice,
        inference: inference.unwrap_or_default(),
        additional_fields: document.additional_model_request_fields,
        caching: outcrop_ports::Caching::Automatic,
    })
}

/// The one member that says what a block is; what only speaks of caching has no meaning here.
fn member(entry: Map<String, Value>) -> Option<(String, Value)> {
    entry.into_iter().find(|(name, value)| name != "cachePoint" && !value.is_null())
}

fn block(entry: Map<String, Value>) -> Result<Option<ContentBlock>, String> {
    let Some((kind, value)) = member(entry) else { return Ok(None) };
    let broken = |error: serde_json::Error| format!("its Converse request has a {kind} that cannot be read: {error}");
    Ok(Some(match kind.as_str() {
        "text" => ContentBlock::Text(serde_json::from_value(value).map_err(broken)?),
        "toolUse" => ContentBlock::ToolUse(serde_json::from_value::<ToolUse>(value).map_err(broken)?),
        "toolResult" => {
            let result: DocumentResult = serde_json::from_value(value).map_err(broken)?;
            ContentBlock::ToolResult(ToolResult {
                tool_use_id: result.tool_use_id,
                content: result.content.into_iter().map(result_content).collect::<Result<_, _>>()?,
                status: result.status.unwrap_or(ToolResultStatus::Success),
            })
        }
        "reasoningContent" => match serde_json::from_value::<Reasoning>(value) {
            Ok(reasoning) => ContentBlock::ReasoningContent(reasoning),
            // Of use to nobody; thinking never decides anything here.
            Err(_) => return Ok(None),
        },
        other => return Err(format!("its Converse request has a content block `{other}`, which is not supported")),
    }))
}

fn result_content(entry: Map<String, Value>) -> Result<ToolResultContent, String> {
    match member(entry) {
        Some((kind, Value::String(text))) if kind == "text" => Ok(ToolResultContent::Text(text)),
        Some((kind, value)) if kind == "json" => Ok(ToolResultContent::Text(value.to_string())),
        Some((kind, _)) => Err(format!("its Converse request has a tool result with `{kind}`, which is not supported")),
        None => Ok(ToolResultContent::Text(String::new())),
    }
}

fn tools(entries: Vec<Map<String, Value>>) -> Result<Vec<ToolSpec>, String> {
    let mut specs = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some((kind, value)) = member(entry) else { continue };
        if kind != "toolSpec" {
            return Err(format!("its Converse request has a tool `{kind}`, which is not supported"));
        }
        let spec: DocumentSpec = serde_json::from_value(value)
            .map_err(|error| format!("its Converse request has a toolSpec that cannot be read: {error}"))?;
        let input_schema = spec.input_schema.map_or_else(|| json!({"type": "object"}), |schema| schema.json);
        specs.push(ToolSpec { name: spec.name, description: spec.description, input_schema });
    }
    Ok(specs)
}

fn choice(given: Option<Map<String, Value>>) -> Result<ToolChoice, String> {
    let Some((kind, value)) = given.and_then(member) else { return Ok(ToolChoice::Auto) };
    match kind.as_str() {
        "auto" => Ok(ToolChoice::Auto),
        "any" => Ok(ToolChoice::Any),
        "tool" => match value.get("name").and_then(Value::as_str) {
            Some(name) => Ok(ToolChoice::Tool(name.to_owned())),
            None => Err("its Converse request has a toolChoice.tool without a name".to_owned()),
        },
        other => Err(format!("its Converse request has the unknown toolChoice `{other}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_converse_takes() {
        let request = json!({
            "modelId": "m1",
            "system": [{"text": "Be kind."}, {"cachePoint": {"type": "default"}}],
            "messages": [
                {"role": "user", "content": [{"text": "one"}]},
                {"role": "user", "content": [{"text": "two"}, {"cachePoint": {"type": "default"}}]},
                {"role": "assistant", "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm"}}},
                    {"toolUse": {"toolUseId": "t", "name": "look", "input": {}}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"json": {"a": 1}}, {"text": "x"}]}}]},
            ],
            "toolConfig": {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}], "toolChoice": {"tool": {"name": "look"}}},
            "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["x"]},
            "additionalModelRequestFields": {"top_k": 3},
        });
        let read = read(request, "m0").expect("is read");
        assert_eq!((read.model_id.as_str(), read.system.as_slice()), ("m1", ["Be kind.".to_owned()].as_slice()));
        assert_eq!(
            json!(read.messages),
            json!([
                {"role": "user", "content": [{"text": "one"}, {"text": "two"}]},
                {"role": "assistant", "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm"}}},
                    {"toolUse": {"toolUseId": "t", "name": "look", "input": {}}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "{\"a\":1}"}, {"text": "x"}], "status": "success"}}]},
            ])
        );
        assert_eq!((read.tools.len(), read.tool_choice), (1, ToolChoice::Tool("look".into())));
        assert_eq!((read.inference.max_tokens, read.inference.stop_sequences.len()), (Some(9), 1));
        assert!(read.additional_fields.is_some());
    }

    fn check(request: Value, expected: &str) {
        let problem = read(request, "m0").expect_err("is broken");
        assert!(problem.contains(expected), "{problem}");
    }

    #[test]
    fn says_what_is_wrong() {
        let with = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
        check(json!({}), "no messages");
        check(json!({"messages": [{"role": "user", "content": []}]}), "no messages");
        check(json!({"messages": "hello"}), "cannot be read");
        check(json!({"messages": [{"role": "system", "content": []}]}), "unknown variant `system`");
        check(with(json!({"image": {}})), "content block `image`, which is not supported");
        check(with(json!({"text": 5})), "a text that cannot be read");
        check(
            with(json!({"toolResult": {"toolUseId": "t", "content": [{"image": {}}]}})),
            "a tool result with `image`",
        );
        let mut request = with(json!({"text": "x"}));
        request["toolConfig"] = json!({"tools": [{"systemTool": {"name": "x"}}]});
        check(request.clone(), "a tool `systemTool`");
        request["toolConfig"] = json!({"toolChoice": {"some": {}}});
        check(request.clone(), "unknown toolChoice `some`");
        request["toolConfig"] = Value::Null;
        assert_eq!(read(request, "m0").expect("is read").model_id, "m0");
    }
}
