//! Forks: a session that goes on from a point of another, as another version, with another model or instruction.
//!
//! A point is the end of a turn, or a step within one: a place in its journal at which the model is asked next, so that
//! nothing is under way and nothing with a recorded result is done again. The store shares what came before; sessions of
//! collaborators are forked along, so that they remember what they had been told by then.

use super::collaborators;
use super::drive::{ForkedTurn, TurnInput, TurnRequest};
use super::history;
use super::journal::{self, Stop};
use super::kept::is_inline;
use crate::App;
use crate::agents::controls::Controls;
use crate::agents::documents::StoredVersion;
use crate::agents::prepared::Target;
use crate::errors::{self, ApiError, OpResult};
use outcrop_planner::turn::replay::Replay;
use outcrop_planner::turn::{Earlier, Event, Forked, Turn};
use outcrop_planner::{INLINE_AGENT, PreparedAgent, Snapshot};
use outcrop_store::{Bound, FORK_DEPTH_MAX, FORKS_PER_SESSION_MAX, ForkError, KeptSession, Kind, NewFork, Tx};
use outcrop_wire::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a fork is to be.
pub struct ForkRequest {
    /// The session to fork.
    pub parent: KeptSession,
    /// Turn at whose end, or within which, it is forked; the last finished one when absent.
    pub turn: Option<u32>,
    /// Step within the turn, from 1; its end when absent.
    pub step: Option<u32>,
    /// The new session's id.
    pub session_id: String,
    /// Alias it goes on through; the same when absent.
    pub alias_id: Option<String>,
    /// Version it goes on as.
    pub version: Option<String>,
    /// Model it goes on with.
    pub model: Option<String>,
    /// Instruction it goes on with.
    pub instruction: Option<String>,
    /// Whether trace parts are wanted, of a turn that goes on.
    pub enable_trace: bool,
    /// Id of the request.
    pub request_id: String,
}

/// A fork that was made.
pub struct Made {
    /// What it runs.
    pub target: Arc<Target>,
    /// The turn at whose end, or within which, it was forked.
    pub turn: u32,
    /// The turn to run on, when it was forked within one.
    pub run: Option<TurnRequest>,
}

/// Forks. The new session's name must be locked when a step is given.
pub async fn fork(app: &Arc<App>, request: &ForkRequest) -> OpResult<Made> {
    let parent = &request.parent.session;
    let last = parent.turns;
    let number = match request.turn {
        Some(turn) => turn,
        None => last_finished(app, &request.parent).await?,
    };
    if number == 0 || number > last {
        let id = &request.parent.session_id;
        return Err(errors::validation(format!("Session {id} has turns 1 to {last}; there is no turn {number}.")));
    }
    let rows = app.store.turn_events(parent.id, number).await?;
    let (events, stop) = journal::events(&rows);
    if stop == Stop::Unreadable || events.is_empty() {
        return Err(errors::conflict(format!("The journal of turn {number} cannot be read.")));
    }
    let agents = history::agents(app, &events).await?;
    let (steps, replayed) = history::steps(&agents, &events);
    if replayed.is_none() {
        return Err(gone());
    }
    let point = match request.step {
        None if stop != Stop::Ended => return Err(unfinished(number, steps.len())),
        None => None,
        Some(step) => Some(place(&steps, number, step)?),
    };
    let choice = choose(app, request, &events).await?;
    if let Some(why) = choice.target.prepared.cannot_run() {
        return Err(errors::validation(format!("The fork cannot run in this version of Outcrop: {why}.")));
    }
    let now = app.clock.now();
    let ready = match point {
        None => Ready {
            turns: number,
            events: 0,
            at: rows.last().map_or(now, |row| row.at),
            attributes: attributes_after(app, &request.parent, number).await?,
            goes_on: None,
        },
        Some(index) => {
            let attributes = match &events[0] {
                Event::Started(started) if started.session_attributes.is_some() => BTreeMap::new(),
                _ => attributes_after(app, &request.parent, number - 1).await?,
            };
            let goes_on = go_on(app, request, &choice.target, number, &events[..=index], attributes, now).await?;
            Ready {
                turns: number - 1,
                events: rows[index].seq + 1,
                at: rows[index].at,
                attributes: goes_on.0.session_attributes().clone(),
                goes_on: Some(goes_on),
            }
        }
    };
    let next_seq = ready.events + 1;
    let (session, goes_on) = write(app, request, &choice, ready, now).await?;
    if choice.bound.is_some() {
        app.bindings.made();
    }
    let run = goes_on.map(|(turn, decision, _)| TurnRequest {
        target: choice.target.clone(),
        session_id: request.session_id.as_str().into(),
        input: TurnInput::Forked(Box::new(ForkedTurn {
            session,
            number,
            next_seq,
            turn,
            decision,
            enable_trace: request.enable_trace,
        })),
        limits: choice.target.controls.limits(&app.settings),
        stream: true,
        guardrail_interval: super::guard::INTERVAL_CHARS,
        // What a fork tries out is not to be remembered, unless its later turns say so.
        memory_id: None,
        above: None,
    });
    Ok(Made { target: choice.target, turn: number, run })
}

