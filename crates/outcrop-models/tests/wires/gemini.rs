//! Gemini's generateContent and streamGenerateContent, strictly.

use super::standin::{Block, Can, Play, Provider, Said, pieces};
use super::strict::{Checked, answered, base64, list, name, number, object, one_of, text, words};
use outcrop_http::HttpClient;
use outcrop_models::{Endpoint, Served, gemini};
use outcrop_ports::StopReason;
use serde_json::{Value, json};

#[derive(Clone, Copy)]
pub struct Gemini;

impl Provider for Gemini {
    const NAME: &'static str = "gemini";
    const MODEL: &'static str = "gemini-3-pro-preview";
    const CAN: Can =
        Can { seals: true, redacted: false, cache_writes: false, cache_points: false, stop_sequences: false };

    fn serve(self, endpoint: Endpoint) -> Served {
        gemini::serve(endpoint, HttpClient::new()).unwrap()
    }

    fn check(self, head: &http::request::Parts, body: &Value) -> Checked {
        let key = head.headers.get("x-goog-api-key").and_then(|value| value.to_str().ok());
        let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let method = path.strip_prefix("/models/gemini-3-pro-preview:");
        if key != Some("secret-key") || !matches!(method, Some("generateContent" | "streamGenerateContent?alt=sse")) {
            return Err(format!("wrong path or key: {path}"));
        }
        check_body(body)
    }

    fn is_streamed(self, head: &http::request::Parts, _: &Value) -> bool {
        head.uri.path().ends_with("streamGenerateContent")
    }

    fn whole(self, said: &Said) -> Value {
        answer(parts(said, false), Some(stop(said.stop)), said)
    }

    fn streamed(self, said: &Said) -> (&'static str, Vec<u8>) {
        let mut events: Vec<Value> = parts(said, true).into_iter().map(|part| answer(vec![part], None, said)).collect();
        events.push(answer(vec![json!({"text": ""})], Some(stop(said.stop)), said));
        let lines: String = events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect();
        ("text/event-stream", lines.into_bytes())
    }

    fn refusal(self, status: u16, _: &str, message: &str) -> Play {
        let name = match status {
            429 => "RESOURCE_EXHAUSTED",
            401 => "UNAUTHENTICATED",
            404 => "NOT_FOUND",
            500 => "INTERNAL",
            501.. => "UNAVAILABLE",
            _ => "INVALID_ARGUMENT",
        };
        let status = status.min(503);
        let body = json!({"error": {"code": status, "message": message, "status": name}});
        Play::Refuses(status, Vec::new(), body.to_string())
    }

    fn prefix(self, body: &Value) -> (Vec<String>, Vec<usize>) {
        let system = body["systemInstruction"]["parts"].as_array().into_iter().flatten();
        let tools = body["tools"][0]["functionDeclarations"].as_array().into_iter().flatten();
        let contents = body["contents"].as_array().into_iter().flatten();
        let parts = contents.flat_map(|content| content["parts"].as_array().into_iter().flatten());
        (system.chain(tools).chain(parts).map(Value::to_string).collect(), Vec::new())
    }
}

fn stop(reason: StopReason) -> &'static str {
    match reason {
        StopReason::MaxTokens => "MAX_TOKENS",
        StopReason::ContentFiltered => "SAFETY",
        _ => "STOP",
    }
}

/// A seal without words stands on the part that follows.
fn parts(said: &Said, streamed: bool) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut seal = None;
    for block in &said.blocks {
        let texts = |text: &str| if streamed { pieces(text) } else { vec![text.to_owned()] };
        match block {
            Block::Text(text) => parts.extend(texts(text).iter().map(|text| json!({"text": text}))),
            Block::Thinking("", signature) => seal = Some(*signature),
            Block::Thinking(text, _) => {
                parts.extend(texts(text).iter().map(|text| json!({"text": text, "thought": true})));
            }
            Block::Redacted(_) => {}
            Block::Call(id, name, input) => {
                let mut part = json!({"functionCall": {"id": id, "name": name, "args": input}});
                if let Some(seal) = seal.take() {
                    part["thoughtSignature"] = json!(seal);
                }
                parts.push(part);
            }
        }
    }
    parts
}

