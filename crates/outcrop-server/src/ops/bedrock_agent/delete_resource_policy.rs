//! DeleteResourcePolicy: takes the policy of a knowledge base away.

use super::resource_policies;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;

pub(super) async fn delete_resource_policy(
    cx: OpContext,
    req: api::DeleteResourcePolicyRequest,
) -> OpResult<api::DeleteResourcePolicyResponse> {
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let arn = req.resource_arn;
        resource_policies::check_exists(&app, tx, &arn)?;
        let stored = resource_policies::find(tx, &arn)?.ok_or_else(errors::not_found)?;
        resource_policies::check_revision(Some(&stored), req.expected_revision_id.as_deref())?;
        resource_policies::delete(tx, &arn)?;
        // The revision after the deletion: there is none, as there is no policy.
        Ok::<_, ApiError>(api::DeleteResourcePolicyResponse { resource_arn: arn, revision_id: None })
    };
    cx.store.write(work).await
}