async fn last_finished(app: &Arc<App>, parent: &KeptSession) -> OpResult<u32> {
    let last = parent.session.turns;
    let rows = app.store.turn_events(parent.session.id, last).await?;
    // Every turn before the last has its end, or gets it when the session is next used.
    Ok(if journal::events(&rows).1 == Stop::Ended { last } else { last.saturating_sub(1).max(1) })
}

fn gone() -> ApiError {
    errors::conflict("What the turn ran on cannot be used any more, and without it the turn cannot be forked.")
}

fn place(steps: &[usize], turn: u32, step: u32) -> OpResult<usize> {
    let index = usize::try_from(step).ok().and_then(|step| step.checked_sub(1));
    index.and_then(|index| steps.get(index).copied()).ok_or_else(|| {
        errors::validation(format!("Turn {turn} has steps 1 to {}; there is no step {step}.", steps.len()))
    })
}

fn unfinished(turn: u32, steps: usize) -> ApiError {
    let earlier = if turn > 1 { format!(", or at the end of turn {}", turn - 1) } else { String::new() };
    errors::validation(format!(
        "Turn {turn} is not finished, so there is no end to fork at. Fork at one of its steps, 1 to {steps}{earlier}."
    ))
}

/// What the fork runs.
struct Choice {
    target: Arc<Target>,
    /// Set when it is not what the alias leads to.
    bound: Option<Bound>,
}

