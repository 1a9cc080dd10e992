//! Policies of all types as they are stored.

use super::errors;
use crate::errors::{ApiError, OpResult, validation};
use crate::ops::OpContext;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_store::{Kind, LIST_ALL_MAX, PutError, ReadTx, Resource, Tx};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type that says how collections are encrypted.
const ENCRYPTION: &str = "encryption";

/// A policy. Its type is one of the service's three: encryption, network, data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredPolicy {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) description: Option<String>,
    pub(super) policy: Value,
    /// Milliseconds since the epoch, as the service says it.
    pub(super) created: i64,
    pub(super) modified: i64,
}

impl StoredPolicy {
    /// Everything that the policy speaks of: `collection/docs*`, `index/docs/*`.
    fn resources(&self) -> impl Iterator<Item = &str> {
        let parts = match &self.policy {
            Value::Array(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let rules = parts.iter().filter_map(|part| part["Rules"].as_array()).flatten();
        rules.filter_map(|rule| rule["Resource"].as_array()).flatten().filter_map(Value::as_str)
    }

    fn is_about(&self, resource: &str) -> bool {
        self.resources().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => resource.starts_with(start),
            None => pattern == resource,
        })
    }
}

/// The key with which a collection of this name is encrypted, if a policy says so.
pub(super) fn key_for(tx: &ReadTx<'_>, collection: &str) -> OpResult<Option<String>> {
    let policies: Vec<StoredPolicy> = tx.list_all(Kind::AossPolicy, ENCRYPTION)?;
    let resource = format!("collection/{collection}");
    let policy = policies.into_iter().find(|policy| policy.is_about(&resource));
    Ok(policy.map(|policy| policy.policy["KmsARN"].as_str().unwrap_or("auto").to_owned()))
}

/// Reads the document of a policy and checks its form.
fn read_document(kind: &str, document: &str) -> OpResult<Value> {
    let invalid = |why: &str| validation(format!("Policy json is invalid, error: [{why}]"));
    let policy: Value = serde_json::from_str(document).map_err(|error| invalid(&error.to_string()))?;
    let has_rules = |part: &Value| part["Rules"].as_array().is_some_and(|rules| !rules.is_empty());
    let is_fine = match (kind, &policy) {
        (ENCRYPTION, one @ Value::Object(_)) => {
            has_rules(one) && (one["AWSOwnedKey"].is_boolean() || one["KmsARN"].is_string())
        }
        (ENCRYPTION, _) => return Err(invalid("$: a policy of this type is an object")),
        (_, Value::Array(parts)) => !parts.is_empty() && parts.iter().all(has_rules),
        _ => return Err(invalid("$: array found, object expected")),
    };
    if is_fine { Ok(policy) } else { Err(invalid("$.Rules: is missing but it is required")) }
}

/// Milliseconds and a count, as the service makes them.
fn new_version(now: Timestamp, count: u32) -> String {
    STANDARD.encode(format!("{}_{count}", now.as_millis()))
}

/// Stores a new policy.
pub(super) async fn create(
    context: &OpContext,
    kind: &'static str,
    name: String,
    description: Option<String>,
    document: &str,
) -> OpResult<StoredPolicy> {
    let now = context.clock.now();
    let stored = StoredPolicy {
        kind: kind.to_owned(),
        name,
        version: new_version(now, 1),
        description,
        policy: read_document(kind, document)?,
        created: now.as_millis(),
        modified: now.as_millis(),
    };
    let policy = stored.clone();
    let insert = move |tx: &mut Tx<'_>| {
        if tx.count(Kind::AossPolicy, kind)? >= LIST_ALL_MAX {
            return Err(ApiError::new("ServiceQuotaExceededException", "There are too many policies."));
        }
        tx.insert(&resource(kind, &policy.name, now), &policy).map_err(|error| match error {
            PutError::Store(error) => error.into(),
            PutError::IdTaken | PutError::NameTaken => errors::policy_exists(&policy.name, kind),
        })
    };
    context.store.write::<_, ApiError, _>(insert).await?;
    let name = &stored.name;
    tracing::info!(policy = name, kind, "recorded the {kind} policy {name}; policies are not enforced here");
    Ok(stored)
}

