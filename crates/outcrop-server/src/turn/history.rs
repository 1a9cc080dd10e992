//! What was said before: read from the journal, and put in order where a turn was cut off.

use super::journal::{self, Entry};
use crate::App;
use crate::errors::OpResult;
use outcrop_planner::turn::{Event, Turn};
use outcrop_ports::Message;
use outcrop_store::JournalEvent;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a tool use in the history has no result.
const CUT_OFF: &str = "The turn was cut off before this call's result was known; whether it did its work is unknown.";
const ABANDONED: &str = "The user went on without answering this request.";

/// Messages of the session's turns before `turn`, oldest first. A turn that has no end (the process was killed, or
/// control was returned and never came back) is given one now, so that it is read like any other later.
pub(super) async fn messages_before(app: &Arc<App>, session: i64, turn: u32) -> OpResult<Vec<Arc<Message>>> {
    let rows = app.store.last_events(session, turn).await?;
    let mut messages = Vec::new();
    for JournalEvent { turn: number, seq, body, .. } in rows {
        match journal::read(&body) {
            Some(Entry::Ended { messages: of_turn }) => messages.extend(of_turn),
            Some(Entry::Event(_)) => {
                let of_turn = close(app, session, number).await?;
                let end = journal::ended_row(&of_turn);
                app.store.append_events(session, number, seq + 1, vec![(app.clock.now(), end)]).await?;
                messages.extend(of_turn);
            }
            None => tracing::error!(
                session,
                turn = number,
                "a journal row cannot be read; its turn is left out of the history"
            ),
        }
    }
    Ok(messages)
}

/// Messages of a turn that will not go on.
async fn close(app: &Arc<App>, session: i64, number: u32) -> OpResult<Vec<Arc<Message>>> {
    let Some(mut turn) = rebuild(app, session, number, Vec::new(), BTreeMap::new()).await? else {
        return Ok(Vec::new());
    };
    let reason = if turn.awaited_invocation().is_some() { ABANDONED } else { CUT_OFF };
    turn.abandon(reason);
    Ok(turn.new_messages().to_vec())
}

/// Rebuilds a turn from its journal. `None` when the journal or the snapshot it ran on is gone or damaged.
pub(super) async fn rebuild(
    app: &Arc<App>,
    session: i64,
    number: u32,
    history: Vec<Arc<Message>>,
    attributes: BTreeMap<String, String>,
) -> OpResult<Option<Turn>> {
    let rows = app.store.turn_events(session, number).await?;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        match journal::read(&row.body) {
            Some(Entry::Event(event)) => events.push(*event),
            Some(Entry::Ended { .. }) => break,
            None => return Ok(None),
        }
    }
    let Some(Event::Started(started)) = events.first() else { return Ok(None) };
    let Some(agent) = app.prepared.by_hash(app, &started.snapshot).await? else { return Ok(None) };
    Ok(Turn::replay(agent, history, attributes, events).map(|(turn, _)| turn))
}
