//! How many tokens a request has: one estimate for all models, put right by what the model itself reports.
//!
//! Two tokens for every seven bytes: English prose has about 4.4 bytes a token, JSON and code about 3, Chinese about 3
//! (one character). No tokenizer is asked, since each family has its own and most are not public.

use outcrop_ports::{ContentBlock, Message, ModelRequest, ToolResultContent, ToolSpec};

/// What a picture costs: about what providers count for one of a million pixels.
const IMAGE_TOKENS: u64 = 1_600;
/// What a document that is not text costs at most: nobody can say from outside how much text is in it.
const DOCUMENT_TOKENS_MAX: u64 = 20_000;
/// What a message costs beside its content.
const MESSAGE_TOKENS: u64 = 4;

/// A text's tokens, by its length.
pub(super) fn of_bytes(bytes: u64) -> u64 {
    bytes.saturating_mul(2).div_ceil(7)
}

/// The bytes of so many tokens.
pub(super) fn bytes_of(tokens: u64) -> usize {
    usize::try_from(tokens.saturating_mul(7) / 2).unwrap_or(usize::MAX)
}

pub(super) fn of_message(message: &Message) -> u64 {
    message.content.iter().map(of_block).sum::<u64>() + MESSAGE_TOKENS
}

pub(super) fn of_block(block: &ContentBlock) -> u64 {
    let of_text = |text: &str| of_bytes(text.len() as u64);
    match block {
        ContentBlock::Text(text) => of_text(text),
        ContentBlock::ReasoningContent(reasoning) => of_text(&reasoning.text),
        ContentBlock::ToolUse(tool_use) => of_text(&tool_use.name) + of_bytes(json_bytes(&tool_use.input)),
        ContentBlock::ToolResult(result) => result.content.iter().map(of_result).sum(),
        ContentBlock::Image(_) => IMAGE_TOKENS,
        ContentBlock::Document(file) if file.is_text => of_bytes(file.bytes),
        ContentBlock::Document(file) => of_bytes(file.bytes / 8).min(DOCUMENT_TOKENS_MAX),
    }
}

fn of_result(content: &ToolResultContent) -> u64 {
    match content {
        ToolResultContent::Text(text) => of_bytes(text.len() as u64),
        ToolResultContent::Json(value) => of_bytes(json_bytes(value)),
        ToolResultContent::Image(file) => of_block(&ContentBlock::Image(file.clone())),
        ToolResultContent::Document(file) => of_block(&ContentBlock::Document(file.clone())),
    }
}

/// Everything the model reads: prompt, conversation, tools.
pub fn of_request(request: &ModelRequest) -> u64 {
    let system: u64 = request.system.iter().map(|text| of_bytes(text.len() as u64)).sum();
    let messages: u64 = request.messages.iter().map(|message| of_message(message)).sum();
    system + messages + request.tools.iter().map(of_tool).sum::<u64>()
}

fn of_tool(tool: &ToolSpec) -> u64 {
    let text = tool.name.len() + tool.description.len();
    of_bytes(text as u64 + json_bytes(&tool.input_schema)) + MESSAGE_TOKENS
}

/// Length of a value as compact JSON, without writing it.
fn json_bytes(value: &serde_json::Value) -> u64 {
    use serde_json::Value as V;
    match value {
        V::Null | V::Bool(_) => 4,
        V::Number(_) => 6,
        V::String(text) => text.len() as u64 + 2,
        V::Array(items) => items.iter().map(|item| json_bytes(item) + 1).sum::<u64>() + 1,
        V::Object(members) => {
            members.iter().map(|(name, value)| name.len() as u64 + 4 + json_bytes(value)).sum::<u64>() + 1
        }
    }
}

/// What the model's own count says of the estimate, in thousandths. Kept within bounds: a provider that counts only what
/// it did not have in its cache, or nothing, must not lead far astray.
pub(super) fn correction(estimated: u64, reported: u64) -> Option<u32> {
    if estimated == 0 || reported == 0 {
        return None;
    }
    let thousandths = reported.saturating_mul(1_000) / estimated;
    Some(u32::try_from(thousandths).unwrap_or(u32::MAX).clamp(500, 3_000))
}
