//! GetPolicy: a recorded one, or the plain record of one of AWS's.

use super::policies;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers GetPolicy.
pub(super) async fn get_policy(context: OpContext, request: api::GetPolicyRequest) -> OpResult<api::GetPolicyResponse> {
    let arn = request.policy_arn;
    let read = move |tx: &outcrop_store::ReadTx<'_>| {
        if policies::is_awss(&arn) { policies::awss(tx, &arn) } else { Ok(policies::find(tx, &arn)?.policy) }
    };
    Ok(api::GetPolicyResponse { policy: Some(context.store.read(read).await?) })
}
