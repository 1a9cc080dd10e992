//! Blocks of an answer put together from pieces, for providers that number them.

use crate::arguments;
use crate::tool_use_ids::ToolUseIds;
use outcrop_ports::{ContentBlock, Delta, ModelError, ModelErrorKind, ModelRequest, Reasoning, ToolUse};
use serde_json::Value;

/// Most blocks of one answer; more is a model that went astray.
const BLOCKS_MAX: usize = 1_024;

/// The blocks so far.
pub(crate) struct Blocks<'a> {
    request: &'a ModelRequest,
    /// Whose the seals on thinking are.
    origin: &'static str,
    /// What made-up ids of tool uses begin with.
    prefix: &'static str,
    ids: Option<ToolUseIds>,
    /// The provider's number of each block, in order of appearance.
    parts: Vec<(u64, Part)>,
}

enum Part {
    Text(String),
    Thinking { reasoning: Reasoning, closed: bool },
    Call { tool_use_id: String, name: String, json: String, whole: Option<Value> },
}

impl<'a> Blocks<'a> {
    pub(crate) fn new(request: &'a ModelRequest, origin: &'static str, prefix: &'static str) -> Self {
        Self { request, origin, prefix, ids: None, parts: Vec::new() }
    }

    /// Whether any tool is used.
    pub(crate) fn has_calls(&self) -> bool {
        self.parts.iter().any(|(_, part)| matches!(part, Part::Call { .. }))
    }

    /// More text of a block.
    pub(crate) fn text(&mut self, index: u64, more: &str, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let Part::Text(text) = self.part(index, || Part::Text(String::new()))? else { return Err(mixed(index)) };
        text.push_str(more);
        if !more.is_empty() {
            deltas.push(Delta::Text(more.to_owned()));
        }
        Ok(())
    }

    /// More thinking of a block.
    pub(crate) fn thinking(&mut self, index: u64, more: &str, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        self.reasoning(index)?.text.push_str(more);
        if !more.is_empty() {
            deltas.push(Delta::Reasoning(more.to_owned()));
        }
        Ok(())
    }

    /// More of the seal on a block's thinking.
    pub(crate) fn seal(&mut self, index: u64, more: &str) -> Result<(), ModelError> {
        if !more.is_empty() {
            self.reasoning(index)?.signature.get_or_insert_default().push_str(more);
        }
        Ok(())
    }

    /// More of a block's thinking that only the provider can read.
    pub(crate) fn secret(&mut self, index: u64, more: &str) -> Result<(), ModelError> {
        self.reasoning(index)?.redacted.get_or_insert_default().push_str(more);
        Ok(())
    }

    /// A tool use begins, maybe with its arguments.
    pub(crate) fn call(
        &mut self,
        index: u64,
        id: &str,
        name: &str,
        whole: Option<Value>,
        deltas: &mut Vec<Delta>,
    ) -> Result<(), ModelError> {
        let (request, prefix) = (self.request, self.prefix);
        let ids = self.ids.get_or_insert_with(|| ToolUseIds::new(prefix, &request.messages));
        let tool_use_id = ids.next(id);
        // An empty name could not be sent back later; this one is refused by the planner in words the model can read.
        let name = if name.is_empty() { "unnamed" } else { name }.to_owned();
        deltas.push(Delta::ToolUseStarted { tool_use_id: tool_use_id.clone(), name: name.clone() });
        if let Some(input) = &whole {
            deltas.push(Delta::ToolUseInput { tool_use_id: tool_use_id.clone(), json: input.to_string() });
        }
        self.push(index, Part::Call { tool_use_id, name, json: String::new(), whole })
    }

    /// More of the arguments of a block's tool use.
    pub(crate) fn arguments(&mut self, index: u64, more: &str, deltas: &mut Vec<Delta>) -> Result<(), ModelError> {
        let at = self.parts.iter().rposition(|(number, _)| *number == index).ok_or_else(|| mixed(index))?;
        let Part::Call { tool_use_id, json, whole, .. } = &mut self.parts[at].1 else { return Err(mixed(index)) };
        *whole = None;
        json.push_str(more);
        if !more.is_empty() {
            deltas.push(Delta::ToolUseInput { tool_use_id: tool_use_id.clone(), json: more.to_owned() });
        }
        Ok(())
    }

