//! UpdateAssumeRolePolicy: another document that says who may take a role.

use super::{documents, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;

/// Answers UpdateAssumeRolePolicy.
pub(super) async fn update_assume_role_policy(
    context: OpContext,
    request: api::UpdateAssumeRolePolicyRequest,
) -> OpResult<Empty> {
    documents::check_trust(&request.policy_document)?;
    let change = |_: &mut outcrop_store::Tx<'_>, stored: &mut roles::StoredRole| {
        stored.role.assume_role_policy_document = Some(request.policy_document);
        Ok(())
    };
    roles::change(&context, request.role_name, change).await?;
    Ok(Empty {})
}
