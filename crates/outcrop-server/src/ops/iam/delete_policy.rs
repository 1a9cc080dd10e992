//! DeletePolicy: only one that is attached to nothing and has no version but the default.

use super::{errors, policies};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;
use outcrop_store::{Kind, Tx};

/// Answers DeletePolicy.
pub(super) async fn delete_policy(context: OpContext, request: api::DeletePolicyRequest) -> OpResult<Empty> {
    let arn = request.policy_arn;
    if policies::is_awss(&arn) {
        return Err(errors::not_yours(&arn));
    }
    let delete = move |tx: &mut Tx<'_>| {
        let stored = policies::find(tx, &arn)?;
        if stored.policy.attachment_count.unwrap_or_default() > 0 {
            return Err(errors::delete_conflict("Cannot delete a policy attached to entities."));
        }
        if stored.versions.len() > 1 {
            return Err(errors::delete_conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
            ));
        }
        Ok(tx.delete(Kind::IamPolicy, "", &arn)?)
    };
    context.store.write::<_, ApiError, _>(delete).await?;
    Ok(Empty {})
}
