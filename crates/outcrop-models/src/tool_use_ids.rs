//! Ids of tool uses for providers that give none, or the same twice.

use outcrop_ports::Message;
use std::collections::HashSet;
use std::sync::Arc;

/// Gives every tool use of an answer an id that is unique within the conversation, and the same for the same
/// conversation: one that is missing or taken becomes `<prefix><n>`, counted over the tool uses of the conversation from
/// one.
pub(crate) struct ToolUseIds {
    prefix: &'static str,
    taken: HashSet<String>,
    number: usize,
}

impl ToolUseIds {
    /// Knows the ids of the conversation.
    pub(crate) fn new(prefix: &'static str, conversation: &[Arc<Message>]) -> Self {
        let uses = || conversation.iter().flat_map(|message| message.tool_uses());
        Self { prefix, taken: uses().map(|used| used.tool_use_id.clone()).collect(), number: uses().count() }
    }

    /// The id of the next tool use, which came with this one or none.
    pub(crate) fn next(&mut self, given: &str) -> String {
        self.number += 1;
        if !given.is_empty() && self.taken.insert(given.to_owned()) {
            return given.to_owned();
        }
        let mut candidate = self.number;
        loop {
            let id = format!("{}{candidate}", self.prefix);
            if self.taken.insert(id.clone()) {
                return id;
            }
            candidate += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_ports::{ContentBlock, Role, ToolUse};
    use serde_json::json;

    #[track_caller]
    fn check(before: &[&str], new: &[&str], expected: &[&str]) {
        let tool_use = |id: &&str| ToolUse { tool_use_id: (*id).to_owned(), name: "t".to_owned(), input: json!({}) };
        let content = before.iter().map(tool_use).map(ContentBlock::ToolUse).collect();
        let conversation = [Arc::new(Message { role: Role::Assistant, content })];
        let mut ids = ToolUseIds::new("call_", &conversation);
        let made: Vec<String> = new.iter().map(|id| ids.next(id)).collect();
        assert_eq!(made, expected);
    }

    #[test]
    fn ids_are_kept_or_made() {
        check(&[], &["a", "b"], &["a", "b"]);
        check(&[], &["", ""], &["call_1", "call_2"]);
        check(&["x", "y"], &["", "x"], &["call_3", "call_4"]);
        check(&["call_2"], &[""], &["call_3"]);
        check(&["call_0"], &["call_0", "call_0"], &["call_2", "call_3"]);
        check(&["a", "b", "call_3"], &[""], &["call_4"]);
    }
}
