//! The neutral request as Converse's JSON.

use super::origin;
use crate::anthropic::{ORIGIN, called, is_on, thinking};
use crate::families::{Family, Sampling, TopK};
use crate::upstream::Upstream;
use crate::{alternate, arguments, blocks, caching, files, schema};
use outcrop_ports::{
    CachePlace, CachePoint, ContentBlock, File, Latency, Message, ModelError, ModelErrorKind, ModelRequest, Role,
    ToolChoice, ToolResult, ToolResultContent, ToolResultStatus,
};
use serde_json::{Map, Value, json};

/// The body of a request. `additional_fields` go where Converse has a place for them.
pub(super) fn encode(request: &ModelRequest, to: Upstream<'_>) -> Result<Vec<u8>, ModelError> {
    let mut body = prompt(request, to)?;
    let inference = &request.inference;
    let mut config = Map::new();
    config.extend(inference.max_tokens.map(|value| ("maxTokens".into(), json!(value))));
    let mut additional = request.additional_fields.clone().unwrap_or_default();
    if origin(to.model) == ORIGIN && thinking(request).is_none() {
        additional.remove("thinking");
    }
    let given = |name: &str| additional.contains_key(name);
    if !given("thinking") && !given("reasoning_config") {
        let sampling = to.family.sampling;
        let temperature = inference.temperature.filter(|_| sampling != Sampling::None && !given("temperature"));
        let top_p = inference.top_p.filter(|_| match sampling {
            Sampling::All => !given("top_p"),
            Sampling::One => temperature.is_none() && !given("top_p") && !given("temperature"),
            Sampling::None => false,
        });
        config.extend(temperature.map(|value| ("temperature".into(), json!(value))));
        config.extend(top_p.map(|value| ("topP".into(), json!(value))));
    }
    if !inference.stop_sequences.is_empty() {
        config.insert("stopSequences".into(), json!(inference.stop_sequences));
    }
    if !config.is_empty() {
        body.insert("inferenceConfig".into(), Value::Object(config));
    }
    if let Some(latency) = inference.latency.filter(|latency| *latency == Latency::Optimized) {
        body.insert("performanceConfig".into(), json!({"latency": latency}));
    }
    if let Some(schema) = inference.answer_schema.as_deref().and_then(schema::closed)
        && to.family.schema.holds(!request.tools.is_empty())
    {
        let schema = json!({"name": "answer", "schema": schema.to_string()});
        let format = json!({"type": "json_schema", "structure": {"jsonSchema": schema}});
        body.insert("outputConfig".into(), json!({"textFormat": format}));
    }
    let additional = with_top_k(additional, inference.top_k, to.family);
    if !additional.is_empty() {
        body.insert("additionalModelRequestFields".into(), Value::Object(additional));
    }
    blocks::write(&body)
}

/// The body of the question how many tokens a request has.
pub(super) fn encode_count(request: &ModelRequest, to: Upstream<'_>) -> Result<Vec<u8>, ModelError> {
    blocks::write(&json!({"input": {"converse": prompt(request, to)?}}))
}

/// `topK` where the model has it; thinking goes without.
fn with_top_k(mut additional: Map<String, Value>, top_k: Option<u32>, family: &Family) -> Map<String, Value> {
    let thinks = ["thinking", "reasoning_config"].iter().any(|name| additional.contains_key(*name));
    if let Some(top_k) = top_k.filter(|_| !thinks) {
        match family.top_k {
            TopK::None => {}
            TopK::Snake => {
                additional.entry("top_k").or_insert(json!(top_k));
            }
            TopK::Nova => {
                // Nova takes no more than this.
                let config = additional.entry("inferenceConfig").or_insert(json!({}));
                if let Some(config) = config.as_object_mut() {
                    config.entry("topK").or_insert(json!(top_k.min(128)));
                }
            }
        }
    }
    additional
}

