//! A collaborator's turn: driven like any other, in a session of its own, with its supervisor for a caller.

use super::drive::{self, Ended, Sleep, TurnInput, TurnRequest};
use super::emit::{Emitter, SpeakingAgent};
use super::journal;
use super::recorded::request_of;
use super::request;
use super::sessions::{SessionPolicy, SessionSettings};
use super::take_up;
use crate::App;
use crate::agents::controls::Controls;
use crate::agents::documents::{DRAFT, TEST_ALIAS_ID};
use crate::agents::prepared::Target;
use crate::errors::{self, OpResult};
use outcrop_planner::INLINE_AGENT;
use outcrop_planner::agent::{CollaboratingAgent, Collaborator};
use outcrop_planner::turn::collaboration::{Ask, CollaboratorCall};
use outcrop_planner::turn::{CancelledBy, CollaboratorOutcome, CollaboratorReturned, ControlReturned, Started};
use outcrop_ports::BoxFuture;
use outcrop_store::Session;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Agents below each other at most. An agent that is its own collaborator's collaborator ends here, too.
const DEPTH_MAX: u32 = 8;

/// What a turn hands down to the turns of its collaborators.
#[derive(Clone)]
pub struct Scope {
    /// How many supervisors are above.
    pub(super) depth: u32,
    /// The root's session as its client named it: whoever works below it works for it.
    pub(super) root_session: Arc<str>,
    /// Session of all collaborators below one root session.
    pub(super) session_id: Arc<str>,
    /// When the root's turn has to be over.
    pub(super) ends_at: Instant,
    /// Whether the root's caller wants to see what happens.
    pub(super) enable_trace: bool,
    /// The root's session: it is woken when something comes that a turn below it waits for.
    pub(super) root: i64,
    /// Turns are brought to their next boundary only, and left there.
    pub(super) to_boundary: bool,
    /// Cancelled when the supervisor's turn is called off.
    pub(super) cancelled: CancellationToken,
    /// Shows the supervisor's turn.
    pub(super) emitter: Emitter,
}

/// The session of all collaborators below a root session: an id of its own, the same in every turn of that session.
pub(super) fn session_below(root_session: i64) -> String {
    request::uuid(&Sha256::digest(format!("collaborators of session {root_session}")))
}

/// Kind of the names that asks have: each is the id of the request that the collaborator takes, so that its turn is found
/// again.
pub(super) const ASKS: &str = "ask";

/// Turns of a collaborator that are looked through for one request.
const LOOK_THROUGH_MAX: u32 = 64;

/// What becomes of an ask.
pub(super) enum Asked {
    /// It has its result.
    Returned(CollaboratorReturned),
    /// The collaborator's turn sleeps until a callback comes.
    Asleep(Sleep),
    /// The process is to end, or the supervisor's turn, or both are left at a boundary: nothing is recorded. The
    /// collaborator's turn has ended itself, or is taken up or closed like any other that was cut off.
    Nothing,
}

/// Asks and waits for the end. `again` asks what was asked before its supervisor's turn was taken up: the collaborator goes
/// on with the turn that it has.
pub(super) fn ask(
    app: Arc<App>,
    call: CollaboratorCall,
    call_scope: Arc<str>,
    again: bool,
    scope: Scope,
) -> BoxFuture<'static, Asked> {
    Box::pin(async move {
        let started_at = app.clock.now();
        let request_id = request::call_name(ASKS, &call_scope, &call.tool_use_id);
        let tool_use_id = call.tool_use_id.clone();
        let outcome = match try_ask(&app, call, &scope, &request_id, again).await {
            Ok(Outcome::Ended(outcome)) => outcome,
            Ok(Outcome::Asleep(sleep)) => return Asked::Asleep(sleep),
            Ok(Outcome::Left) => return Asked::Nothing,
            Err(_) if app.stopping.is_cancelled() || scope.cancelled.is_cancelled() => return Asked::Nothing,
            Err(error) => {
                tracing::info!(request_id, code = error.code, reason = error.message, "collaborator failed");
                CollaboratorOutcome::Failed { message: error.message }
            }
        };
        Asked::Returned(CollaboratorReturned { started_at, at: app.clock.now(), request_id, tool_use_id, outcome })
    })
}

enum Outcome {
    Ended(CollaboratorOutcome),
    Asleep(Sleep),
    Left,
}

