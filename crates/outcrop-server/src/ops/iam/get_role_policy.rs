//! GetRolePolicy: a policy that is the role's own.

use super::{documents, errors, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers GetRolePolicy.
pub(super) async fn get_role_policy(
    context: OpContext,
    request: api::GetRolePolicyRequest,
) -> OpResult<api::GetRolePolicyResponse> {
    let stored = roles::read(&context, request.role_name).await?;
    let document = stored.inline.get(&request.policy_name);
    let document = document.ok_or_else(|| errors::no_role_policy(&request.policy_name))?;
    Ok(api::GetRolePolicyResponse {
        policy_document: documents::encoded(document),
        role_name: stored.role.role_name,
        policy_name: request.policy_name,
    })
}
