//! Calling turns off: one that runs, and one that waits for its caller.

use super::collaborators;
use super::history;
use super::journal;
use super::sessions::{RunningTurn, SessionName};
use crate::App;
use crate::errors::{self, OpResult};
use outcrop_planner::Collaborator;
use outcrop_planner::turn::{CancelledBy, Earlier, Event};
use outcrop_ports::BoxFuture;
use outcrop_store::{BeginError, BeginTurn, FinishTurn, Session, TurnOutcome, TurnRef};
use std::sync::Arc;
use std::time::Duration;

/// How long a turn that is called off may take to its end.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// Whose turn is to be called off.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Session as the client named it.
    pub session_id: String,
    /// Its agent, where several have a session of this id.
    pub agent_id: Option<String>,
    /// And its alias.
    pub alias_id: Option<String>,
}

/// Calls off the turn that runs in a session or waits for its caller, and waits for its end. Its session is free then.
///
/// # Errors
/// ResourceNotFoundException when there is nothing to call off; ValidationException when it may be several.
pub async fn cancel(app: &Arc<App>, wanted: &Wanted) -> OpResult<SessionName> {
    let Wanted { session_id, agent_id, alias_id } = wanted;
    let running = app.sessions.running(session_id, agent_id.as_deref(), alias_id.as_deref());
    let (id, now) = (session_id.clone(), app.clock.now());
    let suspended = app.store.read(move |tx| tx.unended_sessions(&id, now)).await?;
    let mut found: Vec<(SessionName, Option<Arc<RunningTurn>>)> =
        running.into_iter().map(|(name, turn)| (name, Some(turn))).collect();
    for (agent, alias) in suspended {
        let is_wanted = agent_id.as_ref().is_none_or(|wanted| *wanted == agent)
            && alias_id.as_ref().is_none_or(|wanted| *wanted == alias);
        let name: SessionName = (agent.into(), alias.into(), session_id.as_str().into());
        if is_wanted && found.iter().all(|(other, _)| *other != name) {
            found.push((name, None));
        }
    }
    let (name, running) = match <[_; 1]>::try_from(found) {
        Ok([only]) => only,
        Err(none) if none.is_empty() => return Err(nothing(session_id)),
        Err(several) => {
            let all: Vec<String> =
                several.iter().map(|((agent, alias, _), _)| format!("agentId={agent}&agentAliasId={alias}")).collect();
            return Err(errors::validation(format!(
                "Several agents have a turn in a session {session_id}: say which by {}.",
                all.join(" or ")
            )));
        }
    };
    if let Some(turn) = running {
        turn.cancel(CancelledBy::Request);
        let ended = tokio::time::timeout(END_TIMEOUT, turn.end()).await;
        let was_cancelled = ended.map_err(|_| {
            errors::conflict(format!("The turn of session {session_id} was told to end and has not ended yet."))
        })?;
        if was_cancelled {
            return Ok(name);
        }
        // It came to its own end in the same moment, which may be a return of control.
    }
    match suspended_turn(app, &name, CancelledBy::Request, None).await? {
        true => Ok(name),
        false => Err(nothing(session_id)),
    }
}

fn nothing(session_id: &str) -> errors::ApiError {
    errors::ApiError::new(
        "ResourceNotFoundException",
        format!("There is nothing to cancel in session {session_id}: no turn of it runs or waits for results."),
    )
}

/// Calls off the turns of collaborators that wait for the caller, each known by its invocation id.
pub(super) async fn cancel_waiting(app: &Arc<App>, waiting: Vec<(Arc<Collaborator>, String)>, session_id: &Arc<str>) {
    for (collaborator, invocation_id) in waiting {
        // One that is gone since has no turn to call off.
        let Ok(target) = collaborators::target(app, &collaborator).await else { continue };
        let name = (target.agent_id.clone(), target.alias_id.clone(), session_id.clone());
        let below = Below { invocation_id: &invocation_id, session_id };
        let cancelled = suspended_turn(app, &name, CancelledBy::Supervisor, Some(below)).await;
        if let Err(error) = cancelled {
            tracing::warn!(agent = &*name.0, reason = error.message, "a collaborator's turn could not be called off");
        }
    }
}

/// A collaborator's turn: what it waits for, and the session that all below one root share.
#[derive(Clone, Copy)]
struct Below<'a> {
    invocation_id: &'a str,
    session_id: &'a Arc<str>,
}

