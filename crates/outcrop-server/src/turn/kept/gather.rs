//! Reads a turn from the journal, and with it the turns of its collaborators.
//!
//! Collaborators of one root session have their turns in sessions of one id, made from the root's. The journal of a
//! supervisor has the id of the request that a collaborator answered, and the turn that has this request is the one.

use super::tell::{Summary, summary};
use super::{JOURNAL_BYTES_MAX, TURNS_MAX};
use crate::App;
use crate::errors::OpResult;
use crate::turn::collaborators;
use crate::turn::history;
use crate::turn::journal::{self, Stop};
use outcrop_planner::agent::{CollaboratingAgent, Collaborator};
use outcrop_planner::turn::replay::Replay;
use outcrop_planner::turn::{Assessed, Call, CollaboratorOutcome, Earlier, Event, Step, ToolReturned};
use outcrop_planner::{INLINE_AGENT, PreparedAgent};
use outcrop_ports::{BoxFuture, ToolOutcome};
use outcrop_store::{JournalEvent, KeptSession};
use outcrop_wire::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Turns of a collaborator that are looked through for one request.
const LOOK_THROUGH_MAX: u32 = 64;
/// Bytes of journals that one page of summaries reads; a page always has one turn.
const SUMMARY_BYTES_MAX: usize = 64 << 20;

/// A turn with everything it is told from.
pub(super) struct Gathered {
    pub(super) session: KeptSession,
    pub(super) number: u32,
    /// What happened, with the times at which it was written down.
    pub(super) events: Vec<Event>,
    pub(super) times: Vec<Timestamp>,
    pub(super) stop: Stop,
    /// Bytes of its journal.
    bytes: usize,
    /// When its end was written.
    pub(super) ended_at: Option<Timestamp>,
    /// The last turn of its session, and the process works on it.
    pub(super) is_running: bool,
    /// The last turn of its session, which waits for the caller.
    pub(super) is_awaited: bool,
    pub(super) agents: HashMap<String, Arc<PreparedAgent>>,
    pub(super) history: Earlier,
    /// ARN of the alias it came through, for the root.
    pub(super) alias_arn: String,
    /// Turns of collaborators by the tool use they answer, in the order in which they were asked.
    pub(super) below: HashMap<String, VecDeque<Below>>,
}

impl Gathered {
    /// All attributes that the turn, those below it and their sessions had.
    pub(super) fn attributes(&self) -> Vec<(&String, &String)> {
        let mut all: Vec<(&String, &String)> = self.session.session.attributes.iter().collect();
        for event in &self.events {
            let (one, other) = match event {
                Event::Started(started) => {
                    (started.session_attributes.as_ref(), Some(&started.prompt_session_attributes))
                }
                Event::ControlReturned(returned) => {
                    (returned.session_attributes.as_ref(), returned.prompt_session_attributes.as_ref())
                }
                Event::ToolReturned(ToolReturned { outcome: ToolOutcome::Succeeded(success), .. }) => {
                    (success.session_attributes.as_ref(), success.prompt_session_attributes.as_ref())
                }
                Event::CollaboratorReturned(returned) => match &returned.outcome {
                    CollaboratorOutcome::Answered { session_attributes, .. }
                    | CollaboratorOutcome::ReturnedControl { session_attributes, .. } => {
                        (Some(session_attributes), None)
                    }
                    CollaboratorOutcome::Failed { .. } => (None, None),
                },
                _ => (None, None),
            };
            all.extend(one.into_iter().chain(other).flatten());
        }
        let below = self.below.values().flatten().filter_map(|below| below.turn.as_ref());
        all.extend(below.flat_map(Self::attributes));
        all
    }
}

impl Gathered {
    /// Values that guardrails took out of answers, of the turn and of those below it.
    pub(super) fn masked_values(&self) -> Vec<&str> {
        let assessed = self.events.iter().filter_map(|event| match event {
            Event::Assessed(assessed) => Some(assessed),
            _ => None,
        });
        let below = self.below.values().flatten().filter_map(|below| below.turn.as_ref());
        assessed.flat_map(Assessed::values).chain(below.flat_map(Self::masked_values)).collect()
    }
}

/// What a collaborator did for one ask.
pub(super) struct Below {
    /// Its turn; `None` when it is not there, or there were too many.
    pub(super) turn: Option<Gathered>,
    /// The request that the ask was; the turn may have others.
    pub(super) request_id: Option<String>,
}

/// Where to look for the turns of collaborators, and how much more may be read.
struct Search {
    sessions: Arc<Vec<KeptSession>>,
    bytes_left: usize,
    turns_left: usize,
    /// Turns that are part of the trace already, for those that did not answer.
    taken: HashSet<(i64, u32)>,
}

