//! Functions, by the Lambda API.

use super::agent::request;
use super::poll::until;
use super::{Failure, Made};
use crate::client::{Client, ClientError};
use crate::deploy::wanted::Wanted;
use outcrop_api::lambda as api;
use outcrop_wire::Blob;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Creates the function with its code. [`settled`] waits until it can be called.
pub(super) async fn create(client: &Client, wanted: &Wanted) -> Result<Made, ClientError> {
    let mut members = wanted.properties.as_object().cloned().unwrap_or_default();
    let code = members.shift_remove("Code").unwrap_or_default();
    // The bytes go into the typed request and not through JSON values, where they would be base64 text.
    members.insert("Code".to_owned(), if wanted.code.is_some() { json!({}) } else { code });
    let mut request: api::CreateFunctionRequest = request(members).map_err(Failure::unsent)?;
    if let Some(package) = &wanted.code {
        request.code.zip_file = Some(Blob::new(package.zip.clone()));
    }
    Ok(made(&request.function_name, client.call::<api::CreateFunction>(&request).await?))
}

/// Sends what differs, code or configuration or both, and waits in between: a function takes one change at a time.
pub(super) async fn update(client: &Client, name: &str, old: Option<&Value>, wanted: &Wanted) -> Result<Made, Failure> {
    let new = &wanted.properties;
    let differs = |key: &str| old.is_none_or(|old| old.get(key) != new.get(key));
    if differs("Code") {
        client.call::<api::UpdateFunctionCode>(&code_request(name, wanted)?).await?;
        settled(client, name).await?;
    }
    let without_others = |properties: &Value| {
        let mut members = properties.as_object().cloned().unwrap_or_default();
        // Tags have an API of their own and mean nothing here; the other two cannot change or have just changed.
        for key in ["Code", "Tags", "PackageType", "Architectures"] {
            members.shift_remove(key);
        }
        members
    };
    if old.is_none_or(|old| without_others(old) != without_others(new)) {
        let members = with_defaults(without_others(new));
        client.call::<api::UpdateFunctionConfiguration>(&request(members)?).await?;
    }
    settled(client, name).await
}

/// The function of a name, in whatever state.
pub(super) async fn find(client: &Client, name: &str) -> Result<Made, ClientError> {
    Ok(made(name, get(client, name).await?))
}

/// Deletes the function.
pub(super) async fn delete(client: &Client, name: &str) -> Result<(), ClientError> {
    let members = Map::from_iter([("FunctionName".to_owned(), Value::from(name))]);
    let request: api::DeleteFunctionRequest = request(members).map_err(Failure::unsent)?;
    client.call::<api::DeleteFunction>(&request).await.map(|_| ())
}

fn code_request(name: &str, wanted: &Wanted) -> Result<api::UpdateFunctionCodeRequest, Failure> {
    let mut members = match &wanted.code {
        Some(_) => Map::new(),
        None => wanted.properties["Code"].as_object().cloned().unwrap_or_default(),
    };
    members.insert("FunctionName".to_owned(), Value::from(name));
    if let Some(architectures) = wanted.properties.get("Architectures") {
        members.insert("Architectures".to_owned(), architectures.clone());
    }
    let mut request: api::UpdateFunctionCodeRequest = request(members)?;
    request.zip_file = wanted.code.as_ref().map(|package| Blob::new(package.zip.clone()));
    Ok(request)
}

/// An update keeps what it does not name; what went out of the template is set back.
fn with_defaults(mut members: Map<String, Value>) -> Map<String, Value> {
    let defaults = [
        ("Description", json!("")),
        ("Environment", json!({"Variables": {}})),
        ("MemorySize", json!(128)),
        ("Timeout", json!(3)),
    ];
    for (name, value) in defaults {
        members.entry(name).or_insert(value);
    }
    members
}

/// The function as soon as it is in a state that lasts.
pub(super) async fn settled(client: &Client, name: &str) -> Result<Made, Failure> {
    let found = until("settling the function", async || {
        let found = get(client, name).await?;
        let passes = found.state == Some(api::State::Pending)
            || found.last_update_status == Some(api::LastUpdateStatus::InProgress);
        Ok((!passes).then_some(found))
    });
    let found = found.await?;
    let failed =
        found.state == Some(api::State::Failed) || found.last_update_status == Some(api::LastUpdateStatus::Failed);
    if failed {
        let reasons = [found.state_reason, found.last_update_status_reason];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        return Err(Failure(format!("the function has failed: {}", reasons.join("; "))));
    }
    Ok(made(name, found))
}

fn made(name: &str, found: api::FunctionConfiguration) -> Made {
    let attributes = BTreeMap::from([("Arn".to_owned(), found.function_arn.unwrap_or_default())]);
    Made { physical_id: name.to_owned(), attributes }
}

async fn get(client: &Client, name: &str) -> Result<api::FunctionConfiguration, ClientError> {
    let request = api::GetFunctionConfigurationRequest { function_name: name.to_owned(), qualifier: None };
    client.call::<api::GetFunctionConfiguration>(&request).await
}
