//! How a turn begins: with the user's words, with the caller's results, as a fork; or not at all, because its request has
//! come before.

use super::collaborators::{self, Scope};
use super::drive::{Driver, ForkedTurn, TurnInput, TurnRequest, lost};
use super::emit::Emitter;
use super::files::{self, Files};
use super::history::{self, History};
use super::journal;
use super::recorded::{self, Recorded};
use super::sessions::SessionGuard;
use super::take_up::Known;
use super::windows;
use crate::App;
use crate::agents::prepared::Target;
use crate::bill::Payer;
use crate::errors::{self, ApiError, OpResult};
use outcrop_api::bedrock_agent::AgentCollaboration;
use outcrop_planner::turn::{Decision, Event, Turn};
use outcrop_store::{BeginError, BeginTurn, Entered, Session, SessionFile, TurnRef};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What a request comes to.
pub(super) enum Beginning<'a> {
    /// A turn of its own, and its first decision.
    New(Box<Driver<'a>>, Decision),
    /// The turn that it has already.
    Known(Box<Known>),
}

pub(super) async fn begin<'a>(
    app: &'a Arc<App>,
    request: TurnRequest,
    held: SessionGuard,
    emitter: &'a mut Emitter,
) -> OpResult<Beginning<'a>> {
    let TurnRequest {
        target,
        session_id,
        input,
        limits,
        stream,
        memory_id,
        request,
        interrupts,
        patience,
        mut recorded,
        above,
    } = request;
    let began = Instant::now();
    let enable_trace = match &input {
        TurnInput::Words(started) => started.enable_trace,
        TurnInput::Results { returned, .. } => returned.enable_trace,
        TurnInput::Forked(forked) => forked.enable_trace,
    };
    let begin = |resume: Option<String>, first_event: Vec<u8>, files: Vec<SessionFile>| BeginTurn {
        agent_id: target.agent_id.to_string(),
        alias_id: target.alias_id.to_string(),
        session_id: session_id.to_string(),
        now: app.clock.now(),
        idle_ttl_seconds: u32::try_from(target.prepared.idle_session_ttl_seconds).unwrap_or(u32::MAX),
        resume,
        memory_id: memory_id.clone(),
        first_event,
        files,
        owner: app.lease.owner().to_owned(),
        request: request.clone(),
        follows: None,
        interrupts,
    };
    let known = |turn, held, recorded| {
        let known = Known { turn, held, recorded, stream, traced: enable_trace };
        Ok(Beginning::Known(Box::new(known)))
    };
    let (at, next_seq, turn, decision) = match input {
        TurnInput::Words(mut started) => {
            started.models = windows::models(app, &target);
            started.windows = windows::of_agent(app, &target.prepared, &started.models);
            if target.prepared.collaboration == AgentCollaboration::SupervisorRouter {
                started.last_agent = history::last_agent(app, &target, &session_id).await?;
            }
            let files = files::to_keep(&started.files);
            let event = Event::Started(*started);
            let begin = begin(None, journal::event_row(&event), files);
            let mut waits = Waits { until: began + patience, recorded: &mut recorded, emitter, traced: enable_trace };
            let begun = match waits.enter(app, begin).await.map_err(|error| begin_error(error, &session_id))? {
                Entered::Begun(begun) => begun,
                Entered::Known(turn) => return known(turn, held, recorded),
            };
            let Event::Started(started) = event else { unreachable!("made above") };
            if begun.is_new {
                // Numbers of sessions that were swept are given again.
                app.histories.forget(begun.session);
            }
            let history = match begun.previous_turns {
                0 => History::default(),
                _ => history::before(app, begun.turn_ref(), &begun.attributes).await?,
            };
            let at = begun.turn_ref();
            let attributes = history.attributes.unwrap_or(begun.attributes);
            let (turn, decision) = Turn::start(target.prepared.clone(), history.earlier, attributes, started);
            (at, begun.next_seq, turn, decision)
        }
        TurnInput::Results { invocation_id, returned } => {
            let waiting = suspended_turn(app, &target, &session_id, &invocation_id).await;
            let event = Event::ControlReturned(returned);
            let begin = || begin(Some(invocation_id.clone()), journal::event_row(&event), Vec::new());
            let mut turn = match waiting {
                Ok(turn) => turn,
                // They may have come before, and be worked on or done.
                Err(error) if request.is_some() => match app.store.enter_turn(begin()).await {
                    Ok(Entered::Known(turn)) => return known(turn, held, recorded),
                    _ => return Err(error),
                },
                Err(error) => return Err(error),
            };
            // It goes on as what it began as, also when the alias leads elsewhere by now.
            emitter.speak_as(&turn.tool_context().agent.version);
            if let Event::ControlReturned(returned) = &event {
                turn.check_results(&returned.results).map_err(errors::validation)?;
            }
            let begun = match app.store.enter_turn(begin()).await.map_err(|error| begin_error(error, &session_id))? {
                Entered::Begun(begun) => begun,
                Entered::Known(turn) => return known(turn, held, recorded),
            };
            let at = begun.turn_ref();
            let decision = turn.apply(event);
            (at, begun.next_seq, turn, decision)
        }
        TurnInput::Forked(forked) => {
            let ForkedTurn { at, next_seq, turn, decision, .. } = *forked;
            (at, next_seq, turn, decision)
        }
    };
    let ends_at = began + Duration::from_secs(limits.wall_time_seconds.min(turn.limits().wall_time_seconds));
    let place = Place { at, next_seq, ends_at, stream, enable_trace, to_boundary: false };
    Ok(Beginning::New(Box::new(driver(app, turn, place, held, emitter, above)), decision))
}

