//! PrepareAgent: compiles the draft to what invocations run.

use crate::agents::documents::{DRAFT, agent, groups_parent, put_agent};
use crate::errors::{self, ApiError, OpResult};
use crate::objects::Objects;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_planner::{Snapshot, prepare};
use outcrop_store::Kind;

pub(super) async fn prepare_agent(cx: OpContext, req: api::PrepareAgentRequest) -> OpResult<api::PrepareAgentResponse> {
    let agent_id = req.agent_id;
    let id = agent_id.clone();
    let (stored, mut groups) = cx
        .store
        .read(move |tx| {
            let groups = tx.list_all::<api::AgentActionGroup>(Kind::ActionGroup, &groups_parent(&id, DRAFT))?;
            Ok::<_, ApiError>((agent(tx, &id)?, groups))
        })
        .await?;
    if matches!(
        stored.agent.agent_collaboration,
        Some(api::AgentCollaboration::Supervisor | api::AgentCollaboration::SupervisorRouter)
    ) {
        return Err(errors::validation(
            "The AgentCollaboration attribute is set to SUPERVISOR but no agent collaborators are added.",
        ));
    }
    // The order in which groups were made is the order in which a model sees their tools.
    groups.sort_by(|a, b| (a.created_at, &a.action_group_id).cmp(&(b.created_at, &b.action_group_id)));
    for what in prepare::without_effect(&stored.agent) {
        tracing::warn!(agent_id, what, "stored, but without effect in this version");
    }
    let read_at = stored.agent.updated_at;
    for group in &mut groups {
        inline_schema(&cx.objects, group).await?;
    }
    let snapshot = snapshot_of(stored.agent, groups);
    let compiled = prepare::prepare(&snapshot);
    let now = cx.clock.now().to_micros();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut stored = agent(tx, &agent_id)?;
        if stored.agent.updated_at != read_at {
            return Err(errors::conflict("The agent was changed while it was being prepared. Prepare it again."));
        }
        match compiled {
            Ok(_) => {
                stored.snapshot = Some(tx.put_snapshot(&snapshot)?);
                stored.agent.agent_status = api::AgentStatus::Prepared;
                stored.agent.failure_reasons = None;
                stored.agent.recommended_actions = None;
            }
            Err(problems) => {
                stored.agent.agent_status = api::AgentStatus::Failed;
                stored.agent.failure_reasons =
                    Some(problems.0.into_iter().map(|problem| format!("Exception: {problem}")).collect());
            }
        }
        // Clients compare: whatever was updated after this has not been prepared.
        let prepared_at = now.max(stored.agent.updated_at);
        stored.agent.prepared_at = Some(prepared_at);
        put_agent(tx, &stored)?;
        Ok::<_, ApiError>((stored.agent.agent_id, prepared_at))
    };
    let (agent_id, prepared_at) = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::PrepareAgentResponse {
        agent_id,
        agent_status: api::AgentStatus::Preparing,
        agent_version: DRAFT.to_owned(),
        prepared_at,
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

/// Replaces a schema that is named in the object store by its text: what was prepared must not change with the object.
async fn inline_schema(objects: &Objects, group: &mut api::AgentActionGroup) -> OpResult<()> {
    let Some(api::APISchema::S3(s3)) = &group.api_schema else { return Ok(()) };
    let text = super::action_groups::read_schema(objects, s3).await?;
    group.api_schema = Some(api::APISchema::Payload(text));
    Ok(())
}
