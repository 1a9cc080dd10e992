//! ListAccessPolicies.

use super::policies;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;

/// Answers ListAccessPolicies.
pub(super) async fn list_access_policies(
    context: OpContext,
    request: api::ListAccessPoliciesRequest,
) -> OpResult<api::ListAccessPoliciesResponse> {
    let api::ListAccessPoliciesRequest { r#type: kind, resource, next_token, max_results } = request;
    let (found, next_token) = policies::list(&context, kind.as_str(), resource, max_results, next_token).await?;
    let summary = |stored: policies::StoredPolicy| api::AccessPolicySummary {
        r#type: Some(kind),
        name: Some(stored.name),
        policy_version: Some(stored.version),
        description: stored.description,
        created_date: Some(stored.created),
        last_modified_date: Some(stored.modified),
    };
    Ok(api::ListAccessPoliciesResponse {
        access_policy_summaries: Some(found.into_iter().map(summary).collect()),
        next_token,
    })
}
