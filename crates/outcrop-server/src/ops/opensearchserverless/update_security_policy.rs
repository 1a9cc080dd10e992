//! UpdateSecurityPolicy: only by one who knows the newest version.

use super::create_security_policy::detail;
use super::policies;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;

/// Answers UpdateSecurityPolicy.
pub(super) async fn update_security_policy(
    context: OpContext,
    request: api::UpdateSecurityPolicyRequest,
) -> OpResult<api::UpdateSecurityPolicyResponse> {
    let api::UpdateSecurityPolicyRequest { r#type: kind, name, policy_version, description, policy, .. } = request;
    let stored = policies::update(&context, kind.as_str(), name, policy_version, description, policy).await?;
    Ok(api::UpdateSecurityPolicyResponse { security_policy_detail: Some(detail(kind, stored)) })
}
