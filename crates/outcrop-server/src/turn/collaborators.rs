//! A collaborator's turn: driven like any other, in a session of its own, with its supervisor for a caller.

use super::drive::{self, Ended, TurnInput, TurnRequest};
use super::emit::{Emitter, SpeakingAgent};
use super::sessions::{SessionPolicy, SessionSettings};
use crate::App;
use crate::agents::controls::{Controls, GuardrailName};
use crate::agents::documents::{DRAFT, TEST_ALIAS_ID};
use crate::agents::prepared::Target;
use crate::errors::{self, OpResult};
use outcrop_planner::INLINE_AGENT;
use outcrop_planner::agent::{CollaboratingAgent, Collaborator};
use outcrop_planner::turn::collaboration::{Ask, CollaboratorCall};
use outcrop_planner::turn::{CancelledBy, CollaboratorOutcome, CollaboratorReturned, ControlReturned, Started};
use outcrop_ports::BoxFuture;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;
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
    /// Cancelled when the supervisor's turn is called off.
    pub(super) cancelled: CancellationToken,
    /// The guardrail for results of the turn's own calls.
    pub(super) result_guardrail: Option<GuardrailName>,
    /// Shows the supervisor's turn.
    pub(super) emitter: Emitter,
}

/// The session of all collaborators below a root session: an id of its own, the same in every turn of that session.
pub(super) fn session_below(root_session: i64) -> String {
    let hash = Sha256::digest(format!("collaborators of session {root_session}"));
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// Asks and waits for the end. `None` when the process is to end, or the supervisor's turn: nothing is recorded then. The
/// collaborator's turn has ended itself, or is taken up or closed like any other that was cut off.
pub(super) fn ask(
    app: Arc<App>,
    call: CollaboratorCall,
    scope: Scope,
) -> BoxFuture<'static, Option<CollaboratorReturned>> {
    Box::pin(async move {
        let started_at = app.clock.now();
        let request_id = app.ids.uuid();
        let tool_use_id = call.tool_use_id.clone();
        let outcome = match try_ask(&app, call, &scope, &request_id).await {
            Ok(outcome) => outcome,
            Err(_) if app.stopping.is_cancelled() || scope.cancelled.is_cancelled() => return None,
            Err(error) => {
                tracing::info!(request_id, code = error.code, reason = error.message, "collaborator failed");
                CollaboratorOutcome::Failed { message: error.message }
            }
        };
        Some(CollaboratorReturned { started_at, at: app.clock.now(), request_id, tool_use_id, outcome })
    })
}

async fn try_ask(
    app: &Arc<App>,
    call: CollaboratorCall,
    scope: &Scope,
    request_id: &str,
) -> OpResult<CollaboratorOutcome> {
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
        guardrail_interval: super::guard::INTERVAL_CHARS,
        memory_id: None,
        above: Some(scope.clone()),
    };
    let (ended, session_attributes) = drive::run_below(app, request, held, emitter).await?;
    Ok(match ended {
        Ended::Finished { text } => CollaboratorOutcome::Answered { text, session_attributes },
        Ended::Suspended { payload } => CollaboratorOutcome::ReturnedControl { payload: *payload, session_attributes },
    })
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
            limits: target.controls.limits(&app.settings),
            limit_message: target.controls.limit_message(&app.settings),
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
