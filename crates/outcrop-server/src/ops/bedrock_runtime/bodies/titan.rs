//! Amazon's Titan text models.

use super::{Answered, Pieces, Said, of_text, text_of, text_piece, typed};
use crate::errors::OpResult;
use outcrop_api::bedrock_runtime as api;
use outcrop_ports::{Delta, ModelReply, StopReason};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    input_text: String,
    #[serde(default)]
    text_generation_config: Config,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_token_count: Option<u32>,
    stop_sequences: Option<Vec<String>>,
}

/// Reads a body.
pub(super) fn read(document: Value) -> OpResult<Said> {
    let body: Body = typed(document)?;
    let config = body.text_generation_config;
    let mut request = of_text(Vec::new(), vec![(api::ConversationRole::User, body.input_text)]);
    request.inference_config = Some(api::InferenceConfiguration {
        // The service's default.
        max_tokens: Some(i64::from(config.max_token_count.unwrap_or(512))),
        temperature: config.temperature,
        top_p: config.top_p,
        stop_sequences: config.stop_sequences,
    });
    Ok(Said { request, top_k: None })
}

/// The whole answer.
pub(super) fn answer(reply: &ModelReply) -> Value {
    let result = json!({
        "tokenCount": reply.usage.output_tokens, "outputText": text_of(reply),
        "completionReason": completion_reason(reply.stop_reason),
    });
    json!({"inputTextTokenCount": reply.usage.total_input_tokens(), "results": [result]})
}

fn completion_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => "LENGTH",
        StopReason::StopSequence => "STOP_CRITERIA_MET",
        StopReason::ContentFiltered | StopReason::GuardrailIntervened => "CONTENT_FILTERED",
        _ => "FINISH",
    }
}

/// Writes Titan's stream.
pub(super) struct Stream;

impl Pieces for Stream {
    fn delta(&mut self, delta: Delta) -> Vec<Value> {
        let piece = |text: String| {
            json!({
                "outputText": text, "index": 0, "totalOutputTextTokenCount": null, "completionReason": null,
                "inputTextTokenCount": null,
            })
        };
        text_piece(delta).map(piece).into_iter().collect()
    }

    fn end(&mut self, answered: &Answered) -> Vec<Value> {
        let reply = &answered.reply;
        vec![json!({
            "outputText": "", "index": 0, "totalOutputTextTokenCount": reply.usage.output_tokens,
            "completionReason": completion_reason(reply.stop_reason),
            "inputTextTokenCount": reply.usage.total_input_tokens(),
        })]
    }
}
