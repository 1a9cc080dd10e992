//! What a journal row holds.

use outcrop_planner::turn::Event;
use outcrop_ports::Message;
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

/// The row that ends a turn.
pub(super) fn ended_row(messages: &[Arc<Message>]) -> Vec<u8> {
    row(&EntryRef::Ended { messages })
}

fn row(entry: &EntryRef<'_>) -> Vec<u8> {
    serde_json::to_vec(entry).expect("entries have string keys and no failing members")
}

/// Reads a row; `None` when it is damaged.
pub(super) fn read(row: &[u8]) -> Option<Entry> {
    serde_json::from_slice(row).ok()
}
