//! Meta's Llama: a prompt in the marks of its chat template.

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
    max_gen_len: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
}

/// Reads a body.
pub(super) fn read(document: Value) -> OpResult<Said> {
    let body: Body = typed(document)?;
    let (system, messages) = prompt::read(&body.prompt);
    let mut request = of_text(system, messages);
    request.inference_config = Some(api::InferenceConfiguration {
        // The service's default.
        max_tokens: Some(i64::from(body.max_gen_len.unwrap_or(512))),
        temperature: body.temperature,
        top_p: body.top_p,
        stop_sequences: None,
    });
    Ok(Said { request, top_k: None })
}

/// The whole answer.
pub(super) fn answer(reply: &ModelReply) -> Value {
    json!({
        "generation": text_of(reply), "prompt_token_count": reply.usage.total_input_tokens(),
        "generation_token_count": reply.usage.output_tokens, "stop_reason": stop_reason(reply.stop_reason),
    })
}

fn stop_reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => "length",
        _ => "stop",
    }
}

/// Writes Llama's stream.
#[derive(Default)]
pub(super) struct Stream {
    pieces: u64,
}

impl Pieces for Stream {
    fn delta(&mut self, delta: Delta) -> Vec<Value> {
        let Some(text) = text_piece(delta) else { return Vec::new() };
        self.pieces += 1;
        vec![json!({
            "generation": text, "prompt_token_count": null, "generation_token_count": self.pieces, "stop_reason": null,
        })]
    }

    fn end(&mut self, answered: &Answered) -> Vec<Value> {
        let reply = &answered.reply;
        vec![json!({
            "generation": "", "prompt_token_count": reply.usage.total_input_tokens(),
            "generation_token_count": reply.usage.output_tokens, "stop_reason": stop_reason(reply.stop_reason),
        })]
    }
}
