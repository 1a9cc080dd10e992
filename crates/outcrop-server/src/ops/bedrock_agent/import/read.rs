//! From members to typed requests. Every piece is decoded as the request that it would have come in.

use crate::agents::documents::TEST_ALIAS_ID;
use crate::agents::tags;
use crate::agents::versions::VERSION_MAX;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::bedrock_agent::{action_groups, agents, aliases};
use crate::quotas::Quotas;
use crate::transfer::{
    ImportRequest, ImportedAgent, ImportedAlias, ImportedCollaborator, ImportedContent, ImportedGroup, Members,
};
use outcrop_api::bedrock_agent as api;
use outcrop_api::{ApiOperation, decode};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Stands in for ids that the request has no say in.
const ANY_ID: &str = "AAAAAAAAAA";
/// Longest id that is looked at.
const ID_BYTES: usize = 10;

/// An agent as it came, typed.
pub(super) struct Agent {
    pub(super) wanted_id: Option<String>,
    pub(super) name: String,
    pub(super) draft: Content,
    pub(super) prepared: bool,
    pub(super) versions: BTreeMap<u32, Content>,
    pub(super) aliases: Vec<Alias>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) test_alias_tags: BTreeMap<String, String>,
}

/// A draft or a version.
pub(super) struct Content {
    pub(super) agent: api::CreateAgentRequest,
    pub(super) groups: Vec<Group>,
    pub(super) collaborators: Vec<Collaborator>,
    pub(super) bases: Vec<api::AssociateAgentKnowledgeBaseRequest>,
}

/// A collaborator.
pub(super) struct Collaborator {
    pub(super) wanted_id: Option<String>,
    /// `AGENT/ALIAS` of this request, in place of the ARN.
    pub(super) alias: Option<String>,
    pub(super) request: api::AssociateAgentCollaboratorRequest,
}

/// An action group.
pub(super) struct Group {
    pub(super) wanted_id: Option<String>,
    pub(super) request: api::CreateAgentActionGroupRequest,
    pub(super) schema_text: Option<String>,
    /// Functions of its function schema.
    pub(super) functions: usize,
}

/// An alias.
pub(super) struct Alias {
    pub(super) wanted_id: Option<String>,
    pub(super) request: api::UpdateAgentAliasRequest,
    /// Last first, without where it leads now.
    pub(super) history: Vec<Vec<api::AgentAliasRoutingConfigurationListItem>>,
    pub(super) tags: BTreeMap<String, String>,
}

/// Reads all agents of a request.
pub(super) fn agents(request: ImportRequest, quotas: &Quotas) -> OpResult<Vec<Agent>> {
    let mut names = BTreeSet::new();
    let mut read = Vec::new();
    for imported in request.agents {
        let given = imported.draft.agent.get("agentName").and_then(Value::as_str).unwrap_or("without a name");
        let place = format!("agent {given}");
        let agent = agent(imported, quotas).map_err(|error| within(&place, error))?;
        if !names.insert(agent.name.clone()) {
            return Err(errors::validation(format!("Two agents of the request are called {}.", agent.name)));
        }
        read.push(agent);
    }
    Ok(read)
}

fn agent(imported: ImportedAgent, quotas: &Quotas) -> OpResult<Agent> {
    let draft = content(imported.draft, quotas)?;
    let mut versions = BTreeMap::new();
    for (number, version) in imported.versions {
        if !(1..=VERSION_MAX).contains(&number) {
            return Err(errors::validation(format!("{number} is no number of a version.")));
        }
        versions.insert(number, content(version, quotas).map_err(|error| within(&format!("version {number}"), error))?);
    }
    quotas.versions_per_agent(versions.len())?;
    quotas.aliases_per_agent(imported.aliases.len())?;
    let mut aliases = Vec::new();
    for imported in imported.aliases {
        let given = imported.members.get("agentAliasName").and_then(Value::as_str).unwrap_or("without a name");
        let place = format!("alias {given}");
        let alias = alias(imported, &versions).map_err(|error| within(&place, error))?;
        let is_same = |other: &Alias| other.request.agent_alias_name == alias.request.agent_alias_name;
        if aliases.iter().any(is_same) {
            return Err(errors::validation(format!("Two aliases of the {place} have the same name.")));
        }
        aliases.push(alias);
    }
    check_tags(&imported.tags)?;
    check_tags(&imported.test_alias_tags)?;
    Ok(Agent {
        wanted_id: imported.agent_id.filter(|id| is_id(id)),
        name: draft.agent.agent_name.clone(),
        draft,
        prepared: imported.prepared,
        versions,
        aliases,
        tags: imported.tags,
        test_alias_tags: imported.test_alias_tags,
    })
}

