//! Ids of tool uses for providers that give none, or the same twice.

use outcrop_ports::{Message, ToolUse};
use std::collections::HashSet;
use std::sync::Arc;

/// Gives every tool use an id that is unique within the conversation, and the same for the same conversation: an id
/// that is missing or taken becomes `<prefix><n>`, counted over the tool uses of the conversation from one.
pub(crate) fn make_unique(prefix: &str, conversation: &[Arc<Message>], new: &mut [ToolUse]) {
    if new.is_empty() {
        return;
    }
    let mut taken: HashSet<String> =
        conversation.iter().flat_map(|message| message.tool_uses()).map(|used| used.tool_use_id.clone()).collect();
    let used = conversation.iter().map(|message| message.tool_uses().count()).sum::<usize>();
    for (number, tool_use) in (used + 1..).zip(new) {
        if !tool_use.tool_use_id.is_empty() && taken.insert(tool_use.tool_use_id.clone()) {
            continue;
        }
        let mut candidate = number;
        tool_use.tool_use_id = loop {
            let id = format!("{prefix}{candidate}");
            if taken.insert(id.clone()) {
                break id;
            }
            candidate += 1;
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_ports::{ContentBlock, Role};
    use serde_json::json;

    fn tool_use(id: &str) -> ToolUse {
        ToolUse { tool_use_id: id.to_owned(), name: "t".to_owned(), input: json!({}) }
    }

    #[track_caller]
    fn check(before: &[&str], new: &[&str], expected: &[&str]) {
        let content = before.iter().map(|id| ContentBlock::ToolUse(tool_use(id))).collect();
        let conversation = [Arc::new(Message { role: Role::Assistant, content })];
        let mut new: Vec<ToolUse> = new.iter().map(|id| tool_use(id)).collect();
        make_unique("call_", &conversation, &mut new);
        let ids: Vec<&str> = new.iter().map(|tool_use| tool_use.tool_use_id.as_str()).collect();
        assert_eq!(ids, expected);
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
