//! CreateAccessPolicy.

use super::policies;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;

/// Answers CreateAccessPolicy.
pub(super) async fn create_access_policy(
    context: OpContext,
    request: api::CreateAccessPolicyRequest,
) -> OpResult<api::CreateAccessPolicyResponse> {
    let kind = request.r#type;
    let stored = policies::create(&context, kind.as_str(), request.name, request.description, &request.policy).await?;
    Ok(api::CreateAccessPolicyResponse { access_policy_detail: Some(detail(kind, stored)) })
}

/// A policy as it is answered.
pub(super) fn detail(kind: api::AccessPolicyType, stored: policies::StoredPolicy) -> api::AccessPolicyDetail {
    api::AccessPolicyDetail {
        r#type: Some(kind),
        name: Some(stored.name),
        policy_version: Some(stored.version),
        description: stored.description,
        policy: Some(stored.policy),
        created_date: Some(stored.created),
        last_modified_date: Some(stored.modified),
    }
}
