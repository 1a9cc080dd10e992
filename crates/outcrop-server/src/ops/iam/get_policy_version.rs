//! GetPolicyVersion: with the document. Documents of AWS's policies are not known here.

use super::{errors, policies};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers GetPolicyVersion.
pub(super) async fn get_policy_version(
    context: OpContext,
    request: api::GetPolicyVersionRequest,
) -> OpResult<api::GetPolicyVersionResponse> {
    let api::GetPolicyVersionRequest { policy_arn: arn, version_id } = request;
    let read = move |tx: &outcrop_store::ReadTx<'_>| {
        if policies::is_awss(&arn) {
            return Err(errors::no_version(&arn, &version_id));
        }
        let stored = policies::find(tx, &arn)?;
        stored.version(&version_id).map(policies::with_document).ok_or_else(|| errors::no_version(&arn, &version_id))
    };
    Ok(api::GetPolicyVersionResponse { policy_version: Some(context.store.read(read).await?) })
}
