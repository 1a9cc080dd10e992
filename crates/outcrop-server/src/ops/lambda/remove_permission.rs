//! RemovePermission: takes a statement out of a function's policy.

use super::{documents, errors, names, policy};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::{Empty, lambda as api};
use outcrop_store::Tx;

/// Answers RemovePermission. With its last statement the policy is gone.
pub(super) async fn remove_permission(context: OpContext, request: api::RemovePermissionRequest) -> OpResult<Empty> {
    let name = names::read(&request.function_name, request.qualifier.as_deref())?;
    documents::check_exists(&context.app, &name).await?;
    let (revision_id, now) = (context.ids.uuid(), context.clock.now());
    let remove = move |tx: &mut Tx<'_>| {
        let not_found =
            || errors::not_found(format!("Statement {} is not found in resource policy.", request.statement_id));
        let mut policy = policy::find(tx, &name.name)?.ok_or_else(not_found)?;
        errors::check_revision(request.revision_id.as_deref(), Some(&policy.revision_id), "GetPolicy")?;
        if !policy.remove(&request.statement_id) {
            return Err(not_found());
        }
        policy.revision_id = revision_id;
        policy::put(tx, &name.name, &policy, now)
    };
    context.store.write::<_, ApiError, _>(remove).await?;
    Ok(Empty {})
}
