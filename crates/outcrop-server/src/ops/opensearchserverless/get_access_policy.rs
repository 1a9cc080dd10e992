//! GetAccessPolicy.

use super::create_access_policy::detail;
use super::policies;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;

/// Answers GetAccessPolicy.
pub(super) async fn get_access_policy(
    context: OpContext,
    request: api::GetAccessPolicyRequest,
) -> OpResult<api::GetAccessPolicyResponse> {
    let stored = policies::get(&context, request.r#type.as_str(), request.name).await?;
    Ok(api::GetAccessPolicyResponse { access_policy_detail: Some(detail(request.r#type, stored)) })
}
