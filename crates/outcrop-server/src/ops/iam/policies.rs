//! Managed policies as they are stored, and AWS's own, which are taken as being there.

use super::{documents, errors, roles};
use crate::errors::{ApiError, OpResult, internal};
use crate::ops::OpContext;
use outcrop_api::iam as api;
use outcrop_store::{Kind, PutError, ReadTx, Resource, Tx};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};

/// What the ARNs of AWS's own policies begin with.
const AWS_MANAGED: &str = "arn:aws:iam::aws:policy/";

/// A policy with all its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredPolicy {
    /// As it is answered. The count of attachments is kept in it.
    pub(super) policy: api::Policy,
    /// Oldest first; documents in plain text.
    pub(super) versions: Vec<api::PolicyVersion>,
    /// Number of the next version: numbers are not used again.
    pub(super) next_version: u32,
}

impl StoredPolicy {
    /// Adds a version, which becomes the default if it is to or is the first.
    pub(super) fn add_version(&mut self, document: String, is_default: bool, now: Timestamp) -> api::PolicyVersion {
        let id = format!("v{}", self.next_version);
        self.next_version += 1;
        self.versions.push(api::PolicyVersion {
            document: Some(document),
            version_id: Some(id.clone()),
            is_default_version: Some(false),
            create_date: Some(now),
        });
        if is_default {
            self.set_default(&id);
        }
        self.policy.update_date = Some(now);
        let made = self.version(&id).cloned().unwrap_or_default();
        api::PolicyVersion { document: None, ..made }
    }

    /// The version of this id.
    pub(super) fn version(&self, id: &str) -> Option<&api::PolicyVersion> {
        self.versions.iter().find(|version| version.version_id.as_deref() == Some(id))
    }

    /// Makes a version that is there the default.
    pub(super) fn set_default(&mut self, id: &str) {
        for version in &mut self.versions {
            version.is_default_version = Some(version.version_id.as_deref() == Some(id));
        }
        self.policy.default_version_id = Some(id.to_owned());
    }
}

/// Whether a policy is AWS's own.
pub(super) fn is_awss(arn: &str) -> bool {
    arn.strip_prefix(AWS_MANAGED).is_some_and(|name| !name.is_empty())
}

/// The plain record of one of AWS's policies. Its document is not known here.
pub(super) fn awss(tx: &ReadTx<'_>, arn: &str) -> OpResult<api::Policy> {
    let attached = roles::all(tx)?.iter().filter(|role| role.attached.iter().any(|one| one == arn)).count();
    let (path, name) = path_and_name(arn);
    Ok(api::Policy {
        policy_name: Some(name.to_owned()),
        policy_id: Some("ANPAOUTCROP0000000000".to_owned()),
        arn: Some(arn.to_owned()),
        path: Some(path.to_owned()),
        default_version_id: Some("v1".to_owned()),
        attachment_count: Some(i64::try_from(attached).unwrap_or(i64::MAX)),
        permissions_boundary_usage_count: Some(0),
        is_attachable: Some(true),
        create_date: Some(Timestamp::default()),
        update_date: Some(Timestamp::default()),
        ..api::Policy::default()
    })
}

/// `arn:aws:iam::aws:policy/service-role/Name` → `/service-role/` and `Name`.
pub(super) fn path_and_name(arn: &str) -> (&str, &str) {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    let path = resource.find('/').map_or(resource, |at| &resource[at..]);
    path.rfind('/').map_or(("/", path), |at| path.split_at(at + 1))
}

/// The stored policy of this ARN.
pub(super) fn find(tx: &ReadTx<'_>, arn: &str) -> OpResult<StoredPolicy> {
    tx.get(Kind::IamPolicy, "", arn)?.ok_or_else(|| errors::no_policy(arn))
}

/// Whether a policy can be attached.
pub(super) fn exists(tx: &ReadTx<'_>, arn: &str) -> OpResult<bool> {
    Ok(is_awss(arn) || tx.exists(Kind::IamPolicy, "", arn)?)
}