/// Longest time between two looks at a session that another server works on.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A request that finds its session held by another server.
struct Waits<'a> {
    until: Instant,
    recorded: &'a mut Option<Box<Recorded>>,
    emitter: &'a Emitter,
    traced: bool,
}

impl Waits<'_> {
    /// Enters as soon as it may. What the other server writes of the same request's turn is shown meanwhile.
    async fn enter(&mut self, app: &Arc<App>, begin: BeginTurn) -> Result<Entered, BeginError> {
        let mut follows = None;
        loop {
            let begin = BeginTurn { now: app.clock.now(), follows, ..begin.clone() };
            let error = match app.store.enter_turn(begin).await {
                Err(error @ BeginError::Held { .. }) => error,
                entered => return entered,
            };
            let BeginError::Held { same } = &error else { return Err(error) };
            match *same {
                Some(turn) => {
                    follows = Some((turn.session, turn.turn));
                    if let Err(error) = self.show(app, turn).await {
                        tracing::warn!(code = error.code, "another server's turn cannot be shown; it is tried again");
                    }
                }
                None if Instant::now() >= self.until => return Err(error),
                None => {}
            }
            tokio::select! {
                () = app.stopping.cancelled() => return Err(error),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    async fn show(&mut self, app: &Arc<App>, turn: TurnRef) -> OpResult<()> {
        if self.recorded.as_ref().is_none_or(|recorded| !recorded.is_of(turn)) {
            let session = app.store.read(move |tx| tx.kept_session(turn.session)).await?;
            let attributes = session.map(|session| session.session.attributes).unwrap_or_default();
            *self.recorded = Some(Box::new(Recorded::of(app, turn, attributes, self.emitter, self.traced).await?));
        }
        let Some(recorded) = self.recorded else { return Ok(()) };
        recorded::show(recorded.read(app).await?).await;
        Ok(())
    }
}

/// Where a turn is written, and how it is to go on.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) at: TurnRef,
    pub(super) next_seq: u32,
    /// When it has to be over, if nobody above says earlier.
    pub(super) ends_at: Instant,
    pub(super) stream: bool,
    pub(super) enable_trace: bool,
    /// It is brought to its next boundary only, and left there.
    pub(super) to_boundary: bool,
}

/// A driver for a turn. `above` is what the supervisor hands down.
pub(super) fn driver<'a>(
    app: &'a Arc<App>,
    turn: Turn,
    place: Place,
    held: SessionGuard,
    emitter: &'a Emitter,
    above: Option<Scope>,
) -> Driver<'a> {
    let Place { at, next_seq, ends_at, stream, enable_trace, to_boundary } = place;
    let ends_at = above.as_ref().map_or(ends_at, |above| ends_at.min(above.ends_at));
    let running = held.running().clone();
    let context = turn.tool_context();
    let root_session = above.as_ref().map_or(context.session_id, |above| above.root_session.clone());
    let payer = Payer { agent: context.agent.id, session: root_session.clone() };
    let below = Scope {
        root_session,
        depth: above.as_ref().map_or(0, |above| above.depth) + 1,
        root: above.as_ref().map_or(at.session, |above| above.root),
        to_boundary,
        session_id: above.map_or_else(|| collaborators::session_below(at.session).into(), |above| above.session_id),
        ends_at,
        enable_trace,
        cancelled: running.token().clone(),
        emitter: emitter.clone(),
    };
    Driver {
        app,
        emitter,
        turn,
        held: Some(held),
        running,
        at,
        next_seq,
        ends_at,
        payer,
        below,
        stream,
        again: false,
        taken: None,
        shown: String::new(),
        files: Files::default(),
    }
}

/// The turn that waits for these results.
async fn suspended_turn(app: &Arc<App>, target: &Target, session_id: &str, invocation_id: &str) -> OpResult<Turn> {
    let not_awaited = || {
        errors::validation(format!("No action with invocationId {invocation_id} waits for a result in this session."))
    };
    let found = find_session(app, target, session_id).await?;
    let session =
        found.filter(|session| session.suspended.as_deref() == Some(invocation_id)).ok_or_else(not_awaited)?;
    let at = TurnRef { session: session.id, turn: session.turns, epoch: session.epoch };
    let history = history::before(app, at, &session.attributes).await?;
    let rebuilt = history::rebuild(app, session.id, session.turns, history.earlier, session.attributes).await?;
    let turn = rebuilt.ok_or_else(|| lost("a suspended turn cannot be rebuilt"))?;
    if turn.awaited_invocation() == Some(invocation_id) { Ok(turn) } else { Err(not_awaited()) }
}

async fn find_session(app: &App, target: &Target, session_id: &str) -> OpResult<Option<Session>> {
    let (agent_id, alias_id, session_id) = (target.agent_id.clone(), target.alias_id.clone(), session_id.to_owned());
    let now = app.clock.now();
    app.store.read(move |tx| Ok(tx.find_session(&agent_id, &alias_id, &session_id, now)?)).await
}

fn begin_error(error: BeginError, session_id: &str) -> ApiError {
    match error {
        BeginError::NotSuspended | BeginError::WrongInvocation { .. } => {
            errors::validation("No action with this invocationId waits for a result in this session.")
        }
        BeginError::Held { .. } => errors::conflict(format!(
            "Another request is being answered in session {session_id}, by another server. Wait for its end and retry."
        )),
        BeginError::Asleep { until } => errors::conflict(format!(
            "The last turn of session {session_id} waits for an action that answers later, until {until} at most. Send its request again to read it, or cancel it."
        )),
        BeginError::Store(error) => error.into(),
    }
}
