//! Aliases. Their physical id is `AGENTID|ALIASID`, as CloudFormation's `Ref` gives it.

use super::agent::{PAGES_MAX, request, tags};
use super::poll::{until, until_gone};
use super::{Failure, Made};
use crate::client::{Client, ClientError};
use outcrop_api::bedrock_agent as api;
use serde_json::Value;
use std::collections::BTreeMap;

/// Creates the alias; without a routing configuration this cuts a version. [`settled`] waits for it.
/// The same token and properties give the same alias again.
pub(super) async fn create(client: &Client, properties: &Value, token: &str) -> Result<Made, ClientError> {
    let mut members = properties.as_object().cloned().unwrap_or_default();
    members.insert("clientToken".to_owned(), Value::from(token));
    let request = request(members).map_err(Failure::unsent)?;
    let alias = client.call::<api::CreateAgentAlias>(&request).await?.agent_alias;
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

/// The alias that was created with a name and a client token.
pub(super) async fn find(
    client: &Client,
    agent_id: &str,
    name: &str,
    token: &str,
) -> Result<Option<Made>, ClientError> {
    let mut request =
        api::ListAgentAliasesRequest { agent_id: agent_id.to_owned(), max_results: Some(1000), next_token: None };
    for _ in 0..PAGES_MAX {
        let page = client.call::<api::ListAgentAliases>(&request).await?;
        let found = page.agent_alias_summaries.into_iter().find(|alias| alias.agent_alias_name == name);
        if let Some(found) = found {
            let alias = get(client, &format!("{agent_id}|{}", found.agent_alias_id)).await?;
            return Ok((alias.client_token.as_deref() == Some(token)).then(|| made(&alias)));
        }
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    Ok(None)
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
