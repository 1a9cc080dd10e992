//! The pieces of an answer in the order in which the wire wants them, and what providers do not hand over in pieces.
//!
//! On the wire a block is over when the next one begins. Providers may write the arguments of several calls side by side:
//! then what belongs to a later block waits until the arguments before it are whole.

use outcrop_ports::{ContentBlock, Delta, ModelReply};
use serde::de::IgnoredAny;

/// Puts pieces in order, and knows what of an answer was shown.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Blocks that were begun.
    blocks: usize,
    last: Option<Last>,
    /// Pieces that wait for the arguments of the last block.
    held: Vec<Delta>,
    /// A tool use began whose id is known at the end only: from there on nothing is shown before.
    waits_for_end: bool,
}

/// The block that was begun last, with what was shown of it.
#[derive(Debug)]
enum Last {
    Text(String),
    Reasoning(String),
    Sealed,
    ToolUse { id: String, json: String },
}

impl Last {
    /// Whether another block may begin.
    fn may_end(&self) -> bool {
        match self {
            Self::ToolUse { json, .. } => serde_json::from_str::<IgnoredAny>(json).is_ok(),
            Self::Text(_) | Self::Reasoning(_) | Self::Sealed => true,
        }
    }
}

impl Order {
    /// The pieces that are to be shown now that this one is there.
    pub(super) fn admit(&mut self, delta: Delta) -> Vec<Delta> {
        let is_nameless = matches!(&delta, Delta::ToolUseStarted { tool_use_id, .. } if tool_use_id.is_empty());
        self.waits_for_end |= is_nameless;
        if self.waits_for_end || is_empty(&delta) {
            return Vec::new();
        }
        let is_of_last = match (&self.last, &delta) {
            (Some(Last::ToolUse { id, .. }), Delta::ToolUseInput { tool_use_id, .. }) => id == tool_use_id,
            _ => false,
        };
        if !is_of_last && self.last.as_ref().is_some_and(|last| !last.may_end()) {
            self.held.push(delta);
            return Vec::new();
        }
        self.note(&delta);
        let mut shown = vec![delta];
        if self.last.as_ref().is_none_or(Last::may_end) {
            for held in std::mem::take(&mut self.held) {
                shown.extend(self.admit(held));
            }
        }
        shown
    }

    /// What is left to show when the whole answer is there: arguments that never came in pieces, what waited for them,
    /// the rest of the last block, and blocks after it.
    pub(super) fn rest(&mut self, reply: &ModelReply) -> Vec<Delta> {
        let mut rest = Vec::new();
        self.waits_for_end = false;
        loop {
            rest.extend(self.arguments(reply));
            let held = std::mem::take(&mut self.held);
            if held.is_empty() {
                break;
            }
            // What was cut off in the middle of its arguments stays as it is.
            if self.last.as_ref().is_some_and(|last| !last.may_end()) {
                self.last = Some(Last::Sealed);
            }
            for delta in held {
                rest.extend(self.admit(delta));
            }
        }
        let is_blank = |block: &&ContentBlock| block.as_text().is_some_and(|text| text.trim().is_empty());
        let blocks: Vec<&ContentBlock> = reply.message.content.iter().filter(|block| !is_blank(block)).collect();
        let last = self.blocks.checked_sub(1).and_then(|at| blocks.get(at));
        match (&self.last, last) {
            (Some(Last::Text(shown)), Some(ContentBlock::Text(whole))) => {
                rest.extend(whole.strip_prefix(shown.as_str()).map(|rest| Delta::Text(rest.to_owned())));
            }
            (Some(Last::Reasoning(shown)), Some(ContentBlock::ReasoningContent(whole))) => {
                let words = whole.text.strip_prefix(shown.as_str());
                rest.extend(words.map(|rest| Delta::Reasoning(rest.to_owned())));
                rest.extend(whole.signature.clone().map(Delta::ReasoningSignature));
            }
            _ => {}
        }
        rest.extend(blocks.iter().skip(self.blocks).flat_map(|block| Delta::of_block(block)));
        rest.retain(|delta| !is_empty(delta));
        rest
    }

    /// The arguments of the last block, where none were shown.
    fn arguments(&mut self, reply: &ModelReply) -> Option<Delta> {
        let Some(Last::ToolUse { id, json }) = &mut self.last else { return None };
        if !json.is_empty() {
            return None;
        }
        let whole = reply.message.tool_uses().find(|tool_use| tool_use.tool_use_id == *id)?;
        *json = whole.input.to_string();
        Some(Delta::ToolUseInput { tool_use_id: id.clone(), json: json.clone() })
    }

