//! Agents, with their action groups, collaborators and tags.

use super::poll::{until, until_gone};
use super::{Failure, Made, collaborators};
use crate::client::{Client, ClientError};
use outcrop_api::bedrock_agent as api;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) const DRAFT: &str = "DRAFT";
/// Members that the deployment adds to those of the API.
const EXTRAS: [&str; 5] =
    ["actionGroups", "agentCollaborators", "autoPrepare", "testAliasTags", "skipResourceInUseCheckOnDelete"];
/// Pages of a list that are read.
pub(super) const PAGES_MAX: usize = 50;

/// Creates the agent itself and waits until it is there. Its parts follow with [`complete`].
/// The same token and properties give the same agent again.
pub(super) async fn create(client: &Client, properties: &Value, token: &str) -> Result<Made, ClientError> {
    let mut members = own(properties);
    members.insert("clientToken".to_owned(), Value::from(token));
    let request: api::CreateAgentRequest = request(members).map_err(Failure::unsent)?;
    let agent = client.call::<api::CreateAgent>(&request).await?.agent;
    // Recorded before it is settled, so that nothing is lost when settling fails.
    Ok(made(&agent))
}

/// Sets the agent's own properties and tags, if they differ from those before.
pub(super) async fn update(client: &Client, id: &str, old: Option<&Value>, new: &Value) -> Result<(), Failure> {
    let without_tags = |properties: &Value| {
        let mut own = own(properties);
        own.shift_remove("tags");
        own
    };
    let current = settled(client, id).await?;
    // Before the agent itself: one that is no supervisor any more has nobody to let go of.
    collaborators::let_go(client, id, old, new).await?;
    tags(client, &current.agent_arn, old, new, "tags").await?;
    if old.is_some_and(|old| without_tags(old) == without_tags(new)) {
        return Ok(());
    }
    let mut own = without_tags(new);
    own.insert("agentId".to_owned(), Value::from(id));
    // An update replaces everything, but these two cannot be left out; creating chose them.
    own.entry("agentResourceRoleArn").or_insert_with(|| Value::from(current.agent_resource_role_arn));
    if let Some(model) = current.foundation_model {
        own.entry("foundationModel").or_insert_with(|| Value::from(model));
    }
    client.call::<api::UpdateAgent>(&request(own)?).await?;
    Ok(())
}

/// Brings action groups, collaborators and the tags of the test alias to what is wanted, prepares if that is wanted, and waits for the end of it.
pub(super) async fn complete(client: &Client, id: &str, old: Option<&Value>, new: &Value) -> Result<Made, Failure> {
    let agent = settled(client, id).await?;
    action_groups(client, id, old, new).await?;
    collaborators::take(client, id, old, new).await?;
    let test_alias = format!("{}/TSTALIASID", agent.agent_arn.replacen(":agent/", ":agent-alias/", 1));
    tags(client, &test_alias, old, new, "testAliasTags").await?;
    if new["autoPrepare"] == Value::Bool(true) {
        prepare(client, id).await?;
    }
    Ok(made(&settled(client, id).await?))
}

/// Prepares an agent whose draft is not prepared; tells whether it was needed.
pub(super) async fn prepare_if_needed(client: &Client, id: &str) -> Result<bool, Failure> {
    let is_needed = settled(client, id).await?.agent_status != api::AgentStatus::Prepared;
    if is_needed {
        prepare(client, id).await?;
    }
    Ok(is_needed)
}

