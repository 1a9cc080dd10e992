//! A model's reply as its own family writes it: what `rawResponse` shows and what parsers are sent.
//!
//! On the service this is the bare completion of older models, Anthropic's message as JSON for newer ones of theirs, and
//! Converse's answer as JSON for all others. Parsers in circulation are written for one of the three, so the model's id
//! decides, whoever serves it.

use super::calls_in_text;
use outcrop_ports::{ContentBlock, ModelReply, StopReason, Usage};
use serde_json::{Value, json};

/// Models whose replies the service shows as bare text.
const COMPLETIONS: [&str; 6] = [
    "anthropic.claude-v2",
    "anthropic.claude-instant",
    "anthropic.claude-3-sonnet",
    "anthropic.claude-3-haiku",
    "anthropic.claude-3-opus",
    "amazon.titan",
];

/// The reply as text.
pub(super) fn response(model_id: &str, reply: &ModelReply) -> String {
    if COMPLETIONS.iter().any(|family| model_id.contains(family)) {
        completion(reply)
    } else if model_id.contains("anthropic.claude") {
        anthropic(model_id, reply).to_string()
    } else {
        converse(reply).to_string()
    }
}

fn completion(reply: &ModelReply) -> String {
    let mut text = String::new();
    for block in &reply.message.content {
        match block {
            ContentBlock::Text(words) => text.push_str(words),
            ContentBlock::ReasoningContent(reasoning) => {
                text.push_str(&format!("<thinking>{}</thinking>\n", reasoning.text));
            }
            ContentBlock::ToolUse(tool_use) => text.push_str(&calls_in_text::write(tool_use)),
            ContentBlock::ToolResult(_) | ContentBlock::Document(_) | ContentBlock::Image(_) => {}
        }
    }
    text
}

fn anthropic(model_id: &str, reply: &ModelReply) -> Value {
    let content: Vec<Value> = reply
        .message
        .content
        .iter()
        .filter_map(|block| match block {
            ContentBlock::Text(text) => Some(json!({"type": "text", "text": text})),
            ContentBlock::ToolUse(one) => {
                Some(json!({"type": "tool_use", "id": one.tool_use_id, "name": one.name, "input": one.input}))
            }
            ContentBlock::ReasoningContent(one) => Some(match &one.redacted {
                Some(data) => json!({"type": "redacted_thinking", "data": data}),
                None => json!({"type": "thinking", "thinking": one.text, "signature": one.signature}),
            }),
            ContentBlock::ToolResult(_) | ContentBlock::Document(_) | ContentBlock::Image(_) => None,
        })
        .collect();
    let stop_reason = match reply.stop_reason {
        StopReason::ContentFiltered => json!("refusal"),
        other => json!(other),
    };
    json!({
        "type": "message",
        "role": "assistant",
        "model": model_id.rsplit("anthropic.").next().unwrap_or(model_id),
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
        "usage": {
            "input_tokens": reply.usage.input_tokens,
            "output_tokens": reply.usage.output_tokens,
            "cache_read_input_tokens": reply.usage.cache_read_input_tokens,
            "cache_creation_input_tokens": reply.usage.cache_write_input_tokens,
        },
    })
}

fn converse(reply: &ModelReply) -> Value {
    json!({"output": {"message": reply.message}, "stopReason": reply.stop_reason, "usage": usage(&reply.usage)})
}

/// Converse's form, which also has the sum.
fn usage(usage: &Usage) -> Value {
    let mut form = json!(usage);
    form["totalTokens"] = json!(usage.input_tokens + usage.output_tokens);
    form
}