/// Thoughts are counted apart, and cached tokens among those of the prompt.
fn answer(parts: Vec<Value>, reason: Option<&str>, said: &Said) -> Value {
    let thoughts = said.usage.output_tokens / 3;
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(reason) = reason {
        candidate["finishReason"] = json!(reason);
    }
    json!({
        "candidates": [candidate], "modelVersion": Gemini::MODEL, "responseId": "r",
        "usageMetadata": {
            "promptTokenCount": said.usage.total_input_tokens(),
            "cachedContentTokenCount": said.usage.cache_read_input_tokens,
            "candidatesTokenCount": said.usage.output_tokens - thoughts,
            "thoughtsTokenCount": thoughts,
            "totalTokenCount": said.usage.total_input_tokens() + said.usage.output_tokens,
        },
    })
}

fn check_body(body: &Value) -> Checked {
    let body = object(body, "body", &["contents!", "systemInstruction", "tools", "toolConfig", "generationConfig"])?;
    if let Some(config) = body.get("generationConfig") {
        let members = [
            "temperature",
            "topP",
            "topK",
            "maxOutputTokens",
            "stopSequences",
            "responseMimeType",
            "responseJsonSchema",
            "thinkingConfig",
        ];
        let config = object(config, "generationConfig", &members)?;
        config.get("temperature").map(|value| number(value, "temperature", 0.0, 2.0)).transpose()?;
        if config.contains_key("responseJsonSchema")
            && config.get("responseMimeType") != Some(&json!("application/json"))
        {
            return Err("a response schema wants the mime type application/json".to_owned());
        }
    }
    if let Some(system) = body.get("systemInstruction") {
        let system = object(system, "systemInstruction", &["parts!", "role"])?;
        for part in list(&system["parts"], "systemInstruction.parts")? {
            words(&object(part, "systemInstruction.parts", &["text!"])?["text"], "systemInstruction.parts")?;
        }
    }
    for tool in body.get("tools").map(|tools| list(tools, "tools")).transpose()?.into_iter().flatten() {
        let tool = object(tool, "tools", &["functionDeclarations!"])?;
        for function in list(&tool["functionDeclarations"], "functionDeclarations")? {
            let function = object(function, "functionDeclarations", &["name!", "description", "parametersJsonSchema"])?;
            name(&function["name"], "functionDeclarations", "_-.:", 64)?;
        }
    }
    if let Some(config) = body.get("toolConfig") {
        let config = object(config, "toolConfig", &["functionCallingConfig!"])?;
        let config =
            object(&config["functionCallingConfig"], "functionCallingConfig", &["mode!", "allowedFunctionNames"])?;
        one_of(&config["mode"], "mode", &["AUTO", "ANY", "NONE"])?;
    }
    let mut turns = Vec::new();
    let mut names: Vec<(&str, &str)> = Vec::new();
    for (index, content) in list(&body["contents"], "contents")?.iter().enumerate() {
        let at = format!("contents.{index}");
        let content = object(content, &at, &["role!", "parts!"])?;
        one_of(&content["role"], &at, &["user", "model"])?;
        let (mut calls, mut results, mut others) = (Vec::new(), Vec::new(), false);
        let parts = list(&content["parts"], &at)?;
        if parts.is_empty() {
            return Err(format!("{at}: no parts"));
        }
        for part in parts {
            let members = ["text", "inlineData", "functionCall", "functionResponse", "thoughtSignature"];
            let part = object(part, &at, &members)?;
            if part.keys().filter(|name| *name != "thoughtSignature").count() != 1 {
                return Err(format!("{at}: a part has one kind of data"));
            }
            if let Some(call) = part.get("functionCall") {
                let call = object(call, &at, &["id!", "name!", "args!"])?;
                if calls.is_empty() && !part.contains_key("thoughtSignature") {
                    return Err(format!("{at}: function call is missing a thought_signature"));
                }
                call["args"].as_object().ok_or_else(|| format!("{at}: args are no object"))?;
                calls.push(text(&call["id"], &at)?);
                names.push((text(&call["id"], &at)?, text(&call["name"], &at)?));
            } else if let Some(response) = part.get("functionResponse") {
                let response = object(response, &at, &["id!", "name!", "response!"])?;
                response["response"].as_object().ok_or_else(|| format!("{at}: response is no object"))?;
                let pair = (text(&response["id"], &at)?, text(&response["name"], &at)?);
                if others || !names.contains(&pair) {
                    return Err(format!("{at}: the response {pair:?} answers nothing, or does not come first"));
                }
                results.push(pair.0);
            } else {
                others = true;
                if let Some(data) = part.get("inlineData") {
                    let data = object(data, &at, &["mimeType!", "data!"])?;
                    base64(&data["data"], &at)?;
                }
            }
        }
        let role = if content["role"] == "user" { "user" } else { "assistant" };
        turns.push((role, calls, results));
    }
    answered(&turns)
}
