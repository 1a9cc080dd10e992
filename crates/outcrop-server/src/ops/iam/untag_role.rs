//! UntagRole: keys that are not there are no matter.

use super::roles;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;

/// Answers UntagRole.
pub(super) async fn untag_role(context: OpContext, request: api::UntagRoleRequest) -> OpResult<Empty> {
    let keys = request.tag_keys;
    let change = move |_: &mut outcrop_store::Tx<'_>, stored: &mut roles::StoredRole| {
        if let Some(tags) = &mut stored.role.tags {
            tags.retain(|tag| !keys.iter().any(|key| key.eq_ignore_ascii_case(&tag.key)));
        }
        stored.role.tags.take_if(|tags| tags.is_empty());
        Ok(())
    };
    roles::change(&context, request.role_name, change).await?;
    Ok(Empty {})
}
