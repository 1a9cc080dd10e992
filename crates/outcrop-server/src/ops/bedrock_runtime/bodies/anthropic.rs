//! Anthropic's messages, as Claude takes them on Bedrock.

use super::{Answered, Pieces, Said, malformed, typed};
use crate::errors::OpResult;
use outcrop_api::bedrock_runtime as api;
use outcrop_ports::{ContentBlock, Delta, ModelReply, StopReason, Usage};
use outcrop_wire::Blob;
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    anthropic_version: String,
    anthropic_beta: Option<Value>,
    max_tokens: u32,
    messages: Vec<Message>,
    system: Option<Content>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u32>,
    stop_sequences: Option<Vec<String>>,
    tools: Option<Vec<Tool>>,
    tool_choice: Option<ToolChoice>,
    thinking: Option<Value>,
    output_config: Option<Value>,
    metadata: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    role: Role,
    content: Content,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    User,
    Assistant,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Value>),
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text { text: String },
    Image { source: Source },
    Document { source: Source, title: Option<String>, context: Option<String> },
    ToolUse { id: String, name: String, input: Value },
    ToolResult { tool_use_id: String, content: Option<Content>, is_error: Option<bool> },
    Thinking { thinking: String, signature: Option<String> },
    RedactedThinking { data: String },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source {
    Base64 { media_type: String, data: String },
    Text { data: String },
}

#[derive(Deserialize)]
struct Tool {
    r#type: Option<String>,
    name: String,
    description: Option<String>,
    input_schema: Option<Value>,
    cache_control: Option<CacheControl>,
}

#[derive(Clone, Deserialize)]
struct CacheControl {
    ttl: Option<String>,
}

#[derive(Deserialize)]
struct ToolChoice {
    r#type: String,
    name: Option<String>,
}

/// Reads a body.
pub(super) fn read(document: Value) -> OpResult<Said> {
    let body: Body = typed(document)?;
    if !body.anthropic_version.starts_with("bedrock-") {
        return Err(malformed("anthropic_version: only bedrock-2023-05-31 is known"));
    }
    let mut messages: Vec<api::Message> = Vec::with_capacity(body.messages.len());
    for message in body.messages {
        let role = match message.role {
            Role::User => api::ConversationRole::User,
            Role::Assistant => api::ConversationRole::Assistant,
        };
        let content = content(message.content)?;
        match messages.last_mut() {
            // Messages of one side in a row are one here.
            Some(last) if last.role == role => last.content.extend(content),
            _ => messages.push(api::Message { role, content }),
        }
    }
    let tool_config = tools(body.tools.unwrap_or_default(), body.tool_choice)?;
    let beside = [
        ("thinking", body.thinking),
        ("output_config", body.output_config),
        ("anthropic_beta", body.anthropic_beta),
        ("metadata", body.metadata),
    ];
    let beside: Map<String, Value> =
        beside.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    let request = api::ConverseRequest {
        system: body.system.map(system).transpose()?,
        messages: Some(messages),
        tool_config,
        inference_config: Some(api::InferenceConfiguration {
            max_tokens: Some(i64::from(body.max_tokens)),
            temperature: body.temperature,
            top_p: body.top_p,
            stop_sequences: body.stop_sequences,
        }),
        additional_model_request_fields: (!beside.is_empty()).then_some(Value::Object(beside)),
        ..api::ConverseRequest::default()
    };
    Ok(Said { request, top_k: body.top_k })
}

fn system(content: Content) -> OpResult<Vec<api::SystemContentBlock>> {
    let blocks = match content {
        Content::Text(text) => return Ok(vec![api::SystemContentBlock::Text(text)]),
        Content::Blocks(blocks) => blocks,
    };
    let mut system = Vec::with_capacity(blocks.len());
    for block in blocks {
        let point = cache_point(&block);
        match typed::<Block>(block)? {
            Block::Text { text } => system.push(api::SystemContentBlock::Text(text)),
            _ => return Err(malformed("#/system: only text blocks are known")),
        }
        system.extend(point.map(api::SystemContentBlock::CachePoint));
    }
    Ok(system)
}

/// Where `cache_control` stands a point follows.
fn cache_point(block: &Value) -> Option<api::CachePointBlock> {
    let control: CacheControl = serde_json::from_value(block.get("cache_control")?.clone()).ok()?;
    Some(point(&control))
}

