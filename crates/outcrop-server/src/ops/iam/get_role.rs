//! GetRole.

use super::roles;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers GetRole.
pub(super) async fn get_role(context: OpContext, request: api::GetRoleRequest) -> OpResult<api::GetRoleResponse> {
    Ok(api::GetRoleResponse { role: roles::read(&context, request.role_name).await?.whole() })
}
