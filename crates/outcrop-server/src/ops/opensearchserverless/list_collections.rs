//! ListCollections.

use super::paging::page;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;
use outcrop_store::{Kind, ReadTx};

/// Answers ListCollections. A filter can leave a page with fewer items than were asked for.
pub(super) async fn list_collections(
    context: OpContext,
    request: api::ListCollectionsRequest,
) -> OpResult<api::ListCollectionsResponse> {
    let read = move |tx: &ReadTx<'_>| {
        page::<api::CollectionDetail>(tx, Kind::AossCollection, "", request.max_results, request.next_token.as_deref())
    };
    let (mut found, next_token) = context.store.read(read).await?;
    let filters = request.collection_filters.unwrap_or_default();
    found.retain(|one| {
        filters.name.as_ref().is_none_or(|name| one.name.as_ref() == Some(name))
            && filters.status.is_none_or(|status| one.status == Some(status))
            && filters
                .collection_group_name
                .as_ref()
                .is_none_or(|group| one.collection_group_name.as_ref() == Some(group))
    });
    let summary = |one: api::CollectionDetail| api::CollectionSummary {
        id: one.id,
        name: one.name,
        status: one.status,
        arn: one.arn,
        kms_key_arn: one.kms_key_arn,
        collection_group_name: one.collection_group_name,
    };
    Ok(api::ListCollectionsResponse {
        collection_summaries: Some(found.into_iter().map(summary).collect()),
        next_token,
    })
}
