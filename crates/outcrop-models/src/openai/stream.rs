//! A streamed answer: pieces in, deltas out, the whole at the end.

use super::reply::{Answer, Call, Said, WireCall, WireUsage, Words};
use crate::failure;
use crate::sse::SseReader;
use crate::upstream::AnswerReader;
use outcrop_ports::{Delta, ModelError, ModelErrorKind, ModelReply, ModelRequest};
use serde::Deserialize;
use serde_json::Value;

/// Most tool calls of one answer; more is a model that went astray.
const CALLS_MAX: usize = 256;

/// Puts the pieces of a stream together.
pub(super) struct StreamReader<'a> {
    events: SseReader,
    pieces: Pieces<'a>,
}

impl<'a> StreamReader<'a> {
    pub(super) fn new(request: &'a ModelRequest) -> Self {
        let pieces = Pieces { answer: Answer::new(request), numbers: Vec::new(), done: false };
        Self { events: SseReader::default(), pieces }
    }
}

impl AnswerReader for StreamReader<'_> {
    /// Takes the next bytes, however the network cut them, and appends the deltas that they complete; those made
    /// before an error are appended, too.
    fn push(&mut self, bytes: &[u8], deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let Self { events, pieces } = self;
        events.push(bytes, &mut |data| pieces.take(data, deltas))
    }

    /// The body has ended: an event that lacks its blank line still counts, and a stream that never said why it ended
    /// broke off.
    fn end(&mut self, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let Self { events, pieces } = self;
        events.finish(&mut |data| pieces.take(data, deltas))?;
        if !pieces.done && pieces.answer.finish.is_none() {
            return Err(ModelError::new(ModelErrorKind::Unavailable, "the stream broke off"));
        }
        pieces.done = true;
        Ok(())
    }

    /// Whether nothing more is to come.
    fn is_done(&self) -> bool {
        self.pieces.done
    }

    /// The whole answer.
    fn finish(self) -> Result<ModelReply, ModelError> {
        self.pieces.answer.into_reply()
    }
}

struct Pieces<'a> {
    answer: Answer<'a>,
    /// The endpoint's number of each call, beside `answer.calls`.
    numbers: Vec<Option<u64>>,
    done: bool,
}

#[derive(Deserialize)]
struct Piece {
    choices: Option<Vec<PieceChoice>>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct PieceChoice {
    index: Option<u64>,
    delta: Option<Said>,
    finish_reason: Option<String>,
    stop_reason: Option<Words>,
}

impl Pieces<'_> {
    fn take(&mut self, data: &[u8], deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let data = data.trim_ascii();
        if self.done || data.is_empty() {
            return Ok(());
        }
        if data == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let piece: Piece = serde_json::from_slice(data).map_err(|error| {
            ModelError::new(ModelErrorKind::BadReply, format!("cannot read a piece of the stream: {error}"))
        })?;
        if let Some(error) = &piece.error {
            return Err(failure::from_error_member(error));
        }
        self.answer.usage = piece.usage.or(self.answer.usage);
        // Only one choice is asked for; were there others, their words must not be mixed into it.
        for choice in piece.choices.into_iter().flatten().filter(|choice| choice.index.unwrap_or(0) == 0) {
            self.take_choice(choice, deltas)?;
        }
        Ok(())
    }

    fn take_choice(&mut self, choice: PieceChoice, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        if let Some(said) = choice.delta {
            if let Some(thinking) = said.thinking() {
                self.answer.reasoning.push_str(&thinking);
                deltas.push(Delta::Reasoning(thinking));
            }
            for words in [said.content, said.refusal].into_iter().flatten().filter(|words| !words.0.is_empty()) {
                self.answer.text.push_str(&words.0);
                deltas.push(Delta::Text(words.0));
            }
            for call in said.tool_calls.into_iter().flatten() {
                self.take_call(call, deltas)?;
            }
        }
        self.answer.stopped_at_text |= choice.stop_reason.is_some_and(|at| !at.0.is_empty());
        if choice.finish_reason.as_ref().is_some_and(|reason| !reason.is_empty()) {
            self.answer.finish = choice.finish_reason;
        }
        Ok(())
    }

    fn take_call(&mut self, piece: WireCall, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let id = piece.id.unwrap_or_default();
        let function = piece.function.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        let at = match self.continued(piece.index, &id, &name) {
            Some(at) => at,
            None if self.answer.calls.len() < CALLS_MAX => {
                let tool_use_id = self.answer.next_id(&id);
                self.answer.calls.push(Call { id: id.clone(), tool_use_id, ..Call::default() });
                self.numbers.push(piece.index);
                self.answer.calls.len() - 1
            }
            None => {
                let message = format!("the model asked for more than {CALLS_MAX} tools at once");
                return Err(ModelError::new(ModelErrorKind::BadReply, message));
            }
        };
        let call = &mut self.answer.calls[at];
        if call.id.is_empty() {
            call.id = id;
        }
        let mut more = function.arguments.unwrap_or_default().0;
        call.arguments.push_str(&more);
        // Some servers repeat the name with every piece.
        if !name.is_empty() && call.name != name {
            let begins = call.name.is_empty();
            call.name.push_str(&name);
            if begins {
                deltas.push(Delta::ToolUseStarted { tool_use_id: call.tool_use_id.clone(), name });
                more.clone_from(&call.arguments);
            }
        }
        if !more.is_empty() && !call.name.is_empty() {
            deltas.push(Delta::ToolUseInput { tool_use_id: call.tool_use_id.clone(), json: more });
        }
        Ok(())
    }

    /// Which call a piece continues: the last of its number, unless the piece carries another id (some servers give
    /// every call the number 0). Without a number it is the call of the same id, or the last one when the piece
    /// names neither an id nor a tool.
    fn continued(&self, number: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let calls = &self.answer.calls;
        let same_id = |at: &usize| id.is_empty() || calls[*at].id.is_empty() || calls[*at].id == id;
        match number {
            Some(_) => self.numbers.iter().rposition(|known| *known == number).filter(same_id),
            None if !id.is_empty() => calls.iter().rposition(|call| call.id == id),
            None if name.is_empty() => calls.len().checked_sub(1),
            None => None,
        }
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
