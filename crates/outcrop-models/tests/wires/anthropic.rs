//! Anthropic's Messages, strictly.

use super::standin::{Block, Can, Play, Provider, Said, pieces};
use super::strict::{Checked, answered, base64, list, name, number, object, one_of, text, words};
use outcrop_http::HttpClient;
use outcrop_models::{Endpoint, Served, anthropic};
use outcrop_ports::StopReason;
use serde_json::{Value, json};

#[derive(Clone, Copy)]
pub struct Anthropic;

impl Provider for Anthropic {
    const NAME: &'static str = "anthropic";
    const MODEL: &'static str = "claude-sonnet-4-5";
    const CAN: Can = Can { seals: true, redacted: true, cache_writes: true, cache_points: true, stop_sequences: true };

    fn serve(self, endpoint: Endpoint) -> Served {
        anthropic::serve(endpoint, HttpClient::new()).unwrap()
    }

    fn check(self, head: &http::request::Parts, body: &Value) -> Checked {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if (head.uri.path(), header("x-api-key"), header("anthropic-version"), header("content-type"))
            != ("/v1/messages", "secret-key", "2023-06-01", "application/json")
        {
            return Err(format!("wrong path or headers: {} {:?}", head.uri, head.headers));
        }
        check_body(body)
    }

    fn is_streamed(self, _: &http::request::Parts, body: &Value) -> bool {
        body["stream"] == true
    }

    fn whole(self, said: &Said) -> Value {
        let content: Vec<Value> = said
            .blocks
            .iter()
            .map(|block| match block {
                Block::Text(text) => json!({"type": "text", "text": text}),
                Block::Thinking(text, seal) => json!({"type": "thinking", "thinking": text, "signature": seal}),
                Block::Redacted(data) => json!({"type": "redacted_thinking", "data": data}),
                Block::Call(id, name, input) => json!({"type": "tool_use", "id": id, "name": name, "input": input}),
            })
            .collect();
        json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": Self::MODEL, "content": content,
            "stop_reason": stop(said.stop), "stop_sequence": (said.stop == StopReason::StopSequence).then_some("END"),
            "usage": usage(said),
        })
    }

    fn streamed(self, said: &Said) -> (&'static str, Vec<u8>) {
        let mut events = Vec::new();
        let mut begin = usage(said);
        begin["output_tokens"] = json!(1);
        events.push(json!({"type": "message_start", "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": Self::MODEL, "content": [],
            "stop_reason": null, "stop_sequence": null, "usage": begin,
        }}));
        events.push(json!({"type": "ping"}));
        for (index, block) in said.blocks.iter().enumerate() {
            let (start, deltas) = match block {
                Block::Text(text) => (
                    json!({"type": "text", "text": ""}),
                    pieces(text).iter().map(|piece| json!({"type": "text_delta", "text": piece})).collect(),
                ),
                Block::Thinking(text, seal) => {
                    let mut deltas: Vec<Value> =
                        pieces(text).iter().map(|piece| json!({"type": "thinking_delta", "thinking": piece})).collect();
                    deltas.push(json!({"type": "signature_delta", "signature": seal}));
                    (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas)
                }
                Block::Redacted(data) => (json!({"type": "redacted_thinking", "data": data}), Vec::new()),
                Block::Call(id, name, input) => (
                    json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
                    [String::new()]
                        .into_iter()
                        .chain(pieces(&input.to_string()))
                        .map(|piece| json!({"type": "input_json_delta", "partial_json": piece}))
                        .collect(),
                ),
            };
            events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
            for delta in deltas {
                events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
            }
            events.push(json!({"type": "content_block_stop", "index": index}));
        }
        let sequence = (said.stop == StopReason::StopSequence).then_some("END");
        events.push(json!({"type": "message_delta", "delta": {"stop_reason": stop(said.stop), "stop_sequence": sequence}, "usage": {"output_tokens": said.usage.output_tokens}}));
        events.push(json!({"type": "message_stop"}));
        let lines = events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()));
        ("text/event-stream; charset=utf-8", lines.collect::<String>().into_bytes())
    }

    fn refusal(self, status: u16, kind: &str, message: &str) -> Play {
        let kind = match (status, kind) {
            (429, _) => "rate_limit_error",
            (529, _) => "overloaded_error",
            (401, _) => "authentication_error",
            (404, _) => "not_found_error",
            (500.., _) => "api_error",
            _ => "invalid_request_error",
        };
        let body = json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"});
        Play::Refuses(status, Vec::new(), body.to_string())
    }

    fn prefix(self, body: &Value) -> (Vec<String>, Vec<usize>) {
        let mut parts = Vec::new();
        let mut ends = Vec::new();
        let tools = body["tools"].as_array().into_iter().flatten();
        let system = body["system"].as_array().into_iter().flatten();
        let messages = body["messages"].as_array().into_iter().flatten();
        let blocks = messages.flat_map(|message| message["content"].as_array().into_iter().flatten());
        for part in tools.chain(system).chain(blocks) {
            let mut part = part.clone();
            let is_end = part.as_object_mut().unwrap().remove("cache_control").is_some();
            parts.push(part.to_string());
            if is_end {
                ends.push(parts.len());
            }
        }
        (parts, ends)
    }
}