async fn try_ask(
    app: &Arc<App>,
    call: CollaboratorCall,
    scope: &Scope,
    request_id: &str,
    again: bool,
) -> OpResult<Outcome> {
    if scope.depth >= DEPTH_MAX {
        return Err(errors::validation(format!("agents ask each other more than {DEPTH_MAX} levels deep")));
    }
    let target = target(app, &call.collaborator).await?;
    let name = (target.agent_id.clone(), target.alias_id.clone(), scope.session_id.clone());
    // Messages to one collaborator are answered in turn: they are one conversation.
    // Who may wait for how long is decided at the root.
    let queue_timeout = scope.ends_at.saturating_duration_since(Instant::now());
    let settings = SessionSettings { queue_length_max: usize::MAX, queue_timeout, ..app.settings.sessions };
    let entered = tokio::select! {
        entered = app.sessions.enter(name, SessionPolicy::Queue, settings, Some(&scope.cancelled)) => entered,
        () = scope.cancelled.cancelled() => return Err(errors::conflict(CancelledBy::Supervisor.reason())),
    };
    let held = entered.map_err(|_| errors::conflict("another message to this agent took all the time there was"))?;
    let speaking = (!target.prepared.is_inline()).then(|| SpeakingAgent {
        agent_id: target.agent_id.clone(),
        alias_id: target.alias_id.clone(),
        version: target.version.clone(),
    });
    let emitter =
        scope.emitter.below(speaking, call.collaborator.alias_arn.clone(), &call.collaborator.name, &scope.session_id);
    let found = match again {
        true => find_turn(app, &call.collaborator, &scope.session_id, request_id).await?,
        false => None,
    };
    let (ended, session_attributes) = match found {
        Some((session, number)) => {
            take_up::take_up_below(app, &session, number, request_id, scope.clone(), held, emitter).await?
        }
        None => {
            let limits = target.controls.limits(&app.settings);
            let answer_schema = match &target.controls.answer_schema {
                Some(schema) => Some(schema.load(app).await?),
                None => None,
            };
            let request = TurnRequest {
                input: input(app, call, scope, &target, request_id, answer_schema),
                target,
                session_id: scope.session_id.clone(),
                limits,
                stream: false,
                memory_id: None,
                request: None,
                interrupts: true,
                patience: Duration::ZERO,
                recorded: None,
                above: Some(scope.clone()),
            };
            drive::run_below(app, request, held, emitter).await?
        }
    };
    Ok(match ended {
        Ended::Finished { text } => Outcome::Ended(CollaboratorOutcome::Answered { text, session_attributes }),
        Ended::Suspended { payload } => {
            Outcome::Ended(CollaboratorOutcome::ReturnedControl { payload: *payload, session_attributes })
        }
        Ended::Asleep(sleep) => Outcome::Asleep(sleep),
        Ended::Left => Outcome::Left,
    })
}

/// The turn of a collaborator that took this request: its session, and its number in it.
pub(super) async fn find_turn(
    app: &Arc<App>,
    collaborator: &Collaborator,
    session_id: &str,
    request_id: &str,
) -> OpResult<Option<(Session, u32)>> {
    let (agent_id, alias_id) = match &collaborator.agent {
        CollaboratingAgent::Alias { agent_id, alias_id } => (agent_id.to_string(), alias_id.to_string()),
        CollaboratingAgent::Inline { .. } => {
            (format!("{INLINE_AGENT}/{}", collaborator.name), TEST_ALIAS_ID.to_owned())
        }
    };
    let (session_id, now) = (session_id.to_owned(), app.clock.now());
    let found = app.store.read(move |tx| tx.find_session(&agent_id, &alias_id, &session_id, now)).await?;
    let Some(session) = found else { return Ok(None) };
    for number in (1..=session.turns).rev().take(LOOK_THROUGH_MAX as usize) {
        let (events, _) = journal::events(&app.store.turn_events(session.id, number).await?);
        if events.iter().any(|event| request_of(event) == Some(request_id)) {
            return Ok(Some((session, number)));
        }
    }
    Ok(None)
}

fn input(
    app: &App,
    call: CollaboratorCall,
    scope: &Scope,
    target: &Target,
    request_id: &str,
    answer_schema: Option<Arc<Value>>,
) -> TurnInput {
    let at = app.clock.now();
    match call.ask {
        Ask::Text(text) => TurnInput::Words(Box::new(Started {
            at,
            request_id: request_id.to_owned(),
            snapshot: target.snapshot.to_string(),
            alias_id: target.alias_id.to_string(),
            version: target.version.to_string(),
            session_id: scope.session_id.to_string(),
            input_text: text,
            session_attributes: Some(call.session_attributes),
            relayed_conversation: call.relayed,
            enable_trace: scope.enable_trace,
            answer_schema,
            idempotent: target.controls.idempotent.clone(),
            limits: target.controls.limits(&app.settings),
            ..Started::default()
        })),
        Ask::Results { invocation_id, results } => TurnInput::Results {
            invocation_id,
            returned: ControlReturned {
                at,
                request_id: request_id.to_owned(),
                enable_trace: scope.enable_trace,
                results,
                session_attributes: Some(call.session_attributes),
                prompt_session_attributes: None,
            },
        },
    }
}

/// What an invocation of the collaborator runs.
pub(super) async fn target(app: &Arc<App>, collaborator: &Collaborator) -> OpResult<Arc<Target>> {
    match &collaborator.agent {
        CollaboratingAgent::Alias { agent_id, alias_id } => app.prepared.target(app, agent_id, alias_id).await,
        CollaboratingAgent::Inline { snapshot } => {
            let prepared = app.prepared.by_hash(app, snapshot).await?.ok_or_else(errors::not_found)?;
            Ok(Arc::new(Target {
                agent_id: format!("{INLINE_AGENT}/{}", collaborator.name).into(),
                alias_id: TEST_ALIAS_ID.into(),
                alias_arn: collaborator.alias_arn.clone(),
                version: DRAFT.into(),
                snapshot: snapshot.clone(),
                prepared,
                controls: Controls::default(),
            }))
        }
    }
}

/// Ends the sessions of all collaborators below an agent, as their root's has ended.
pub async fn end_sessions(app: &Arc<App>, root: &Target, root_session: i64) -> OpResult<()> {
    let session_id = session_below(root_session);
    let mut open: Vec<Arc<Collaborator>> = root.prepared.collaborators.clone();
    let mut ended: Vec<(Arc<str>, Arc<str>)> = Vec::new();
    while let Some(collaborator) = open.pop() {
        // One that is gone since has no session to end.
        let Ok(target) = target(app, &collaborator).await else { continue };
        let key = (target.agent_id.clone(), target.alias_id.clone());
        if ended.contains(&key) {
            continue;
        }
        open.extend(target.prepared.collaborators.iter().cloned());
        ended.push(key);
    }
    let now = app.clock.now();
    app.store
        .write(move |tx| {
            for (agent_id, alias_id) in &ended {
                tx.end_session(agent_id, alias_id, &session_id, now)?;
            }
            Ok(())
        })
        .await
}
