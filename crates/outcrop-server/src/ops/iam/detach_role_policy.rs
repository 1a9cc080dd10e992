//! DetachRolePolicy: only what is attached.

use super::{errors, policies, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;

/// Answers DetachRolePolicy.
pub(super) async fn detach_role_policy(context: OpContext, request: api::DetachRolePolicyRequest) -> OpResult<Empty> {
    let (arn, now) = (request.policy_arn, context.clock.now());
    let change = move |tx: &mut outcrop_store::Tx<'_>, stored: &mut roles::StoredRole| {
        let at = stored.attached.iter().position(|one| *one == arn).ok_or_else(|| errors::no_policy(&arn))?;
        stored.attached.remove(at);
        policies::count(tx, &arn, -1, now)
    };
    roles::change(&context, request.role_name, change).await?;
    Ok(Empty {})
}
