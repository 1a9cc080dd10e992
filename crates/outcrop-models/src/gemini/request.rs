//! The neutral request as Gemini's JSON.

use super::ORIGIN;
use crate::families::Sampling;
use crate::upstream::Upstream;
use crate::{alternate, arguments, blocks, files, schema};
use outcrop_ports::{
    ContentBlock, File, Message, ModelError, ModelRequest, Role, ToolChoice, ToolResult, ToolResultContent,
    ToolResultStatus,
};
use serde_json::{Map, Value, json};

/// Members that decide how the answer is read; `additional_fields` may not touch them.
const RESERVED: [&str; 1] = ["contents"];
/// What Google documents for calls that another model made, which have no signature.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// The body of a request. Members of `additional_fields` stand at the top level; those of `generationConfig` beside ours,
/// in the place of which they come.
pub(super) fn encode(request: &ModelRequest, to: Upstream<'_>) -> Result<Vec<u8>, ModelError> {
    let mut body = prompt(request, to)?;
    let mut config = config(request, to);
    for (name, value) in request.additional_fields.iter().flatten() {
        match value {
            Value::Object(members) if name == "generationConfig" => config.extend(members.clone()),
            value => {
                body.insert(name.clone(), value.clone());
            }
        }
    }
    if !config.is_empty() {
        body.insert("generationConfig".into(), Value::Object(config));
    }
    blocks::write(&body)
}

/// The body of the question how many tokens a request has.
pub(super) fn encode_count(request: &ModelRequest, to: Upstream<'_>) -> Result<Vec<u8>, ModelError> {
    let mut body = prompt(request, to)?;
    let model = to.model.strip_prefix("models/").unwrap_or(to.model);
    body.insert("model".into(), json!(format!("models/{model}")));
    blocks::write(&json!({"generateContentRequest": body}))
}

fn config(request: &ModelRequest, to: Upstream<'_>) -> Map<String, Value> {
    let inference = &request.inference;
    let mut config = Map::new();
    config.extend(inference.max_tokens.map(|value| ("maxOutputTokens".into(), json!(value))));
    if to.family.sampling != Sampling::None {
        config.extend(inference.temperature.map(|value| ("temperature".into(), json!(value))));
        config.extend(inference.top_p.map(|value| ("topP".into(), json!(value))));
        config.extend(inference.top_k.filter(|value| *value > 0).map(|value| ("topK".into(), json!(value))));
    }
    if !inference.stop_sequences.is_empty() {
        config.insert("stopSequences".into(), json!(inference.stop_sequences));
    }
    if let Some(schema) = inference.answer_schema.as_deref().and_then(schema::closed)
        && to.family.schema.holds(!request.tools.is_empty())
    {
        config.insert("responseMimeType".into(), json!("application/json"));
        config.insert("responseJsonSchema".into(), schema);
    }
    config
}

fn prompt(request: &ModelRequest, to: Upstream<'_>) -> Result<Map<String, Value>, ModelError> {
    blocks::check_reserved(request, &RESERVED)?;
    files::check(request)?;
    let mut body = Map::new();
    let system: Vec<Value> =
        request.system.iter().filter(|text| !text.trim().is_empty()).map(|text| json!({"text": text})).collect();
    if !system.is_empty() {
        body.insert("systemInstruction".into(), json!({"parts": system}));
    }
    if !request.tools.is_empty() {
        let declared: Vec<Value> = request.tools.iter().map(declaration).collect();
        body.insert("tools".into(), json!([{"functionDeclarations": declared}]));
        let calling = match &request.tool_choice {
            ToolChoice::Auto => None,
            ToolChoice::Any => Some(json!({"mode": "ANY"})),
            ToolChoice::Tool(name) => Some(json!({"mode": "ANY", "allowedFunctionNames": [name]})),
        };
        body.extend(calling.map(|calling| ("toolConfig".into(), json!({"functionCallingConfig": calling}))));
    }
    body.insert("contents".into(), json!(contents(request, to.family.sealed_calls)));
    Ok(body)
}

fn declaration(tool: &outcrop_ports::ToolSpec) -> Value {
    let mut written = json!({"name": tool.name});
    if !tool.description.is_empty() {
        written["description"] = json!(tool.description);
    }
    // Functions without parameters are declared without: an object without members is refused.
    let has_parameters =
        tool.input_schema.get("properties").and_then(Value::as_object).is_some_and(|all| !all.is_empty());
    if has_parameters {
        written["parametersJsonSchema"] = tool.input_schema.clone();
    }
    written
}

