//! ListPolicyVersions, newest first and without documents, as AWS lists them.

use super::{paging, policies};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers ListPolicyVersions.
pub(super) async fn list_policy_versions(
    context: OpContext,
    request: api::ListPolicyVersionsRequest,
) -> OpResult<api::ListPolicyVersionsResponse> {
    let arn = request.policy_arn;
    let read = move |tx: &outcrop_store::ReadTx<'_>| Ok::<_, crate::ApiError>(policies::find(tx, &arn)?.versions);
    let versions = context.store.read(read).await?;
    // Numbered from the newest, which is the order of the list and of its pages.
    let numbered: Vec<(String, api::PolicyVersion)> = versions
        .into_iter()
        .rev()
        .enumerate()
        .map(|(at, version)| (format!("{at:04}"), api::PolicyVersion { document: None, ..version }))
        .collect();
    let page = paging::page(numbered, |(number, _)| number, request.marker.as_deref(), request.max_items)?;
    Ok(api::ListPolicyVersionsResponse {
        versions: Some(page.items.into_iter().map(|(_, version)| version).collect()),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
