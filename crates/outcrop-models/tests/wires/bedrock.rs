//! Bedrock's Converse and ConverseStream, strictly, with its signatures verified.

use super::standin::{Block, Can, Play, Provider, Said, pieces};
use super::strict::{Checked, answered, base64, list, name, number, object, one_of, text, union, words};
use bytes::Bytes;
use outcrop_http::HttpClient;
use outcrop_models::bedrock::{self, BedrockAccess};
use outcrop_models::{AwsCredentials, Endpoint, Served};
use outcrop_ports::{BoxFuture, StopReason};
use outcrop_testkit::FixedClock;
use outcrop_wire::Timestamp;
use outcrop_wire::event_stream;
use outcrop_wire::sigv4::{Claim, Credentials, Request, Secret};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone, Copy)]
pub struct Bedrock;

const NOW: Timestamp = Timestamp::from_millis(1_767_268_800_000);

struct Fixed;

impl AwsCredentials for Fixed {
    fn current(&self) -> BoxFuture<'_, Result<Credentials, String>> {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("not a real secret"),
            session_token: Some(Secret::new("a token")),
        };
        Box::pin(std::future::ready(Ok(credentials)))
    }
}

impl Provider for Bedrock {
    const NAME: &'static str = "bedrock";
    const MODEL: &'static str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
    const CAN: Can = Can { seals: true, redacted: true, cache_writes: true, cache_points: true, stop_sequences: true };

    fn serve(self, endpoint: Endpoint) -> Served {
        let clock = Arc::new(FixedClock(NOW));
        let access = BedrockAccess::Signed { credentials: Arc::new(Fixed), region: "us-west-2".to_owned(), clock };
        bedrock::serve(endpoint, access, HttpClient::new()).unwrap()
    }

    fn check(self, head: &http::request::Parts, body: &Value) -> Checked {
        let headers: Vec<(&str, &[u8])> =
            head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let request = Request { method: "POST", path: head.uri.path(), query: "", headers: &headers };
        let claim = Claim::read(request).map_err(|refusal| format!("{refusal:?}"))?.ok_or("is not signed")?;
        let bytes = head.extensions.get::<Bytes>().ok_or("has no body")?;
        claim.check_time(NOW).map_err(|refusal| format!("{refusal:?}"))?;
        claim.verify(request, bytes, &Secret::new("not a real secret")).map_err(|refusal| format!("{refusal:?}"))?;
        let scope = format!("{}", claim.scope);
        let model = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse";
        if !scope.ends_with("/us-west-2/bedrock/aws4_request")
            || !matches!(head.uri.path().strip_prefix(model), Some("" | "-stream"))
        {
            return Err(format!("wrong scope or path: {scope} {}", head.uri));
        }
        check_body(body)
    }

    fn is_streamed(self, head: &http::request::Parts, _: &Value) -> bool {
        head.uri.path().ends_with("converse-stream")
    }

    fn whole(self, said: &Said) -> Value {
        let content: Vec<Value> = said
            .blocks
            .iter()
            .map(|block| match block {
                Block::Text(text) => json!({"text": text}),
                Block::Thinking(text, seal) => {
                    json!({"reasoningContent": {"reasoningText": {"text": text, "signature": seal}}})
                }
                Block::Redacted(data) => json!({"reasoningContent": {"redactedContent": data}}),
                Block::Call(id, name, input) => json!({"toolUse": {"toolUseId": id, "name": name, "input": input}}),
            })
            .collect();
        json!({
            "output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop(said.stop),
            "usage": usage(said), "metrics": {"latencyMs": 551},
        })
    }

