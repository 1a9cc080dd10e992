//! An answer, whole or streamed: a stream is a row of answers, each with further parts.

use super::ORIGIN;
use crate::blocks::{Blocks, read};
use crate::failure;
use crate::sse::SseReader;
use crate::upstream::AnswerReader;
use outcrop_ports::{Delta, Message, ModelError, ModelErrorKind, ModelReply, ModelRequest, Role, StopReason, Usage};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    candidates: Option<Vec<Candidate>>,
    usage_metadata: Option<WireUsage>,
    prompt_feedback: Option<Feedback>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
    finish_message: Option<String>,
    index: Option<u64>,
}

#[derive(Deserialize)]
struct Content {
    parts: Option<Vec<Part>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    #[serde(default)]
    thought: bool,
    thought_signature: Option<String>,
    function_call: Option<FunctionCall>,
}

#[derive(Deserialize)]
struct FunctionCall {
    id: Option<String>,
    name: String,
    args: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireUsage {
    prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
}

impl From<WireUsage> for Usage {
    /// Cached tokens are counted among those of the prompt, and thoughts are not among those of the answer.
    fn from(wire: WireUsage) -> Self {
        let cached = wire.cached_content_token_count.unwrap_or_default();
        let prompt = wire.prompt_token_count.unwrap_or_default() + wire.tool_use_prompt_token_count.unwrap_or_default();
        Self {
            input_tokens: prompt.saturating_sub(cached),
            output_tokens: wire.candidates_token_count.unwrap_or_default()
                + wire.thoughts_token_count.unwrap_or_default(),
            cache_read_input_tokens: cached,
            ..Self::default()
        }
    }
}

/// Reads a whole answer.
pub(super) fn decode(body: &[u8], request: &ModelRequest) -> Result<ModelReply, ModelError> {
    let mut reader = Pieces::new(request);
    reader.take(read(body, "the answer")?, &mut Vec::new())?;
    reader.into_reply()
}

struct Pieces<'a> {
    blocks: Blocks<'a>,
    /// Number of the block that grows, and of what kind it is.
    index: u64,
    kind: Kind,
    finish: Option<String>,
    finish_message: Option<String>,
    blocked: Option<String>,
    usage: WireUsage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Nothing,
    Text,
    Thought,
    Call,
}

impl<'a> Pieces<'a> {
    fn new(request: &'a ModelRequest) -> Self {
        Self {
            blocks: Blocks::new(request, ORIGIN, "call_"),
            index: 0,
            kind: Kind::Nothing,
            finish: None,
            finish_message: None,
            blocked: None,
            usage: WireUsage::default(),
        }
    }

    fn take(&mut self, answer: Answer, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        if let Some(error) = &answer.error {
            return Err(failure::from_error_member(error));
        }
        self.usage = answer.usage_metadata.unwrap_or(self.usage);
        self.blocked = answer.prompt_feedback.and_then(|feedback| feedback.block_reason).or(self.blocked.take());
        let candidates = answer.candidates.into_iter().flatten();
        for candidate in candidates.filter(|candidate| candidate.index.unwrap_or(0) == 0) {
            let content = candidate.content.and_then(|content| content.parts);
            for part in content.into_iter().flatten() {
                self.part(part, deltas)?;
            }
            self.finish = candidate.finish_reason.or(self.finish.take());
            self.finish_message = candidate.finish_message.or(self.finish_message.take());
        }
        Ok(())
    }

    fn part(&mut self, part: Part, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        if let Some(call) = part.function_call {
            self.turn_to(Kind::Call, deltas);
            if let Some(signature) = &part.thought_signature {
                self.blocks.seal_before(u64::MAX - 1, signature)?;
                deltas.push(Delta::ReasoningSignature(signature.clone()));
            }
            let args = call.args.filter(|args| !args.is_null()).unwrap_or_else(|| Value::Object(Map::new()));
            return self.blocks.call(self.index, &call.id.unwrap_or_default(), &call.name, Some(args), deltas);
        }
        let Some(text) = part.text else { return Ok(()) };
        let kind = if part.thought { Kind::Thought } else { Kind::Text };
        // The signature of a streamed text may come with nothing more to say; it then seals what was said.
        if !text.is_empty() || self.kind == Kind::Nothing {
            self.turn_to(kind, deltas);
            match kind {
                Kind::Thought => self.blocks.thinking(self.index, &text, deltas)?,
                _ => self.blocks.text(self.index, &text, deltas)?,
            }
        }
        if let Some(signature) = part.thought_signature {
            match self.kind {
                Kind::Thought => self.blocks.seal(self.index, &signature)?,
                _ => self.blocks.seal_before(self.index, &signature)?,
            }
        }
        Ok(())
    }

    /// Another block begins where another kind of part does; every call is a block.
    fn turn_to(&mut self, kind: Kind, deltas: &mut Vec<Delta>) {
        if kind != self.kind || kind == Kind::Call {
            self.blocks.close(self.index, deltas);
            self.index += 1;
            self.kind = kind;
        }
    }

    fn into_reply(self) -> Result<ModelReply, ModelError> {
        let stop_reason = match (self.finish.as_deref(), self.blocked.as_deref()) {
            (None, Some(_)) => StopReason::ContentFiltered,
            (None, None) => {
                return Err(ModelError::new(ModelErrorKind::BadReply, "the answer does not say why it ended"));
            }
            (Some("MAX_TOKENS"), _) => StopReason::MaxTokens,
            (
                Some(
                    "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" | "LANGUAGE",
                ),
                _,
            ) => StopReason::ContentFiltered,
            // The model wrote a call that Google cannot read. Asked again it mostly can.
            (Some(reason @ ("MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL")), _) if !self.blocks.has_calls() => {
                let words = self.finish_message.unwrap_or_default();
                return Err(ModelError::new(ModelErrorKind::BadReply, format!("{reason} {words}").trim().to_owned()));
            }
            _ if self.blocks.has_calls() => StopReason::ToolUse,
            _ => StopReason::EndTurn,
        };
        let message = Message { role: Role::Assistant, content: self.blocks.into_content() };
        Ok(ModelReply::new(message, stop_reason, self.usage.into()))
    }
}

/// Puts the answers of a stream together.
pub(super) struct StreamReader<'a> {
    events: SseReader,
    pieces: Pieces<'a>,
    ended: bool,
}

impl<'a> StreamReader<'a> {
    pub(super) fn new(request: &'a ModelRequest) -> Self {
        Self { events: SseReader::default(), pieces: Pieces::new(request), ended: false }
    }
}

impl AnswerReader for StreamReader<'_> {
    fn push(&mut self, bytes: &[u8], deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let pieces = &mut self.pieces;
        self.events.push(bytes, &mut |data| match data.trim_ascii() {
            b"" => Ok(()),
            data => pieces.take(read(data, "a piece of the stream")?, deltas),
        })
    }

    /// There is no last event: the end of the body is the end, once a reason was given.
    fn end(&mut self, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let pieces = &mut self.pieces;
        self.events.finish(&mut |data| match data.trim_ascii() {
            b"" => Ok(()),
            data => pieces.take(read(data, "a piece of the stream")?, deltas),
        })?;
        if pieces.finish.is_none() && pieces.blocked.is_none() {
            return Err(ModelError::new(ModelErrorKind::Unavailable, "the stream broke off"));
        }
        pieces.blocks.close(pieces.index, deltas);
        self.ended = true;
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.ended
    }

    fn finish(self) -> Result<ModelReply, ModelError> {
        self.pieces.into_reply()
    }
}
