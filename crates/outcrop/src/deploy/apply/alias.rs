//! Aliases. Their physical id is `AGENTID|ALIASID`, as CloudFormation's `Ref` gives it.

use super::agent::{request, tags};
use super::poll::{until, until_gone};
use super::{Failure, Made};
use crate::client::{Client, ClientError};
use outcrop_api::bedrock_agent as api;
use serde_json::Value;
use std::collections::BTreeMap;

/// Creates the alias; without a routing configuration this cuts a version. [`settled`] waits for it.
pub(super) async fn create(client: &Client, properties: &Value) -> Result<Made, Failure> {
    let members = properties.as_object().cloned().unwrap_or_default();
    let alias = client.call::<api::CreateAgentAlias>(&request(members)?).await?.agent_alias;
    Ok(made(&alias))
}

/// Sets the alias to what is wanted and waits for it; without a routing configuration this cuts a version.
pub(super) async fn update(client: &Client, id: &str, old: Option<&Value>, new: &Value) -> Result<Made, Failure> {
    let (agent_id, alias_id) = parts(id);
    let mut members = new.as_object().cloned().unwrap_or_default();
    members.shift_remove("tags");
    members.insert("agentId".to_owned(), Value::from(agent_id));
    members.insert("agentAliasId".to_owned(), Value::from(alias_id));
    let alias = client.call::<api::UpdateAgentAlias>(&request(members)?).await?.agent_alias;
    tags(client, &alias.agent_alias_arn, old, new, "tags").await?;
    settled(client, id).await
}

/// The alias as soon as it is in a state that lasts.
pub(super) async fn settled(client: &Client, id: &str) -> Result<Made, Failure> {
    let alias = until("settling the alias", async || {
        let alias = get(client, id).await?;
        let passes = alias.agent_alias_status.as_str().ends_with("ING");
        Ok((!passes).then_some(alias))
    });
    let alias = alias.await?;
    if alias.agent_alias_status == api::AgentAliasStatus::Failed {
        let reasons = alias.failure_reasons.unwrap_or_default().join("; ");
        return Err(Failure(format!("the alias has failed: {reasons}")));
    }
    Ok(made(&alias))
}

/// Asks for the alias.
pub(super) async fn exists(client: &Client, id: &str) -> Result<(), ClientError> {
    get(client, id).await.map(|_| ())
}

/// Deletes the alias and waits until it is gone: an agent with aliases cannot be deleted.
pub(super) async fn delete(client: &Client, id: &str) -> Result<(), ClientError> {
    let (agent_id, alias_id) = parts(id);
    let request = api::DeleteAgentAliasRequest { agent_id: agent_id.to_owned(), agent_alias_id: alias_id.to_owned() };
    client.call::<api::DeleteAgentAlias>(&request).await?;
    until_gone(async || get(client, id).await).await
}

async fn get(client: &Client, id: &str) -> Result<api::AgentAlias, ClientError> {
    let (agent_id, alias_id) = parts(id);
    let request = api::GetAgentAliasRequest { agent_id: agent_id.to_owned(), agent_alias_id: alias_id.to_owned() };
    client.call::<api::GetAgentAlias>(&request).await.map(|found| found.agent_alias)
}

fn parts(id: &str) -> (&str, &str) {
    id.split_once('|').unwrap_or((id, ""))
}

fn made(alias: &api::AgentAlias) -> Made {
    let attributes = BTreeMap::from([
        ("AgentAliasArn".to_owned(), alias.agent_alias_arn.clone()),
        ("AgentAliasId".to_owned(), alias.agent_alias_id.clone()),
        ("AgentAliasStatus".to_owned(), alias.agent_alias_status.to_string()),
        ("CreatedAt".to_owned(), alias.created_at.to_string()),
        ("UpdatedAt".to_owned(), alias.updated_at.to_string()),
    ]);
    Made { physical_id: format!("{}|{}", alias.agent_id, alias.agent_alias_id), attributes }
}