fn stop(reason: StopReason) -> &'static str {
    match reason {
        StopReason::EndTurn => "end_turn",
        StopReason::ToolUse => "tool_use",
        StopReason::MaxTokens => "max_tokens",
        StopReason::StopSequence => "stop_sequence",
        StopReason::ModelContextWindowExceeded => "model_context_window_exceeded",
        _ => "refusal",
    }
}

fn usage(said: &Said) -> Value {
    json!({
        "input_tokens": said.usage.input_tokens,
        "output_tokens": said.usage.output_tokens,
        "cache_read_input_tokens": said.usage.cache_read_input_tokens,
        "cache_creation_input_tokens": said.usage.cache_write_input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": said.usage.cache_write_input_tokens - said.usage.cache_write_hour_input_tokens,
            "ephemeral_1h_input_tokens": said.usage.cache_write_hour_input_tokens,
        },
        "service_tier": "standard",
    })
}

pub fn check_body(body: &Value) -> Checked {
    let members = [
        "model!",
        "max_tokens!",
        "messages!",
        "system",
        "tools",
        "tool_choice",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "stream",
        "thinking",
        "output_config",
        "metadata",
    ];
    let body = object(body, "body", &members)?;
    number(&body["max_tokens"], "max_tokens", 1.0, 128_000.0)?;
    let thinks = body.get("thinking").is_some_and(|thinking| thinking["type"] == "enabled");
    if body.contains_key("temperature") && body.contains_key("top_p") {
        return Err("`temperature` and `top_p` cannot both be specified for this model".to_owned());
    }
    if thinks && ["temperature", "top_k"].iter().any(|name| body.contains_key(*name)) {
        return Err("`temperature` may only be set to 1 when thinking is enabled".to_owned());
    }
    if let Some(temperature) = body.get("temperature") {
        number(temperature, "temperature", 0.0, 1.0)?;
    }
    if let Some(config) = body.get("output_config") {
        let config = object(config, "output_config", &["format", "effort"])?;
        let format = object(&config["format"], "output_config.format", &["type!", "schema!"])?;
        one_of(&format["type"], "output_config.format.type", &["json_schema"])?;
        if format["schema"]["type"] == "object" && format["schema"]["additionalProperties"] != false {
            return Err(
                "output_config.format.schema: 'additionalProperties' must be explicitly set to false".to_owned()
            );
        }
    }
    let mut points = 0;
    for (index, tool) in
        body.get("tools").map(|tools| list(tools, "tools")).transpose()?.into_iter().flatten().enumerate()
    {
        let at = format!("tools.{index}");
        let tool = object(tool, &at, &["name!", "description", "input_schema!", "cache_control"])?;
        name(&tool["name"], &at, "_-", 64)?;
        one_of(&tool["input_schema"]["type"], &at, &["object"])?;
        points += point(tool.get("cache_control"), &at)?;
    }
    if let Some(choice) = body.get("tool_choice") {
        let choice = object(choice, "tool_choice", &["type!", "name", "disable_parallel_tool_use"])?;
        one_of(&choice["type"], "tool_choice.type", &["auto", "any", "tool", "none"])?;
        if !body.contains_key("tools") || (thinks && choice["type"] != "auto") {
            return Err("tool_choice: may not be given here".to_owned());
        }
    }
    for (index, block) in
        body.get("system").map(|system| list(system, "system")).transpose()?.into_iter().flatten().enumerate()
    {
        let at = format!("system.{index}");
        let block = object(block, &at, &["type!", "text!", "cache_control"])?;
        words(&block["text"], &at)?;
        points += point(block.get("cache_control"), &at)?;
    }
    let messages = list(&body["messages"], "messages")?;
    let mut turns = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let at = format!("messages.{index}");
        let message = object(message, &at, &["role!", "content!"])?;
        one_of(&message["role"], &at, &["user", "assistant"])?;
        let is_user = message["role"] == "user";
        let (mut calls, mut results, mut others) = (Vec::new(), Vec::new(), false);
        let content = list(&message["content"], &at)?;
        if content.is_empty() {
            return Err(format!("{at}: content must not be empty"));
        }
        for (number, block) in content.iter().enumerate() {
            let at = format!("{at}.content.{number}");
            points += check_block(block, &at, is_user)?;
            match block["type"].as_str().unwrap_or_default() {
                "tool_use" => calls.push(text(&block["id"], &at)?),
                "tool_result" if others => return Err(format!("{at}: results must come first")),
                "tool_result" => results.push(text(&block["tool_use_id"], &at)?),
                _ => others = true,
            }
        }
        let starts = content[0]["type"].as_str().unwrap_or_default();
        let in_turn = index + 2 == messages.len() && !calls.is_empty();
        if thinks && in_turn && !starts.contains("thinking") {
            return Err(format!("{at}: expected `thinking`, found `{starts}`"));
        }
        turns.push((message["role"].as_str().unwrap_or_default(), calls, results));
    }
    if points > 4 {
        return Err(format!("a maximum of 4 blocks with cache_control may be provided, found {points}"));
    }
    let has_calls = turns.iter().any(|(_, calls, _)| !calls.is_empty());
    if has_calls && !body.contains_key("tools") {
        return Err("requests which include `tool_use` or `tool_result` blocks must define tools".to_owned());
    }
    answered(&turns)
}

