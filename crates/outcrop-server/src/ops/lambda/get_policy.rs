//! GetPolicy: the recorded policy of a function.

use super::{documents, errors, names, policy};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::lambda as api;

/// Answers GetPolicy.
pub(super) async fn get_policy(context: OpContext, request: api::GetPolicyRequest) -> OpResult<api::GetPolicyResponse> {
    let name = names::read(&request.function_name, request.qualifier.as_deref())?;
    documents::check_exists(&context.app, &name).await?;
    let policy = context.store.read(move |tx| policy::find(tx, &name.name)).await?;
    let policy = policy.ok_or_else(|| errors::not_found("The resource you requested does not exist."))?;
    Ok(api::GetPolicyResponse { policy: Some(policy.text()), revision_id: Some(policy.revision_id) })
}
