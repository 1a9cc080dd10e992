//! DeleteSecurityPolicy.

use super::policies;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;

/// Answers DeleteSecurityPolicy.
pub(super) async fn delete_security_policy(
    context: OpContext,
    request: api::DeleteSecurityPolicyRequest,
) -> OpResult<api::DeleteSecurityPolicyResponse> {
    policies::delete(&context, request.r#type.as_str(), request.name).await?;
    Ok(api::DeleteSecurityPolicyResponse {})
}