fn prompt(request: &ModelRequest, to: Upstream<'_>) -> Result<Map<String, Value>, ModelError> {
    files::check(request)?;
    let points = caching::points(request, to.family.cache);
    let mut body = Map::new();
    let system = system(request, &points);
    if !system.is_empty() {
        body.insert("system".into(), json!(system));
    }
    body.insert("messages".into(), json!(messages(request, &points, origin(to.model))?));
    let tools = tools(request, &points);
    if !tools.is_empty() {
        let mut config = json!({"tools": tools});
        // Thinking goes with no tool that must be used.
        let is_forced = to.family.forced_tools && !thinking(request).is_some_and(is_on);
        match &request.tool_choice {
            ToolChoice::Any if is_forced => config["toolChoice"] = json!({"any": {}}),
            ToolChoice::Tool(name) if is_forced => config["toolChoice"] = json!({"tool": {"name": name}}),
            _ => {}
        }
        body.insert("toolConfig".into(), config);
    }
    Ok(body)
}

/// The tools; when there are none and the conversation has calls, those that were called, since a conversation with calls is
/// refused without.
fn tools(request: &ModelRequest, points: &[CachePoint]) -> Vec<Value> {
    let mut tools = Vec::with_capacity(request.tools.len() + 1);
    for (index, tool) in request.tools.iter().enumerate() {
        let mut spec = json!({"name": tool.name, "inputSchema": {"json": tool.input_schema}});
        if !tool.description.is_empty() {
            spec["description"] = json!(tool.description);
        }
        tools.push(json!({"toolSpec": spec}));
        tools.extend(point(points, CachePlace::Tools(index + 1)));
    }
    if tools.is_empty() {
        for name in called(request) {
            let schema = json!({"json": {"type": "object"}});
            let spec = json!({"name": name, "description": "No longer on offer.", "inputSchema": schema});
            tools.push(json!({"toolSpec": spec}));
        }
    }
    tools
}

fn system(request: &ModelRequest, points: &[CachePoint]) -> Vec<Value> {
    let mut blocks = Vec::with_capacity(request.system.len() + 1);
    for (index, text) in request.system.iter().enumerate() {
        if !text.trim().is_empty() {
            blocks.push(json!({"text": text}));
        }
        if !blocks.is_empty() {
            blocks.extend(point(points, CachePlace::System(index + 1)));
        }
    }
    blocks
}

fn point(points: &[CachePoint], place: CachePlace) -> Option<Value> {
    caching::at(points, place).map(|point| match point.for_an_hour {
        true => json!({"cachePoint": {"type": "default", "ttl": "1h"}}),
        false => json!({"cachePoint": {"type": "default"}}),
    })
}

fn messages(request: &ModelRequest, points: &[CachePoint], origin: &str) -> Result<Vec<Value>, ModelError> {
    let mut written: Vec<Value> = Vec::with_capacity(request.messages.len());
    for (index, message) in request.messages.iter().enumerate() {
        let content = content(message, index, points, origin)?;
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        alternate::add(&mut written, role, "content", content);
    }
    Ok(written)
}

fn content(message: &Message, index: usize, points: &[CachePoint], origin: &str) -> Result<Vec<Value>, ModelError> {
    let mut results = Vec::new();
    let mut others: Vec<Value> = Vec::new();
    let mut documents = 0;
    for (at, block) in message.content.iter().enumerate() {
        // Results first, as they must follow the calls.
        let list = if matches!(block, ContentBlock::ToolResult(_)) { &mut results } else { &mut others };
        list.extend(self::block(block, origin, &mut documents)?);
        if list.last().is_some_and(|last| last.get("reasoningContent").is_none() && last.get("cachePoint").is_none()) {
            list.extend(point(points, CachePlace::Message { index, blocks: at + 1 }));
        }
    }
    // A document is refused without words beside it.
    let has_words = others.iter().any(|block| block.get("text").is_some());
    if documents > 0 && !has_words {
        others.insert(0, json!({"text": "The document:"}));
    }
    results.extend(others);
    Ok(results)
}

fn block(block: &ContentBlock, origin: &str, documents: &mut usize) -> Result<Option<Value>, ModelError> {
    Ok(Some(match block {
        ContentBlock::Text(text) if text.trim().is_empty() => return Ok(None),
        ContentBlock::Text(text) => json!({"text": text}),
        ContentBlock::ToolUse(one) => json!({"toolUse": {
            "toolUseId": tool_use_id(&one.tool_use_id),
            "name": one.name,
            "input": arguments::object(&one.input),
        }}),
        ContentBlock::ToolResult(one) => result(one, documents)?,
        ContentBlock::ReasoningContent(one) if !one.is_for(origin) => return Ok(None),
        ContentBlock::ReasoningContent(one) => match (&one.redacted, &one.signature) {
            (Some(data), _) => json!({"reasoningContent": {"redactedContent": data}}),
            (None, Some(signature)) => {
                json!({"reasoningContent": {"reasoningText": {"text": one.text, "signature": signature}}})
            }
            // Claude refuses thinking without its seal; models without seals take it.
            (None, None) if origin == ORIGIN || one.text.is_empty() => return Ok(None),
            (None, None) => json!({"reasoningContent": {"reasoningText": {"text": one.text}}}),
        },
        ContentBlock::Image(file) => image(file)?,
        ContentBlock::Document(file) => document(file, documents),
    }))
}

