//! An answer, whole or streamed.

use super::ORIGIN;
use crate::blocks::{Blocks, read};
use crate::failure;
use crate::sse::SseReader;
use crate::upstream::AnswerReader;
use outcrop_ports::{Delta, Message, ModelError, ModelErrorKind, ModelReply, ModelRequest, Role, StopReason, Usage};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct WireMessage {
    content: Vec<WireBlock>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    usage: WireUsage,
}

/// A block of an answer; what is not known is passed over, as Anthropic asks of its clients.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireBlock {
    Text {
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        input: Value,
    },
    Thinking {
        thinking: String,
        #[serde(default)]
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    #[serde(other)]
    Other,
}

/// Counts of a message. In a stream they come in two parts, the second of which is the whole so far.
#[derive(Clone, Copy, Default, Deserialize)]
struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<WireCacheCreation>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct WireCacheCreation {
    ephemeral_1h_input_tokens: Option<u64>,
}

impl WireUsage {
    fn then(self, later: Self) -> Self {
        Self {
            input_tokens: later.input_tokens.or(self.input_tokens),
            output_tokens: later.output_tokens.or(self.output_tokens),
            cache_read_input_tokens: later.cache_read_input_tokens.or(self.cache_read_input_tokens),
            cache_creation_input_tokens: later.cache_creation_input_tokens.or(self.cache_creation_input_tokens),
            cache_creation: later.cache_creation.or(self.cache_creation),
        }
    }
}

impl From<WireUsage> for Usage {
    /// Input tokens are those behind the last point of the cache: cached ones are not among them.
    fn from(wire: WireUsage) -> Self {
        Self {
            input_tokens: wire.input_tokens.unwrap_or_default(),
            output_tokens: wire.output_tokens.unwrap_or_default(),
            cache_read_input_tokens: wire.cache_read_input_tokens.unwrap_or_default(),
            cache_write_input_tokens: wire.cache_creation_input_tokens.unwrap_or_default(),
            cache_write_hour_input_tokens: wire
                .cache_creation
                .and_then(|created| created.ephemeral_1h_input_tokens)
                .unwrap_or_default(),
        }
    }
}

/// Reads a whole answer.
pub(super) fn decode(body: &[u8], request: &ModelRequest) -> Result<ModelReply, ModelError> {
    let message: WireMessage = read(body, "the answer")?;
    let mut answer = Answer::new(request);
    let mut deltas = Vec::new();
    for (index, block) in (0..).zip(message.content) {
        answer.begin(index, block, &mut deltas)?;
    }
    answer.usage = message.usage;
    answer.stop_reason = message.stop_reason;
    answer.stop_sequence = message.stop_sequence;
    answer.into_reply()
}

struct Answer<'a> {
    blocks: Blocks<'a>,
    usage: WireUsage,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
}

impl<'a> Answer<'a> {
    fn new(request: &'a ModelRequest) -> Self {
        let blocks = Blocks::new(request, ORIGIN, "toolu_");
        Self { blocks, usage: WireUsage::default(), stop_reason: None, stop_sequence: None }
    }

    /// A block as it stands in a whole answer, or begins in a stream.
    fn begin(&mut self, index: u64, block: WireBlock, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        match block {
            WireBlock::Text { text } => self.blocks.text(index, &text, deltas),
            WireBlock::Thinking { thinking, signature } => {
                self.blocks.thinking(index, &thinking, deltas)?;
                self.blocks.seal(index, &signature)
            }
            WireBlock::RedactedThinking { data } => self.blocks.secret(index, &data),
            WireBlock::ToolUse { id, name, input } => self.blocks.call(index, &id, &name, Some(input), deltas),
            WireBlock::Other => Ok(()),
        }
    }

    fn into_reply(self) -> Result<ModelReply, ModelError> {
        let stop_reason = match self.stop_reason.as_deref() {
            Some("max_tokens") => StopReason::MaxTokens,
            Some("stop_sequence") => StopReason::StopSequence,
            Some("refusal") => StopReason::ContentFiltered,
            Some("model_context_window_exceeded") => StopReason::ModelContextWindowExceeded,
            Some("tool_use") => StopReason::ToolUse,
            Some(_) if self.blocks.has_calls() => StopReason::ToolUse,
            Some(_) => StopReason::EndTurn,
            None => return Err(ModelError::new(ModelErrorKind::BadReply, "the answer does not say why it ended")),
        };
        let message = Message { role: Role::Assistant, content: self.blocks.into_content() };
        let mut reply = ModelReply::new(message, stop_reason, self.usage.into());
        reply.stop_sequence = self.stop_sequence;
        Ok(reply)
    }
}

