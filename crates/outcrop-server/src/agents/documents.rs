//! What is stored of agents, and the rules that several operations share.

use crate::errors::{self, ApiError, OpResult};
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, PutError, ReadTx, Resource, Tx};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};

/// The alias every agent has, which leads to the prepared draft.
pub const TEST_ALIAS_ID: &str = "TSTALIASID";
/// Its name on the service.
pub const TEST_ALIAS_NAME: &str = "AgentTestAlias";
/// The version that can be changed.
pub const DRAFT: &str = "DRAFT";
/// Changes of routing an alias remembers: the model's limit.
const HISTORY_EVENTS_MAX: usize = 10;

/// An agent with what its document does not show.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredAgent {
    /// The document as it is served.
    pub agent: api::Agent,
    /// Hash of what was last prepared; what the test alias runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Number of the last version cut. Numbers are not used again.
    #[serde(default)]
    pub last_version: u32,
    /// Number of the latest version there is; 0 when there is none.
    #[serde(default)]
    pub latest_version: u32,
}

/// A version with what its document does not show.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredVersion {
    /// The document as it is served.
    pub version: api::AgentVersion,
    /// Hash of what it runs.
    pub snapshot: String,
}

/// Where action groups of a version are kept.
pub fn groups_parent(agent_id: &str, version: &str) -> String {
    format!("{agent_id}/{version}")
}

/// The agent, or the caller's error.
pub fn agent(tx: &ReadTx<'_>, agent_id: &str) -> OpResult<StoredAgent> {
    tx.get(Kind::Agent, "", agent_id)?.ok_or_else(errors::not_found)
}

/// Puts a changed agent back.
pub fn put_agent(tx: &mut Tx<'_>, stored: &StoredAgent) -> OpResult<()> {
    let agent = &stored.agent;
    let resource = Resource {
        kind: Kind::Agent,
        parent: "",
        id: &agent.agent_id,
        name: Some(&agent.agent_name),
        created_at: agent.created_at,
        updated_at: agent.updated_at,
    };
    tx.put(&resource, stored).map_err(|error| match error {
        PutError::NameTaken | PutError::IdTaken => agent_name_taken(),
        PutError::Store(error) => error.into(),
    })
}

/// Ends the period that an alias is in.
pub fn end_period(alias: &mut api::AgentAlias, now: Timestamp) {
    let current = alias.agent_alias_history_events.as_mut().and_then(|events| events.first_mut());
    if let Some(current) = current.filter(|event| event.end_date.is_none()) {
        current.end_date = Some(now);
    }
}

/// The service's words for a second agent of the same name.
pub fn agent_name_taken() -> ApiError {
    errors::conflict("Cannot create a new agent as an agent with the same name already exists.")
}

/// A change of the draft's parts: what was prepared is no longer what is saved.
pub fn touch_draft(tx: &mut Tx<'_>, agent_id: &str, now: Timestamp) -> OpResult<()> {
    let mut stored = agent(tx, agent_id)?;
    if matches!(stored.agent.agent_status, api::AgentStatus::Prepared | api::AgentStatus::Failed) {
        stored.agent.agent_status = api::AgentStatus::NotPrepared;
        stored.agent.failure_reasons = None;
    }
    stored.agent.updated_at = now;
    put_agent(tx, &stored)
}

/// The alias, or the caller's error. The test alias is made up from the agent.
pub fn alias(tx: &ReadTx<'_>, stored: &StoredAgent, alias_id: &str, alias_arn: String) -> OpResult<api::AgentAlias> {
    if alias_id == TEST_ALIAS_ID {
        return Ok(test_alias(stored, alias_arn));
    }
    tx.get(Kind::AgentAlias, &stored.agent.agent_id, alias_id)?.ok_or_else(errors::not_found)
}

/// The alias that leads to the draft.
pub fn test_alias(stored: &StoredAgent, alias_arn: String) -> api::AgentAlias {
    let agent = &stored.agent;
    api::AgentAlias {
        agent_id: agent.agent_id.clone(),
        agent_alias_id: TEST_ALIAS_ID.to_owned(),
        agent_alias_name: TEST_ALIAS_NAME.to_owned(),
        agent_alias_arn: alias_arn,
        client_token: None,
        description: Some("Test Alias for Agent".to_owned()),
        routing_configuration: vec![routing(DRAFT)],
        created_at: agent.created_at,
        updated_at: agent.updated_at,
        agent_alias_history_events: None,
        agent_alias_status: api::AgentAliasStatus::Prepared,
        failure_reasons: None,
        alias_invocation_state: Some(api::AliasInvocationState::AcceptInvocations),
    }
}

/// Puts an alias.
pub fn put_alias(tx: &mut Tx<'_>, alias: &api::AgentAlias) -> OpResult<()> {
    let resource = Resource {
        kind: Kind::AgentAlias,
        parent: &alias.agent_id,
        id: &alias.agent_alias_id,
        name: Some(&alias.agent_alias_name),
        created_at: alias.created_at,
        updated_at: alias.updated_at,
    };
    tx.put(&resource, alias).map_err(|error| match error {
        PutError::NameTaken | PutError::IdTaken => {
            errors::conflict(format!("An alias with the name {} already exists for the agent.", alias.agent_alias_name))
        }
        PutError::Store(error) => error.into(),
    })
}

/// Routing to one version.
pub fn routing(version: &str) -> api::AgentAliasRoutingConfigurationListItem {
    api::AgentAliasRoutingConfigurationListItem {
        agent_version: Some(version.to_owned()),
        provisioned_throughput: None,
    }
}

