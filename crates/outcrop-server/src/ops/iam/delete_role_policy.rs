//! DeleteRolePolicy: a policy that is the role's own.

use super::{errors, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;

/// Answers DeleteRolePolicy.
pub(super) async fn delete_role_policy(context: OpContext, request: api::DeleteRolePolicyRequest) -> OpResult<Empty> {
    let policy = request.policy_name;
    let change = move |_: &mut outcrop_store::Tx<'_>, stored: &mut roles::StoredRole| {
        stored.inline.remove(&policy).map(drop).ok_or_else(|| errors::no_role_policy(&policy))
    };
    roles::change(&context, request.role_name, change).await?;
    Ok(Empty {})
}
