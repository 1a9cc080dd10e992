//! Agents that come with the request: compiled like any other, kept by content, and known to no list.

use super::controls::Controls;
use super::documents::{DRAFT, TEST_ALIAS_ID};
use super::prepared::Target;
use crate::App;
use crate::errors::{self, OpResult};
use crate::ops::bedrock_agent::{
    ActionGroupMembers, AgentMembers, IDLE_SESSION_TTL_SECONDS, check_action_group, check_agent, read_schema,
    shown_prompts,
};
use outcrop_api::{bedrock_agent as api, bedrock_agent_runtime as runtime};
use outcrop_planner::prepare::prompts::Phases;
use outcrop_planner::{INLINE_AGENT, PreparedAgent, Snapshot};
use outcrop_ports::BoxFuture;
use outcrop_wire::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The agent a request describes.
///
/// Every rule that saving and preparing an agent would check is checked here. The same description has the same
/// snapshot, so a repeated one costs no write, and a suspended turn goes on as what it began as.
pub async fn target(app: &App, req: &runtime::InvokeInlineAgentRequest) -> OpResult<Arc<Target>> {
    let mut made = Made::default();
    let mut above = Vec::new();
    let (hash, prepared) = compile(app, req, &root(req), &mut made, &mut above).await?;
    // The name keeps sessions of equal ids apart.
    let agent_id = match req.agent_name.as_deref() {
        Some(name) => format!("{INLINE_AGENT}/{name}"),
        None => INLINE_AGENT.to_owned(),
    };
    Ok(Arc::new(Target {
        agent_id: agent_id.into(),
        alias_id: TEST_ALIAS_ID.into(),
        alias_arn: app.alias_arn(INLINE_AGENT, TEST_ALIAS_ID).into(),
        version: DRAFT.into(),
        snapshot: hash.into(),
        prepared,
        controls: Controls::default(),
    }))
}

/// Agents described in one request at most, below each other.
const DEPTH_MAX: usize = 8;

/// Hashes of described agents that are compiled already, by name.
type Made = HashMap<String, String>;

/// What the request's own agent and its described collaborators have in common.
struct Described<'a> {
    name: Option<&'a str>,
    foundation_model: &'a str,
    instruction: &'a str,
    action_groups: &'a [runtime::AgentActionGroup],
    knowledge_bases: &'a [runtime::KnowledgeBase],
    guardrail: Option<&'a runtime::GuardrailConfigurationWithArn>,
    collaboration: Option<runtime::AgentCollaboration>,
    collaborators: &'a [runtime::CollaboratorConfiguration],
    prompts: Option<&'a runtime::PromptOverrideConfiguration>,
    orchestration_type: Option<runtime::OrchestrationType>,
    custom_orchestration: Option<&'a runtime::CustomOrchestration>,
    idle_session_ttl_seconds: Option<i64>,
    key_arn: Option<&'a String>,
}

fn root(req: &runtime::InvokeInlineAgentRequest) -> Described<'_> {
    Described {
        name: req.agent_name.as_deref(),
        foundation_model: &req.foundation_model,
        instruction: &req.instruction,
        action_groups: req.action_groups.as_deref().unwrap_or_default(),
        knowledge_bases: req.knowledge_bases.as_deref().unwrap_or_default(),
        guardrail: req.guardrail_configuration.as_ref(),
        collaboration: req.agent_collaboration,
        collaborators: req.collaborator_configurations.as_deref().unwrap_or_default(),
        prompts: req.prompt_override_configuration.as_ref(),
        orchestration_type: req.orchestration_type,
        custom_orchestration: req.custom_orchestration.as_ref(),
        idle_session_ttl_seconds: req.idle_session_ttl_in_seconds,
        key_arn: req.customer_encryption_key_arn.as_ref(),
    }
}

