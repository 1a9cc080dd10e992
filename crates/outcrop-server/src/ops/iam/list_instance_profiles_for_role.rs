//! ListInstanceProfilesForRole: there are none, which clean-up code asks about.

use super::roles;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers ListInstanceProfilesForRole.
pub(super) async fn list_instance_profiles_for_role(
    context: OpContext,
    request: api::ListInstanceProfilesForRoleRequest,
) -> OpResult<api::ListInstanceProfilesForRoleResponse> {
    roles::read(&context, request.role_name).await?;
    Ok(api::ListInstanceProfilesForRoleResponse {
        is_truncated: Some(false),
        ..api::ListInstanceProfilesForRoleResponse::default()
    })
}
