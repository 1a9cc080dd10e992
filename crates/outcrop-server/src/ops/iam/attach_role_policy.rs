//! AttachRolePolicy: notes at a role that it has a managed policy.

use super::{errors, policies, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;

/// Most managed policies of a role: the largest quota that AWS gives.
const ATTACHED_MAX: usize = 25;

/// Answers AttachRolePolicy. One that is attached already stays so.
pub(super) async fn attach_role_policy(context: OpContext, request: api::AttachRolePolicyRequest) -> OpResult<Empty> {
    let (arn, now) = (request.policy_arn, context.clock.now());
    let change = move |tx: &mut outcrop_store::Tx<'_>, stored: &mut roles::StoredRole| {
        if !policies::exists(tx, &arn)? {
            return Err(errors::not_attachable(&arn));
        }
        if stored.attached.contains(&arn) {
            return Ok(());
        }
        if stored.attached.len() >= ATTACHED_MAX {
            return Err(errors::limit(format!("Cannot exceed quota for PoliciesPerRole: {ATTACHED_MAX}")));
        }
        policies::count(tx, &arn, 1, now)?;
        stored.attached.push(arn);
        Ok(())
    };
    roles::change(&context, request.role_name, change).await?;
    Ok(Empty {})
}
