//! PrepareAgent: compiles the draft to what invocations run.

use crate::agents::documents::{DRAFT, agent, groups_parent, put_agent};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_planner::prepare::PrepareError;
use outcrop_planner::{Snapshot, prepare};
use outcrop_store::Kind;
use outcrop_wire::Timestamp;

/// How often the draft is read again when it changes while it is compiled. Clients that change and prepare one agent
/// from many threads exist (Terraform is one).
const TRIES_MAX: usize = 10;

pub(super) async fn prepare_agent(cx: OpContext, req: api::PrepareAgentRequest) -> OpResult<api::PrepareAgentResponse> {
    for _ in 0..TRIES_MAX {
        if let Some(prepared_at) = try_prepare(&cx, &req.agent_id).await? {
            return Ok(api::PrepareAgentResponse {
                agent_id: req.agent_id,
                agent_status: api::AgentStatus::Preparing,
                agent_version: DRAFT.to_owned(),
                prepared_at,
            });
        }
    }
    Err(errors::busy("Prepare", "Agent", "Preparing"))
}

/// Reads, compiles and keeps; `None` when the draft was changed meanwhile.
async fn try_prepare(cx: &OpContext, agent_id: &str) -> OpResult<Option<Timestamp>> {
    let id = agent_id.to_owned();
    let (stored, mut groups) = cx
        .store
        .read(move |tx| {
            let groups = tx.list_all::<api::AgentActionGroup>(Kind::ActionGroup, &groups_parent(&id, DRAFT))?;
            Ok::<_, ApiError>((agent(tx, &id)?, groups))
        })
        .await?;
    let collaboration = stored.agent.agent_collaboration;
    if matches!(collaboration, Some(api::AgentCollaboration::Supervisor | api::AgentCollaboration::SupervisorRouter)) {
        return Err(errors::validation(
            "The AgentCollaboration attribute is set to SUPERVISOR but no agent collaborators are added.",
        ));
    }
    for what in prepare::without_effect(&stored.agent) {
        tracing::warn!(agent_id, what, "stored, but without effect in this version");
    }
    let read_at = stored.agent.updated_at;
    // The order in which groups were made is the order in which a model sees their tools.
    groups.sort_by(|a, b| (a.created_at, &a.action_group_id).cmp(&(b.created_at, &b.action_group_id)));
    let unreadable = inline_schemas(cx, &mut groups).await;
    let snapshot = snapshot_of(stored.agent, groups);
    let compiled = compile(snapshot, unreadable).await?;
    let now = cx.clock.now().to_micros();
    let id = agent_id.to_owned();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut stored = agent(tx, &id)?;
        if stored.agent.updated_at != read_at {
            return Ok(None);
        }
        match compiled {
            Ok(snapshot) => {
                stored.snapshot = Some(tx.put_snapshot(&snapshot)?);
                stored.agent.agent_status = api::AgentStatus::Prepared;
                stored.agent.failure_reasons = None;
                stored.agent.recommended_actions = None;
            }
            Err(problems) => {
                let reasons = problems.0.into_iter().map(|problem| format!("Exception: {problem}"));
                stored.agent.agent_status = api::AgentStatus::Failed;
                stored.agent.failure_reasons = Some(reasons.collect());
            }
        }
        // Clients compare: whatever was updated after this has not been prepared.
        let prepared_at = now.max(stored.agent.updated_at);
        stored.agent.prepared_at = Some(prepared_at);
        put_agent(tx, &stored)?;
        Ok::<_, ApiError>(Some(prepared_at))
    };
    let prepared_at = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(prepared_at)
}

/// Compiles away from the threads that answer requests: large documents take a while. Gives the snapshot back.
async fn compile(snapshot: Snapshot, mut problems: Vec<String>) -> OpResult<Result<Snapshot, PrepareError>> {
    let compiled = tokio::task::spawn_blocking(move || match prepare::prepare(&snapshot) {
        Ok(_) if problems.is_empty() => Ok(snapshot),
        Ok(_) => Err(PrepareError(problems)),
        Err(found) => {
            problems.extend(found.0);
            Err(PrepareError(problems))
        }
    });
    compiled.await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "compiling an agent panicked");
        errors::internal()
    })
}

/// The snapshot without what changes from one preparing to the next, so that the same content has the same hash.
fn snapshot_of(mut agent: api::Agent, mut action_groups: Vec<api::AgentActionGroup>) -> Snapshot {
    agent.agent_status = api::AgentStatus::Prepared;
    agent.prepared_at = None;
    agent.failure_reasons = None;
    agent.recommended_actions = None;
    agent.client_token = None;
    agent.updated_at = agent.created_at;
    for group in &mut action_groups {
        group.client_token = None;
        group.updated_at = group.created_at;
    }
    Snapshot { agent, action_groups }
}

/// Replaces schemas that are named in the object store by their text: what was prepared must not change with the
/// object. Gives what cannot be read; such a group is left out of what is compiled.
async fn inline_schemas(cx: &OpContext, groups: &mut Vec<api::AgentActionGroup>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut readable = Vec::with_capacity(groups.len());
    for mut group in groups.drain(..) {
        if group.action_group_state == api::ActionGroupState::Enabled
            && let Some(api::APISchema::S3(s3)) = &group.api_schema
        {
            match super::action_groups::read_schema(&cx.objects, s3).await {
                Ok(text) => group.api_schema = Some(api::APISchema::Payload(text)),
                Err(error) => {
                    problems.push(format!("action group {}: {}", group.action_group_name, error.message));
                    continue;
                }
            }
        }
        readable.push(group);
    }
    *groups = readable;
    problems
}
