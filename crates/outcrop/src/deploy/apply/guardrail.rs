//! Guardrails and their versions. A guardrail's physical id is its ARN, a version's `GUARDRAILID|VERSION`.

use super::agent::request;
use super::poll::until_gone;
use super::{Failure, Made};
use crate::client::{Client, ClientError};
use outcrop_api::bedrock as api;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Creates the guardrail. The same token and properties give the same guardrail again.
pub(super) async fn create(client: &Client, properties: &Value, token: &str) -> Result<Made, ClientError> {
    let mut members = members(properties);
    members.insert("clientRequestToken".to_owned(), Value::from(token));
    let request: api::CreateGuardrailRequest = request(members).map_err(Failure::unsent)?;
    let made = client.call::<api::CreateGuardrail>(&request).await?;
    get(client, &made.guardrail_arn, None).await.map(|guardrail| of_guardrail(&guardrail))
}

/// Sets the draft and the tags to what is wanted.
pub(super) async fn update(client: &Client, arn: &str, old: Option<&Value>, new: &Value) -> Result<Made, Failure> {
    let mut members = members(new);
    members.shift_remove("tags");
    members.insert("guardrailIdentifier".to_owned(), Value::from(arn));
    let request: api::UpdateGuardrailRequest = request(members)?;
    client.call::<api::UpdateGuardrail>(&request).await?;
    tags(client, arn, old, new).await?;
    Ok(of_guardrail(&get(client, arn, None).await?))
}

/// Cuts a version. The same token gives the same version again.
pub(super) async fn create_version(client: &Client, properties: &Value, token: &str) -> Result<Made, ClientError> {
    let mut members = members(properties);
    members.insert("clientRequestToken".to_owned(), Value::from(token));
    let request: api::CreateGuardrailVersionRequest = request(members).map_err(Failure::unsent)?;
    let made = client.call::<api::CreateGuardrailVersion>(&request).await?;
    let guardrail = get(client, &made.guardrail_id, Some(&made.version)).await?;
    Ok(of_version(&guardrail))
}

/// A version as it is: nothing of it can be changed.
pub(super) async fn version(client: &Client, id: &str) -> Result<Made, ClientError> {
    let (guardrail, version) = parts(id);
    get(client, guardrail, Some(version)).await.map(|guardrail| of_version(&guardrail))
}

/// Asks for the guardrail.
pub(super) async fn exists(client: &Client, arn: &str) -> Result<(), ClientError> {
    get(client, arn, None).await.map(drop)
}

/// Deletes the guardrail with its versions.
pub(super) async fn delete(client: &Client, arn: &str) -> Result<(), ClientError> {
    let request = api::DeleteGuardrailRequest { guardrail_identifier: arn.to_owned(), guardrail_version: None };
    client.call::<api::DeleteGuardrail>(&request).await?;
    until_gone(async || exists(client, arn).await).await
}

/// Deletes one version.
pub(super) async fn delete_version(client: &Client, id: &str) -> Result<(), ClientError> {
    let (guardrail, version) = parts(id);
    let request = api::DeleteGuardrailRequest {
        guardrail_identifier: guardrail.to_owned(),
        guardrail_version: Some(version.to_owned()),
    };
    client.call::<api::DeleteGuardrail>(&request).await.map(drop)
}

async fn get(
    client: &Client,
    identifier: &str,
    version: Option<&str>,
) -> Result<api::GetGuardrailResponse, ClientError> {
    let request = api::GetGuardrailRequest {
        guardrail_identifier: identifier.to_owned(),
        guardrail_version: version.map(str::to_owned),
    };
    client.call::<api::GetGuardrail>(&request).await
}

async fn tags(client: &Client, arn: &str, old: Option<&Value>, new: &Value) -> Result<(), Failure> {
    let read = |properties: &Value| -> BTreeMap<String, String> {
        let tags: Vec<api::Tag> = serde_json::from_value(properties["tags"].clone()).unwrap_or_default();
        tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
    };
    let (before, wanted) = (old.map(read).unwrap_or_default(), read(new));
    let removed: Vec<String> = before.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
    if !removed.is_empty() {
        let request = api::UntagResourceRequest { resource_arn: arn.to_owned(), tag_keys: removed };
        client.call::<api::UntagResource>(&request).await?;
    }
    if !wanted.is_empty() && before != wanted {
        let tags = wanted.into_iter().map(|(key, value)| api::Tag { key, value }).collect();
        client.call::<api::TagResource>(&api::TagResourceRequest { resource_arn: arn.to_owned(), tags }).await?;
    }
    Ok(())
}

fn members(properties: &Value) -> Map<String, Value> {
    properties.as_object().cloned().unwrap_or_default()
}

fn parts(id: &str) -> (&str, &str) {
    id.split_once('|').unwrap_or((id, ""))
}

fn of_guardrail(guardrail: &api::GetGuardrailResponse) -> Made {
    let attributes = BTreeMap::from([
        ("CreatedAt".to_owned(), guardrail.created_at.to_string()),
        ("GuardrailArn".to_owned(), guardrail.guardrail_arn.clone()),
        ("GuardrailId".to_owned(), guardrail.guardrail_id.clone()),
        ("Status".to_owned(), guardrail.status.to_string()),
        ("UpdatedAt".to_owned(), guardrail.updated_at.to_string()),
        ("Version".to_owned(), guardrail.version.clone()),
    ]);
    Made { physical_id: guardrail.guardrail_arn.clone(), attributes }
}

fn of_version(guardrail: &api::GetGuardrailResponse) -> Made {
    let attributes = BTreeMap::from([
        ("GuardrailArn".to_owned(), guardrail.guardrail_arn.clone()),
        ("GuardrailId".to_owned(), guardrail.guardrail_id.clone()),
        ("Version".to_owned(), guardrail.version.clone()),
    ]);
    Made { physical_id: format!("{}|{}", guardrail.guardrail_id, guardrail.version), attributes }
}