/// Every stored policy.
pub(super) fn all(tx: &ReadTx<'_>) -> OpResult<Vec<StoredPolicy>> {
    Ok(tx.list_all(Kind::IamPolicy, "")?)
}

/// Stores a new policy. Its name is unique in capital and small letters, whatever its path.
pub(super) fn insert(tx: &mut Tx<'_>, stored: &StoredPolicy) -> OpResult<()> {
    let name = stored.policy.policy_name.clone().unwrap_or_default();
    put(tx, stored, stored.policy.create_date.unwrap_or_default(), |tx, resource| tx.insert(resource, stored)).map_err(
        |error| match error {
            PutError::Store(error) => error.into(),
            PutError::IdTaken | PutError::NameTaken => errors::policy_exists(&name),
        },
    )
}

/// Stores a changed policy.
pub(super) fn update(tx: &mut Tx<'_>, stored: &StoredPolicy, now: Timestamp) -> OpResult<()> {
    put(tx, stored, now, |tx, resource| tx.update(resource, stored).map(drop)).map_err(|error| match error {
        PutError::Store(error) => error.into(),
        // The name is as it was.
        PutError::IdTaken | PutError::NameTaken => internal(),
    })
}

fn put(
    tx: &mut Tx<'_>,
    stored: &StoredPolicy,
    updated_at: Timestamp,
    write: impl FnOnce(&mut Tx<'_>, &Resource<'_>) -> Result<(), PutError>,
) -> Result<(), PutError> {
    let name = stored.policy.policy_name.as_deref().unwrap_or_default().to_ascii_lowercase();
    let resource = Resource {
        kind: Kind::IamPolicy,
        parent: "",
        id: stored.policy.arn.as_deref().unwrap_or_default(),
        name: Some(&name),
        created_at: stored.policy.create_date.unwrap_or_default(),
        updated_at,
    };
    write(tx, &resource)
}

/// Changes the stored policy of this ARN in one write.
pub(super) async fn change<T: Send + 'static>(
    context: &OpContext,
    arn: String,
    work: impl FnOnce(&mut StoredPolicy) -> OpResult<T> + Send + 'static,
) -> OpResult<T> {
    if is_awss(&arn) {
        return Err(errors::not_yours(&arn));
    }
    let now = context.clock.now();
    let change = move |tx: &mut Tx<'_>| {
        let mut stored = find(tx, &arn)?;
        let done = work(&mut stored)?;
        update(tx, &stored, now)?;
        Ok(done)
    };
    context.store.write::<_, ApiError, _>(change).await
}

/// Counts an attachment more or less. AWS's policies are counted when they are asked for.
pub(super) fn count(tx: &mut Tx<'_>, arn: &str, more: i64, now: Timestamp) -> OpResult<()> {
    if is_awss(arn) {
        return Ok(());
    }
    let Some(mut stored) = tx.get::<StoredPolicy>(Kind::IamPolicy, "", arn)? else { return Ok(()) };
    let count = stored.policy.attachment_count.unwrap_or_default();
    stored.policy.attachment_count = Some((count + more).max(0));
    update(tx, &stored, now)
}

/// A version as it is answered: with its document, percent-encoded.
pub(super) fn with_document(version: &api::PolicyVersion) -> api::PolicyVersion {
    let document = version.document.as_deref().map(documents::encoded);
    api::PolicyVersion { document, ..version.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_have_paths() {
        for (arn, path, name) in [
            ("arn:aws:iam::aws:policy/AmazonBedrockFullAccess", "/", "AmazonBedrockFullAccess"),
            (
                "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
                "/service-role/",
                "AWSLambdaBasicExecutionRole",
            ),
            ("arn:aws:iam::000000000000:policy/a/b/c", "/a/b/", "c"),
            ("nothing of the kind", "/", "nothing of the kind"),
        ] {
            assert_eq!(path_and_name(arn), (path, name));
        }
        assert!(is_awss("arn:aws:iam::aws:policy/X") && !is_awss("arn:aws:iam::aws:policy/"));
        assert!(!is_awss("arn:aws:iam::000000000000:policy/X"));
    }
}
