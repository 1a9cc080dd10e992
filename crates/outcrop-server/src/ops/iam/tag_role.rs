//! TagRole.

use super::{roles, tags};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;

/// Answers TagRole.
pub(super) async fn tag_role(context: OpContext, request: api::TagRoleRequest) -> OpResult<Empty> {
    let given = request.tags;
    let change =
        |_: &mut outcrop_store::Tx<'_>, stored: &mut roles::StoredRole| tags::add(&mut stored.role.tags, given);
    roles::change(&context, request.role_name, change).await?;
    Ok(Empty {})
}
