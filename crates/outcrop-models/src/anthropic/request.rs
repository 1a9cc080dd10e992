//! The neutral request as Messages' JSON.

use super::{ORIGIN, own_id};
use crate::families::{CacheRule, Sampling};
use crate::upstream::Upstream;
use crate::{alternate, arguments, blocks, caching, files, schema};
use outcrop_ports::{
    CachePlace, CachePoint, ContentBlock, File, Message, ModelError, ModelRequest, Role, ToolChoice, ToolResult,
    ToolResultContent, ToolResultStatus,
};
use serde_json::{Map, Value, json};

/// Members that decide how the answer is read; `additional_fields` may not touch them.
const RESERVED: [&str; 3] = ["model", "messages", "stream"];

/// The body of a request. Members of `additional_fields` stand at the top level and take the place of ours.
pub(super) fn encode(request: &ModelRequest, to: Upstream<'_>, streamed: bool) -> Result<Vec<u8>, ModelError> {
    let mut body = prompt(request, to)?;
    let inference = &request.inference;
    body.insert("max_tokens".into(), json!(inference.max_tokens.unwrap_or(to.family.output_tokens)));
    if !inference.stop_sequences.is_empty() {
        // Blank ones are refused.
        let stops: Vec<&String> = inference.stop_sequences.iter().filter(|stop| !stop.trim().is_empty()).collect();
        body.insert("stop_sequences".into(), json!(stops));
    }
    let thinks = body.get("thinking").is_some_and(is_on);
    // Thinking goes with no sampling settings.
    if !thinks {
        insert_sampling(&mut body, request, to.family.sampling);
    }
    if let Some(schema) = inference.answer_schema.as_deref().and_then(schema::closed)
        && to.family.schema.holds(!request.tools.is_empty())
    {
        body.insert("output_config".into(), json!({"format": {"type": "json_schema", "schema": schema}}));
    }
    let given = request.additional_fields.iter().flatten();
    body.extend(given.filter(|(name, _)| *name != "thinking").map(|(name, value)| (name.clone(), value.clone())));
    if streamed {
        body.insert("stream".into(), json!(true));
    }
    blocks::write(&body)
}

/// The body of the question how many tokens a request has.
pub(super) fn encode_count(request: &ModelRequest, to: Upstream<'_>) -> Result<Vec<u8>, ModelError> {
    blocks::write(&prompt(request, to)?)
}

/// What counting wants, too: model, tools, system prompt, conversation, thinking.
fn prompt(request: &ModelRequest, to: Upstream<'_>) -> Result<Map<String, Value>, ModelError> {
    blocks::check_reserved(request, &RESERVED)?;
    files::check(request)?;
    // Who cannot cache passes the points over, so that they stand for every model.
    let points = caching::points(request, CacheRule::Everywhere);
    let mut body = Map::new();
    body.insert("model".into(), json!(own_id(to.model)));
    let thinking = thinking(request);
    let tools = tools(request, &points);
    if !tools.is_empty() {
        body.insert("tools".into(), json!(tools));
        // Thinking goes with no tool that must be used.
        let is_forced = to.family.forced_tools && !thinking.is_some_and(is_on);
        match &request.tool_choice {
            ToolChoice::Any if is_forced => body.insert("tool_choice".into(), json!({"type": "any"})),
            ToolChoice::Tool(name) if is_forced => {
                body.insert("tool_choice".into(), json!({"type": "tool", "name": name}))
            }
            _ => None,
        };
    }
    let system = system(request, &points);
    if !system.is_empty() {
        body.insert("system".into(), json!(system));
    }
    body.insert("messages".into(), json!(messages(request, &points)));
    body.extend(thinking.map(|thinking| ("thinking".into(), thinking.clone())));
    Ok(body)
}

fn insert_sampling(body: &mut Map<String, Value>, request: &ModelRequest, sampling: Sampling) {
    let inference = &request.inference;
    let temperature = inference.temperature.filter(|_| sampling != Sampling::None);
    let top_p = inference.top_p.filter(|_| match sampling {
        Sampling::All => true,
        Sampling::One => temperature.is_none(),
        Sampling::None => false,
    });
    body.extend(temperature.map(|value| ("temperature".into(), json!(value))));
    body.extend(top_p.map(|value| ("top_p".into(), json!(value))));
    let top_k = inference.top_k.filter(|_| sampling != Sampling::None);
    body.extend(top_k.map(|value| ("top_k".into(), json!(value))));
}

pub(crate) fn is_on(thinking: &Value) -> bool {
    matches!(thinking.get("type").and_then(Value::as_str), Some("enabled" | "adaptive"))
}

/// The wish for thinking. It cannot begin in the midst of a turn: a turn that another model began, or of which the thinking
/// is lost, goes on without.
pub(crate) fn thinking(request: &ModelRequest) -> Option<&Value> {
    let wanted = request.additional_fields.as_ref()?.get("thinking")?;
    let last = request.messages.iter().rev().find(|message| message.role == Role::Assistant);
    let in_turn = request.messages.last().is_some_and(|message| message.content.iter().any(is_result));
    let lacks_thinking = last.is_some_and(|message| {
        !message.content.iter().any(|block| matches!(block, ContentBlock::ReasoningContent(one) if goes_back(one)))
    });
    (!(in_turn && lacks_thinking && is_on(wanted))).then_some(wanted)
}

fn is_result(block: &ContentBlock) -> bool {
    matches!(block, ContentBlock::ToolResult(_))
}

fn goes_back(reasoning: &outcrop_ports::Reasoning) -> bool {
    reasoning.is_for(ORIGIN) && (reasoning.redacted.is_some() || reasoning.signature.is_some())
}

