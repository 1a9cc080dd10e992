//! ListSecurityPolicies.

use super::policies;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;

/// Answers ListSecurityPolicies.
pub(super) async fn list_security_policies(
    context: OpContext,
    request: api::ListSecurityPoliciesRequest,
) -> OpResult<api::ListSecurityPoliciesResponse> {
    let api::ListSecurityPoliciesRequest { r#type: kind, resource, next_token, max_results } = request;
    let (found, next_token) = policies::list(&context, kind.as_str(), resource, max_results, next_token).await?;
    let summary = |stored: policies::StoredPolicy| api::SecurityPolicySummary {
        r#type: Some(kind),
        name: Some(stored.name),
        policy_version: Some(stored.version),
        description: stored.description,
        created_date: Some(stored.created),
        last_modified_date: Some(stored.modified),
    };
    Ok(api::ListSecurityPoliciesResponse {
        security_policy_summaries: Some(found.into_iter().map(summary).collect()),
        next_token,
    })
}
