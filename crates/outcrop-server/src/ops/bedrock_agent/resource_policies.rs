//! What the policy operations share. Only knowledge bases have policies; what a policy says is recorded and not enforced.

use crate::App;
use crate::agents::documents::put_error;
use crate::errors::{self, ApiError, OpResult};
use outcrop_store::{Kind, ReadTx, Resource, Tx};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};

/// A policy as it is stored, under the ARN of its resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredPolicy {
    /// The text as it was put.
    pub policy: String,
    /// Another one with each put.
    pub revision_id: String,
}

/// The policy of a resource, if it has one.
pub fn find(tx: &ReadTx<'_>, arn: &str) -> OpResult<Option<StoredPolicy>> {
    Ok(tx.get(Kind::ResourcePolicy, "", arn)?)
}

/// Puts a policy in the place of the one there is.
pub(super) fn put(tx: &mut Tx<'_>, arn: &str, stored: &StoredPolicy, now: Timestamp) -> OpResult<()> {
    let resource =
        Resource { kind: Kind::ResourcePolicy, parent: "", id: arn, name: None, created_at: now, updated_at: now };
    tx.put(&resource, stored).map_err(put_error)
}

/// Takes a resource's policy away; whatever deletes a resource deletes its policy with it.
pub fn delete(tx: &mut Tx<'_>, arn: &str) -> OpResult<bool> {
    Ok(tx.delete(Kind::ResourcePolicy, "", arn)?)
}

/// Only what exists here has a policy, under its own ARN.
pub(super) fn check_exists(app: &App, tx: &ReadTx<'_>, arn: &str) -> OpResult<()> {
    let id = arn.strip_prefix(&app.arn("knowledge-base/")).ok_or_else(errors::not_found)?;
    if tx.exists(Kind::KnowledgeBase, "", id)? { Ok(()) } else { Err(errors::not_found()) }
}

/// Checks that the policy is the one the caller has seen, where it says which one that is.
pub(super) fn check_revision(there: Option<&StoredPolicy>, expected: Option<&str>) -> OpResult<()> {
    match (there.map(|stored| stored.revision_id.as_str()), expected) {
        (there, Some(expected)) if there != Some(expected) => Err(changed()),
        _ => Ok(()),
    }
}

fn changed() -> ApiError {
    errors::conflict(
        "The resource policy is not at the expectedRevisionId. Read it with GetResourcePolicy and try again with its revisionId.",
    )
}