/// The tools; when there are none and the conversation has calls, those that were called, since a conversation with calls is
/// refused without.
fn tools(request: &ModelRequest, points: &[CachePoint]) -> Vec<Value> {
    let mut tools = Vec::with_capacity(request.tools.len());
    for (index, tool) in request.tools.iter().enumerate() {
        let mut written = json!({"name": tool.name, "input_schema": tool.input_schema});
        if !tool.description.is_empty() {
            written["description"] = json!(tool.description);
        }
        mark(&mut written, points, CachePlace::Tools(index + 1));
        tools.push(written);
    }
    if tools.is_empty() {
        for name in called(request) {
            tools.push(json!({"name": name, "description": "No longer on offer.", "input_schema": {"type": "object"}}));
        }
    }
    tools
}

/// Names of the tools that the conversation calls, each once.
pub(crate) fn called(request: &ModelRequest) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for one in request.messages.iter().flat_map(|message| message.tool_uses()) {
        if !names.contains(&one.name.as_str()) {
            names.push(&one.name);
        }
    }
    names
}

fn system(request: &ModelRequest, points: &[CachePoint]) -> Vec<Value> {
    let mut blocks = Vec::with_capacity(request.system.len());
    for (index, text) in request.system.iter().enumerate() {
        // Blank blocks are refused; a point after one moves to the block before.
        if !text.trim().is_empty() {
            blocks.push(json!({"type": "text", "text": text}));
        }
        if let Some(last) = blocks.last_mut() {
            mark(last, points, CachePlace::System(index + 1));
        }
    }
    blocks
}

fn messages(request: &ModelRequest, points: &[CachePoint]) -> Vec<Value> {
    let mut written: Vec<Value> = Vec::with_capacity(request.messages.len());
    let last = request.messages.len().saturating_sub(1);
    for (index, message) in request.messages.iter().enumerate() {
        let mut content = content(message, index, points);
        if message.role == Role::Assistant && index == last {
            trim_end(&mut content);
        }
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        alternate::add(&mut written, role, "content", content);
    }
    written
}

/// The beginning of an answer may not end with a blank.
fn trim_end(content: &mut [Value]) {
    if let Some(text) = content.last_mut().and_then(|block| block.get_mut("text"))
        && let Some(trimmed) = text.as_str().map(|text| text.trim_end().to_owned())
    {
        *text = json!(trimmed);
    }
}

fn content(message: &Message, index: usize, points: &[CachePoint]) -> Vec<Value> {
    let mut results = Vec::new();
    let mut others: Vec<Value> = Vec::new();
    for (at, block) in message.content.iter().enumerate() {
        // Results first, as they must follow the calls.
        let list = if is_result(block) { &mut results } else { &mut others };
        list.extend(self::block(block));
        if let Some(last) = list.last_mut().filter(|last| !is_thinking(last)) {
            mark(last, points, CachePlace::Message { index, blocks: at + 1 });
        }
    }
    results.extend(others);
    results
}

fn is_thinking(block: &Value) -> bool {
    matches!(block["type"].as_str(), Some("thinking" | "redacted_thinking"))
}

fn block(block: &ContentBlock) -> Option<Value> {
    Some(match block {
        ContentBlock::Text(text) if text.trim().is_empty() => return None,
        ContentBlock::Text(text) => json!({"type": "text", "text": text}),
        ContentBlock::ToolUse(one) => json!({
            "type": "tool_use",
            "id": tool_use_id(&one.tool_use_id),
            "name": one.name,
            "input": arguments::object(&one.input),
        }),
        ContentBlock::ToolResult(one) => result(one),
        ContentBlock::ReasoningContent(one) if !goes_back(one) => return None,
        ContentBlock::ReasoningContent(one) => match (&one.redacted, &one.signature) {
            (Some(data), _) => json!({"type": "redacted_thinking", "data": data}),
            (None, signature) => json!({"type": "thinking", "thinking": one.text, "signature": signature}),
        },
        ContentBlock::Image(file) => image(file),
        ContentBlock::Document(file) => document(file),
    })
}

fn result(result: &ToolResult) -> Value {
    let content: Vec<Value> = result
        .content
        .iter()
        .filter_map(|content| match content {
            ToolResultContent::Image(file) => Some(image(file)),
            ToolResultContent::Document(file) => Some(document(file)),
            ToolResultContent::Text(_) | ToolResultContent::Json(_) => {
                let words = content.words();
                (!words.trim().is_empty()).then(|| json!({"type": "text", "text": words}))
            }
        })
        .collect();
    let mut written = json!({"type": "tool_result", "tool_use_id": tool_use_id(&result.tool_use_id)});
    if !content.is_empty() {
        written["content"] = json!(content);
    }
    if result.status == ToolResultStatus::Error {
        written["is_error"] = json!(true);
    }
    written
}

fn image(file: &File) -> Value {
    let source = json!({"type": "base64", "media_type": file.media_type, "data": files::base64(file)});
    json!({"type": "image", "source": source})
}

fn document(file: &File) -> Value {
    let source = match file.text() {
        Some(text) => json!({"type": "text", "media_type": "text/plain", "data": text}),
        None => json!({"type": "base64", "media_type": file.media_type, "data": files::base64(file)}),
    };
    json!({"type": "document", "source": source, "title": file.name})
}

/// Ids of other providers may have characters that are refused here; use and result change alike.
fn tool_use_id(id: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    id.chars().map(|c| if allowed(c) { c } else { '_' }).collect()
}

fn mark(block: &mut Value, points: &[CachePoint], place: CachePlace) {
    if let Some(point) = caching::at(points, place) {
        block["cache_control"] = match point.for_an_hour {
            true => json!({"type": "ephemeral", "ttl": "1h"}),
            false => json!({"type": "ephemeral"}),
        };
    }
}
