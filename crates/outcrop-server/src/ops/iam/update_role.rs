//! UpdateRole: description and longest session; what is not given stays.

use super::roles;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers UpdateRole.
pub(super) async fn update_role(
    context: OpContext,
    request: api::UpdateRoleRequest,
) -> OpResult<api::UpdateRoleResponse> {
    let api::UpdateRoleRequest { role_name, description, max_session_duration } = request;
    let change = move |_: &mut outcrop_store::Tx<'_>, stored: &mut roles::StoredRole| {
        let role = &mut stored.role;
        role.description = description.or(role.description.take());
        role.max_session_duration = max_session_duration.or(role.max_session_duration);
        Ok(())
    };
    roles::change(&context, role_name, change).await?;
    Ok(api::UpdateRoleResponse {})
}