/// The turn with those below it; `None` when the session has no such turn.
pub(super) async fn gather(app: &Arc<App>, session: KeptSession, number: u32) -> OpResult<Option<Gathered>> {
    let (below, own) = (collaborators::session_below(session.session.id), session.session_id.clone());
    let sessions = app.store.read(move |tx| match tx.sessions_named(&below)? {
        // A collaborator looked at by itself shares its session's id with those below it.
        none if none.is_empty() => tx.sessions_named(&own),
        some => Ok(some),
    });
    let sessions = sessions.await?;
    let mut search = Search {
        sessions: Arc::new(sessions),
        bytes_left: JOURNAL_BYTES_MAX,
        turns_left: TURNS_MAX,
        taken: HashSet::new(),
    };
    let Some(mut root) = read(app, session, number).await? else { return Ok(None) };
    deepen(app, &mut root, &mut search).await?;
    Ok(Some(root))
}

/// A page of summaries of turns, from `first` on, at most so many; fewer when they are long.
pub async fn summaries(app: &Arc<App>, session: &KeptSession, first: u32, limit: usize) -> OpResult<Vec<Summary>> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    for number in first..=session.session.turns {
        if found.len() == limit || (bytes > SUMMARY_BYTES_MAX && !found.is_empty()) {
            break;
        }
        let rows = app.store.turn_events(session.session.id, number).await?;
        bytes += size(&rows);
        if let Some(turn) = of_rows(app, session.clone(), number, &rows).await? {
            found.push(summary(&turn, &*app.prices));
        }
    }
    Ok(found)
}

async fn read(app: &Arc<App>, session: KeptSession, number: u32) -> OpResult<Option<Gathered>> {
    let rows = app.store.turn_events(session.session.id, number).await?;
    of_rows(app, session, number, &rows).await
}

async fn of_rows(
    app: &Arc<App>,
    session: KeptSession,
    number: u32,
    rows: &[JournalEvent],
) -> OpResult<Option<Gathered>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let (events, stop) = journal::events(rows);
    let ended_at = rows.get(events.len()).filter(|_| stop == Stop::Ended).map(|row| row.at);
    // An agent that cannot be compiled any more leaves what the journal knows by itself.
    let agents = history::agents(app, &events).await.unwrap_or_default();
    let is_last = number == session.session.turns && !session.ended;
    let name = (&*session.agent_id, &*session.alias_id, &*session.session_id);
    let name = (name.0.into(), name.1.into(), name.2.into());
    let agent_id = if is_inline(&session.agent_id) { INLINE_AGENT } else { session.agent_id.as_str() };
    Ok(Some(Gathered {
        number,
        bytes: size(rows),
        times: rows[..events.len()].iter().map(|row| row.at).collect(),
        stop,
        ended_at,
        is_running: is_last && session.session.open_turn == Some(number) && app.sessions.is_held(&name),
        is_awaited: is_last && session.session.suspended.is_some(),
        agents,
        history: Earlier::default(),
        alias_arn: app.alias_arn(agent_id, &session.alias_id),
        below: HashMap::new(),
        events,
        session,
    }))
}

/// Bytes of what was said before, as the journal keeps it.
fn bytes_of(earlier: &Earlier) -> usize {
    earlier.messages.iter().map(|message| serde_json::to_vec(message).map_or(0, |text| text.len())).sum()
}

/// Reads what a turn is told from beside its own events: its history and the turns below it.
fn deepen<'a>(app: &'a Arc<App>, turn: &'a mut Gathered, search: &'a mut Search) -> BoxFuture<'a, OpResult<()>> {
    Box::pin(async move {
        let id = turn.session.session.id;
        let history = history::read(app, id, turn.number, &BTreeMap::new()).await?;
        search.turns_left = search.turns_left.saturating_sub(1);
        search.bytes_left = search.bytes_left.saturating_sub(turn.bytes + bytes_of(&history.earlier));
        turn.history = history.earlier;
        search.taken.insert((id, turn.number));
        if search.sessions.is_empty() {
            return Ok(());
        }
        let mut returns = Vec::new();
        for event in &turn.events {
            if let Event::CollaboratorReturned(returned) = event {
                returns.push(returned.clone());
            }
        }
        for returned in returns {
            let mut found = find(app, search, returned.started_at, returned.at, &returned.request_id).await?;
            if let Some(turn) = &mut found {
                deepen(app, turn, search).await?;
            }
            let below = Below { turn: found, request_id: Some(returned.request_id) };
            turn.below.entry(returned.tool_use_id).or_default().push_back(below);
        }
        for (tool_use_id, collaborator, asked_at) in unanswered(turn) {
            let Some((mut found, request_id)) = find_open(app, search, &collaborator, asked_at).await? else {
                continue;
            };
            deepen(app, &mut found, search).await?;
            turn.below.entry(tool_use_id).or_default().push_back(Below { turn: Some(found), request_id });
        }
        Ok(())
    })
}

