//! OpenAI's Chat Completions, strictly.

use super::standin::{Block, Can, Play, Provider, Said, pieces};
use super::strict::{Checked, answered, list, name, number, object, one_of, text};
use outcrop_http::HttpClient;
use outcrop_models::{Endpoint, Served, openai};
use outcrop_ports::StopReason;
use serde_json::{Value, json};

#[derive(Clone, Copy)]
pub struct OpenAi;

impl Provider for OpenAi {
    const NAME: &'static str = "openai";
    const MODEL: &'static str = "gpt-4.1-mini";
    const CAN: Can =
        Can { seals: false, redacted: false, cache_writes: false, cache_points: false, stop_sequences: false };

    fn serve(self, endpoint: Endpoint) -> Served {
        openai::serve(endpoint, HttpClient::new()).unwrap()
    }

    fn check(self, head: &http::request::Parts, body: &Value) -> Checked {
        let key = head.headers.get("authorization").and_then(|value| value.to_str().ok());
        if (head.uri.path(), key) != ("/chat/completions", Some("Bearer secret-key")) {
            return Err(format!("wrong path or key: {}", head.uri));
        }
        check_body(body)
    }

    fn is_streamed(self, _: &http::request::Parts, body: &Value) -> bool {
        body["stream"] == true
    }

    fn whole(self, said: &Said) -> Value {
        let text: String = said.blocks.iter().filter_map(words).collect();
        let calls: Vec<Value> = calls(said).collect();
        let mut message = json!({"role": "assistant", "content": (!text.is_empty()).then_some(text), "refusal": null});
        if !calls.is_empty() {
            message["tool_calls"] = json!(calls);
        }
        let choice = json!({"index": 0, "message": message, "finish_reason": stop(said), "logprobs": null});
        json!({"id": "c", "object": "chat.completion", "created": 1, "model": Self::MODEL, "choices": [choice], "usage": usage(said)})
    }

    fn streamed(self, said: &Said) -> (&'static str, Vec<u8>) {
        let chunk = |delta: Value, reason: Option<&str>| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": reason, "logprobs": null});
            json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": Self::MODEL, "choices": [choice], "usage": null})
        };
        let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), None)];
        for text in said.blocks.iter().filter_map(words) {
            events.extend(pieces(text).iter().map(|piece| chunk(json!({"content": piece}), None)));
        }
        for (index, mut call) in calls(said).enumerate() {
            let arguments = call["function"]["arguments"].as_str().unwrap().to_owned();
            call["index"] = json!(index);
            call["function"]["arguments"] = json!("");
            events.push(chunk(json!({"tool_calls": [call]}), None));
            for piece in pieces(&arguments) {
                events.push(chunk(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}), None));
            }
        }
        events.push(chunk(json!({}), Some(stop(said))));
        events.push(json!({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage(said)}));
        let lines: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        ("text/event-stream", (lines + "data: [DONE]\n\n").into_bytes())
    }

    fn refusal(self, status: u16, kind: &str, message: &str) -> Play {
        let code = match (status, kind) {
            (429, _) => "rate_limit_exceeded",
            (404, _) => "model_not_found",
            (_, "too_long") => "context_length_exceeded",
            _ => "invalid_request_error",
        };
        let body = json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}});
        Play::Refuses(status.min(503), Vec::new(), body.to_string())
    }

    fn prefix(self, body: &Value) -> (Vec<String>, Vec<usize>) {
        let tools = body["tools"].as_array().into_iter().flatten();
        let messages = body["messages"].as_array().into_iter().flatten();
        (tools.chain(messages).map(Value::to_string).collect(), Vec::new())
    }
}

fn words(block: &Block) -> Option<&'static str> {
    match block {
        Block::Text(text) => Some(text),
        _ => None,
    }
}

fn calls(said: &Said) -> impl Iterator<Item = Value> + '_ {
    said.blocks.iter().filter_map(|block| match block {
        Block::Call(id, name, input) => {
            let function = json!({"name": name, "arguments": input.to_string()});
            Some(json!({"id": id, "type": "function", "function": function}))
        }
        _ => None,
    })
}

