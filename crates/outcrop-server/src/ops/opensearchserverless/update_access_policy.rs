//! UpdateAccessPolicy: only by one who knows the newest version.

use super::create_access_policy::detail;
use super::policies;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;

/// Answers UpdateAccessPolicy.
pub(super) async fn update_access_policy(
    context: OpContext,
    request: api::UpdateAccessPolicyRequest,
) -> OpResult<api::UpdateAccessPolicyResponse> {
    let api::UpdateAccessPolicyRequest { r#type: kind, name, policy_version, description, policy, .. } = request;
    let stored = policies::update(&context, kind.as_str(), name, policy_version, description, policy).await?;
    Ok(api::UpdateAccessPolicyResponse { access_policy_detail: Some(detail(kind, stored)) })
}
