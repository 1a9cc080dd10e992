//! ListAttachedRolePolicies.

use super::policies::path_and_name;
use super::{paging, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers ListAttachedRolePolicies.
pub(super) async fn list_attached_role_policies(
    context: OpContext,
    request: api::ListAttachedRolePoliciesRequest,
) -> OpResult<api::ListAttachedRolePoliciesResponse> {
    let prefix = request.path_prefix.unwrap_or_default();
    let mut arns = roles::read(&context, request.role_name).await?.attached;
    arns.retain(|arn| path_and_name(arn).0.starts_with(&prefix));
    let page = paging::page(arns, String::as_str, request.marker.as_deref(), request.max_items)?;
    let policy = |arn: String| api::AttachedPolicy {
        policy_name: Some(path_and_name(&arn).1.to_owned()),
        policy_arn: Some(arn),
    };
    Ok(api::ListAttachedRolePoliciesResponse {
        attached_policies: Some(page.items.into_iter().map(policy).collect()),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