fn described(collaborator: &runtime::Collaborator) -> Described<'_> {
    Described {
        name: collaborator.agent_name.as_deref(),
        foundation_model: &collaborator.foundation_model,
        instruction: &collaborator.instruction,
        action_groups: collaborator.action_groups.as_deref().unwrap_or_default(),
        knowledge_bases: collaborator.knowledge_bases.as_deref().unwrap_or_default(),
        guardrail: collaborator.guardrail_configuration.as_ref(),
        collaboration: collaborator.agent_collaboration,
        collaborators: collaborator.collaborator_configurations.as_deref().unwrap_or_default(),
        prompts: collaborator.prompt_override_configuration.as_ref(),
        orchestration_type: None,
        custom_orchestration: None,
        idle_session_ttl_seconds: collaborator.idle_session_ttl_in_seconds,
        key_arn: collaborator.customer_encryption_key_arn.as_ref(),
    }
}

/// Compiles an agent after those that it asks. Boxed because descriptions may hold descriptions.
fn compile<'a>(
    app: &'a App,
    req: &'a runtime::InvokeInlineAgentRequest,
    agent: &'a Described<'a>,
    made: &'a mut Made,
    above: &'a mut Vec<String>,
) -> BoxFuture<'a, OpResult<(String, Arc<PreparedAgent>)>> {
    Box::pin(async move {
        refuse_what_cannot_run(agent)?;
        let mut snapshot = snapshot(app, agent).await?;
        for (index, one) in agent.collaborators.iter().enumerate() {
            let path = |member: &str| format!("collaboratorConfigurations.{}.member.{member}", index + 1);
            let name = &one.collaborator_name;
            if snapshot.collaborators.iter().any(|other| other.collaborator_name == *name) {
                let message = format!("The collaborator {name} is configured twice.");
                return Err(errors::invalid_field(&path("collaboratorName"), message));
            }
            let alias_arn = match &one.agent_alias_arn {
                Some(arn) => arn.clone(),
                None => {
                    let inner =
                        req.collaborators.iter().flatten().find(|inner| inner.agent_name.as_ref() == Some(name));
                    let inner = inner.ok_or_else(|| {
                        let message = format!("The collaborator {name} has neither an agentAliasArn nor a definition in collaborators with this agentName.");
                        errors::invalid_field(&path("collaboratorName"), message)
                    })?;
                    if above.contains(name) || above.len() >= DEPTH_MAX {
                        let message = format!(
                            "The collaborator {name} is asked by agents that it asks itself, or lies too deep."
                        );
                        return Err(errors::invalid_field(&path("collaboratorName"), message));
                    }
                    if !made.contains_key(name) {
                        above.push(name.clone());
                        let (hash, _) = compile(app, req, &described(inner), made, above).await?;
                        above.pop();
                        made.insert(name.clone(), hash);
                    }
                    snapshot.inline_collaborators.insert(name.clone(), made[name].clone());
                    app.alias_arn(INLINE_AGENT, TEST_ALIAS_ID)
                }
            };
            snapshot.collaborators.push(api::AgentCollaborator {
                agent_id: INLINE_AGENT.to_owned(),
                agent_version: DRAFT.to_owned(),
                agent_descriptor: api::AgentDescriptor { alias_arn: Some(alias_arn) },
                collaborator_id: name.clone(),
                collaboration_instruction: one.collaborator_instruction.clone(),
                collaborator_name: name.clone(),
                created_at: Timestamp::default(),
                last_updated_at: Timestamp::default(),
                relay_conversation_history: as_saved(one.relay_conversation_history.as_ref())?,
                client_token: None,
            });
        }
        app.prepared.by_content(app, snapshot).await
    })
}

/// Nothing is passed over in silence: what would change the answer and is not built yet is refused.
fn refuse_what_cannot_run(agent: &Described<'_>) -> OpResult<()> {
    if let Some(base) = agent.knowledge_bases.first() {
        tracing::debug!(knowledge_base_id = base.knowledge_base_id, "an inline agent names a knowledge base");
        return Err(errors::not_found());
    }
    Ok(())
}

