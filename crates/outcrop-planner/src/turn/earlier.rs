//! What of earlier turns the model sees.

use super::event::PromptCreation;
use super::text;
use outcrop_ports::{ContentBlock, Message, Role};
use std::sync::Arc;

/// The session's history as the request wants it.
pub(super) fn select(mut history: Vec<Arc<Message>>, wanted: PromptCreation) -> Vec<Arc<Message>> {
    if let Some(turns_max) = wanted.previous_turns_max {
        let begins: Vec<usize> = (0..history.len()).filter(|&at| begins_turn(&history[at])).collect();
        let keep_from = match turns_max {
            0 => history.len(),
            count if count < begins.len() => begins[begins.len() - count],
            _ => 0,
        };
        history.drain(..keep_from);
    }
    if wanted.exclude_previous_thinking {
        history = history.into_iter().filter_map(without_thinking).collect();
    }
    history
}

/// Whether the user speaks; results of tools come in messages of the user as well.
fn begins_turn(message: &Message) -> bool {
    message.role == Role::User && !message.content.iter().any(|block| matches!(block, ContentBlock::ToolResult(_)))
}

/// The message without the model's thinking; `None` when nothing is left.
fn without_thinking(message: Arc<Message>) -> Option<Arc<Message>> {
    if message.role == Role::User {
        return Some(message);
    }
    let mut content = Vec::with_capacity(message.content.len());
    for block in &message.content {
        match block {
            ContentBlock::ReasoningContent(_) => {}
            ContentBlock::Text(said) => {
                let answer = text::split(said).answer;
                if !answer.is_empty() {
                    content.push(ContentBlock::Text(answer));
                }
            }
            other => content.push(other.clone()),
        }
    }
    (!content.is_empty()).then(|| Arc::new(Message { role: message.role, content }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_ports::{ToolResult, ToolResultContent, ToolResultStatus, ToolUse};

    fn history() -> Vec<Arc<Message>> {
        let uses = ToolUse { tool_use_id: "t".into(), name: "n".into(), input: serde_json::json!({}) };
        let result = ToolResult {
            tool_use_id: "t".into(),
            content: vec![ToolResultContent::Text("r".into())],
            status: ToolResultStatus::Success,
        };
        let thinking = ContentBlock::Text("<thinking>why</thinking>".into());
        [
            Message::user("one"),
            Message { role: Role::Assistant, content: vec![thinking, ContentBlock::ToolUse(uses)] },
            Message { role: Role::User, content: vec![ContentBlock::ToolResult(result)] },
            Message::assistant("<thinking>so</thinking><answer>first</answer>"),
            Message::user("two"),
            Message::assistant("second"),
        ]
        .map(Arc::new)
        .to_vec()
    }

    fn check(previous_turns_max: Option<usize>, exclude_previous_thinking: bool, expected: &[&str]) {
        let selected = select(history(), PromptCreation { previous_turns_max, exclude_previous_thinking });
        let texts: Vec<String> = selected.iter().map(|message| message.text()).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn keeps_whole_turns_and_leaves_thinking_out() {
        let thinking = "<thinking>why</thinking>";
        let first = "<thinking>so</thinking><answer>first</answer>";
        check(None, false, &["one", thinking, "", first, "two", "second"]);
        check(Some(9), false, &["one", thinking, "", first, "two", "second"]);
        check(Some(1), false, &["two", "second"]);
        check(Some(0), false, &[]);
        check(Some(2), true, &["one", "", "", "first", "two", "second"]);
    }
}