    fn streamed(self, said: &Said) -> (&'static str, Vec<u8>) {
        let mut bytes = Vec::new();
        let mut event = |name: &str, payload: Value| {
            bytes.extend_from_slice(&event_stream::encode_event(name, payload.to_string().as_bytes()));
        };
        event("messageStart", json!({"role": "assistant", "p": "abcdef"}));
        for (index, block) in said.blocks.iter().enumerate() {
            let mut delta =
                |delta: Value| event("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}));
            match block {
                Block::Text(text) => pieces(text).iter().for_each(|piece| delta(json!({"text": piece}))),
                Block::Thinking(text, seal) => {
                    pieces(text).iter().for_each(|piece| delta(json!({"reasoningContent": {"text": piece}})));
                    delta(json!({"reasoningContent": {"signature": seal}}));
                }
                Block::Redacted(data) => delta(json!({"reasoningContent": {"redactedContent": data}})),
                Block::Call(id, name, input) => {
                    let start = json!({"toolUse": {"toolUseId": id, "name": name}});
                    event("contentBlockStart", json!({"contentBlockIndex": index, "start": start}));
                    for piece in pieces(&input.to_string()) {
                        let delta = json!({"toolUse": {"input": piece}});
                        event("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}));
                    }
                }
            }
            event("contentBlockStop", json!({"contentBlockIndex": index}));
        }
        event("messageStop", json!({"stopReason": stop(said.stop)}));
        event("metadata", json!({"usage": usage(said), "metrics": {"latencyMs": 551}}));
        ("application/vnd.amazon.eventstream", bytes)
    }

    fn refusal(self, status: u16, _: &str, message: &str) -> Play {
        let name = match status {
            429 => "ThrottlingException",
            401 => "UnrecognizedClientException",
            404 => "ResourceNotFoundException",
            503 | 529 => "ServiceUnavailableException",
            500.. => "InternalServerException",
            _ => "ValidationException",
        };
        let headers = vec![("x-amzn-errortype", format!("{name}:http://internal.amazon.com/coral/"))];
        let status = if status == 401 { 403 } else { status.min(503) };
        Play::Refuses(status, headers, json!({"message": message}).to_string())
    }

    fn prefix(self, body: &Value) -> (Vec<String>, Vec<usize>) {
        let mut parts = Vec::new();
        let mut ends = Vec::new();
        let tools = body["toolConfig"]["tools"].as_array().into_iter().flatten();
        let system = body["system"].as_array().into_iter().flatten();
        let messages = body["messages"].as_array().into_iter().flatten();
        let blocks = messages.flat_map(|message| message["content"].as_array().into_iter().flatten());
        for part in tools.chain(system).chain(blocks) {
            match part.get("cachePoint") {
                Some(_) => ends.push(parts.len()),
                None => parts.push(part.to_string()),
            }
        }
        (parts, ends)
    }
}

fn stop(reason: StopReason) -> Value {
    match reason {
        // Bedrock has no word of its own for what a model will not say.
        StopReason::ContentFiltered => json!("content_filtered"),
        other => serde_json::to_value(other).unwrap(),
    }
}

fn usage(said: &Said) -> Value {
    let usage = said.usage;
    let hour = usage.cache_write_hour_input_tokens;
    json!({
        "inputTokens": usage.input_tokens, "outputTokens": usage.output_tokens,
        "totalTokens": usage.total_input_tokens() + usage.output_tokens,
        "cacheReadInputTokens": usage.cache_read_input_tokens, "cacheWriteInputTokens": usage.cache_write_input_tokens,
        "cacheDetails": [
            {"ttl": "1h", "inputTokens": hour}, {"ttl": "5m", "inputTokens": usage.cache_write_input_tokens - hour},
        ],
    })
}

fn check_body(body: &Value) -> Checked {
    let members = [
        "messages!",
        "system",
        "inferenceConfig",
        "toolConfig",
        "additionalModelRequestFields",
        "performanceConfig",
        "outputConfig",
    ];
    let body = object(body, "body", &members)?;
    if let Some(config) = body.get("inferenceConfig") {
        let config = object(config, "inferenceConfig", &["maxTokens", "temperature", "topP", "stopSequences"])?;
        if config.contains_key("temperature") && config.contains_key("topP") {
            return Err("`temperature` and `top_p` cannot both be specified for this model".to_owned());
        }
        config.get("maxTokens").map(|value| number(value, "maxTokens", 1.0, 1e6)).transpose()?;
    }
    if let Some(more) = body.get("additionalModelRequestFields") {
        object(more, "additionalModelRequestFields", &["top_k", "thinking"])?;
    }
    if let Some(config) = body.get("outputConfig") {
        let format = object(&config["textFormat"], "textFormat", &["type!", "structure!"])?;
        let (_, schema) = union(&format["structure"], "structure", &["jsonSchema"])?;
        let schema = object(schema, "jsonSchema", &["schema!", "name", "description"])?;
        serde_json::from_str::<Value>(text(&schema["schema"], "schema")?).map_err(|error| error.to_string())?;
    }
    let mut points = 0;
    let mut point = |value: &Value, at: &str| -> Checked {
        let value = object(value, at, &["type!", "ttl"])?;
        points += 1;
        one_of(&value["type"], at, &["default"])
    };
    if let Some(config) = body.get("toolConfig") {
        let config = object(config, "toolConfig", &["tools!", "toolChoice"])?;
        for (index, tool) in list(&config["tools"], "tools")?.iter().enumerate() {
            let at = format!("tools.{index}");
            match union(tool, &at, &["toolSpec", "cachePoint"])? {
                ("cachePoint", value) => point(value, &at)?,
                (_, spec) => {
                    let spec = object(spec, &at, &["name!", "description", "inputSchema!"])?;
                    name(&spec["name"], &at, "_-", 64)?;
                    spec.get("description").map(|description| words(description, &at)).transpose()?;
                    object(&spec["inputSchema"], &at, &["json!"])?;
                }
            }
        }
        if let Some(choice) = config.get("toolChoice") {
            union(choice, "toolChoice", &["auto", "any", "tool"])?;
        }
    }
    for (index, block) in
        body.get("system").map(|system| list(system, "system")).transpose()?.into_iter().flatten().enumerate()
    {
        let at = format!("system.{index}");
        match union(block, &at, &["text", "cachePoint"])? {
            ("cachePoint", _) if index == 0 => return Err(format!("{at}: nothing before the point")),
            ("cachePoint", value) => point(value, &at)?,
            (_, value) => words(value, &at)?,
        }
    }
    let mut turns = Vec::new();
    for (index, message) in list(&body["messages"], "messages")?.iter().enumerate() {
        let at = format!("messages.{index}");
        let message = object(message, &at, &["role!", "content!"])?;
        one_of(&message["role"], &at, &["user", "assistant"])?;
        let is_user = message["role"] == "user";
        let (mut calls, mut results, mut others) = (Vec::new(), Vec::new(), false);
        let (mut documents, mut has_words) = (0, false);
        let content = list(&message["content"], &at)?;
        if content.is_empty() {
            return Err(format!("{at}: content is empty"));
        }
        for (number, block) in content.iter().enumerate() {
            let at = format!("{at}.content.{number}");
            let kinds = ["text", "image", "document", "toolUse", "toolResult", "reasoningContent", "cachePoint"];
            let (kind, value) = union(block, &at, &kinds)?;
            match kind {
                "text" => {
                    words(value, &at)?;
                    has_words = true;
                }
                "toolUse" => {
                    let one = object(value, &at, &["toolUseId!", "name!", "input!"])?;
                    name(&one["toolUseId"], &at, "_-.:", 64)?;
                    one["input"].as_object().ok_or_else(|| format!("{at}: input is no object"))?;
                    calls.push(text(&one["toolUseId"], &at)?);
                }
                "toolResult" if others => return Err(format!("{at}: results must come first")),
                "toolResult" => {
                    let one = object(value, &at, &["toolUseId!", "content!", "status"])?;
                    one.get("status").map(|status| one_of(status, &at, &["success", "error"])).transpose()?;
                    for inner in list(&one["content"], &at)? {
                        match union(inner, &at, &["text", "json", "image", "document"])? {
                            ("image", value) => check_file(value, &at, &["png", "jpeg", "gif", "webp"])?,
                            ("document", value) => check_file(value, &at, DOCUMENTS)?,
                            ("json", value) if !value.is_object() => return Err(format!("{at}: json is no object")),
                            _ => {}
                        }
                    }
                    results.push(text(&one["toolUseId"], &at)?);
                }
                "reasoningContent" => match union(value, &at, &["reasoningText", "redactedContent"])? {
                    ("redactedContent", value) => base64(value, &at)?,
                    (_, value) => {
                        let value = object(value, &at, &["text!", "signature!"])?;
                        words(&value["signature"], &at)?;
                    }
                },
                "image" => check_file(value, &at, &["png", "jpeg", "gif", "webp"])?,
                "document" => {
                    check_file(value, &at, DOCUMENTS)?;
                    documents += 1;
                }
                _ => point(value, &at)?,
            }
            let is_users = matches!(kind, "toolResult" | "image" | "document");
            if (is_users && !is_user) || (matches!(kind, "toolUse" | "reasoningContent") && is_user) {
                return Err(format!("{at}: a {kind} may not stand here"));
            }
            others |= !matches!(kind, "toolResult" | "cachePoint");
        }
        if documents > 0 && !has_words {
            return Err(format!("{at}: a document without text"));
        }
        turns.push((message["role"].as_str().unwrap_or_default(), calls, results));
    }
    if points > 4 {
        return Err(format!("{points} cache points, 4 are allowed"));
    }
    let has_calls = turns.iter().any(|(_, calls, _)| !calls.is_empty());
    if has_calls && !body.contains_key("toolConfig") {
        return Err("the toolConfig field must be defined when using toolUse and toolResult content blocks".to_owned());
    }
    answered(&turns)
}

const DOCUMENTS: &[&str] = &["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"];

fn check_file(file: &Value, at: &str, formats: &[&str]) -> Checked {
    let file = object(file, at, &["format!", "name", "source!"])?;
    one_of(&file["format"], at, formats)?;
    if let Some(value) = file.get("name") {
        name(value, at, " -()[]", 200)?;
        if text(value, at)?.contains("  ") {
            return Err(format!("{at}: more than one blank in a row"));
        }
    }
    let (_, bytes) = union(&file["source"], at, &["bytes"])?;
    base64(bytes, at)
}
