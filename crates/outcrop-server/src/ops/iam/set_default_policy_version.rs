//! SetDefaultPolicyVersion.

use super::{errors, policies};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;

/// Answers SetDefaultPolicyVersion.
pub(super) async fn set_default_policy_version(
    context: OpContext,
    request: api::SetDefaultPolicyVersionRequest,
) -> OpResult<Empty> {
    let (arn, id) = (request.policy_arn.clone(), request.version_id);
    let change = move |stored: &mut policies::StoredPolicy| {
        stored.version(&id).ok_or_else(|| errors::no_version(&arn, &id))?;
        stored.set_default(&id);
        Ok(())
    };
    policies::change(&context, request.policy_arn, change).await?;
    Ok(Empty {})
}