fn contents(request: &ModelRequest, sealed_calls: bool) -> Vec<Value> {
    let mut written: Vec<Value> = Vec::with_capacity(request.messages.len());
    for message in &request.messages {
        let parts = match message.role {
            Role::User => said(request, message),
            Role::Assistant => answered(message, sealed_calls),
        };
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "model",
        };
        alternate::add(&mut written, role, "parts", parts);
    }
    written
}

/// Results first, in the order of the calls, then the words.
fn said(request: &ModelRequest, message: &Message) -> Vec<Value> {
    let mut results = Vec::new();
    let mut others = Vec::new();
    for block in &message.content {
        match block {
            ContentBlock::Text(text) if text.is_empty() => {}
            ContentBlock::Text(text) => others.push(json!({"text": text})),
            ContentBlock::ToolResult(result) => {
                results.push(response(request, result));
                others.extend(result.content.iter().filter_map(|content| match content {
                    ToolResultContent::Image(one) | ToolResultContent::Document(one) => Some(file(one)),
                    ToolResultContent::Text(_) | ToolResultContent::Json(_) => None,
                }));
            }
            ContentBlock::Image(one) | ContentBlock::Document(one) => others.push(file(one)),
            ContentBlock::ToolUse(_) | ContentBlock::ReasoningContent(_) => {}
        }
    }
    results.extend(others);
    results
}

fn answered(message: &Message, sealed_calls: bool) -> Vec<Value> {
    let mut parts: Vec<Value> = Vec::new();
    let mut seal: Option<&str> = None;
    let mut has_call = false;
    for block in &message.content {
        let mut part = match block {
            ContentBlock::Text(text) => json!({"text": text}),
            ContentBlock::ToolUse(one) => {
                let args = arguments::object(&one.input);
                json!({"functionCall": {"id": one.tool_use_id, "name": one.name, "args": args}})
            }
            // Its words do not go back, only what seals the part that follows.
            ContentBlock::ReasoningContent(one) => {
                seal = one.signature.as_deref().filter(|_| one.is_for(ORIGIN)).or(seal);
                continue;
            }
            ContentBlock::ToolResult(_) | ContentBlock::Document(_) | ContentBlock::Image(_) => continue,
        };
        let is_call = part.get("functionCall").is_some();
        // The first call of a step is the one that is sealed.
        let lacks_seal = sealed_calls && is_call && !has_call;
        has_call |= is_call;
        if let Some(signature) = seal.take().or(lacks_seal.then_some(NO_SIGNATURE)) {
            part["thoughtSignature"] = json!(signature);
        }
        parts.push(part);
    }
    parts
}

fn response(request: &ModelRequest, result: &ToolResult) -> Value {
    let mut uses = request.messages.iter().flat_map(|message| message.tool_uses());
    let name = uses.find(|one| one.tool_use_id == result.tool_use_id).map_or("unknown", |one| one.name.as_str());
    let mut texts = Vec::new();
    let mut object = None;
    for content in &result.content {
        match content {
            ToolResultContent::Json(value @ Value::Object(_)) if object.is_none() => object = Some(value.clone()),
            ToolResultContent::Text(_) | ToolResultContent::Json(_) => texts.push(content.words()),
            ToolResultContent::Image(_) | ToolResultContent::Document(_) => {}
        }
    }
    // The members that Google names for results and errors; an object stands for itself.
    let member = match result.status {
        ToolResultStatus::Success => "output",
        ToolResultStatus::Error => "error",
    };
    let response = match object {
        Some(object) if texts.is_empty() && result.status == ToolResultStatus::Success => object,
        Some(object) => json!({member: format!("{}{object}", texts.join("\n"))}),
        None => json!({member: texts.join("\n")}),
    };
    json!({"functionResponse": {"id": result.tool_use_id, "name": name, "response": response}})
}

fn file(file: &File) -> Value {
    match file.text() {
        Some(text) => json!({"text": files::as_text(file, text)}),
        None => json!({"inlineData": {"mimeType": file.media_type, "data": files::base64(file)}}),
    }
}
