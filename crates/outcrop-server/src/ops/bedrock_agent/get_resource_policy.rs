//! GetResourcePolicy: the policy of a knowledge base, and its revision.

use super::resource_policies;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;

pub(super) async fn get_resource_policy(
    cx: OpContext,
    req: api::GetResourcePolicyRequest,
) -> OpResult<api::GetResourcePolicyResponse> {
    let app = cx.app.clone();
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        resource_policies::check_exists(&app, tx, &req.resource_arn)?;
        let stored = resource_policies::find(tx, &req.resource_arn)?.ok_or_else(errors::not_found)?;
        Ok::<_, ApiError>(api::GetResourcePolicyResponse {
            resource_arn: req.resource_arn,
            policy: stored.policy,
            revision_id: stored.revision_id,
        })
    };
    cx.store.read(work).await
}
