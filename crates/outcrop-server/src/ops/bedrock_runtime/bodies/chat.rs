//! Chat Completions, as the models of OpenAI, Qwen, DeepSeek and the newer ones of Mistral take it on Bedrock.

use super::{Answered, Pieces, Said, malformed, typed};
use crate::errors::OpResult;
use outcrop_api::bedrock_runtime as api;
use outcrop_ports::{ContentBlock, Delta, ModelReply, StopReason, Usage};
use outcrop_wire::Blob;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    messages: Vec<Message>,
    /// The model is named by the path.
    #[serde(rename = "model")]
    _model: Option<String>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    stop: Option<Stop>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<Value>,
    reasoning_effort: Option<Value>,
    /// Whether it is streamed says the operation.
    #[serde(rename = "stream")]
    _stream: Option<bool>,
    #[serde(rename = "stream_options")]
    _stream_options: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
    tool_calls: Option<Vec<ToolCall>>,
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Deserialize)]
struct ImageUrl {
    url: String,
}

#[derive(Deserialize)]
struct ToolCall {
    id: String,
    function: Called,
}

#[derive(Deserialize)]
struct Called {
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Tool {
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    description: Option<String>,
    parameters: Option<Value>,
}

/// Reads a body.
pub(super) fn read(document: Value) -> OpResult<Said> {
    let body: Body = typed(document)?;
    let (mut system, mut messages) = (Vec::new(), Vec::<api::Message>::new());
    for message in body.messages {
        let (role, content) = match message.role.as_str() {
            "system" | "developer" => {
                for block in content(message.content)? {
                    match block {
                        api::ContentBlock::Text(text) => system.push(api::SystemContentBlock::Text(text)),
                        _ => return Err(malformed("#/messages: a system message has text only")),
                    }
                }
                continue;
            }
            "user" => (api::ConversationRole::User, content(message.content)?),
            "tool" => (api::ConversationRole::User, vec![tool_result(message.tool_call_id, message.content)?]),
            "assistant" => {
                let mut content = content(message.content)?;
                for call in message.tool_calls.unwrap_or_default() {
                    content.push(tool_use(call)?);
                }
                (api::ConversationRole::Assistant, content)
            }
            _ => return Err(malformed("#/messages: a role is system, user, assistant or tool")),
        };
        match messages.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            _ => messages.push(api::Message { role, content }),
        }
    }
    let stop_sequences = body.stop.map(|stop| match stop {
        Stop::One(text) => vec![text],
        Stop::Many(texts) => texts,
    });
    let request = api::ConverseRequest {
        system: (!system.is_empty()).then_some(system),
        messages: Some(messages),
        tool_config: tools(body.tools.unwrap_or_default(), body.tool_choice)?,
        inference_config: Some(api::InferenceConfiguration {
            max_tokens: body.max_completion_tokens.or(body.max_tokens).map(i64::from),
            temperature: body.temperature,
            top_p: body.top_p,
            stop_sequences,
        }),
        additional_model_request_fields: body.reasoning_effort.map(|effort| json!({"reasoning_effort": effort})),
        ..api::ConverseRequest::default()
    };
    Ok(Said { request, top_k: None })
}

fn content(content: Option<Content>) -> OpResult<Vec<api::ContentBlock>> {
    let parts = match content {
        None => return Ok(Vec::new()),
        Some(Content::Text(text)) if text.is_empty() => return Ok(Vec::new()),
        Some(Content::Text(text)) => return Ok(vec![api::ContentBlock::Text(text)]),
        Some(Content::Parts(parts)) => parts,
    };
    let read = |part: Part| {
        Ok(match part {
            Part::Text { text } => api::ContentBlock::Text(text),
            Part::ImageUrl { image_url } => api::ContentBlock::Image(picture(&image_url.url)?),
        })
    };
    parts.into_iter().map(read).collect()
}

/// `data:image/png;base64,…`
fn picture(url: &str) -> OpResult<api::ImageBlock> {
    let data = url.strip_prefix("data:image/").and_then(|rest| rest.split_once(";base64,"));
    let read = data.and_then(|(format, data)| Some((api::ImageFormat::parse(format)?, Blob::from_base64(data)?)));
    let (format, bytes) =
        read.ok_or_else(|| malformed("#/messages: a picture is a data: URL of a png, jpeg, gif or webp"))?;
    Ok(api::ImageBlock { format, source: api::ImageSource::Bytes(bytes), error: None })
}