/// The agent that was created with a name and a client token.
pub(super) async fn find(client: &Client, name: &str, token: &str) -> Result<Option<Made>, ClientError> {
    let mut request = api::ListAgentsRequest { max_results: Some(1000), next_token: None };
    for _ in 0..PAGES_MAX {
        let page = client.call::<api::ListAgents>(&request).await?;
        if let Some(found) = page.agent_summaries.into_iter().find(|agent| agent.agent_name == name) {
            let request = api::GetAgentRequest { agent_id: found.agent_id };
            let agent = client.call::<api::GetAgent>(&request).await?.agent;
            return Ok((agent.client_token.as_deref() == Some(token)).then(|| made(&agent)));
        }
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    Ok(None)
}

/// Asks for the agent.
pub(super) async fn exists(client: &Client, id: &str) -> Result<(), ClientError> {
    client.call::<api::GetAgent>(&api::GetAgentRequest { agent_id: id.to_owned() }).await.map(|_| ())
}

/// Deletes the agent and waits until it is gone.
pub(super) async fn delete(client: &Client, id: &str, properties: Option<&Value>) -> Result<(), ClientError> {
    let skip = properties.map(|properties| properties["skipResourceInUseCheckOnDelete"] == Value::Bool(true));
    let request = api::DeleteAgentRequest { agent_id: id.to_owned(), skip_resource_in_use_check: skip };
    client.call::<api::DeleteAgent>(&request).await?;
    until_gone(async || exists(client, id).await).await
}

async fn prepare(client: &Client, id: &str) -> Result<(), Failure> {
    client.call::<api::PrepareAgent>(&api::PrepareAgentRequest { agent_id: id.to_owned() }).await?;
    let agent = settled(client, id).await?;
    match agent.agent_status {
        api::AgentStatus::Prepared => Ok(()),
        status => Err(Failure(format!("the agent is {status} after preparing{}", reasons(&agent)))),
    }
}

/// The agent as soon as it is in a state that lasts.
async fn settled(client: &Client, id: &str) -> Result<api::Agent, Failure> {
    let request = api::GetAgentRequest { agent_id: id.to_owned() };
    let agent = until("settling the agent", async || {
        let agent = client.call::<api::GetAgent>(&request).await?.agent;
        let passes = agent.agent_status.as_str().ends_with("ING");
        Ok((!passes).then_some(agent))
    });
    agent.await
}

fn reasons(agent: &api::Agent) -> String {
    match agent.failure_reasons.as_deref() {
        Some([]) | None => String::new(),
        Some(reasons) => format!(": {}", reasons.join("; ")),
    }
}

async fn action_groups(client: &Client, id: &str, old: Option<&Value>, new: &Value) -> Result<(), Failure> {
    let (before, wanted) = (old.map(groups_by_name), groups_by_name(new));
    if before.as_ref() == Some(&wanted) {
        return Ok(());
    }
    let existing = list_groups(client, id).await?;
    for (name, group_id) in &existing {
        // A group that the template never had was put there by somebody else.
        let is_ours = before.as_ref().is_none_or(|before| before.contains_key(name.as_str()));
        if is_ours && !wanted.contains_key(name.as_str()) {
            let request = api::DeleteAgentActionGroupRequest {
                agent_id: id.to_owned(),
                agent_version: DRAFT.to_owned(),
                action_group_id: group_id.clone(),
                skip_resource_in_use_check: Some(true),
            };
            client.call::<api::DeleteAgentActionGroup>(&request).await?;
        }
    }
    // In the order of the template: users see it in lists.
    for group in groups(new) {
        let name = group["actionGroupName"].as_str().unwrap_or_default();
        let unchanged = before.as_ref().is_some_and(|before| before.get(name) == Some(&group));
        let mut body = group.as_object().cloned().unwrap_or_default();
        body.insert("agentId".to_owned(), Value::from(id));
        body.insert("agentVersion".to_owned(), Value::from(DRAFT));
        let sent = match existing.get(name) {
            Some(_) if unchanged => Ok(()),
            Some(group_id) => {
                body.insert("actionGroupId".to_owned(), Value::from(group_id.as_str()));
                client.call::<api::UpdateAgentActionGroup>(&request(body)?).await.map(|_| ())
            }
            None => client.call::<api::CreateAgentActionGroup>(&request(body)?).await.map(|_| ()),
        };
        sent.map_err(|error| Failure(format!("action group {name}: {error}")))?;
    }
    Ok(())
}

async fn list_groups(client: &Client, id: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    let mut request = api::ListAgentActionGroupsRequest {
        agent_id: id.to_owned(),
        agent_version: DRAFT.to_owned(),
        max_results: None,
        next_token: None,
    };
    for _ in 0..PAGES_MAX {
        let page = client.call::<api::ListAgentActionGroups>(&request).await?;
        let groups = page.action_group_summaries.into_iter();
        found.extend(groups.map(|group| (group.action_group_name, group.action_group_id)));
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    Ok(found)
}

/// Sets and removes tags so that `wanted[key]` is what counts; tags that the template never had stay.
pub(super) async fn tags(
    client: &Client,
    arn: &str,
    old: Option<&Value>,
    new: &Value,
    key: &str,
) -> Result<(), Failure> {
    let read = |properties: &Value| -> BTreeMap<String, String> {
        let tags = properties[key].as_object().into_iter().flatten();
        tags.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
    };
    let (before, wanted) = (old.map(read).unwrap_or_default(), read(new));
    let removed: Vec<String> = before.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
    if !removed.is_empty() {
        let request = api::UntagResourceRequest { resource_arn: arn.to_owned(), tag_keys: removed };
        client.call::<api::UntagResource>(&request).await?;
    }
    if !wanted.is_empty() && before != wanted {
        let request = api::TagResourceRequest { resource_arn: arn.to_owned(), tags: wanted };
        client.call::<api::TagResource>(&request).await?;
    }
    Ok(())
}

fn made(agent: &api::Agent) -> Made {
    let mut attributes = BTreeMap::from([
        ("AgentArn".to_owned(), agent.agent_arn.clone()),
        ("AgentId".to_owned(), agent.agent_id.clone()),
        ("AgentStatus".to_owned(), agent.agent_status.to_string()),
        ("AgentVersion".to_owned(), agent.agent_version.clone()),
        ("CreatedAt".to_owned(), agent.created_at.to_string()),
        ("UpdatedAt".to_owned(), agent.updated_at.to_string()),
    ]);
    attributes.extend(agent.prepared_at.map(|at| ("PreparedAt".to_owned(), at.to_string())));
    Made { physical_id: agent.agent_id.clone(), attributes }
}

/// The members that CreateAgent and UpdateAgent take.
fn own(properties: &Value) -> Map<String, Value> {
    let members = properties.as_object().into_iter().flatten();
    members.filter(|(name, _)| !EXTRAS.contains(&name.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn groups(properties: &Value) -> Vec<Value> {
    properties["actionGroups"].as_array().cloned().unwrap_or_default()
}

fn groups_by_name(properties: &Value) -> BTreeMap<String, Value> {
    let name = |group: &Value| group["actionGroupName"].as_str().unwrap_or_default().to_owned();
    groups(properties).into_iter().map(|group| (name(&group), group)).collect()
}

/// A typed request from members that were checked against the same shape.
pub(super) fn request<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, Failure> {
    serde_json::from_value(Value::Object(members))
        .map_err(|error| Failure(format!("the request cannot be built: {error}")))
}
