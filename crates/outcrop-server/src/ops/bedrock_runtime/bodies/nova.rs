//! Amazon's Nova, which speaks nearly Converse.

use super::{Answered, Pieces, Said, malformed, typed};
use crate::errors::OpResult;
use crate::ops::bedrock_runtime::events::ConverseEvents;
use crate::ops::bedrock_runtime::reply::{self, Shown};
use crate::ops::bedrock_runtime::stream::{Event, Events};
use outcrop_api::bedrock_runtime as api;
use outcrop_ports::{Delta, ModelReply, Usage};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    schema_version: Option<String>,
    messages: Vec<api::Message>,
    system: Option<Vec<api::SystemContentBlock>>,
    inference_config: Option<Config>,
    tool_config: Option<api::ToolConfiguration>,
}

/// Both spellings are met in AWS's own samples.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    #[serde(alias = "max_new_tokens")]
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    #[serde(alias = "top_p")]
    top_p: Option<f64>,
    #[serde(alias = "top_k")]
    top_k: Option<u32>,
    #[serde(alias = "stop_sequences")]
    stop_sequences: Option<Vec<String>>,
}

/// Reads a body.
pub(super) fn read(document: Value) -> OpResult<Said> {
    let body: Body = typed(document)?;
    if body.schema_version.as_deref().is_some_and(|version| version != "messages-v1") {
        return Err(malformed("#/schemaVersion: only messages-v1 is known"));
    }
    let config = body.inference_config.unwrap_or_default();
    let request = api::ConverseRequest {
        messages: Some(body.messages),
        system: body.system,
        tool_config: body.tool_config,
        inference_config: Some(api::InferenceConfiguration {
            max_tokens: config.max_tokens.map(i64::from),
            temperature: config.temperature,
            top_p: config.top_p,
            stop_sequences: config.stop_sequences,
        }),
        ..api::ConverseRequest::default()
    };
    Ok(Said { request, top_k: config.top_k })
}

/// The whole answer.
pub(super) fn answer(reply: ModelReply) -> Value {
    json!({
        "stopReason": reply::stop_reason(reply.stop_reason), "usage": usage(&reply.usage),
        "output": {"message": reply::message(reply)},
    })
}

fn usage(usage: &Usage) -> Value {
    json!({
        "inputTokens": usage.input_tokens, "outputTokens": usage.output_tokens,
        "totalTokens": usage.total_input_tokens().saturating_add(usage.output_tokens),
        "cacheReadInputTokenCount": usage.cache_read_input_tokens,
        "cacheWriteInputTokenCount": usage.cache_write_input_tokens,
    })
}

/// Writes Nova's stream: the events of ConverseStream, each under its name.
pub(super) struct Stream(ConverseEvents);

impl Default for Stream {
    fn default() -> Self {
        Self(ConverseEvents::new(Shown::default()))
    }
}

impl Stream {
    fn documents(events: Vec<Event>) -> Vec<Value> {
        let document = |(name, payload): Event| {
            let payload: Value = serde_json::from_slice(&payload).ok()?;
            Some(Value::Object(Map::from_iter([(name.to_owned(), payload)])))
        };
        events.into_iter().filter_map(document).collect()
    }
}

impl Pieces for Stream {
    fn begin(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        self.0.begin(&mut events);
        Self::documents(events)
    }

    fn delta(&mut self, delta: Delta) -> Vec<Value> {
        let mut events = Vec::new();
        self.0.delta(delta, &mut events);
        Self::documents(events)
    }

    fn end(&mut self, answered: &Answered) -> Vec<Value> {
        let mut events = Vec::new();
        self.0.end(answered, &mut events);
        let mut documents = Self::documents(events);
        if let Some(last) = documents.last_mut() {
            last["metadata"] = json!({"usage": usage(&answered.reply.usage), "metrics": {}, "trace": {}});
        }
        documents
    }
}