fn tool_use(call: ToolCall) -> OpResult<api::ContentBlock> {
    let text = if call.function.arguments.trim().is_empty() { "{}" } else { &call.function.arguments };
    let input: Value =
        serde_json::from_str(text).map_err(|_| malformed("#/messages: arguments of a tool call are no JSON"))?;
    let name = call.function.name;
    Ok(api::ContentBlock::ToolUse(api::ToolUseBlock { tool_use_id: call.id, name, input, r#type: None }))
}

fn tool_result(id: Option<String>, content: Option<Content>) -> OpResult<api::ContentBlock> {
    let tool_use_id = id.ok_or_else(|| malformed("#/messages: a message of the role tool needs its tool_call_id"))?;
    let text = match content {
        None => String::new(),
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => {
            let texts = parts.into_iter().map(|part| match part {
                Part::Text { text } => Ok(text),
                Part::ImageUrl { .. } => Err(malformed("#/messages: a message of the role tool has text only")),
            });
            texts.collect::<OpResult<Vec<String>>>()?.concat()
        }
    };
    let content = vec![api::ToolResultContentBlock::Text(text)];
    Ok(api::ContentBlock::ToolResult(api::ToolResultBlock { tool_use_id, content, status: None, r#type: None }))
}

fn tools(tools: Vec<Tool>, choice: Option<Value>) -> OpResult<Option<api::ToolConfiguration>> {
    let tool_choice = match &choice {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text == "auto" => None,
        Some(Value::String(text)) if text == "required" || text == "any" => {
            Some(api::ToolChoice::Any(api::AnyToolChoice {}))
        }
        Some(Value::String(text)) if text == "none" => return Ok(None),
        Some(choice) => match choice["function"]["name"].as_str() {
            Some(name) => Some(api::ToolChoice::Tool(api::SpecificToolChoice { name: name.to_owned() })),
            None => return Err(malformed("#/tool_choice: is auto, required, none or names a function")),
        },
    };
    if tools.is_empty() {
        return Ok(None);
    }
    let spec = |tool: Tool| {
        let Function { name, description, parameters } = tool.function;
        let schema = parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
        let input_schema = api::ToolInputSchema::Json(schema);
        api::Tool::ToolSpec(api::ToolSpecification { name, description, input_schema, strict: None })
    };
    Ok(Some(api::ToolConfiguration { tools: tools.into_iter().map(spec).collect(), tool_choice }))
}

/// The whole answer.
pub(super) fn answer(reply: &ModelReply, id: &str, model: &str) -> Value {
    let calls: Vec<Value> = reply
        .message
        .tool_uses()
        .map(|tool_use| {
            let function = json!({"name": tool_use.name, "arguments": tool_use.input.to_string()});
            json!({"id": tool_use.tool_use_id, "type": "function", "function": function})
        })
        .collect();
    let text = reply.message.text();
    let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { text.into() };
    let mut message = json!({"role": "assistant", "content": content});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    if let Some(thinking) = thinking(reply) {
        message["reasoning_content"] = thinking.into();
    }
    json!({
        "id": format!("chatcmpl-{id}"), "object": "chat.completion", "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason(reply.stop_reason)}],
        "usage": usage(&reply.usage),
    })
}

fn thinking(reply: &ModelReply) -> Option<String> {
    let words: String = reply
        .message
        .content
        .iter()
        .filter_map(|block| match block {
            ContentBlock::ReasoningContent(reasoning) => Some(reasoning.text.as_str()),
            _ => None,
        })
        .collect();
    (!words.is_empty()).then_some(words)
}

fn finish_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::ToolUse => "tool_calls",
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => "length",
        StopReason::ContentFiltered | StopReason::GuardrailIntervened => "content_filter",
        _ => "stop",
    }
}

/// Chat Completions counts cached tokens among those of the prompt.
fn usage(usage: &Usage) -> Value {
    let prompt = usage.total_input_tokens();
    json!({
        "prompt_tokens": prompt, "completion_tokens": usage.output_tokens,
        "total_tokens": prompt.saturating_add(usage.output_tokens),
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_input_tokens},
    })
}

/// Writes the stream of Chat Completions.
pub(super) struct Stream {
    id: String,
    model: String,
    calls: usize,
}

impl Stream {
    pub(super) fn new(id: &str, model: &str) -> Self {
        Self { id: format!("chatcmpl-{id}"), model: model.to_owned(), calls: 0 }
    }

    fn document(&self, delta: Value, finish_reason: Option<&str>) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "model": self.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
        })
    }
}

impl Pieces for Stream {
    fn begin(&mut self) -> Vec<Value> {
        vec![self.document(json!({"role": "assistant", "content": ""}), None)]
    }

    fn delta(&mut self, delta: Delta) -> Vec<Value> {
        let delta = match delta {
            Delta::Text(text) => json!({ "content": text }),
            Delta::Reasoning(text) => json!({ "reasoning_content": text }),
            Delta::ToolUseStarted { tool_use_id, name } => {
                self.calls += 1;
                let function = json!({"name": name, "arguments": ""});
                json!({"tool_calls": [{"index": self.calls - 1, "id": tool_use_id, "type": "function", "function": function}]})
            }
            Delta::ToolUseInput { json: arguments, .. } => {
                let function = json!({ "arguments": arguments });
                json!({"tool_calls": [{"index": self.calls.saturating_sub(1), "function": function}]})
            }
            Delta::ReasoningSignature(_) | Delta::ReasoningRedacted(_) => return Vec::new(),
        };
        vec![self.document(delta, None)]
    }

    fn end(&mut self, answered: &Answered) -> Vec<Value> {
        let reply = &answered.reply;
        let mut last = self.document(json!({}), Some(finish_reason(reply.stop_reason)));
        last["usage"] = usage(&reply.usage);
        vec![last]
    }
}