fn point(cache_control: Option<&Value>, at: &str) -> Result<usize, String> {
    let Some(point) = cache_control else { return Ok(0) };
    let point = object(point, at, &["type!", "ttl"])?;
    one_of(&point["type"], at, &["ephemeral"])?;
    point.get("ttl").map(|ttl| one_of(ttl, at, &["5m", "1h"])).transpose()?;
    Ok(1)
}

fn check_block(block: &Value, at: &str, is_user: bool) -> Result<usize, String> {
    let kind = text(&block["type"], at)?;
    let members: &[&str] = match kind {
        "text" => &["type", "text!", "cache_control"],
        "tool_use" => &["type", "id!", "name!", "input!", "cache_control"],
        "tool_result" => &["type", "tool_use_id!", "content", "is_error", "cache_control"],
        "thinking" => &["type", "thinking!", "signature!"],
        "redacted_thinking" => &["type", "data!"],
        "image" => &["type", "source!", "cache_control"],
        "document" => &["type", "source!", "title", "context", "citations", "cache_control"],
        other => return Err(format!("{at}: unknown type {other}")),
    };
    let fields = object(block, at, members)?;
    let is_users = matches!(kind, "tool_result" | "image" | "document");
    if (is_users && !is_user) || (matches!(kind, "tool_use" | "thinking" | "redacted_thinking") && is_user) {
        return Err(format!("{at}: a {kind} may not stand here"));
    }
    match kind {
        "text" => words(&fields["text"], at)?,
        "tool_use" => {
            name(&fields["id"], at, "_-", 256)?;
            name(&fields["name"], at, "_-", 200)?;
            fields["input"].as_object().ok_or_else(|| format!("{at}.input: must be an object"))?;
        }
        "tool_result" => {
            name(&fields["tool_use_id"], at, "_-", 256)?;
            for inner in fields.get("content").map(|content| list(content, at)).transpose()?.into_iter().flatten() {
                check_block(inner, at, true)?;
            }
        }
        "thinking" => words(&fields["signature"], at)?,
        "redacted_thinking" => words(&fields["data"], at)?,
        _ => {
            let source = object(&fields["source"], at, &["type!", "media_type!", "data!"])?;
            match (kind, text(&source["type"], at)?) {
                ("image", "base64") => {
                    one_of(&source["media_type"], at, &["image/png", "image/jpeg", "image/gif", "image/webp"])?;
                }
                ("document", "base64") => one_of(&source["media_type"], at, &["application/pdf"])?,
                ("document", "text") => return point(fields.get("cache_control"), at),
                _ => return Err(format!("{at}: unknown source")),
            }
            base64(&source["data"], at)?;
        }
    }
    point(fields.get("cache_control"), at)
}