fn result(result: &ToolResult, documents: &mut usize) -> Result<Value, ModelError> {
    let mut content = Vec::with_capacity(result.content.len());
    for one in &result.content {
        content.push(match one {
            ToolResultContent::Text(text) => json!({"text": if text.is_empty() { " " } else { text }}),
            // Some models take nothing but an object here.
            ToolResultContent::Json(value @ Value::Object(_)) => json!({"json": value}),
            ToolResultContent::Json(value) => json!({"text": value.to_string()}),
            ToolResultContent::Image(file) => image(file)?,
            ToolResultContent::Document(file) => document(file, documents),
        });
    }
    if content.is_empty() {
        content.push(json!({"text": " "}));
    }
    let mut written = json!({"toolUseId": tool_use_id(&result.tool_use_id), "content": content});
    if result.status == ToolResultStatus::Error {
        written["status"] = json!("error");
    }
    Ok(json!({"toolResult": written}))
}

fn image(file: &File) -> Result<Value, ModelError> {
    let format = match file.media_type.as_str() {
        "image/png" => "png",
        "image/jpeg" => "jpeg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        other => {
            let message = format!("the picture {} is {other}; Bedrock takes png, jpeg, gif and webp", file.name);
            return Err(ModelError::new(ModelErrorKind::Invalid, message));
        }
    };
    Ok(json!({"image": {"format": format, "source": {"bytes": files::base64(file)}}}))
}

/// A document; of a kind that Bedrock does not know, when it is text, as text.
fn document(file: &File, documents: &mut usize) -> Value {
    let format = match file.media_type.as_str() {
        "application/pdf" => Some("pdf"),
        "text/csv" => Some("csv"),
        "application/msword" => Some("doc"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => Some("docx"),
        "application/vnd.ms-excel" => Some("xls"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => Some("xlsx"),
        "text/html" => Some("html"),
        "text/plain" => Some("txt"),
        "text/markdown" => Some("md"),
        _ => None,
    };
    match (format, file.text()) {
        (None, Some(text)) => json!({"text": files::as_text(file, text)}),
        (format, _) => {
            *documents += 1;
            let name = document_name(&file.name, *documents);
            let source = json!({"bytes": files::base64(file)});
            json!({"document": {"format": format.unwrap_or("txt"), "name": name, "source": source}})
        }
    }
}

/// A name as Bedrock takes it: letters, digits, single blanks, hyphens, parentheses and square brackets; no two alike in a
/// message.
fn document_name(name: &str, number: usize) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']');
    let name: String = name.chars().take(150).map(|c| if allowed(c) { c } else { ' ' }).collect();
    let words: Vec<&str> = name.split_ascii_whitespace().collect();
    let name = if words.is_empty() { "document".to_owned() } else { words.join(" ") };
    if number > 1 { format!("{name} ({number})") } else { name }
}

/// Ids of other providers may have characters that are refused here, or too many; use and result change alike.
fn tool_use_id(id: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    let id: String = id.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    // The end tells ids apart; their beginnings are often the same.
    id[id.len().saturating_sub(64)..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::{document_name, tool_use_id};

    #[test]
    fn names_and_ids_are_made_to_fit() {
        assert_eq!(document_name("Q3 report_final.v2 (draft).pdf", 1), "Q3 report final v2 (draft) pdf");
        assert_eq!(document_name("Größe.pdf", 2), "Gr e pdf (2)");
        assert_eq!(document_name("…", 1), "document");
        assert_eq!(tool_use_id("call_1|x/ü"), "call_1_x__");
        assert_eq!(tool_use_id(&format!("a{}", "b".repeat(64))).len(), 64);
    }
}
