//! What was said before: read from the journal, and put in order where a turn was cut off.

use super::journal::{self, Entry, Stop};
use crate::App;
use crate::agents::prepared::Target;
use crate::errors::OpResult;
use outcrop_planner::turn::replay::Replay;
use outcrop_planner::turn::{Decision, Earlier, Event, Turn};
use outcrop_planner::{PreparedAgent, Snapshot};
use outcrop_store::JournalEvent;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Why a tool use in the history has no result.
const CUT_OFF: &str = "The turn was cut off before this call's result was known; whether it did its work is unknown.";
const ABANDONED: &str = "The user went on without answering this request.";

/// What a session remembers of earlier turns.
#[derive(Default)]
pub(super) struct History {
    /// What they left behind: what was said, and done.
    pub(super) earlier: Earlier,
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
    let Read { history, closings, is_whole } = read_all(app, session, turn, attributes).await?;
    for Closing { turn, seq, row } in closings {
        app.store.append_events(session, turn, seq, vec![(app.clock.now(), row)]).await?;
    }
    if is_whole {
        app.histories.read(session, turn, &history.earlier);
    }
    Ok(history)
}

/// The end of a turn that has none in the journal.
struct Closing {
    turn: u32,
    seq: u32,
    row: Vec<u8>,
}

/// What was read, and what is to be written.
struct Read {
    history: History,
    closings: Vec<Closing>,
    /// Once the closings are written, all of it stands in the journal as it is here.
    is_whole: bool,
}

/// As [`before`], without a change.
pub(super) async fn read(
    app: &Arc<App>,
    session: i64,
    turn: u32,
    attributes: &BTreeMap<String, String>,
) -> OpResult<History> {
    Ok(read_all(app, session, turn, attributes).await?.history)
}

async fn read_all(app: &Arc<App>, session: i64, turn: u32, attributes: &BTreeMap<String, String>) -> OpResult<Read> {
    let (from, mut history) = app.histories.before(session, turn);
    let rows = match from {
        from if from >= turn => Vec::new(),
        from => app.store.last_events(session, from..turn).await?,
    };
    let (mut closings, mut is_whole) = (Vec::new(), true);
    for JournalEvent { session: of, turn: number, seq, body, .. } in rows {
        match journal::read(&body) {
            Some(Entry::Ended { messages, custom, left }) => {
                history.earlier.push(number, messages, left);
                history.earlier.custom.extend(custom);
            }
            Some(Entry::Event(_)) => {
                let base = history.attributes.as_ref().unwrap_or(attributes).clone();
                let Some(closed) = close(app, session, number, history.earlier.clone(), base).await? else {
                    is_whole = false;
                    continue;
                };
                // Of a session that this one is a fork of, nothing is changed.
                if of == session {
                    let row = journal::ended_row(&closed);
                    closings.push(Closing { turn: number, seq: seq + 1, row });
                } else {
                    is_whole = false;
                }
                history.earlier.push(number, closed.new_messages().to_vec(), closed.left());
                history.earlier.custom.extend(closed.custom_turn());
                history.attributes = Some(closed.session_attributes().clone());
            }
            None => {
                is_whole = false;
                tracing::error!(
                    session,
                    turn = number,
                    "a journal row cannot be read; its turn is left out of the history"
                );
            }
        }
    }
    Ok(Read { history, closings, is_whole })
}

/// A turn that will not go on, with its end.
async fn close(
    app: &Arc<App>,
    session: i64,
    number: u32,
    earlier: Earlier,
    attributes: BTreeMap<String, String>,
) -> OpResult<Option<Turn>> {
    let Some(mut turn) = rebuild(app, session, number, earlier, attributes).await? else { return Ok(None) };
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
    let (events, _) = journal::events(&rows);
    let Some((hash, _)) = last_agent_of(&events) else { return Ok(None) };
    let hash = hash.to_owned();
    Ok(app.store.read(move |tx| tx.snapshot(&hash)).await?)
}

/// The collaborator that the session's last request went whole to.
pub(super) async fn last_agent(app: &Arc<App>, target: &Target, session_id: &str) -> OpResult<Option<String>> {
    let (agent_id, alias_id, session_id) = (target.agent_id.clone(), target.alias_id.clone(), session_id.to_owned());
    let now = app.clock.now();
    let found = app.store.read(move |tx| tx.find_session(&agent_id, &alias_id, &session_id, now)).await?;
    let Some(session) = found else { return Ok(None) };
    let turn = rebuild(app, session.id, session.turns, Earlier::default(), session.attributes).await?;
    Ok(turn.and_then(|turn| turn.routed_to().map(str::to_owned)))
}

/// Rebuilds a turn from its journal. `None` when the journal or the snapshot it ran on is gone or damaged.
pub(super) async fn rebuild(
    app: &Arc<App>,
    session: i64,
    number: u32,
    history: Earlier,
    attributes: BTreeMap<String, String>,
) -> OpResult<Option<Turn>> {
    let rows = app.store.turn_events(session, number).await?;
    let (events, stop) = journal::events(&rows);
    if stop == Stop::Unreadable {
        return Ok(None);
    }
    let agents = agents(app, &events).await?;
    let agents = |hash: &str| agents.get(hash).cloned();
    let replay = Replay { agents: &agents, history, attributes, traced: false };
    Ok(replay.rebuild(events).map(|(turn, _)| turn))
}

/// The agents that a turn ran on: one, and another for each time it was forked. Those that are gone are left out.
pub(super) async fn agents(app: &Arc<App>, events: &[Event]) -> OpResult<HashMap<String, Arc<PreparedAgent>>> {
    let mut agents = HashMap::new();
    for (hash, _) in events.iter().filter_map(agent_of) {
        if !agents.contains_key(hash)
            && let Some(agent) = app.prepared.by_hash(app, hash).await?
        {
            agents.insert(hash.to_owned(), agent);
        }
    }
    Ok(agents)
}

/// The numbers of the events after which the model is asked: where a turn can be forked. With it the turn as its events
/// leave it; none when an agent is gone.
pub(super) fn steps(
    agents: &HashMap<String, Arc<PreparedAgent>>,
    events: &[Event],
) -> (Vec<usize>, Option<(Turn, Decision)>) {
    let agents = |hash: &str| agents.get(hash).cloned();
    let replay = Replay { agents: &agents, history: Earlier::default(), attributes: BTreeMap::new(), traced: false };
    let mut steps = Vec::new();
    let replayed = replay.watch(events, |moment| {
        // A fork asks in place of what was not asked.
        if let Event::Forked(_) = moment.event {
            steps.pop();
        }
        steps.extend(moment.turn.asks_for().map(|_| moment.index));
    });
    (steps, replayed)
}

/// Snapshot and version that a turn runs on from this event on.
fn agent_of(event: &Event) -> Option<(&str, &str)> {
    match event {
        Event::Started(started) => Some((&started.snapshot, &started.version)),
        Event::Forked(forked) => Some((&forked.snapshot, &forked.version)),
        _ => None,
    }
}

/// Snapshot and version that a turn ran on at last.
pub(super) fn last_agent_of(events: &[Event]) -> Option<(&str, &str)> {
    events.iter().rev().find_map(agent_of)
}