fn point(control: &CacheControl) -> api::CachePointBlock {
    let ttl = control.ttl.as_deref().and_then(api::CacheTTL::parse);
    api::CachePointBlock { r#type: api::CachePointType::Default, ttl }
}

fn content(content: Content) -> OpResult<Vec<api::ContentBlock>> {
    let blocks = match content {
        Content::Text(text) => return Ok(vec![api::ContentBlock::Text(text)]),
        Content::Blocks(blocks) => blocks,
    };
    let mut read = Vec::with_capacity(blocks.len());
    for block in blocks {
        let point = cache_point(&block);
        read.push(self::block(typed(block)?)?);
        read.extend(point.map(api::ContentBlock::CachePoint));
    }
    Ok(read)
}

fn block(block: Block) -> OpResult<api::ContentBlock> {
    Ok(match block {
        Block::Text { text } => api::ContentBlock::Text(text),
        Block::Image { source } => api::ContentBlock::Image(image(source)?),
        Block::Document { source, title, context } => {
            api::ContentBlock::Document(self::document(source, title, context)?)
        }
        Block::ToolUse { id, name, input } => {
            api::ContentBlock::ToolUse(api::ToolUseBlock { tool_use_id: id, name, input, r#type: None })
        }
        Block::ToolResult { tool_use_id, content, is_error } => {
            let content = content.map(self::result).transpose()?.unwrap_or_default();
            let status = is_error.map(|failed| match failed {
                true => api::ToolResultStatus::Error,
                false => api::ToolResultStatus::Success,
            });
            api::ContentBlock::ToolResult(api::ToolResultBlock { tool_use_id, content, status, r#type: None })
        }
        Block::Thinking { thinking, signature } => {
            let words = api::ReasoningTextBlock { text: thinking, signature };
            api::ContentBlock::ReasoningContent(api::ReasoningContentBlock::ReasoningText(words))
        }
        Block::RedactedThinking { data } => {
            let blob = Blob::from_base64(&data).unwrap_or_else(|| Blob::new(data.into_bytes()));
            api::ContentBlock::ReasoningContent(api::ReasoningContentBlock::RedactedContent(blob))
        }
    })
}

fn result(content: Content) -> OpResult<Vec<api::ToolResultContentBlock>> {
    let blocks = match content {
        Content::Text(text) => return Ok(vec![api::ToolResultContentBlock::Text(text)]),
        Content::Blocks(blocks) => blocks,
    };
    let read = |block: Value| {
        Ok(match typed::<Block>(block)? {
            Block::Text { text } => api::ToolResultContentBlock::Text(text),
            Block::Image { source } => api::ToolResultContentBlock::Image(image(source)?),
            Block::Document { source, title, context } => {
                api::ToolResultContentBlock::Document(document(source, title, context)?)
            }
            _ => return Err(malformed("#/tool_result/content: only text, image and document blocks are known")),
        })
    };
    blocks.into_iter().map(read).collect()
}

fn image(source: Source) -> OpResult<api::ImageBlock> {
    let Source::Base64 { media_type, data } = source else {
        return Err(malformed("#/source: a picture is given as base64"));
    };
    let format = media_type.strip_prefix("image/").and_then(api::ImageFormat::parse);
    let format =
        format.ok_or_else(|| malformed("#/source/media_type: is image/png, image/jpeg, image/gif or image/webp"))?;
    let bytes = Blob::from_base64(&data).ok_or_else(|| malformed("#/source/data: is no base64"))?;
    Ok(api::ImageBlock { format, source: api::ImageSource::Bytes(bytes), error: None })
}

fn document(source: Source, title: Option<String>, context: Option<String>) -> OpResult<api::DocumentBlock> {
    let (format, source) = match source {
        Source::Text { data } => (api::DocumentFormat::Txt, api::DocumentSource::Text(data)),
        Source::Base64 { media_type, data } => {
            if media_type != "application/pdf" {
                return Err(malformed("#/source/media_type: is application/pdf"));
            }
            let bytes = Blob::from_base64(&data).ok_or_else(|| malformed("#/source/data: is no base64"))?;
            (api::DocumentFormat::Pdf, api::DocumentSource::Bytes(bytes))
        }
    };
    // Converse is stricter with names than Anthropic is with titles.
    let name: String = title.unwrap_or_default().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let name = if name.is_empty() { "document".to_owned() } else { name };
    Ok(api::DocumentBlock { format: Some(format), name, source, context, citations: None })
}

fn tools(tools: Vec<Tool>, choice: Option<ToolChoice>) -> OpResult<Option<api::ToolConfiguration>> {
    let choice = choice.map(|choice| (choice.r#type, choice.name));
    let tool_choice = match choice.as_ref().map(|(kind, name)| (kind.as_str(), name)) {
        None | Some(("auto", _)) => None,
        Some(("any", _)) => Some(api::ToolChoice::Any(api::AnyToolChoice {})),
        Some(("tool", Some(name))) => Some(api::ToolChoice::Tool(api::SpecificToolChoice { name: name.clone() })),
        // Tools that must not be used are not offered.
        Some(("none", _)) => return Ok(None),
        Some(_) => return Err(malformed("#/tool_choice: its type is auto, any, tool (with a name) or none")),
    };
    if tools.is_empty() {
        return Ok(None);
    }
    let mut read = Vec::with_capacity(tools.len());
    for tool in tools {
        let Some(schema) = tool.input_schema.filter(|_| tool.r#type.as_deref().is_none_or(|kind| kind == "custom"))
        else {
            return Err(malformed(&format!(
                "#/tools: the tool {} is run by the vendor or has no input_schema",
                tool.name
            )));
        };
        read.push(api::Tool::ToolSpec(api::ToolSpecification {
            name: tool.name,
            description: tool.description,
            input_schema: api::ToolInputSchema::Json(schema),
            strict: None,
        }));
        read.extend(tool.cache_control.as_ref().map(|control| api::Tool::CachePoint(point(control))));
    }
    Ok(Some(api::ToolConfiguration { tools: read, tool_choice }))
}

/// The whole answer.
pub(super) fn answer(reply: &ModelReply, id: &str, model: &str) -> Value {
    let content: Vec<Value> = reply.message.content.iter().filter_map(written).collect();
    json!({
        "id": format!("msg_bdrk_{id}"), "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": stop_reason(reply.stop_reason), "stop_sequence": reply.stop_sequence,
        "usage": usage(&reply.usage),
    })
}

fn written(block: &ContentBlock) -> Option<Value> {
    Some(match block {
        ContentBlock::Text(text) => json!({"type": "text", "text": text}),
        ContentBlock::ToolUse(tool_use) => json!({
            "type": "tool_use", "id": tool_use.tool_use_id, "name": tool_use.name, "input": tool_use.input,
        }),
        ContentBlock::ReasoningContent(reasoning) => match &reasoning.redacted {
            Some(data) => json!({"type": "redacted_thinking", "data": data}),
            None => json!({
                "type": "thinking", "thinking": reasoning.text, "signature": reasoning.signature.as_deref().unwrap_or_default(),
            }),
        },
        ContentBlock::ToolResult(_) | ContentBlock::Document(_) | ContentBlock::Image(_) => return None,
    })
}

fn stop_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::EndTurn | StopReason::MalformedModelOutput | StopReason::MalformedToolUse => "end_turn",
        StopReason::ToolUse => "tool_use",
        StopReason::MaxTokens => "max_tokens",
        StopReason::StopSequence => "stop_sequence",
        StopReason::ContentFiltered | StopReason::GuardrailIntervened => "refusal",
        StopReason::ModelContextWindowExceeded => "model_context_window_exceeded",
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "cache_creation_input_tokens": usage.cache_write_input_tokens,
    })
}

/// Writes Anthropic's stream: blocks that start, grow and stop.
pub(super) struct Stream {
    id: String,
    model: String,
    index: i64,
    /// Type of the block that is being written.
    open: Option<&'static str>,
}

impl Stream {
    pub(super) fn new(id: &str, model: &str) -> Self {
        Self { id: format!("msg_bdrk_{id}"), model: model.to_owned(), index: -1, open: None }
    }

    fn close(&mut self) -> Option<Value> {
        self.open.take().map(|_| json!({"type": "content_block_stop", "index": self.index}))
    }

    fn open(&mut self, kind: &'static str, block: Value) -> Vec<Value> {
        let mut documents: Vec<Value> = self.close().into_iter().collect();
        self.index += 1;
        self.open = Some(kind);
        documents.push(json!({"type": "content_block_start", "index": self.index, "content_block": block}));
        documents
    }

    fn within(&mut self, kind: &'static str, block: Value, delta: Value) -> Vec<Value> {
        let mut documents = if self.open == Some(kind) { Vec::new() } else { self.open(kind, block) };
        documents.push(json!({"type": "content_block_delta", "index": self.index, "delta": delta}));
        documents
    }
}

impl Pieces for Stream {
    fn begin(&mut self) -> Vec<Value> {
        vec![json!({
            "type": "message_start",
            "message": {
                "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": [],
                "stop_reason": null, "stop_sequence": null,
                // How many tokens were read is known at the end, and said there.
                "usage": {"input_tokens": 0, "output_tokens": 0},
            },
        })]
    }

    fn delta(&mut self, delta: Delta) -> Vec<Value> {
        let thinking = || json!({"type": "thinking", "thinking": "", "signature": ""});
        match delta {
            Delta::Text(text) => {
                self.within("text", json!({"type": "text", "text": ""}), json!({"type": "text_delta", "text": text}))
            }
            Delta::Reasoning(text) => {
                self.within("thinking", thinking(), json!({"type": "thinking_delta", "thinking": text}))
            }
            Delta::ReasoningSignature(seal) => {
                let seal = json!({"type": "signature_delta", "signature": seal});
                let mut documents = self.within("thinking", thinking(), seal);
                documents.extend(self.close());
                documents
            }
            Delta::ReasoningRedacted(data) => {
                let mut documents = self.open("redacted", json!({"type": "redacted_thinking", "data": data}));
                documents.extend(self.close());
                documents
            }
            Delta::ToolUseStarted { tool_use_id, name } => {
                let block = json!({"type": "tool_use", "id": tool_use_id, "name": name, "input": {}});
                self.open("tool_use", block)
            }
            Delta::ToolUseInput { json, .. } => {
                let delta = json!({"type": "input_json_delta", "partial_json": json});
                vec![json!({"type": "content_block_delta", "index": self.index, "delta": delta})]
            }
        }
    }

    fn end(&mut self, answered: &Answered) -> Vec<Value> {
        let reply = &answered.reply;
        let mut documents: Vec<Value> = self.close().into_iter().collect();
        documents.push(json!({
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason(reply.stop_reason), "stop_sequence": reply.stop_sequence},
            "usage": usage(&reply.usage),
        }));
        documents.push(json!({"type": "message_stop"}));
        documents
    }
}