/// Points an alias somewhere and remembers since when.
pub fn route_alias(alias: &mut api::AgentAlias, to: Vec<api::AgentAliasRoutingConfigurationListItem>, now: Timestamp) {
    end_period(alias, now);
    let mut events = alias.agent_alias_history_events.take().unwrap_or_default();
    let event =
        api::AgentAliasHistoryEvent { routing_configuration: Some(to.clone()), start_date: Some(now), end_date: None };
    events.insert(0, event);
    events.truncate(HISTORY_EVENTS_MAX);
    alias.agent_alias_history_events = Some(events);
    alias.routing_configuration = to;
}

/// Where the caller wants an alias to lead: a version that exists, or a new one cut from the prepared draft.
pub fn resolve_routing(
    tx: &mut Tx<'_>,
    operation: &str,
    stored: &mut StoredAgent,
    wanted: Option<Vec<api::AgentAliasRoutingConfigurationListItem>>,
    now: Timestamp,
) -> OpResult<Vec<api::AgentAliasRoutingConfigurationListItem>> {
    let wanted = wanted.unwrap_or_default();
    let named = wanted.first().and_then(|item| item.agent_version.as_deref());
    match named {
        Some(DRAFT) => {
            Err(errors::invalid_field("routingConfiguration", "Only the test alias TSTALIASID can point to DRAFT."))
        }
        Some(version) => {
            if tx.exists(Kind::AgentVersion, &stored.agent.agent_id, version)? {
                Ok(wanted)
            } else {
                Err(errors::not_found())
            }
        }
        None => {
            let version = cut_version(tx, operation, stored, now)?;
            let throughput = wanted.into_iter().next().and_then(|item| item.provisioned_throughput);
            Ok(vec![api::AgentAliasRoutingConfigurationListItem {
                provisioned_throughput: throughput,
                ..routing(&version)
            }])
        }
    }
}

/// Cuts a version: an immutable copy of the prepared draft and its parts.
fn cut_version(tx: &mut Tx<'_>, operation: &str, stored: &mut StoredAgent, now: Timestamp) -> OpResult<String> {
    let snapshot = match (&stored.snapshot, stored.agent.agent_status) {
        (Some(snapshot), api::AgentStatus::Prepared) => snapshot.clone(),
        // A version is to hold the latest edits; the service wants the draft prepared first.
        (_, api::AgentStatus::Failed) => return Err(errors::busy(operation, "Agent", "Failed")),
        _ => return Err(errors::busy(operation, "Agent", "Not Prepared")),
    };
    stored.last_version += 1;
    stored.latest_version = stored.last_version;
    let number = stored.last_version.to_string();
    let agent = &stored.agent;
    let version = api::AgentVersion {
        agent_id: agent.agent_id.clone(),
        agent_name: agent.agent_name.clone(),
        agent_arn: agent.agent_arn.clone(),
        version: number.clone(),
        instruction: agent.instruction.clone(),
        agent_status: api::AgentStatus::Prepared,
        foundation_model: agent.foundation_model.clone(),
        description: agent.description.clone(),
        idle_session_ttl_in_seconds: agent.idle_session_ttl_in_seconds,
        agent_resource_role_arn: agent.agent_resource_role_arn.clone(),
        customer_encryption_key_arn: agent.customer_encryption_key_arn.clone(),
        created_at: now,
        updated_at: now,
        failure_reasons: None,
        recommended_actions: None,
        prompt_override_configuration: agent.prompt_override_configuration.clone(),
        guardrail_configuration: agent.guardrail_configuration.clone(),
        memory_configuration: agent.memory_configuration.clone(),
        agent_collaboration: agent.agent_collaboration,
    };
    let resource = Resource {
        kind: Kind::AgentVersion,
        parent: &agent.agent_id,
        id: &number,
        name: None,
        created_at: now,
        updated_at: now,
    };
    let stored_version = StoredVersion { version, snapshot };
    tx.put(&resource, &stored_version).map_err(put_error)?;
    for mut group in tx.list_all::<api::AgentActionGroup>(Kind::ActionGroup, &groups_parent(&agent.agent_id, DRAFT))? {
        group.agent_version.clone_from(&number);
        put_group(tx, &group)?;
    }
    put_agent(tx, stored)?;
    Ok(number)
}

/// Puts an action group.
pub fn put_group(tx: &mut Tx<'_>, group: &api::AgentActionGroup) -> OpResult<()> {
    let parent = groups_parent(&group.agent_id, &group.agent_version);
    let resource = Resource {
        kind: Kind::ActionGroup,
        parent: &parent,
        id: &group.action_group_id,
        name: Some(&group.action_group_name),
        created_at: group.created_at,
        updated_at: group.updated_at,
    };
    tx.put(&resource, group).map_err(|error| match error {
        PutError::NameTaken | PutError::IdTaken => errors::conflict(format!(
            "An action group with the name {} already exists for the agent.",
            group.action_group_name
        )),
        PutError::Store(error) => error.into(),
    })
}

/// For kinds whose names cannot clash.
pub fn put_error(error: PutError) -> ApiError {
    match error {
        PutError::Store(error) => error.into(),
        other => {
            tracing::error!(error = &other as &dyn std::error::Error, "an id was taken");
            errors::internal()
        }
    }
}

/// Checks that a version is the one that can be read: `DRAFT` or a number that exists.
pub fn check_version(tx: &ReadTx<'_>, agent_id: &str, version: &str) -> OpResult<()> {
    let exists = match version {
        DRAFT => tx.exists(Kind::Agent, "", agent_id)?,
        number => tx.exists(Kind::AgentVersion, agent_id, number)?,
    };
    if exists { Ok(()) } else { Err(errors::not_found()) }
}

/// The order of versions: the draft, then numbers, newest first.
pub fn version_number(version: &str) -> u32 {
    version.parse().unwrap_or(u32::MAX)
}
