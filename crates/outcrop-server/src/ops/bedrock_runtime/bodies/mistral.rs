//! Mistral's text completion: a prompt in `[INST] … [/INST]`.

use super::{Answered, Pieces, Said, of_text, prompt, text_of, text_piece, typed};
use crate::errors::OpResult;
use outcrop_api::bedrock_runtime as api;
use outcrop_ports::{Delta, ModelReply, StopReason};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    prompt: String,
    max_tokens: Option<u32>,
    stop: Option<Vec<String>>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u32>,
}

/// Reads a body.
pub(super) fn read(document: Value) -> OpResult<Said> {
    let body: Body = typed(document)?;
    let (system, messages) = prompt::read(&body.prompt);
    let mut request = of_text(system, messages);
    request.inference_config = Some(api::InferenceConfiguration {
        max_tokens: Some(i64::from(body.max_tokens.unwrap_or(512))),
        temperature: body.temperature,
        top_p: body.top_p,
        stop_sequences: body.stop,
    });
    Ok(Said { request, top_k: body.top_k })
}

/// The whole answer.
pub(super) fn answer(reply: &ModelReply) -> Value {
    json!({"outputs": [{"text": text_of(reply), "stop_reason": stop_reason(reply.stop_reason)}]})
}

fn stop_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => "length",
        _ => "stop",
    }
}

/// Writes Mistral's stream.
pub(super) struct Stream;

impl Pieces for Stream {
    fn delta(&mut self, delta: Delta) -> Vec<Value> {
        let piece = |text: String| json!({"outputs": [{"text": text, "stop_reason": null}]});
        text_piece(delta).map(piece).into_iter().collect()
    }

    fn end(&mut self, answered: &Answered) -> Vec<Value> {
        vec![json!({"outputs": [{"text": "", "stop_reason": stop_reason(answered.reply.stop_reason)}]})]
    }
}
