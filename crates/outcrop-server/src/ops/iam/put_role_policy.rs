//! PutRolePolicy: a policy that is the role's own; one of the name is replaced.

use super::{documents, errors, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;

/// Most bytes of a role's own policies together. AWS allows a tenth of it.
const BYTES_MAX: usize = 100 * 1024;

/// Answers PutRolePolicy.
pub(super) async fn put_role_policy(context: OpContext, request: api::PutRolePolicyRequest) -> OpResult<Empty> {
    documents::check_permissions(&request.policy_document)?;
    let (role, policy) = (request.role_name.clone(), request.policy_name.clone());
    let change = |_: &mut outcrop_store::Tx<'_>, stored: &mut roles::StoredRole| {
        stored.inline.insert(request.policy_name, request.policy_document);
        if stored.inline.values().map(String::len).sum::<usize>() > BYTES_MAX {
            return Err(errors::limit(format!(
                "Maximum policy size of {BYTES_MAX} bytes exceeded for role {}",
                stored.role.role_name
            )));
        }
        Ok(())
    };
    roles::change(&context, request.role_name, change).await?;
    tracing::info!(
        role,
        policy,
        "recorded the policy {policy} of the role {role}; roles and policies are not enforced here"
    );
    Ok(Empty {})
}
