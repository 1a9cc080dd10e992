//! What of earlier turns the model sees, and what a turn leaves behind for those after it.

use super::custom::CustomTurn;
use super::event::PromptCreation;
use super::results::KeptResult;
use super::{Turn, text};
use outcrop_ports::{ContentBlock, Message, Role};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the turns before left behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Earlier {
    /// What was said, oldest first.
    pub messages: Vec<Arc<Message>>,
    /// Where in the session each of the messages stands.
    pub places: Vec<Place>,
    /// Large results of earlier turns, which can be read on.
    pub kept: Vec<KeptResult>,
    /// How the last turn had shortened the conversation.
    pub shortened: Shortened,
    /// What was said as a custom orchestration is shown it; empty without one.
    pub custom: Vec<CustomTurn>,
}

impl From<Vec<Arc<Message>>> for Earlier {
    fn from(messages: Vec<Arc<Message>>) -> Self {
        let places = (0..).take(messages.len()).map(|message| Place { turn: Some(0), message }).collect();
        Self { messages, places, ..Self::default() }
    }
}

impl Earlier {
    /// Adds what one more turn left behind.
    pub fn push(&mut self, turn: u32, messages: Vec<Arc<Message>>, left: Left) {
        self.places.extend((0..).take(messages.len()).map(|message| Place { turn: Some(turn), message }));
        self.messages.extend(messages);
        self.kept.extend(left.kept.into_iter().map(|kept| KeptResult { turn: kept.turn.or(Some(turn)), ..kept }));
        self.shortened = left.shortened;
        let Shortened { covered, stood, .. } = &mut self.shortened;
        for place in [covered, stood].into_iter().flatten() {
            place.turn.get_or_insert(turn);
        }
    }
}

/// Where a message stands in its session. Counted by turns, so that it holds also where the oldest turns are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The turn; absent for the one that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// Which of the turn's messages.
    pub message: u32,
}

impl Place {
    fn key(self) -> (u32, u32) {
        (self.turn.unwrap_or(u32::MAX), self.message)
    }

    /// How many of the places, which are in order, come before this one.
    pub(super) fn count_before(self, places: &[Self]) -> usize {
        places.partition_point(|place| place.key() < self.key())
    }
}

/// How the conversation is shortened for the model: a view of it, which takes nothing away from what is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shortened {
    /// Messages before this one are not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered: Option<Place>,
    /// What stands in their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Tool results and files in messages before this one are shown as stand-ins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stood: Option<Place>,
    /// What the model's own count says of our estimate of tokens, in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<u32>,
    /// Estimated tokens that are known to be too many for a model: its id and the count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_many: Option<(String, u64)>,
}

/// What a turn leaves behind beside its messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// Large results that came in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptResult>,
    /// How the conversation is shortened from here on.
    #[serde(default, skip_serializing_if = "Shortened::is_nothing")]
    pub shortened: Shortened,
}

impl Shortened {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Turn {
    /// What this turn leaves to the next beside its messages.
    pub fn left(&self) -> Left {
        let shortened = if self.trimmed {
            // What was shortened in a part of the conversation says nothing of the whole.
            self.inherited.clone()
        } else {
            let place = |index| self.view.place(index, self.first_new);
            let covered = place(self.view.covered().min(self.messages.len()));
            Shortened {
                covered,
                summary: covered.and(self.view.summary().map(str::to_owned)),
                stood: place(self.view.stood().min(self.messages.len())),
                correction: self.windows.correction,
                too_many: self.windows.too_many.clone(),
            }
        };
        let kept = self.kept.values().filter(|kept| kept.turn.is_none()).cloned().collect();
        Left { kept, shortened }
    }
}

/// The session's history as the request wants it, each message with its place.
pub(super) fn select(
    messages: Vec<Arc<Message>>,
    places: Vec<Place>,
    wanted: PromptCreation,
) -> (Vec<Arc<Message>>, Vec<Place>) {
    let mut history: Vec<(Arc<Message>, Place)> = messages.into_iter().zip(places).collect();
    if let Some(turns_max) = wanted.previous_turns_max {
        let begins: Vec<usize> = (0..history.len()).filter(|&at| begins_turn(&history[at].0)).collect();
        let keep_from = match turns_max {
            0 => history.len(),
            count if count < begins.len() => begins[begins.len() - count],
            _ => 0,
        };
        history.drain(..keep_from);
    }
    if wanted.exclude_previous_thinking {
        history = history
            .into_iter()
            .filter_map(|(message, place)| without_thinking(message).map(|message| (message, place)))
            .collect();
    }
    history.into_iter().unzip()
}

/// Whether the user speaks; results of tools come in messages of the user as well.
pub(super) fn begins_turn(message: &Message) -> bool {
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
        let earlier = Earlier::from(history());
        let creation = PromptCreation { previous_turns_max, exclude_previous_thinking };
        let (selected, places) = select(earlier.messages, earlier.places, creation);
        assert_eq!(selected.len(), places.len());
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
