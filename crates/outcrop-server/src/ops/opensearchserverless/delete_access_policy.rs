//! DeleteAccessPolicy.

use super::policies;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;

/// Answers DeleteAccessPolicy.
pub(super) async fn delete_access_policy(
    context: OpContext,
    request: api::DeleteAccessPolicyRequest,
) -> OpResult<api::DeleteAccessPolicyResponse> {
    policies::delete(&context, request.r#type.as_str(), request.name).await?;
    Ok(api::DeleteAccessPolicyResponse {})
}