async fn choose(app: &Arc<App>, request: &ForkRequest, events: &[Event]) -> OpResult<Choice> {
    let parent = &request.parent;
    let is_inline = is_inline(&parent.agent_id);
    if is_inline && (request.alias_id.is_some() || request.version.is_some()) {
        return Err(errors::validation("An inline agent has no aliases and versions: give a model or an instruction."));
    }
    let alias_id = request.alias_id.as_ref().unwrap_or(&parent.alias_id);
    let of_turn = || history::last_agent_of(events).map(|(hash, version)| (hash.to_owned(), version.to_owned()));
    let of_parent = parent_binding(app, parent).await?;
    let (hash, version) = match (&request.version, &request.alias_id) {
        (Some(version), _) => {
            let (agent_id, wanted) = (parent.agent_id.clone(), version.clone());
            let stored = app
                .store
                .read(move |tx| Ok::<_, ApiError>(tx.get::<StoredVersion>(Kind::AgentVersion, &agent_id, &wanted)?));
            let stored = stored.await?.ok_or_else(|| {
                errors::validation(format!("The agent {} has no version {version}.", parent.agent_id))
            })?;
            (stored.snapshot, version.clone())
        }
        (None, Some(alias_id)) => {
            let target = app.prepared.target(app, &parent.agent_id, alias_id).await?;
            (target.snapshot.to_string(), target.version.to_string())
        }
        (None, None) => of_turn().ok_or_else(errors::internal)?,
    };
    let is_changed = request.model.is_some() || request.instruction.is_some();
    let (hash, prepared) = match is_changed {
        true => changed(app, request, &hash).await?,
        false => {
            let prepared = app.prepared.by_hash(app, &hash).await?;
            (hash, prepared.ok_or_else(gone)?)
        }
    };
    let goes_elsewhere = is_changed || request.version.is_some();
    let bound = match goes_elsewhere {
        true => Some(Bound { snapshot: hash.clone(), version: version.clone() }),
        false if request.alias_id.is_none() => of_parent,
        false => None,
    };
    let arn_of = if is_inline { INLINE_AGENT } else { parent.agent_id.as_str() };
    let controls = match is_inline {
        true => Controls::default(),
        // An alias that is gone has no tags.
        false => {
            let target = app.prepared.target(app, &parent.agent_id, alias_id).await;
            target.map(|target| target.controls.clone()).unwrap_or_default()
        }
    };
    let target = Target {
        agent_id: parent.agent_id.as_str().into(),
        alias_id: alias_id.as_str().into(),
        alias_arn: app.alias_arn(arn_of, alias_id).into(),
        version: version.into(),
        snapshot: hash.into(),
        prepared,
        controls,
    };
    Ok(Choice { target: Arc::new(target), bound: bound.filter(|_| !is_inline) })
}

async fn parent_binding(app: &Arc<App>, parent: &KeptSession) -> OpResult<Option<Bound>> {
    let id = parent.session.id;
    let fork = app.store.read(move |tx| tx.fork(id)).await?;
    Ok(fork.and_then(|fork| fork.bound))
}

/// The agent of a snapshot with another model or instruction, kept as a snapshot of its own. Phases that name a model of
/// their own keep it.
async fn changed(app: &Arc<App>, request: &ForkRequest, hash: &str) -> OpResult<(String, Arc<PreparedAgent>)> {
    let wanted = hash.to_owned();
    let found = app.store.read(move |tx| Ok::<_, ApiError>(tx.snapshot::<Snapshot>(&wanted)?)).await?;
    let mut snapshot = found.ok_or_else(gone)?;
    if let Some(model) = &request.model {
        snapshot.agent.foundation_model = Some(model.clone());
    }
    if let Some(instruction) = &request.instruction {
        snapshot.agent.instruction = Some(instruction.clone());
    }
    app.prepared.by_content(app, snapshot).await
}

/// Session attributes as a turn left them. The store has those of the last turn; older ones follow from the journal.
async fn attributes_after(app: &Arc<App>, parent: &KeptSession, turn: u32) -> OpResult<BTreeMap<String, String>> {
    let session = &parent.session;
    if turn == session.turns && session.open_turn.is_none() {
        return Ok(session.attributes.clone());
    }
    // Back to where they are known: the first turn, or one whose caller gave them anew.
    let mut first = turn;
    while first > 1 {
        let rows = app.store.turn_events(session.id, first).await?;
        let (events, _) = journal::events(&rows);
        if matches!(events.first(), Some(Event::Started(started)) if started.session_attributes.is_some()) {
            break;
        }
        first -= 1;
    }
    let mut attributes = BTreeMap::new();
    for number in first.max(1)..=turn {
        if let Some(turn) = history::rebuild(app, session.id, number, Earlier::default(), attributes.clone()).await? {
            attributes = turn.session_attributes().clone();
        }
    }
    Ok(attributes)
}

type GoesOn = (Turn, outcrop_planner::turn::Decision, Event);