fn stop(said: &Said) -> &'static str {
    match said.stop {
        StopReason::ToolUse => "tool_calls",
        StopReason::MaxTokens => "length",
        StopReason::ContentFiltered => "content_filter",
        _ => "stop",
    }
}

/// Cached tokens are among those of the prompt.
fn usage(said: &Said) -> Value {
    let usage = said.usage;
    json!({
        "prompt_tokens": usage.total_input_tokens(), "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_input_tokens() + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_input_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    })
}

fn check_body(body: &Value) -> Checked {
    let members = [
        "model!",
        "messages!",
        "tools",
        "tool_choice",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "stop",
        "stream",
        "stream_options",
        "response_format",
        "seed",
    ];
    let body = object(body, "body", &members)?;
    body.get("temperature").map(|value| number(value, "temperature", 0.0, 2.0)).transpose()?;
    if body.contains_key("stream_options") && body.get("stream") != Some(&json!(true)) {
        return Err("stream_options: only when stream is set".to_owned());
    }
    if let Some(format) = body.get("response_format") {
        let format = object(format, "response_format", &["type!", "json_schema!"])?;
        let schema = object(&format["json_schema"], "json_schema", &["name!", "schema!", "strict", "description"])?;
        name(&schema["name"], "json_schema", "_-", 64)?;
    }
    for tool in body.get("tools").map(|tools| list(tools, "tools")).transpose()?.into_iter().flatten() {
        let tool = object(tool, "tools", &["type!", "function!"])?;
        let function = object(&tool["function"], "tools", &["name!", "description", "parameters", "strict"])?;
        name(&function["name"], "tools", "_-", 64)?;
    }
    if body.contains_key("tool_choice") && !body.contains_key("tools") {
        return Err("tool_choice: only when tools are given".to_owned());
    }
    // Results are messages of their own; here they are put together with what follows them.
    let mut turns: Vec<(&str, Vec<&str>, Vec<&str>)> = Vec::new();
    for (index, message) in list(&body["messages"], "messages")?.iter().enumerate() {
        let at = format!("messages.{index}");
        match text(&message["role"], &at)? {
            "system" if index > 0 => return Err(format!("{at}: the system speaks first")),
            "system" => {
                object(message, &at, &["role", "content!"])?;
            }
            "user" => {
                let message = object(message, &at, &["role", "content!"])?;
                for part in message["content"].as_array().into_iter().flatten() {
                    match text(&part["type"], &at)? {
                        "text" => object(part, &at, &["type", "text!"])?,
                        "image_url" => object(part, &at, &["type", "image_url!"])?,
                        "file" => object(part, &at, &["type", "file!"])?,
                        other => return Err(format!("{at}: unknown part {other}")),
                    };
                }
                match turns.last_mut() {
                    Some((role, _, results)) if *role == "user" && !results.is_empty() => {}
                    _ => turns.push(("user", Vec::new(), Vec::new())),
                }
            }
            "tool" => {
                let message = object(message, &at, &["role", "content!", "tool_call_id!"])?;
                let id = text(&message["tool_call_id"], &at)?;
                match turns.last_mut() {
                    Some((role, _, results)) if *role == "user" => results.push(id),
                    _ => turns.push(("user", Vec::new(), vec![id])),
                }
            }
            "assistant" => {
                let message = object(message, &at, &["role", "content", "tool_calls"])?;
                let mut calls = Vec::new();
                for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
                    let call = object(call, &at, &["id!", "type!", "function!"])?;
                    let function = object(&call["function"], &at, &["name!", "arguments!"])?;
                    one_of(&call["type"], &at, &["function"])?;
                    serde_json::from_str::<Value>(text(&function["arguments"], &at)?)
                        .map_err(|error| error.to_string())?;
                    calls.push(text(&call["id"], &at)?);
                }
                turns.push(("assistant", calls, Vec::new()));
            }
            other => return Err(format!("{at}: unknown role {other}")),
        }
    }
    answered(&turns)
}
