//! ListRoleTags.

use super::{paging, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers ListRoleTags.
pub(super) async fn list_role_tags(
    context: OpContext,
    request: api::ListRoleTagsRequest,
) -> OpResult<api::ListRoleTagsResponse> {
    let tags = roles::read(&context, request.role_name).await?.role.tags.unwrap_or_default();
    let page = paging::page(tags, |tag| &tag.key, request.marker.as_deref(), request.max_items)?;
    Ok(api::ListRoleTagsResponse { tags: page.items, is_truncated: page.is_truncated, marker: page.marker })
}