/// The policy of this name.
pub(super) async fn get(context: &OpContext, kind: &'static str, name: String) -> OpResult<StoredPolicy> {
    context.store.read(move |tx| find(tx, kind, &name)).await
}

fn find(tx: &ReadTx<'_>, kind: &str, name: &str) -> OpResult<StoredPolicy> {
    tx.get(Kind::AossPolicy, kind, name)?.ok_or_else(|| errors::no_policy(name, kind))
}

/// Changes a policy of which the caller knows the newest version.
pub(super) async fn update(
    context: &OpContext,
    kind: &'static str,
    name: String,
    version: String,
    description: Option<String>,
    document: Option<String>,
) -> OpResult<StoredPolicy> {
    let now = context.clock.now();
    let document = document.map(|document| read_document(kind, &document)).transpose()?;
    let change = move |tx: &mut Tx<'_>| {
        let mut stored = find(tx, kind, &name)?;
        if stored.version != version {
            return Err(validation(
                "Policy version specified in the request refers to an older version and policy has since changed",
            ));
        }
        let before = stored.clone();
        stored.description = description.or(stored.description);
        stored.policy = document.unwrap_or(stored.policy);
        if stored == before {
            return Err(validation("No changes detected in policy or policy description"));
        }
        stored.version = new_version(now, 2);
        stored.modified = now.as_millis();
        tx.update(&resource(kind, &name, now), &stored).map_err(|error| match error {
            PutError::Store(error) => ApiError::from(error),
            PutError::IdTaken | PutError::NameTaken => errors::policy_exists(&name, kind),
        })?;
        Ok(stored)
    };
    context.store.write::<_, ApiError, _>(change).await
}

/// Deletes a policy.
pub(super) async fn delete(context: &OpContext, kind: &'static str, name: String) -> OpResult<()> {
    let delete = move |tx: &mut Tx<'_>| match tx.delete(Kind::AossPolicy, kind, &name)? {
        true => Ok(()),
        false => Err(errors::no_policy(&name, kind)),
    };
    context.store.write::<_, ApiError, _>(delete).await
}

/// A page of policies of one type. `about` leaves those that speak of one of these resources.
pub(super) async fn list(
    context: &OpContext,
    kind: &'static str,
    about: Option<Vec<String>>,
    max_results: Option<i64>,
    next_token: Option<String>,
) -> OpResult<(Vec<StoredPolicy>, Option<String>)> {
    let read = move |tx: &ReadTx<'_>| {
        super::paging::page::<StoredPolicy>(tx, Kind::AossPolicy, kind, max_results, next_token.as_deref())
    };
    let (mut found, next) = context.store.read(read).await?;
    if let Some(about) = about {
        found.retain(|policy| about.iter().any(|resource| policy.is_about(resource)));
    }
    Ok((found, next))
}

fn resource<'a>(kind: &'static str, name: &'a str, now: Timestamp) -> Resource<'a> {
    Resource { kind: Kind::AossPolicy, parent: kind, id: name, name: None, created_at: now, updated_at: now }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_have_a_form() {
        let rules = json!([{"ResourceType": "collection", "Resource": ["collection/docs*", "collection/one"]}]);
        let encryption = json!({"Rules": rules, "AWSOwnedKey": true});
        let network = json!([{"Rules": rules, "AllowFromPublic": true}]);
        let is_fine = |kind: &str, document: &Value| read_document(kind, &document.to_string()).is_ok();
        assert!(is_fine("encryption", &encryption) && is_fine("network", &network) && is_fine("data", &network));
        assert!(!is_fine("encryption", &network) && !is_fine("network", &encryption));
        assert!(!is_fine("encryption", &json!({"Rules": rules})) && !is_fine("data", &json!([{}])));
        assert!(read_document("data", "{").is_err());
        let stored = StoredPolicy {
            kind: "network".to_owned(),
            name: "n".to_owned(),
            version: new_version(Timestamp::from_millis(1_665_776_458_575), 1),
            description: None,
            policy: network,
            created: 0,
            modified: 0,
        };
        assert_eq!(stored.version, "MTY2NTc3NjQ1ODU3NV8x");
        let about = |resource: &str| stored.is_about(resource);
        assert!(about("collection/docs-1") && about("collection/one") && !about("collection/one-more"));
    }
}
