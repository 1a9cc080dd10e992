//! ListRolePolicies: names of the policies that are the role's own.

use super::{paging, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers ListRolePolicies.
pub(super) async fn list_role_policies(
    context: OpContext,
    request: api::ListRolePoliciesRequest,
) -> OpResult<api::ListRolePoliciesResponse> {
    let names = roles::read(&context, request.role_name).await?.inline.into_keys().collect();
    let page = paging::page(names, String::as_str, request.marker.as_deref(), request.max_items)?;
    Ok(api::ListRolePoliciesResponse { policy_names: page.items, is_truncated: page.is_truncated, marker: page.marker })
}
