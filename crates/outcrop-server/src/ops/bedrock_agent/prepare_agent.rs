//! PrepareAgent: compiles the draft to what invocations run.

use crate::App;
use crate::agents::collaboration;
use crate::agents::documents::{DRAFT, StoredAgent, agent, put_agent, version_parent};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_planner::{Snapshot, prepare};
use outcrop_store::{Kind, ReadTx, Tx};
use outcrop_wire::Timestamp;
use std::collections::BTreeMap;

/// How often the draft is read again when it changes while it is compiled. Clients that change and prepare one agent
/// from many threads exist (Terraform is one).
const TRIES_MAX: usize = 10;
/// What to do about an agent that could not be prepared.
const RECOMMENDED: &str = "Change the agent or its parts as the failure reasons say, then prepare it again.";

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
    let (id, app) = (agent_id.to_owned(), cx.app.clone());
    let mut draft = cx.store.read(move |tx| Draft::read(tx, &app, &id)).await?;
    let mode = draft.stored.agent.agent_collaboration.unwrap_or(api::AgentCollaboration::Disabled);
    if mode == api::AgentCollaboration::Disabled {
        draft.collaborators.clear();
        draft.problems.clear();
    } else if draft.collaborators.is_empty() {
        let id = agent_id.to_owned();
        cx.store.write::<_, ApiError, _>(move |tx| release_former(tx, &id)).await?;
        return Err(errors::validation(format!(
            "This agent cannot be prepared. The AgentCollaboration attribute is set to {mode} but no agent collaborators are added."
        )));
    }
    let read_at = draft.stored.agent.updated_at;
    draft.problems.extend(inline_schemas(cx, &mut draft.groups).await);
    let problems = std::mem::take(&mut draft.problems);
    let (snapshot, problems) = compile(snapshot_of(draft), problems).await?;
    let now = cx.clock.now().to_micros();
    let id = agent_id.to_owned();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut stored = agent(tx, &id)?;
        if stored.agent.updated_at != read_at {
            return Ok(None);
        }
        if problems.is_empty() {
            stored.snapshot = Some(tx.put_snapshot(&snapshot)?);
            collaboration::hold_prepared(tx, &mut stored, &snapshot.collaborators)?;
            stored.agent.agent_status = api::AgentStatus::Prepared;
            stored.agent.failure_reasons = None;
            stored.agent.recommended_actions = None;
        } else {
            set_failed(&mut stored.agent, &problems);
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

/// Makes an agent one whose preparing failed.
pub(super) fn set_failed(agent: &mut api::Agent, problems: &[String]) {
    agent.agent_status = api::AgentStatus::Failed;
    agent.failure_reasons = Some(problems.iter().map(|problem| format!("Exception: {problem}")).collect());
    agent.recommended_actions = Some(vec![RECOMMENDED.to_owned()]);
}

/// Compiles away from the threads that answer requests: large documents take a while. Gives the snapshot back, and what
/// keeps it from running, after the problems that are known already.
pub(super) async fn compile(snapshot: Snapshot, mut problems: Vec<String>) -> OpResult<(Snapshot, Vec<String>)> {
    let compiled = tokio::task::spawn_blocking(move || {
        if let Err(found) = prepare::prepare(&snapshot) {
            problems.extend(found.0);
        }
        (snapshot, problems)
    });
    compiled.await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "compiling an agent panicked");
        errors::internal()
    })
}

/// The draft with its parts.
pub(super) struct Draft {
    pub(super) stored: StoredAgent,
    pub(super) groups: Vec<api::AgentActionGroup>,
    pub(super) collaborators: Vec<api::AgentCollaborator>,
    pub(super) knowledge_bases: Vec<api::AgentKnowledgeBase>,
    /// What it names and is gone.
    pub(super) problems: Vec<String>,
}

impl Draft {
    fn read(tx: &ReadTx<'_>, app: &App, agent_id: &str) -> OpResult<Self> {
        let parent = version_parent(agent_id, DRAFT);
        // The order in which groups were made is the order in which a model sees their tools.
        let mut groups: Vec<api::AgentActionGroup> = tx.list_all(Kind::ActionGroup, &parent)?;
        groups.sort_by(|a, b| (a.created_at, &a.action_group_id).cmp(&(b.created_at, &b.action_group_id)));
        let mut bases: Vec<api::AgentKnowledgeBase> = tx.list_all(Kind::AgentKnowledgeBase, &parent)?;
        bases.sort_by(|a, b| (a.created_at, &a.knowledge_base_id).cmp(&(b.created_at, &b.knowledge_base_id)));
        let collaborators = collaboration::of_draft(tx, agent_id)?;
        let problems = collaboration::gone(tx, app, &collaborators)?;
        Ok(Self { stored: agent(tx, agent_id)?, groups, collaborators, knowledge_bases: bases, problems })
    }
}

/// A supervisor without collaborators cannot be prepared, but lets go of those it was prepared with: clients that take
/// everything down prepare it for that.
fn release_former(tx: &mut Tx<'_>, agent_id: &str) -> OpResult<()> {
    let mut stored = agent(tx, agent_id)?;
    if collaboration::of_draft(tx, agent_id)?.is_empty() {
        collaboration::hold_prepared(tx, &mut stored, &[])?;
        put_agent(tx, &stored)?;
    }
    Ok(())
}

/// The snapshot without what changes from one preparing to the next, so that the same content has the same hash.
pub(super) fn snapshot_of(draft: Draft) -> Snapshot {
    let Draft { stored, groups: mut action_groups, mut collaborators, mut knowledge_bases, .. } = draft;
    let mut agent = stored.agent;
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
    for collaborator in &mut collaborators {
        collaborator.client_token = None;
        collaborator.last_updated_at = collaborator.created_at;
    }
    for base in &mut knowledge_bases {
        base.updated_at = base.created_at;
    }
    Snapshot { agent, action_groups, collaborators, inline_collaborators: BTreeMap::new(), knowledge_bases }
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
