//! DeleteRole: only one without policies.

use super::{errors, roles};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;
use outcrop_store::{Kind, Tx};

/// Answers DeleteRole.
pub(super) async fn delete_role(context: OpContext, request: api::DeleteRoleRequest) -> OpResult<Empty> {
    let delete = move |tx: &mut Tx<'_>| {
        let stored = roles::find(tx, &request.role_name)?;
        stored.check_is_yours()?;
        if !stored.attached.is_empty() {
            return Err(errors::delete_conflict("Cannot delete entity, must detach all policies first."));
        }
        if !stored.inline.is_empty() {
            return Err(errors::delete_conflict("Cannot delete entity, must delete policies first."));
        }
        Ok(tx.delete(Kind::IamRole, "", &request.role_name.to_ascii_lowercase())?)
    };
    context.store.write::<_, ApiError, _>(delete).await?;
    Ok(Empty {})
}