fn content(imported: ImportedContent, quotas: &Quotas) -> OpResult<Content> {
    let agent = decoded::<api::CreateAgent>(imported.agent)?;
    agents::check(&agents::Written {
        orchestration_type: agent.orchestration_type,
        custom_orchestration: agent.custom_orchestration.as_ref(),
        prompt_override_configuration: agent.prompt_override_configuration.as_ref(),
        guardrail_configuration: agent.guardrail_configuration.as_ref(),
    })?;
    let mut groups: Vec<Group> = Vec::new();
    for imported in imported.action_groups {
        let given = imported.members.get("actionGroupName").and_then(Value::as_str).unwrap_or("without a name");
        let place = format!("action group {given}");
        let group = group(imported, quotas).map_err(|error| within(&place, error))?;
        if groups.iter().any(|other| other.request.action_group_name == group.request.action_group_name) {
            return Err(errors::validation(format!("There are two of the {place}.")));
        }
        groups.push(group);
    }
    quotas.action_groups_per_agent(groups.len())?;
    let mut collaborators: Vec<Collaborator> = Vec::new();
    for imported in imported.collaborators {
        let given = imported.members.get("collaboratorName").and_then(Value::as_str).unwrap_or("without a name");
        let place = format!("collaborator {given}");
        let one = collaborator(imported).map_err(|error| within(&place, error))?;
        if collaborators.iter().any(|other| other.request.collaborator_name == one.request.collaborator_name) {
            return Err(errors::validation(format!("There are two of the {place}.")));
        }
        collaborators.push(one);
    }
    quotas.collaborators_per_agent(collaborators.len())?;
    let mut bases: Vec<api::AssociateAgentKnowledgeBaseRequest> = Vec::new();
    for members in imported.knowledge_bases {
        let base =
            decoded::<api::AssociateAgentKnowledgeBase>(members).map_err(|error| within("knowledge base", error))?;
        if bases.iter().any(|other| other.knowledge_base_id == base.knowledge_base_id) {
            return Err(errors::validation(format!("The knowledge base {} is there twice.", base.knowledge_base_id)));
        }
        bases.push(base);
    }
    quotas.knowledge_bases_per_agent(bases.len())?;
    Ok(Content { agent, groups, collaborators, bases })
}

fn collaborator(imported: ImportedCollaborator) -> OpResult<Collaborator> {
    let mut members = imported.members;
    if imported.alias.is_some() {
        // What it will be is known later; this one breaks no constraint.
        let arn = format!("arn:aws:bedrock:us-east-1:000000000000:agent-alias/{ANY_ID}/{ANY_ID}");
        members.insert("agentDescriptor".to_owned(), serde_json::json!({ "aliasArn": arn }));
    }
    let request = decoded::<api::AssociateAgentCollaborator>(members)?;
    if request.agent_descriptor.alias_arn.is_none() {
        let message = "agentDescriptor needs the aliasArn of the collaborator.";
        return Err(errors::invalid_field("agentDescriptor.aliasArn", message));
    }
    let wanted_id = imported.collaborator_id.filter(|id| is_id(id));
    Ok(Collaborator { wanted_id, alias: imported.alias, request })
}

fn group(imported: ImportedGroup, quotas: &Quotas) -> OpResult<Group> {
    let request = decoded::<api::CreateAgentActionGroup>(imported.members)?;
    let functions = action_groups::check_members(
        quotas,
        &action_groups::Written {
            name: &request.action_group_name,
            description: request.description.as_ref(),
            state: request.action_group_state,
            signature: request.parent_action_group_signature,
            signature_params: request.parent_action_group_signature_params.as_ref(),
            executor: request.action_group_executor.as_ref(),
            api_schema: request.api_schema.as_ref(),
            function_schema: request.function_schema.as_ref(),
        },
    )?;
    let wanted_id = imported.action_group_id.filter(|id| is_id(id));
    Ok(Group { wanted_id, request, schema_text: imported.schema_text, functions })
}

fn alias(imported: ImportedAlias, versions: &BTreeMap<u32, Content>) -> OpResult<Alias> {
    let request = decoded::<api::UpdateAgentAlias>(imported.members.clone())?;
    aliases::check_name(&request.agent_alias_name)?;
    for item in request.routing_configuration.iter().flatten() {
        let version = item.agent_version.as_deref().unwrap_or_default();
        if !version.parse().is_ok_and(|number: u32| versions.contains_key(&number)) {
            return Err(errors::validation(format!("It leads to version {version}, which is not there.")));
        }
    }
    let mut history = Vec::new();
    for routing in imported.history {
        let mut members = imported.members.clone();
        let routing = routing.into_iter().map(Value::Object).collect();
        members.insert("routingConfiguration".to_owned(), Value::Array(routing));
        let event = decoded::<api::UpdateAgentAlias>(members).map_err(|error| within("history", error))?;
        history.push(event.routing_configuration.unwrap_or_default());
    }
    check_tags(&imported.tags)?;
    let wanted_id = imported.agent_alias_id.filter(|id| is_id(id) && id != TEST_ALIAS_ID);
    Ok(Alias { wanted_id, request, history, tags: imported.tags })
}

fn check_tags(tags: &BTreeMap<String, String>) -> OpResult<()> {
    let as_json = tags.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    let mut members = Members::from_iter([("tags".to_owned(), Value::Object(as_json))]);
    members.insert("resourceArn".to_owned(), Value::from(ANY_ID));
    decoded::<api::TagResource>(members)?;
    tags::check(tags)
}

/// Members as the request of an operation, after all its constraints.
fn decoded<O: ApiOperation>(members: Members) -> OpResult<O::Input> {
    let labels = [
        ("agentId", ANY_ID.to_owned()),
        ("agentAliasId", ANY_ID.to_owned()),
        ("agentVersion", "DRAFT".to_owned()),
        // Long enough for an ARN.
        ("resourceArn", format!("arn:aws:bedrock:us-east-1:000000000000:agent/{ANY_ID}")),
    ];
    let body = Value::Object(members).to_string();
    let headers = http::HeaderMap::new();
    let parts = decode::Parts { labels: &labels, query: "", headers: &headers, body: body.as_bytes() };
    Ok(decode::decode::<O>(parts)?)
}

/// An id that can be kept. Another one is no mistake: it is only a wish.
fn is_id(text: &str) -> bool {
    text.len() == ID_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The error, with the place it is about.
pub(super) fn within(place: &str, mut error: ApiError) -> ApiError {
    error.message = format!("{place}: {}", error.message);
    error
}
