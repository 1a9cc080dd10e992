//! What was said before: read from the journal, and put in order where a turn was cut off.

use super::journal::{self, Entry};
use crate::App;
use crate::agents::prepared::Target;
use crate::errors::OpResult;
use outcrop_planner::Snapshot;
use outcrop_planner::turn::{Event, Turn};
use outcrop_ports::Message;
use outcrop_store::JournalEvent;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a tool use in the history has no result.
const CUT_OFF: &str = "The turn was cut off before this call's result was known; whether it did its work is unknown.";
const ABANDONED: &str = "The user went on without answering this request.";

/// What a session remembers of earlier turns.
#[derive(Default)]
pub(super) struct History {
    /// What was said, oldest first.
    pub(super) messages: Vec<Arc<Message>>,
    /// Session attributes as the last turn left them, when it was closed only now.
    pub(super) attributes: Option<BTreeMap<String, String>>,
}

/// The session's turns before `turn`. A turn that has no end (the process was killed, or control was returned and never
/// came back) is given one now, so that it is read like any other later. `attributes` are those the session had before.
pub(super) async fn before(
    app: &Arc<App>,
    session: i64,
    turn: u32,
    attributes: &BTreeMap<String, String>,
) -> OpResult<History> {
    let rows = app.store.last_events(session, turn).await?;
    let mut history = History::default();
    for JournalEvent { turn: number, seq, body, .. } in rows {
        match journal::read(&body) {
            Some(Entry::Ended { messages }) => history.messages.extend(messages),
            Some(Entry::Event(_)) => {
                let base = history.attributes.as_ref().unwrap_or(attributes).clone();
                let Some(closed) = close(app, session, number, base).await? else { continue };
                let end = journal::ended_row(closed.new_messages());
                app.store.append_events(session, number, seq + 1, vec![(app.clock.now(), end)]).await?;
                history.messages.extend(closed.new_messages().iter().cloned());
                history.attributes = Some(closed.session_attributes().clone());
            }
            None => {
                tracing::error!(
                    session,
                    turn = number,
                    "a journal row cannot be read; its turn is left out of the history"
                );
            }
        }
    }
    Ok(history)
}

/// A turn that will not go on, with its end.
async fn close(
    app: &Arc<App>,
    session: i64,
    number: u32,
    attributes: BTreeMap<String, String>,
) -> OpResult<Option<Turn>> {
    let Some(mut turn) = rebuild(app, session, number, Vec::new(), attributes).await? else { return Ok(None) };
    let reason = if turn.awaited_invocation().is_some() { ABANDONED } else { CUT_OFF };
    turn.abandon(reason);
    Ok(Some(turn))
}

/// What the session's last turn ran on; `None` when there is no such session.
pub async fn last_snapshot(app: &Arc<App>, target: &Target, session_id: &str) -> OpResult<Option<Snapshot>> {
    let (agent_id, alias_id, session_id) = (target.agent_id.clone(), target.alias_id.clone(), session_id.to_owned());
    let now = app.clock.now();
    let found = app.store.read(move |tx| tx.find_session(&agent_id, &alias_id, &session_id, now)).await?;
    let Some(session) = found else { return Ok(None) };
    let rows = app.store.turn_events(session.id, session.turns).await?;
    let Some(Entry::Event(event)) = rows.first().and_then(|row| journal::read(&row.body)) else { return Ok(None) };
    let Event::Started(started) = *event else { return Ok(None) };
    Ok(app.store.read(move |tx| tx.snapshot(&started.snapshot)).await?)
}

/// The collaborator that the session's last request went whole to.
pub(super) async fn last_agent(app: &Arc<App>, target: &Target, session_id: &str) -> OpResult<Option<String>> {
    let (agent_id, alias_id, session_id) = (target.agent_id.clone(), target.alias_id.clone(), session_id.to_owned());
    let now = app.clock.now();
    let found = app.store.read(move |tx| tx.find_session(&agent_id, &alias_id, &session_id, now)).await?;
    let Some(session) = found else { return Ok(None) };
    let turn = rebuild(app, session.id, session.turns, Vec::new(), session.attributes).await?;
    Ok(turn.and_then(|turn| turn.routed_to().map(str::to_owned)))
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
