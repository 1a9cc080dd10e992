//! DeletePolicyVersion: any but the default.

use super::{errors, policies};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;

/// Answers DeletePolicyVersion.
pub(super) async fn delete_policy_version(
    context: OpContext,
    request: api::DeletePolicyVersionRequest,
) -> OpResult<Empty> {
    let (arn, id) = (request.policy_arn.clone(), request.version_id);
    let change = move |stored: &mut policies::StoredPolicy| {
        let version = stored.version(&id).ok_or_else(|| errors::no_version(&arn, &id))?;
        if version.is_default_version == Some(true) {
            return Err(errors::delete_conflict("Cannot delete the default version of a policy."));
        }
        stored.versions.retain(|version| version.version_id.as_deref() != Some(id.as_str()));
        Ok(())
    };
    policies::change(&context, request.policy_arn, change).await?;
    Ok(Empty {})
}