    /// A block ends.
    pub(crate) fn close(&mut self, index: u64, deltas: &mut Vec<Delta>) {
        let part = self.parts.iter_mut().rev().find(|(number, _)| *number == index);
        if let Some((_, Part::Thinking { reasoning, closed })) = part
            && !std::mem::replace(closed, true)
        {
            deltas.extend(reasoning.signature.clone().map(Delta::ReasoningSignature));
            deltas.extend(reasoning.redacted.clone().map(Delta::ReasoningRedacted));
        }
    }

    /// A seal on a block that is no thinking: it becomes a block of its own before that one.
    pub(crate) fn seal_before(&mut self, index: u64, signature: &str) -> Result<(), ModelError> {
        let at = self.parts.iter().rposition(|(number, _)| *number == index).unwrap_or(self.parts.len());
        let reasoning = Reasoning {
            signature: Some(signature.to_owned()),
            origin: Some(self.origin.to_owned()),
            ..Reasoning::default()
        };
        self.check_room()?;
        self.parts.insert(at, (u64::MAX, Part::Thinking { reasoning, closed: true }));
        Ok(())
    }

    /// The content of the message.
    pub(crate) fn into_content(self) -> Vec<ContentBlock> {
        let blocks = self.parts.into_iter().filter_map(|(_, part)| match part {
            // Blank text before tool calls is common, says nothing, and providers refuse it in a history.
            Part::Text(text) => (!text.trim().is_empty()).then_some(ContentBlock::Text(text)),
            Part::Thinking { reasoning, .. } => {
                let is_blank =
                    reasoning.text.is_empty() && reasoning.signature.is_none() && reasoning.redacted.is_none();
                (!is_blank).then_some(ContentBlock::ReasoningContent(reasoning))
            }
            Part::Call { tool_use_id, name, json, whole } => {
                let input = whole.unwrap_or_else(|| arguments::read(json));
                Some(ContentBlock::ToolUse(ToolUse { tool_use_id, name, input }))
            }
        });
        blocks.collect()
    }

    fn reasoning(&mut self, index: u64) -> Result<&mut Reasoning, ModelError> {
        let origin = self.origin;
        let begin = || Part::Thinking {
            reasoning: Reasoning { origin: Some(origin.to_owned()), ..Reasoning::default() },
            closed: false,
        };
        match self.part(index, begin)? {
            Part::Thinking { reasoning, .. } => Ok(reasoning),
            Part::Text(_) | Part::Call { .. } => Err(mixed(index)),
        }
    }

    fn part(&mut self, index: u64, begin: impl FnOnce() -> Part) -> Result<&mut Part, ModelError> {
        let at = match self.parts.iter().rposition(|(number, _)| *number == index) {
            Some(at) => at,
            None => {
                self.push(index, begin())?;
                self.parts.len() - 1
            }
        };
        Ok(&mut self.parts[at].1)
    }

    fn push(&mut self, index: u64, part: Part) -> Result<(), ModelError> {
        self.check_room()?;
        self.parts.push((index, part));
        Ok(())
    }

    fn check_room(&self) -> Result<(), ModelError> {
        if self.parts.len() >= BLOCKS_MAX {
            let message = format!("the answer has more than {BLOCKS_MAX} blocks");
            return Err(ModelError::new(ModelErrorKind::BadReply, message));
        }
        Ok(())
    }
}

fn mixed(index: u64) -> ModelError {
    ModelError::new(ModelErrorKind::BadReply, format!("a piece of the stream does not belong to its block {index}"))
}

/// A document of JSON, or what is wrong with it.
pub(crate) fn read<'de, T: serde::Deserialize<'de>>(json: &'de [u8], what: &str) -> Result<T, ModelError> {
    serde_json::from_slice(json)
        .map_err(|error| ModelError::new(ModelErrorKind::BadReply, format!("cannot read {what}: {error}")))
}

/// The body of a request.
pub(crate) fn write(body: &impl serde::Serialize) -> Result<Vec<u8>, ModelError> {
    serde_json::to_vec(body)
        .map_err(|error| ModelError::new(ModelErrorKind::Invalid, format!("cannot write the request: {error}")))
}

/// Refuses additional fields that would change how the answer is read.
pub(crate) fn check_reserved(request: &ModelRequest, reserved: &[&str]) -> Result<(), ModelError> {
    let fields = request.additional_fields.as_ref();
    match reserved.iter().find(|name| fields.is_some_and(|fields| fields.contains_key(**name))) {
        Some(name) => {
            let message = format!("additional request fields cannot set `{name}`");
            Err(ModelError::new(ModelErrorKind::Invalid, message))
        }
        None => Ok(()),
    }
}