/// The description as PrepareAgent would keep it. Times and ids are the same for every request, so that content alone
/// makes the hash.
async fn snapshot(app: &App, described: &Described<'_>) -> OpResult<Snapshot> {
    let custom_orchestration: Option<api::CustomOrchestration> = as_saved(described.custom_orchestration)?;
    let prompts: Option<api::PromptOverrideConfiguration> = as_saved(described.prompts)?;
    let orchestration_type: Option<api::OrchestrationType> = as_saved(described.orchestration_type.as_ref())?;
    let guardrail_configuration: Option<api::GuardrailConfiguration> = as_saved(described.guardrail)?;
    check_agent(&AgentMembers {
        orchestration_type,
        custom_orchestration: custom_orchestration.as_ref(),
        prompt_override_configuration: prompts.as_ref(),
        guardrail_configuration: guardrail_configuration.as_ref(),
    })?;
    let action_groups = action_groups(app, described.action_groups).await?;
    let agent = api::Agent {
        agent_id: INLINE_AGENT.to_owned(),
        agent_name: described.name.unwrap_or(INLINE_AGENT).to_owned(),
        agent_arn: app.agent_arn(INLINE_AGENT),
        agent_version: DRAFT.to_owned(),
        client_token: None,
        instruction: Some(described.instruction.to_owned()),
        agent_status: api::AgentStatus::Prepared,
        foundation_model: Some(described.foundation_model.to_owned()),
        description: None,
        orchestration_type: Some(orchestration_type.unwrap_or(api::OrchestrationType::Default)),
        custom_orchestration,
        idle_session_ttl_in_seconds: described.idle_session_ttl_seconds.unwrap_or(IDLE_SESSION_TTL_SECONDS),
        agent_resource_role_arn: String::new(),
        customer_encryption_key_arn: described.key_arn.cloned(),
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
        prepared_at: None,
        failure_reasons: None,
        recommended_actions: None,
        prompt_override_configuration: Some(shown_prompts(prompts, Phases::default())),
        guardrail_configuration,
        memory_configuration: None,
        agent_collaboration: as_saved(described.collaboration.as_ref())?,
    };
    Ok(Snapshot {
        agent,
        action_groups,
        collaborators: Vec::new(),
        inline_collaborators: BTreeMap::new(),
        knowledge_bases: Vec::new(),
    })
}

async fn action_groups(app: &App, given: &[runtime::AgentActionGroup]) -> OpResult<Vec<api::AgentActionGroup>> {
    let mut groups: Vec<api::AgentActionGroup> = Vec::new();
    for (index, group) in given.iter().enumerate() {
        let path = |member: &str| format!("actionGroups.{}.member.{member}", index + 1);
        if groups.iter().any(|other| other.action_group_name == group.action_group_name) {
            let message = format!("The action group {} is declared twice.", group.action_group_name);
            return Err(errors::invalid_field(&path("actionGroupName"), message));
        }
        let mut saved = api::AgentActionGroup {
            agent_id: INLINE_AGENT.to_owned(),
            agent_version: DRAFT.to_owned(),
            action_group_id: group.action_group_name.clone(),
            action_group_name: group.action_group_name.clone(),
            client_token: None,
            description: group.description.clone(),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            parent_action_signature: as_saved(group.parent_action_group_signature.as_ref())?,
            parent_action_group_signature_params: group.parent_action_group_signature_params.clone(),
            action_group_executor: as_saved(group.action_group_executor.as_ref())?,
            api_schema: as_saved(group.api_schema.as_ref())?,
            function_schema: as_saved(group.function_schema.as_ref())?,
            action_group_state: api::ActionGroupState::Enabled,
        };
        check_action_group(&app.objects, &app.settings.quotas, &ActionGroupMembers::of(&saved)).await?;
        if let Some(api::APISchema::S3(s3)) = &saved.api_schema {
            let text = read_schema(&app.objects, s3).await?;
            saved.api_schema = Some(api::APISchema::Payload(text));
        }
        groups.push(saved);
    }
    Ok(groups)
}

/// The control plane's type of a shape that both services model alike.
fn as_saved<T: DeserializeOwned>(member: Option<&impl Serialize>) -> OpResult<Option<T>> {
    let Some(member) = member else { return Ok(None) };
    let converted = serde_json::to_value(member).and_then(serde_json::from_value);
    converted.map(Some).map_err(|error| {
        tracing::info!(error = &error as &dyn std::error::Error, "a member of an inline agent cannot be read");
        errors::validation("The inline agent has a value that agents cannot have.")
    })
}
