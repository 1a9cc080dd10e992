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
    /// Aliases that what was last prepared collaborates with, as `AGENT/ALIAS`. They are in use until it is prepared again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prepared_collaborators: Vec<String>,
}

impl StoredAgent {
    /// An agent that was never prepared.
    pub fn new(agent: api::Agent) -> Self {
        Self { agent, snapshot: None, last_version: 0, latest_version: 0, prepared_collaborators: Vec::new() }
    }
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

/// Where the parts of a version are kept: action groups, collaborators, knowledge bases.
pub fn version_parent(agent_id: &str, version: &str) -> String {
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

/// A time for a change of the draft, after everything that happened to it: clients compare it with `preparedAt`, and two
/// changes must not look like one.
pub fn next_update(agent: &api::Agent, now: Timestamp) -> Timestamp {
    let last = agent.updated_at.max(agent.prepared_at.unwrap_or(agent.updated_at));
    now.max(Timestamp::from_nanos(last.as_nanos().saturating_add(1_000)))
}

/// A change of the draft's parts: what was prepared is no longer what is saved. Gives the time of the change, for the part
/// to carry too.
pub fn touch_draft(tx: &mut Tx<'_>, agent_id: &str, now: Timestamp) -> OpResult<Timestamp> {
    let mut stored = agent(tx, agent_id)?;
    if matches!(stored.agent.agent_status, api::AgentStatus::Prepared | api::AgentStatus::Failed) {
        stored.agent.agent_status = api::AgentStatus::NotPrepared;
        stored.agent.failure_reasons = None;
        stored.agent.recommended_actions = None;
    }
    let at = next_update(&stored.agent, now);
    stored.agent.updated_at = at;
    put_agent(tx, &stored)?;
    Ok(at)
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

/// An action group with what its document does not show.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredGroup {
    /// The document as it is served.
    #[serde(flatten)]
    pub group: api::AgentActionGroup,
    /// Functions or operations it declares; 0 when its schema was not read. Counted when it is saved, so that the next
    /// group need not read this one's schema.
    #[serde(default, rename = "outcrop:tools")]
    pub tools: usize,
}

/// Puts an action group.
pub fn put_group(tx: &mut Tx<'_>, stored: &StoredGroup) -> OpResult<()> {
    let group = &stored.group;
    let parent = version_parent(&group.agent_id, &group.agent_version);
    let resource = Resource {
        kind: Kind::ActionGroup,
        parent: &parent,
        id: &group.action_group_id,
        name: Some(&group.action_group_name),
        created_at: group.created_at,
        updated_at: group.updated_at,
    };
    tx.put(&resource, stored).map_err(|error| match error {
        PutError::NameTaken | PutError::IdTaken => errors::conflict(format!(
            "An action group with the name {} already exists for the agent.",
            group.action_group_name
        )),
        PutError::Store(error) => error.into(),
    })
}

/// Puts a collaborator.
pub fn put_collaborator(tx: &mut Tx<'_>, collaborator: &api::AgentCollaborator) -> OpResult<()> {
    let parent = version_parent(&collaborator.agent_id, &collaborator.agent_version);
    let resource = Resource {
        kind: Kind::Collaborator,
        parent: &parent,
        id: &collaborator.collaborator_id,
        name: Some(&collaborator.collaborator_name),
        created_at: collaborator.created_at,
        updated_at: collaborator.last_updated_at,
    };
    tx.put(&resource, collaborator).map_err(|error| match error {
        PutError::NameTaken | PutError::IdTaken => errors::conflict(format!(
            "A collaborator with the name {} already exists for the agent.",
            collaborator.collaborator_name
        )),
        PutError::Store(error) => error.into(),
    })
}

/// Puts the association of a knowledge base.
pub fn put_association(tx: &mut Tx<'_>, association: &api::AgentKnowledgeBase) -> OpResult<()> {
    let parent = version_parent(&association.agent_id, &association.agent_version);
    let resource = Resource {
        kind: Kind::AgentKnowledgeBase,
        parent: &parent,
        id: &association.knowledge_base_id,
        name: None,
        created_at: association.created_at,
        updated_at: association.updated_at,
    };
    tx.put(&resource, association).map_err(put_error)
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
