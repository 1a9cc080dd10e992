//! What a journal row holds.

use outcrop_planner::turn::Event;
use outcrop_ports::{ContentBlock, Message, ToolResultContent};
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
    },
}

/// An event as a row, without taking it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum EntryRef<'a> {
    Event(&'a Event),
    Ended { messages: &'a [Arc<Message>] },
}

/// An event's row.
pub(super) fn event_row(event: &Event) -> Vec<u8> {
    row(&EntryRef::Event(event))
}

/// Most bytes of the row that ends a turn, and so of what a turn adds to the history.
const ENDED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The row that ends a turn. Messages that are too many bytes together are cut, the longest texts first and most: the
/// session must go on.
pub(super) fn ended_row(messages: &[Arc<Message>]) -> Vec<u8> {
    let whole = row(&EntryRef::Ended { messages });
    if whole.len() <= ENDED_BYTES_MAX {
        return whole;
    }
    let mut cut: Vec<Arc<Message>> = messages.to_vec();
    let mut text_bytes_max = 1024 * 1024;
    loop {
        cut.iter_mut().for_each(|message| cut_texts(Arc::make_mut(message), text_bytes_max));
        let fits = row(&EntryRef::Ended { messages: &cut });
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
            ContentBlock::ReasoningContent(reasoning) => cut(&mut reasoning.text),
            ContentBlock::ToolResult(result) => result.content.iter_mut().for_each(|content| match content {
                ToolResultContent::Text(text) => cut(text),
            }),
            ContentBlock::ToolUse(tool_use) => {
                if tool_use.input.to_string().len() > bytes_max {
                    tool_use.input = serde_json::json!({});
                }
            }
        }
    }
}

fn row(entry: &EntryRef<'_>) -> Vec<u8> {
    serde_json::to_vec(entry).expect("entries have string keys and no failing members")
}

/// Reads a row; `None` when it is damaged.
pub(super) fn read(row: &[u8]) -> Option<Entry> {
    serde_json::from_slice(row).ok()
}
