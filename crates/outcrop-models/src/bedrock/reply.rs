//! An answer, whole or streamed.

use crate::blocks::{Blocks, read};
use crate::failure;
use crate::upstream::AnswerReader;
use outcrop_ports::{Delta, Message, ModelError, ModelErrorKind, ModelReply, ModelRequest, Role, StopReason, Usage};
use outcrop_wire::event_stream::{self, Decoder};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAnswer {
    output: WireOutput,
    stop_reason: String,
    usage: WireUsage,
}

#[derive(Deserialize)]
struct WireOutput {
    message: Option<WireMessage>,
}

#[derive(Deserialize)]
struct WireMessage {
    content: Vec<WireBlock>,
}

/// A union: one member is there, or one that is not known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBlock {
    text: Option<String>,
    tool_use: Option<WireToolUse>,
    reasoning_content: Option<WireReasoning>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireToolUse {
    tool_use_id: String,
    name: String,
    input: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireReasoning {
    reasoning_text: Option<WireReasoningText>,
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
struct WireReasoningText {
    text: String,
    #[serde(default)]
    signature: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
    cache_details: Option<Vec<WireCacheDetail>>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCacheDetail {
    ttl: String,
    input_tokens: u64,
}

impl From<WireUsage> for Usage {
    /// As on Anthropic's own wire, input tokens are without the cached ones.
    fn from(wire: WireUsage) -> Self {
        let details = wire.cache_details.unwrap_or_default();
        Self {
            input_tokens: wire.input_tokens.unwrap_or_default(),
            output_tokens: wire.output_tokens.unwrap_or_default(),
            cache_read_input_tokens: wire.cache_read_input_tokens.unwrap_or_default(),
            cache_write_input_tokens: wire.cache_write_input_tokens.unwrap_or_default(),
            cache_write_hour_input_tokens: details
                .iter()
                .filter(|detail| detail.ttl == "1h")
                .map(|detail| detail.input_tokens)
                .sum(),
        }
    }
}

/// Reads a whole answer.
pub(super) fn decode(body: &[u8], request: &ModelRequest, origin: &'static str) -> Result<ModelReply, ModelError> {
    let wire: WireAnswer = read(body, "the answer")?;
    let mut blocks = Blocks::new(request, origin, "tooluse_");
    let mut deltas = Vec::new();
    for (index, block) in (0..).zip(wire.output.message.map(|message| message.content).unwrap_or_default()) {
        if let Some(text) = block.text {
            blocks.text(index, &text, &mut deltas)?;
        } else if let Some(one) = block.tool_use {
            blocks.call(index, &one.tool_use_id, &one.name, Some(one.input), &mut deltas)?;
        } else if let Some(one) = block.reasoning_content {
            if let Some(words) = one.reasoning_text {
                blocks.thinking(index, &words.text, &mut deltas)?;
                blocks.seal(index, &words.signature)?;
            }
            if let Some(secret) = one.redacted_content {
                blocks.secret(index, &secret)?;
            }
        }
    }
    reply(blocks, &wire.stop_reason, wire.usage)
}

fn reply(blocks: Blocks<'_>, stop_reason: &str, usage: WireUsage) -> Result<ModelReply, ModelError> {
    let stop_reason = match stop_reason {
        "max_tokens" => StopReason::MaxTokens,
        "stop_sequence" => StopReason::StopSequence,
        "content_filtered" => StopReason::ContentFiltered,
        "guardrail_intervened" => StopReason::GuardrailIntervened,
        "model_context_window_exceeded" => StopReason::ModelContextWindowExceeded,
        "malformed_model_output" => StopReason::MalformedModelOutput,
        "malformed_tool_use" => StopReason::MalformedToolUse,
        _ if blocks.has_calls() => StopReason::ToolUse,
        _ => StopReason::EndTurn,
    };
    let message = Message { role: Role::Assistant, content: blocks.into_content() };
    Ok(ModelReply::new(message, stop_reason, usage.into()))
}

/// Puts the messages of a stream together.
pub(super) struct StreamReader<'a> {
    decoder: Decoder,
    blocks: Blocks<'a>,
    stop_reason: Option<String>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStart {
    content_block_index: u64,
    start: Option<StartUnion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartUnion {
    tool_use: Option<ToolUseStart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUseStart {
    tool_use_id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDelta {
    content_block_index: u64,
    delta: DeltaUnion,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeltaUnion {
    text: Option<String>,
    tool_use: Option<ToolUseInput>,
    reasoning_content: Option<ReasoningDelta>,
}

#[derive(Deserialize)]
struct ToolUseInput {
    input: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReasoningDelta {
    text: Option<String>,
    signature: Option<String>,
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStop {
    content_block_index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageStop {
    stop_reason: String,
}

#[derive(Deserialize)]
struct Metadata {
    usage: WireUsage,
}

impl<'a> StreamReader<'a> {
    pub(super) fn new(request: &'a ModelRequest, origin: &'static str) -> Self {
        let blocks = Blocks::new(request, origin, "tooluse_");
        Self { decoder: Decoder::default(), blocks, stop_reason: None, usage: None }
    }

    fn take(&mut self, message: &event_stream::Message, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let header = |name: &str| message.header(name).unwrap_or_default();
        let payload: &[u8] = &message.payload;
        match header(":message-type") {
            "event" => self.event(header(":event-type"), payload, deltas),
            "exception" => Err(failure::of_name(header(":exception-type"), &words(payload))),
            "error" => Err(failure::of_name(header(":error-code"), header(":error-message"))),
            _ => Ok(()),
        }
    }

    fn event(&mut self, name: &str, payload: &[u8], deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let what = "a piece of the stream";
        match name {
            "contentBlockStart" => {
                let event: BlockStart = read(payload, what)?;
                if let Some(one) = event.start.and_then(|start| start.tool_use) {
                    self.blocks.call(event.content_block_index, &one.tool_use_id, &one.name, None, deltas)?;
                }
            }
            "contentBlockDelta" => {
                let BlockDelta { content_block_index: index, delta } = read(payload, what)?;
                if let Some(text) = delta.text {
                    self.blocks.text(index, &text, deltas)?;
                }
                if let Some(one) = delta.tool_use {
                    self.blocks.arguments(index, &one.input, deltas)?;
                }
                if let Some(one) = delta.reasoning_content {
                    if let Some(text) = one.text {
                        self.blocks.thinking(index, &text, deltas)?;
                    }
                    self.blocks.seal(index, &one.signature.unwrap_or_default())?;
                    if let Some(secret) = one.redacted_content {
                        self.blocks.secret(index, &secret)?;
                    }
                }
            }
            "contentBlockStop" => {
                let event: BlockStop = read(payload, what)?;
                self.blocks.close(event.content_block_index, deltas);
            }
            "messageStop" => self.stop_reason = Some(read::<MessageStop>(payload, what)?.stop_reason),
            "metadata" => self.usage = Some(read::<Metadata>(payload, what)?.usage),
            // Of the beginning we know the role; others are newer.
            _ => {}
        }
        Ok(())
    }
}

impl AnswerReader for StreamReader<'_> {
    fn push(&mut self, bytes: &[u8], deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        self.decoder.push(bytes);
        let broken = |error: event_stream::DecodeError| ModelError::new(ModelErrorKind::BadReply, error.to_string());
        while let Some(message) = self.decoder.next_message().map_err(broken)? {
            self.take(&message, deltas)?;
        }
        Ok(())
    }

    /// What the answer cost comes last, and an answer without it is an answer all the same.
    fn end(&mut self, _: &mut Vec<Delta>) -> Result<(), ModelError> {
        if self.stop_reason.is_none() || !self.decoder.is_empty() {
            return Err(ModelError::new(ModelErrorKind::Unavailable, "the stream broke off"));
        }
        self.usage.get_or_insert_default();
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.stop_reason.is_some() && self.usage.is_some()
    }

    fn finish(self) -> Result<ModelReply, ModelError> {
        reply(self.blocks, self.stop_reason.as_deref().unwrap_or_default(), self.usage.unwrap_or_default())
    }
}

fn words(payload: &[u8]) -> String {
    let body: Value = serde_json::from_slice(payload).unwrap_or_default();
    let member = |name: &str| body.get(name).and_then(Value::as_str);
    member("message").or_else(|| member("Message")).unwrap_or_default().to_owned()
}