    fn note(&mut self, delta: &Delta) {
        match (delta, &mut self.last) {
            (Delta::Text(piece), Some(Last::Text(text))) => text.push_str(piece),
            (Delta::Text(piece), _) => self.begin(Last::Text(piece.clone())),
            (Delta::Reasoning(piece), Some(Last::Reasoning(text))) => text.push_str(piece),
            (Delta::Reasoning(piece), _) => self.begin(Last::Reasoning(piece.clone())),
            (Delta::ReasoningSignature(_), Some(Last::Reasoning(_))) => self.last = Some(Last::Sealed),
            (Delta::ReasoningSignature(_) | Delta::ReasoningRedacted(_), _) => self.begin(Last::Sealed),
            (Delta::ToolUseStarted { tool_use_id, .. }, _) => {
                self.begin(Last::ToolUse { id: tool_use_id.clone(), json: String::new() });
            }
            (Delta::ToolUseInput { json: piece, .. }, Some(Last::ToolUse { json, .. })) => json.push_str(piece),
            (Delta::ToolUseInput { .. }, _) => {}
        }
    }

    fn begin(&mut self, last: Last) {
        self.blocks += 1;
        self.last = Some(last);
    }
}

fn is_empty(delta: &Delta) -> bool {
    match delta {
        Delta::Text(text) | Delta::Reasoning(text) | Delta::ToolUseInput { json: text, .. } => text.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_ports::{Message, Reasoning, Role, StopReason, ToolUse, Usage};
    use serde_json::json;

    /// What is shown while the pieces come, then what follows at the end; a word for each piece.
    #[track_caller]
    fn check(content: Vec<ContentBlock>, pieces: Vec<Delta>, shown: &str) {
        let message = Message { role: Role::Assistant, content };
        let reply = ModelReply::new(message, StopReason::EndTurn, Usage::default());
        let mut order = Order::default();
        let while_made: Vec<Delta> = pieces.into_iter().flat_map(|piece| order.admit(piece)).collect();
        let words = |deltas: Vec<Delta>| deltas.iter().map(word).collect::<Vec<_>>().join(" ");
        assert_eq!(format!("{} | {}", words(while_made), words(order.rest(&reply))), shown);
    }

    fn word(delta: &Delta) -> String {
        match delta {
            Delta::Text(text) => text.clone(),
            Delta::Reasoning(text) => format!("({text})"),
            Delta::ReasoningSignature(seal) | Delta::ReasoningRedacted(seal) => format!("<{seal}>"),
            Delta::ToolUseStarted { tool_use_id, .. } => format!("{tool_use_id}:"),
            Delta::ToolUseInput { tool_use_id, json } => format!("{tool_use_id}={json}"),
        }
    }

    fn text(text: &str) -> ContentBlock {
        ContentBlock::Text(text.to_owned())
    }

    fn call(id: &str) -> ContentBlock {
        let input = json!({"a": 1});
        ContentBlock::ToolUse(ToolUse { tool_use_id: id.to_owned(), name: "f".to_owned(), input })
    }

    fn said(text: &str) -> Delta {
        Delta::Text(text.to_owned())
    }

    fn started(id: &str) -> Delta {
        Delta::ToolUseStarted { tool_use_id: id.to_owned(), name: "f".to_owned() }
    }

    fn input(id: &str, json: &str) -> Delta {
        Delta::ToolUseInput { tool_use_id: id.to_owned(), json: json.to_owned() }
    }

    #[test]
    fn what_was_not_shown_follows() {
        check(vec![text("Hello")], vec![], " | Hello");
        check(vec![text("Hello")], vec![said("Hel"), said(""), said("lo")], "Hel lo | ");
        check(vec![text("Hello")], vec![said("Hel")], "Hel | lo");
        // A provider that changed its mind is not repeated.
        check(vec![text("Hello")], vec![said("Bye")], "Bye | ");
        check(vec![text(" "), text("Hi"), call("x")], vec![said("Hi")], "Hi | x: x={\"a\":1}");
        check(vec![text("Hi"), call("x")], vec![said("Hi"), started("x")], "Hi x: | x={\"a\":1}");
        let sealed = Reasoning { signature: Some("s".to_owned()), ..Reasoning::plain("hm") };
        let thinking = || vec![ContentBlock::ReasoningContent(sealed.clone()), text("Hi")];
        check(thinking(), vec![Delta::Reasoning("h".to_owned())], "(h) | (m) <s> Hi");
        let seal = Delta::ReasoningSignature("s".to_owned());
        check(thinking(), vec![Delta::Reasoning("hm".to_owned()), seal, said("Hi")], "(hm) <s> Hi | ");
    }

    #[test]
    fn calls_that_are_written_side_by_side_stand_one_after_the_other() {
        let both = || vec![call("x"), call("y")];
        check(
            both(),
            vec![started("x"), input("x", "{\"a\":"), input("x", "1}"), started("y"), input("y", "{\"a\":1}")],
            "x: x={\"a\": x=1} y: y={\"a\":1} | ",
        );
        check(
            both(),
            vec![started("x"), started("y"), input("y", "{\"a\":"), input("x", "{\"a\":1}"), input("y", "1}")],
            "x: x={\"a\":1} y: y={\"a\": y=1} | ",
        );
        check(both(), vec![started("x"), started("y")], "x: | x={\"a\":1} y: y={\"a\":1}");
        check(both(), vec![started(""), input("x", "{"), started("")], " | x: x={\"a\":1} y: y={\"a\":1}");
        // Arguments that break off do not keep back what follows.
        check(both(), vec![started("x"), input("x", "{"), started("y")], "x: x={ | y: y={\"a\":1}");
    }
}
