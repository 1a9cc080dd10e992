//! GetSecurityPolicy.

use super::create_security_policy::detail;
use super::policies;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;

/// Answers GetSecurityPolicy.
pub(super) async fn get_security_policy(
    context: OpContext,
    request: api::GetSecurityPolicyRequest,
) -> OpResult<api::GetSecurityPolicyResponse> {
    let stored = policies::get(&context, request.r#type.as_str(), request.name).await?;
    Ok(api::GetSecurityPolicyResponse { security_policy_detail: Some(detail(request.r#type, stored)) })
}
