//! The collaborators of a supervisor.

use super::Failure;
use super::agent::{DRAFT, PAGES_MAX, request};
use crate::client::Client;
use outcrop_api::bedrock_agent as api;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Lets go of those that the template had and no longer has; others were associated by somebody else and stay.
///
/// # Errors
///
/// When the server refuses.
pub(super) async fn let_go(client: &Client, id: &str, old: Option<&Value>, new: &Value) -> Result<(), Failure> {
    let (before, wanted) = (old.map(by_name).unwrap_or_default(), by_name(new));
    if before.keys().all(|name| wanted.contains_key(name)) {
        return Ok(());
    }
    for (name, collaborator_id) in list(client, id).await? {
        if before.contains_key(&name) && !wanted.contains_key(&name) {
            let request = api::DisassociateAgentCollaboratorRequest {
                agent_id: id.to_owned(),
                agent_version: DRAFT.to_owned(),
                collaborator_id,
            };
            client.call::<api::DisassociateAgentCollaborator>(&request).await?;
        }
    }
    Ok(())
}

/// Associates and updates what is wanted, in the order of the template.
///
/// # Errors
///
/// When the server refuses; the message names the collaborator.
pub(super) async fn take(client: &Client, id: &str, old: Option<&Value>, new: &Value) -> Result<(), Failure> {
    let (before, wanted) = (old.map(by_name), by_name(new));
    if wanted.is_empty() || before.as_ref() == Some(&wanted) {
        return Ok(());
    }
    let existing = list(client, id).await?;
    for collaborator in collaborators(new) {
        let name = collaborator["collaboratorName"].as_str().unwrap_or_default();
        let unchanged = before.as_ref().is_some_and(|before| before.get(name) == Some(&collaborator));
        let mut body: Map<String, Value> = collaborator.as_object().cloned().unwrap_or_default();
        body.insert("agentId".to_owned(), Value::from(id));
        body.insert("agentVersion".to_owned(), Value::from(DRAFT));
        let sent = match existing.get(name) {
            Some(_) if unchanged => Ok(()),
            Some(collaborator_id) => {
                body.insert("collaboratorId".to_owned(), Value::from(collaborator_id.as_str()));
                client.call::<api::UpdateAgentCollaborator>(&request(body)?).await.map(|_| ())
            }
            None => client.call::<api::AssociateAgentCollaborator>(&request(body)?).await.map(|_| ()),
        };
        sent.map_err(|error| Failure(format!("collaborator {name}: {error}")))?;
    }
    Ok(())
}

async fn list(client: &Client, id: &str) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    let mut request = api::ListAgentCollaboratorsRequest {
        agent_id: id.to_owned(),
        agent_version: DRAFT.to_owned(),
        max_results: None,
        next_token: None,
    };
    for _ in 0..PAGES_MAX {
        let page = client.call::<api::ListAgentCollaborators>(&request).await?;
        let listed = page.agent_collaborator_summaries.into_iter();
        found.extend(listed.map(|one| (one.collaborator_name, one.collaborator_id)));
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    Ok(found)
}

fn collaborators(properties: &Value) -> Vec<Value> {
    properties["agentCollaborators"].as_array().cloned().unwrap_or_default()
}

fn by_name(properties: &Value) -> BTreeMap<String, Value> {
    let name = |one: &Value| one["collaboratorName"].as_str().unwrap_or_default().to_owned();
    collaborators(properties).into_iter().map(|one| (name(&one), one)).collect()
}
