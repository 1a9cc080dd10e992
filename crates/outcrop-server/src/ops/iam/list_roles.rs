//! ListRoles, without their tags, as AWS lists them.

use super::{paging, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers ListRoles.
pub(super) async fn list_roles(context: OpContext, request: api::ListRolesRequest) -> OpResult<api::ListRolesResponse> {
    let roles = context.store.read(roles::all).await?;
    let prefix = request.path_prefix.unwrap_or_default();
    let roles: Vec<api::Role> =
        roles.into_iter().map(roles::StoredRole::brief).filter(|role| role.path.starts_with(&prefix)).collect();
    let page = paging::page(roles, |role| &role.role_name, request.marker.as_deref(), request.max_items)?;
    Ok(api::ListRolesResponse { roles: page.items, is_truncated: page.is_truncated, marker: page.marker })
}
