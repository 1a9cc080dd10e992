//! What a journal row holds.

use outcrop_planner::turn::custom::CustomTurn;
use outcrop_planner::turn::{Event, Left, Started, ToolReturned, Turn};
use outcrop_ports::{ContentBlock, Message, ToolResultContent};
use outcrop_store::JournalEvent;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A row of a turn's journal. The last one of a turn that is over is [`Entry::Ended`], so history is read without
/// reading every step.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Entry {
    /// Something the machine was told.
    Event(Box<Event>),
    /// The turn is over; these messages stand in the history.
    Ended {
        /// What the turn added to the conversation; empty when it failed before anything was done.
        messages: Vec<Arc<Message>>,
        /// The turn as later ones of a custom orchestration are shown it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        custom: Option<CustomTurn>,
        /// What it leaves to the next turn beside them.
        #[serde(default, flatten)]
        left: Left,
    },
}

/// An event as a row, without taking it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum EntryRef<'a> {
    Event(&'a Event),
    Ended {
        messages: &'a [Arc<Message>],
        #[serde(skip_serializing_if = "Option::is_none")]
        custom: Option<&'a CustomTurn>,
        #[serde(flatten)]
        left: &'a Left,
    },
}

/// The events of a turn's rows, up to its end or to a row that cannot be read; the end is told by the second value.
pub(super) fn events(rows: &[JournalEvent]) -> (Vec<Event>, Stop) {
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        match read(&row.body) {
            Some(Entry::Event(event)) => events.push(*event),
            Some(Entry::Ended { .. }) => return (events, Stop::Ended),
            None => return (events, Stop::Unreadable),
        }
    }
    (events, Stop::Open)
}

/// Where the events of a turn stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The turn is over.
    Ended,
    /// The turn runs, waits, or was cut off.
    Open,
    /// A row is damaged, or of a newer program.
    Unreadable,
}

/// An event's row. Values that guardrails took out of what is recorded stand in no other place of it.
pub(super) fn event_row(event: &Event) -> Vec<u8> {
    match event {
        Event::Started(Started { assessed: Some(assessed), .. })
        | Event::ToolReturned(ToolReturned { assessed: Some(assessed), .. })
            if assessed.has_values() =>
        {
            let mut event = event.clone();
            if let Event::Started(Started { assessed: Some(assessed), .. })
            | Event::ToolReturned(ToolReturned { assessed: Some(assessed), .. }) = &mut event
            {
                **assessed = assessed.without_values();
            }
            row(&EntryRef::Event(&event))
        }
        event => row(&EntryRef::Event(event)),
    }
}

/// Most bytes of the row that ends a turn, and so of what a turn adds to the history.
const ENDED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The row that ends a turn. Messages that are too many bytes together are cut, the longest texts first and most: the
/// session must go on.
pub(super) fn ended_row(turn: &Turn) -> Vec<u8> {
    let (messages, custom, left) = (turn.new_messages(), turn.custom_turn(), &turn.left());
    let custom = custom.as_ref();
    let whole = row(&EntryRef::Ended { messages, custom, left });
    if whole.len() <= ENDED_BYTES_MAX {
        return whole;
    }
    let mut cut: Vec<Arc<Message>> = messages.to_vec();
    let mut text_bytes_max = 1024 * 1024;
    loop {
        cut.iter_mut().for_each(|message| cut_texts(Arc::make_mut(message), text_bytes_max));
        let fits = row(&EntryRef::Ended { messages: &cut, custom, left });
        if fits.len() <= ENDED_BYTES_MAX || text_bytes_max == 0 {
            return fits;
        }
        text_bytes_max /= 4;
    }
}

fn cut_texts(message: &mut Message, bytes_max: usize) {
    let cut = |text: &mut String| {
        if text.len() > bytes_max {
            let length = text.len();
            text.truncate(text.floor_char_boundary(bytes_max));
            text.push_str(&format!(" (cut; the whole had {length} bytes)"));
        }
    };
    for block in &mut message.content {
        match block {
            ContentBlock::Text(text) => cut(text),
            ContentBlock::ReasoningContent(reasoning) => {
                let whole = reasoning.text.len() + reasoning.redacted.as_ref().map_or(0, String::len);
                if whole > bytes_max {
                    // A seal holds for the whole only, and a secret cannot be cut.
                    (reasoning.signature, reasoning.redacted) = (None, None);
                }
                cut(&mut reasoning.text);
            }
            ContentBlock::ToolResult(result) => result.content.iter_mut().for_each(|content| match content {
                ToolResultContent::Text(text) => cut(text),
                ToolResultContent::Json(value) => {
                    if value.to_string().len() > bytes_max {
                        *value = serde_json::json!("(cut)");
                    }
                }
                ToolResultContent::Image(_) | ToolResultContent::Document(_) => {}
            }),
            ContentBlock::ToolUse(tool_use) => {
                if tool_use.input.to_string().len() > bytes_max {
                    tool_use.input = serde_json::json!({});
                }
            }
            ContentBlock::Document(_) | ContentBlock::Image(_) => {}
        }
    }
}

fn row(entry: &EntryRef<'_>) -> Vec<u8> {
    serde_json::to_vec(entry).expect("entries have string keys and no failing members")
}

/// Whether a row is one that ends a turn, told by its first bytes alone.
pub fn is_end_of_turn(row: &[u8]) -> bool {
    row.starts_with(br#"{"ended":"#)
}

/// Reads a row; `None` when it is damaged.
pub(super) fn read(row: &[u8]) -> Option<Entry> {
    serde_json::from_slice(row).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_before_there_was_more_to_leave_are_read() {
        let row = br#"{"ended":{"messages":[{"role":"user","content":[{"text":"Hello."}]}]}}"#;
        let Some(Entry::Ended { messages, custom: None, left }) = read(row) else { panic!("it is a row") };
        assert_eq!((messages.len(), left.clone()), (1, Left::default()));
        let again = super::row(&EntryRef::Ended { messages: &messages, custom: None, left: &left });
        assert_eq!(again, row, "what leaves nothing more is written as before");
        assert!(
            is_end_of_turn(row)
                && !is_end_of_turn(&event_row(&Event::LimitReached {
                    at: outcrop_wire::Timestamp::from_millis(0),
                    limit: outcrop_planner::turn::Limit::WallTime,
                }))
        );
    }
}