/// The turn as it is at the point, going on as the new agent.
async fn go_on(
    app: &Arc<App>,
    request: &ForkRequest,
    target: &Target,
    number: u32,
    events: &[Event],
    attributes: BTreeMap<String, String>,
    now: Timestamp,
) -> OpResult<GoesOn> {
    let history = history::read(app, request.parent.session.id, number, &attributes).await?;
    let agents: HashMap<_, _> = history::agents(app, events).await?;
    let agents = |hash: &str| agents.get(hash).cloned();
    let attributes = history.attributes.unwrap_or(attributes);
    let replay = Replay { agents: &agents, history: history.earlier, attributes, traced: false };
    let (mut turn, _) = replay.rebuild(events.to_vec()).ok_or_else(errors::internal)?;
    let forked = Forked {
        at: now,
        request_id: request.request_id.clone(),
        snapshot: target.snapshot.to_string(),
        alias_id: target.alias_id.to_string(),
        version: target.version.to_string(),
        session_id: request.session_id.clone(),
        enable_trace: request.enable_trace,
    };
    let decision = turn.go_on_as(target.prepared.clone(), forked.clone());
    Ok((turn, decision, Event::Forked(forked)))
}

/// A point, and what is known there.
struct Ready {
    turns: u32,
    events: u32,
    /// When it was reached.
    at: Timestamp,
    attributes: BTreeMap<String, String>,
    goes_on: Option<GoesOn>,
}

/// Writes the session, and those of its collaborators, in one.
async fn write(
    app: &Arc<App>,
    request: &ForkRequest,
    choice: &Choice,
    ready: Ready,
    now: Timestamp,
) -> OpResult<(i64, Option<GoesOn>)> {
    let Ready { turns, events, at, attributes, goes_on } = ready;
    let parent = request.parent.session.id;
    let new = NewFork {
        agent_id: choice.target.agent_id.to_string(),
        alias_id: choice.target.alias_id.to_string(),
        session_id: request.session_id.clone(),
        now,
        idle_ttl_seconds: u32::try_from(choice.target.prepared.idle_session_ttl_seconds).unwrap_or(u32::MAX),
        parent,
        turns,
        events,
        bound: choice.bound.clone(),
        attributes,
        first_event: goes_on.as_ref().map(|(_, _, event)| journal::event_row(event)),
    };
    let session = app.store.write(move |tx| {
        let session = tx.fork_session(&new)?;
        fork_below(tx, parent, session, at, now)?;
        Ok::<_, ForkError>(session)
    });
    let session = session.await.map_err(|error| refused(error, &request.session_id))?;
    // Numbers of sessions that were swept are given again.
    app.histories.forget(session);
    Ok((session, goes_on))
}

/// Forks the sessions of the collaborators below a session, as they were at that time.
fn fork_below(tx: &mut Tx<'_>, parent: i64, session: i64, at: Timestamp, now: Timestamp) -> Result<(), ForkError> {
    let session_id = collaborators::session_below(session);
    for below in tx.sessions_named(&collaborators::session_below(parent))? {
        let turns = tx.turn_begun_by(&below.session, at)?;
        if below.is_over(now) || turns == 0 {
            continue;
        }
        tx.fork_session(&NewFork {
            agent_id: below.agent_id,
            alias_id: below.alias_id,
            session_id: session_id.clone(),
            now,
            idle_ttl_seconds: below.session.idle_ttl_seconds,
            parent: below.session.id,
            turns,
            events: 0,
            bound: None,
            attributes: below.session.attributes,
            first_event: None,
        })?;
    }
    Ok(())
}

fn refused(error: ForkError, session_id: &str) -> ApiError {
    match error {
        ForkError::Taken => errors::conflict(format!(
            "There is a session {session_id} of this agent and alias already. Choose another id for the fork."
        )),
        ForkError::NotThere => errors::not_found(),
        ForkError::TooDeep => errors::quota_exceeded(format!(
            "Forks of forks reach at most {FORK_DEPTH_MAX} deep. Fork a session that is nearer to the first."
        )),
        ForkError::TooMany => errors::quota_exceeded(format!("A session has at most {FORKS_PER_SESSION_MAX} forks.")),
        ForkError::Store(error) => error.into(),
    }
}
