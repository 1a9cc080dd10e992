//! The conversation as the planner reads it: what is asked now, what was called for it, and what came before.

use super::words;
use outcrop_ports::{ContentBlock, Message, Role, ToolResult, ToolResultContent, ToolResultStatus};
use regex::Regex;
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};

/// Most of one utterance that is read, in bytes; the rest is not looked at.
const UTTERANCE_BYTES_MAX: usize = 8_000;
/// Most of one tool result that is read, in bytes.
const RESULT_BYTES_MAX: usize = 256 * 1024;
/// Most messages that are looked back at.
const MESSAGES_MAX: usize = 200;

/// A tool call of the conversation.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) input: Map<String, Value>,
    /// `None` while there is no result.
    pub(super) outcome: Option<Outcome>,
}

/// What a tool answered.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) text: String,
    /// The text as JSON, where it is an object or a list.
    pub(super) json: Option<Value>,
    /// The tool, or the answer itself, says that it did not work.
    pub(super) failed: bool,
}

/// The user's words and what followed them.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange {
    pub(super) user: String,
    pub(super) calls: Vec<Call>,
    /// The last words of the model.
    pub(super) said: String,
}

impl Exchange {
    /// Whether it ended with a question to the user that wants an answer for what is being worked on.
    pub(super) fn asked(&self) -> bool {
        let said = self.said.trim_end();
        said.ends_with('?') && !said.ends_with("help you?") && !said.ends_with("anything else?")
    }

    /// Whether that question wanted a yes or a no.
    pub(super) fn asked_consent(&self) -> bool {
        self.asked() && self.said.contains("yes or no")
    }
}

/// Takes the messages apart, oldest first. The last exchange is the one to go on with.
pub(super) fn exchanges(messages: &[Arc<Message>]) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    let mut ids: Vec<(String, usize, usize)> = Vec::new();
    for message in &messages[messages.len().saturating_sub(MESSAGES_MAX)..] {
        let mut fresh = true;
        for block in &message.content {
            match (message.role, block) {
                (Role::User, ContentBlock::Text(text)) if !text.trim().is_empty() => {
                    let text = words::cut(text, UTTERANCE_BYTES_MAX);
                    match all.last_mut().filter(|_| !fresh) {
                        Some(last) if last.calls.is_empty() && last.said.is_empty() => {
                            last.user.push('\n');
                            last.user.push_str(text);
                        }
                        _ => all.push(Exchange { user: text.to_owned(), ..Exchange::default() }),
                    }
                    fresh = false;
                }
                (_, ContentBlock::ToolResult(result)) => take_result(&mut all, &ids, result),
                (Role::Assistant, ContentBlock::Text(text)) => {
                    if let Some(last) = all.last_mut() {
                        last.said.clone_from(text);
                    }
                }
                (Role::Assistant, ContentBlock::ToolUse(tool_use)) => {
                    if all.is_empty() {
                        all.push(Exchange::default());
                    }
                    let exchange = all.len() - 1;
                    ids.push((tool_use.tool_use_id.clone(), exchange, all[exchange].calls.len()));
                    let input = tool_use.input.as_object().cloned().unwrap_or_default();
                    all[exchange].said.clear();
                    all[exchange].calls.push(Call { name: tool_use.name.clone(), input, outcome: None });
                }
                _ => {}
            }
        }
    }
    all
}

fn take_result(all: &mut [Exchange], ids: &[(String, usize, usize)], result: &ToolResult) {
    // Ids repeat in no sound conversation; in an unsound one the latest use without a result is meant.
    let open = ids.iter().rev().find(|(id, exchange, call)| {
        *id == result.tool_use_id
            && all.get(*exchange).and_then(|e| e.calls.get(*call)).is_some_and(|call| call.outcome.is_none())
    });
    let Some((_, exchange, call)) = open else { return };
    let text: String = result.content.iter().map(ToolResultContent::words).collect();
    let text = words::cut(&text, RESULT_BYTES_MAX).to_owned();
    // Functions often answer with a JSON string; its text is what was meant.
    let (text, json) = match serde_json::from_str(&text) {
        Ok(Value::String(inner)) => {
            let json = structure(&inner);
            (inner, json)
        }
        Ok(value @ (Value::Object(_) | Value::Array(_))) => (text, Some(value)),
        Ok(_) => (text, None),
        Err(_) => {
            let json = super::python::literal(&text);
            (text, json)
        }
    };
    let failed = result.status == ToolResultStatus::Error || json.as_ref().is_some_and(says_failure);
    if let Some(call) = all.get_mut(*exchange).and_then(|exchange| exchange.calls.get_mut(*call)) {
        call.outcome = Some(Outcome { text, json, failed });
    }
}

/// An object or a list, as JSON or as Python writes it.
fn structure(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => Some(value),
        Ok(_) => None,
        Err(_) => super::python::literal(text),
    }
}

/// An object whose only news is an error.
fn says_failure(value: &Value) -> bool {
    let Some(object) = value.as_object() else { return false };
    let error = ["error", "errorMessage", "error_message", "errors"].iter().any(|key| match object.get(*key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    });
    error || object.get("success") == Some(&Value::Bool(false))
}

static YES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(?:yes|yeah|yep|yup|sure|ok(?:ay)?|please do|do it|go ahead|confirm(?:ed)?|i (?:do )?(?:agree|confirm|consent)|that'?s (?:fine|right|correct)|correct|absolutely|of course|proceed|fine)\b")
        .expect("the pattern is written here and tested")
});
static NO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(?:no|nope|nah|don'?t|do not|never ?mind|stop|cancel that|forget it|rather not|not now|wait)\b|\b(?:changed my mind|do not|don'?t)\b")
        .expect("the pattern is written here and tested")
});

/// A yes, a no, or neither.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    if NO.is_match(text) {
        return Some(false);
    }
    YES.is_match(text).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_yes_from_no() {
        for (text, expected) in [
            ("Yes, please.", Some(true)),
            ("ok go ahead", Some(true)),
            ("No", Some(false)),
            ("Yes... no, I changed my mind", Some(false)),
            ("please don't", Some(false)),
            ("A-482", None),
            ("Nottingham", None),
        ] {
            assert_eq!(yes_or_no(text), expected, "{text}");
        }
    }
}