/// Puts the events of a stream together.
pub(super) struct StreamReader<'a> {
    events: SseReader,
    pieces: Pieces<'a>,
}

struct Pieces<'a> {
    answer: Answer<'a>,
    /// Blocks that are not known; their pieces are passed over.
    others: Vec<u64>,
    done: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockStart {
        index: u64,
        content_block: WireBlock,
    },
    ContentBlockDelta {
        index: u64,
        delta: Piece,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        delta: End,
        usage: Option<WireUsage>,
    },
    MessageStop,
    Error {
        error: WireError,
    },
    /// Pings, and what is newer.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece {
    TextDelta {
        text: String,
    },
    InputJsonDelta {
        partial_json: String,
    },
    ThinkingDelta {
        thinking: String,
    },
    SignatureDelta {
        signature: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct End {
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
}

#[derive(Deserialize)]
struct WireError {
    r#type: Option<String>,
    #[serde(default)]
    message: String,
}

impl<'a> StreamReader<'a> {
    pub(super) fn new(request: &'a ModelRequest) -> Self {
        let pieces = Pieces { answer: Answer::new(request), others: Vec::new(), done: false };
        Self { events: SseReader::default(), pieces }
    }
}

impl AnswerReader for StreamReader<'_> {
    fn push(&mut self, bytes: &[u8], deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let Self { events, pieces } = self;
        events.push(bytes, &mut |data| pieces.take(data, deltas))
    }

    fn end(&mut self, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let Self { events, pieces } = self;
        events.finish(&mut |data| pieces.take(data, deltas))?;
        if !pieces.done {
            return Err(ModelError::new(ModelErrorKind::Unavailable, "the stream broke off"));
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.pieces.done
    }

    fn finish(self) -> Result<ModelReply, ModelError> {
        self.pieces.answer.into_reply()
    }
}

impl Pieces<'_> {
    fn take(&mut self, data: &[u8], deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        if self.done || data.trim_ascii().is_empty() {
            return Ok(());
        }
        let answer = &mut self.answer;
        match read(data, "a piece of the stream")? {
            Event::MessageStart { message } => answer.usage = answer.usage.then(message.usage.unwrap_or_default()),
            Event::ContentBlockStart { index, content_block } => match content_block {
                WireBlock::Other => self.others.push(index),
                // Arguments come in pieces; what stands here is an empty object.
                WireBlock::ToolUse { id, name, .. } => answer.blocks.call(index, &id, &name, None, deltas)?,
                block => answer.begin(index, block, deltas)?,
            },
            Event::ContentBlockDelta { index, .. } if self.others.contains(&index) => {}
            Event::ContentBlockDelta { index, delta } => match delta {
                Piece::TextDelta { text } => answer.blocks.text(index, &text, deltas)?,
                Piece::InputJsonDelta { partial_json } => answer.blocks.arguments(index, &partial_json, deltas)?,
                Piece::ThinkingDelta { thinking } => answer.blocks.thinking(index, &thinking, deltas)?,
                Piece::SignatureDelta { signature } => answer.blocks.seal(index, &signature)?,
                Piece::Other => {}
            },
            Event::ContentBlockStop { index } => answer.blocks.close(index, deltas),
            Event::MessageDelta { delta, usage } => {
                answer.stop_reason = delta.stop_reason.or(answer.stop_reason.take());
                answer.stop_sequence = delta.stop_sequence.or(answer.stop_sequence.take());
                answer.usage = answer.usage.then(usage.unwrap_or_default());
            }
            Event::MessageStop => self.done = true,
            Event::Error { error } => {
                return Err(failure::of_name(error.r#type.as_deref().unwrap_or("error"), &error.message));
            }
            Event::Other => {}
        }
        Ok(())
    }
}
