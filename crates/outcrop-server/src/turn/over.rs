//! What a session that is over holds.

use super::history;
use super::journal::{self, Entry};
use crate::App;
use crate::errors::OpResult;
use outcrop_planner::turn::Event;
use outcrop_ports::Message;
use outcrop_store::TurnRef;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The conversation of a session, and what its last turn ran on.
pub struct Held {
    /// What was said, oldest first.
    pub messages: Vec<Arc<Message>>,
    /// Hash of the snapshot.
    pub snapshot: String,
    /// `DRAFT` or a number.
    pub version: String,
}

/// Reads a session by the store's number of it, also one that has ended. `None` when it is gone or its journal is damaged.
pub async fn held(app: &Arc<App>, session: i64) -> OpResult<Option<Held>> {
    let Some(last) = app.store.read(move |tx| tx.last_turn(session)).await? else { return Ok(None) };
    let next = TurnRef { turn: last.turn.saturating_add(1), ..last };
    let history = history::before(app, next, &BTreeMap::new()).await?;
    let rows = app.store.turn_events(session, last.turn).await?;
    let Some(Entry::Event(event)) = rows.first().and_then(|row| journal::read(&row.body)) else { return Ok(None) };
    let Event::Started(started) = *event else { return Ok(None) };
    Ok(Some(Held { messages: history.earlier.messages, snapshot: started.snapshot, version: started.version }))
}