/// The turn of a collaborator that had this request, somewhere between the two times.
async fn find(
    app: &Arc<App>,
    search: &Search,
    started_at: Timestamp,
    at: Timestamp,
    request_id: &str,
) -> OpResult<Option<Gathered>> {
    if search.turns_left == 0 || search.bytes_left == 0 {
        return Ok(None);
    }
    for session in search.sessions.iter() {
        let one = session.session.clone();
        let last = app.store.read(move |tx| tx.turn_begun_by(&one, at)).await?;
        for number in (1..=last).rev().take(LOOK_THROUGH_MAX as usize) {
            let rows = app.store.turn_events(session.session.id, number).await?;
            let (events, _) = journal::events(&rows);
            if events.iter().any(|event| request_of(event) == Some(request_id)) {
                return of_rows(app, session.clone(), number, &rows).await;
            }
            // Before that only the one that was under way can have had it.
            if rows.first().is_none_or(|row| row.at < started_at) {
                break;
            }
        }
    }
    Ok(None)
}

/// The last turn of a collaborator, when it has to do with something that was asked at this time and has no answer.
async fn find_open(
    app: &Arc<App>,
    search: &Search,
    collaborator: &Collaborator,
    asked_at: Timestamp,
) -> OpResult<Option<(Gathered, Option<String>)>> {
    let (agent_id, alias_id) = match &collaborator.agent {
        CollaboratingAgent::Alias { agent_id, alias_id } => (agent_id.to_string(), Some(alias_id.to_string())),
        CollaboratingAgent::Inline { .. } => (format!("{INLINE_AGENT}/{}", collaborator.name), None),
    };
    let is_its = |session: &&KeptSession| {
        session.agent_id == agent_id && alias_id.as_ref().is_none_or(|alias_id| session.alias_id == *alias_id)
    };
    let Some(session) = search.sessions.iter().find(is_its).filter(|_| search.turns_left > 0) else { return Ok(None) };
    let number = session.session.turns;
    if search.taken.contains(&(session.session.id, number)) {
        return Ok(None);
    }
    let Some(turn) = read(app, session.clone(), number).await? else { return Ok(None) };
    let requests = turn.events.iter().zip(&turn.times).filter(|(_, at)| **at >= asked_at);
    let request_id = requests.filter_map(|(event, _)| request_of(event)).next_back().map(str::to_owned);
    Ok(request_id.map(|request_id| (turn, Some(request_id))))
}

/// Messages to collaborators that have no answer in the journal: with the tool use, and when they were sent.
fn unanswered(turn: &Gathered) -> Vec<(String, Arc<Collaborator>, Timestamp)> {
    let is_supervisor = turn.agents.values().any(|agent| !agent.collaborators.is_empty());
    if !is_supervisor {
        return Vec::new();
    }
    let agents = |hash: &str| turn.agents.get(hash).cloned();
    let replay = Replay { agents: &agents, history: turn.history.clone(), attributes: BTreeMap::new(), traced: false };
    let mut open: Vec<(String, Arc<Collaborator>, Timestamp)> = Vec::new();
    replay.watch(&turn.events, |moment| {
        if let Event::CollaboratorReturned(returned) = moment.event {
            open.retain(|(tool_use_id, ..)| *tool_use_id != returned.tool_use_id);
        }
        if let Step::CallTools(calls) = &moment.decision.step {
            let at = turn.times[moment.index];
            for call in calls {
                if let Call::Collaborator(call) = call {
                    open.push((call.tool_use_id.clone(), call.collaborator.clone(), at));
                }
            }
        }
    });
    open
}

/// Whether sessions of this agent are of one that came with its request.
pub fn is_inline(agent_id: &str) -> bool {
    agent_id.strip_prefix(INLINE_AGENT).is_some_and(|name| name.is_empty() || name.starts_with('/'))
}

/// The id of the request that an event brings.
pub(super) fn request_of(event: &Event) -> Option<&str> {
    match event {
        Event::Started(started) => Some(&started.request_id),
        Event::ControlReturned(returned) => Some(&returned.request_id),
        Event::Forked(forked) => Some(&forked.request_id),
        _ => None,
    }
}

fn size(rows: &[JournalEvent]) -> usize {
    rows.iter().map(|row| row.body.len()).sum()
}