/// Calls off the turn that waits for its caller, and those of its collaborators that wait with it. False when none waits,
/// or for something else.
fn suspended_turn<'a>(
    app: &'a Arc<App>,
    name: &'a SessionName,
    by: CancelledBy,
    below: Option<Below<'a>>,
) -> BoxFuture<'a, OpResult<bool>> {
    Box::pin(async move {
        let Some(_held) = app.sessions.lock(name.clone(), app.settings.sessions.wait).await else {
            return Err(errors::conflict("Another request is being answered in the session."));
        };
        let Some(session) = find(app, name).await? else { return Ok(false) };
        let Some(awaited) = session.suspended.clone() else {
            return match below {
                None => unattended_turn(app, &session, by).await,
                Some(_) => Ok(false),
            };
        };
        if below.is_some_and(|below| below.invocation_id != awaited) {
            return Ok(false);
        }
        let rebuilt =
            history::rebuild(app, session.id, session.turns, Earlier::default(), session.attributes.clone()).await?;
        let Some(mut turn) = rebuilt else {
            tracing::error!(session = session.id, "a suspended turn cannot be rebuilt");
            return Err(errors::internal());
        };
        let waiting = turn.waiting_collaborators();
        let now = app.clock.now();
        let event = Event::Cancelled { at: now, by };
        let (agent_id, alias_id, session_id) = (name.0.to_string(), name.1.to_string(), name.2.to_string());
        let begin = BeginTurn {
            agent_id,
            alias_id,
            session_id,
            now,
            idle_ttl_seconds: session.idle_ttl_seconds,
            resume: Some(awaited),
            first_event: journal::event_row(&event),
            owner: app.lease.owner().to_owned(),
            interrupts: true,
            ..BeginTurn::default()
        };
        let begun = match app.store.begin_turn(begin).await {
            Ok(begun) => begun,
            Err(BeginError::Store(error)) => return Err(error.into()),
            // It has expired meanwhile.
            Err(_) => return Ok(false),
        };
        turn.apply(event);
        let end = vec![(now, journal::ended_row(&turn))];
        let finish = FinishTurn {
            attributes: Some(turn.session_attributes().clone()),
            ..FinishTurn::new(begun.turn_ref(), begun.next_seq, end, now, TurnOutcome::Finished)
        };
        app.store.finish_turn(finish).await?;
        let session_below = || collaborators::session_below(session.id).into();
        cancel_waiting(app, waiting, &below.map_or_else(session_below, |below| below.session_id.clone())).await;
        Ok(true)
    })
}

/// Calls off a turn that sleeps, or is open with nobody who drives it. False when there is none.
async fn unattended_turn(app: &Arc<App>, session: &Session, by: CancelledBy) -> OpResult<bool> {
    let at = TurnRef { session: session.id, turn: session.turns, epoch: session.epoch };
    let (owner, now) = (app.lease.owner().to_owned(), app.clock.now());
    let taken = match (session.open_turn, session.asleep_until) {
        (Some(_), _) => app.store.take_over(at, owner, now).await?,
        (None, Some(_)) => app.store.wake_turn(at, owner, now).await?,
        (None, None) => return Ok(false),
    };
    let Some(at) = taken else { return Ok(false) };
    let next_seq = app.store.turn_events(at.session, at.turn).await?.last().map_or(0, |row| row.seq + 1);
    let rebuilt = history::rebuild(app, at.session, at.turn, Earlier::default(), session.attributes.clone()).await?;
    let Some(mut turn) = rebuilt else {
        tracing::error!(session = session.id, "a turn that nobody drives cannot be rebuilt");
        return Err(errors::internal());
    };
    let waiting = turn.waiting_collaborators();
    let event = Event::Cancelled { at: now, by };
    let row = journal::event_row(&event);
    turn.apply(event);
    let end = vec![(now, row), (now, journal::ended_row(&turn))];
    let finish = FinishTurn {
        attributes: Some(turn.session_attributes().clone()),
        ..FinishTurn::new(at, next_seq, end, now, TurnOutcome::Finished)
    };
    app.store.finish_turn(finish).await?;
    cancel_waiting(app, waiting, &collaborators::session_below(session.id).into()).await;
    Ok(true)
}

async fn find(app: &App, name: &SessionName) -> OpResult<Option<Session>> {
    let (agent_id, alias_id, session_id) = (name.0.to_string(), name.1.to_string(), name.2.to_string());
    let now = app.clock.now();
    Ok(app.store.read(move |tx| tx.find_session(&agent_id, &alias_id, &session_id, now)).await?)
}
