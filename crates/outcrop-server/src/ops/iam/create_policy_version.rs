//! CreatePolicyVersion: another document of a policy, at most five are kept.

use super::{documents, errors, now, policies};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Most versions of a policy: IAM's.
const VERSIONS_MAX: usize = 5;

/// Answers CreatePolicyVersion.
pub(super) async fn create_policy_version(
    context: OpContext,
    request: api::CreatePolicyVersionRequest,
) -> OpResult<api::CreatePolicyVersionResponse> {
    documents::check_permissions(&request.policy_document)?;
    let now = now(&context.app);
    let change = move |stored: &mut policies::StoredPolicy| {
        if stored.versions.len() >= VERSIONS_MAX {
            return Err(errors::limit(format!(
                "A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you must delete an existing version."
            )));
        }
        Ok(stored.add_version(request.policy_document, request.set_as_default.unwrap_or(false), now))
    };
    let version = policies::change(&context, request.policy_arn, change).await?;
    Ok(api::CreatePolicyVersionResponse { policy_version: Some(version) })
}
