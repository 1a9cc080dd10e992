//! TagResource, UntagResource, ListTagsForResource: tags of collections.

use super::{collections, errors};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;
use outcrop_store::{ReadTx, Tx};

/// Most tags of a collection: the service's limit.
const TAGS_MAX: usize = 50;

/// Answers TagResource.
pub(super) async fn tag_resource(
    context: OpContext,
    request: api::TagResourceRequest,
) -> OpResult<api::TagResourceResponse> {
    let arn = request.resource_arn;
    let set = move |tx: &mut Tx<'_>| {
        check_exists(tx, &arn)?;
        tx.set_tags(&arn, request.tags.iter().map(|tag| (&tag.key, &tag.value)))?;
        if tx.tags(&arn)?.len() > TAGS_MAX {
            let message = format!("A collection has at most {TAGS_MAX} tags.");
            return Err(ApiError::new("ServiceQuotaExceededException", message));
        }
        Ok(())
    };
    context.store.write::<_, ApiError, _>(set).await?;
    Ok(api::TagResourceResponse {})
}

/// Answers UntagResource.
pub(super) async fn untag_resource(
    context: OpContext,
    request: api::UntagResourceRequest,
) -> OpResult<api::UntagResourceResponse> {
    let arn = request.resource_arn;
    let remove = move |tx: &mut Tx<'_>| {
        check_exists(tx, &arn)?;
        Ok(tx.remove_tags(&arn, &request.tag_keys)?)
    };
    context.store.write::<_, ApiError, _>(remove).await?;
    Ok(api::UntagResourceResponse {})
}

/// Answers ListTagsForResource.
pub(super) async fn list_tags_for_resource(
    context: OpContext,
    request: api::ListTagsForResourceRequest,
) -> OpResult<api::ListTagsForResourceResponse> {
    let arn = request.resource_arn;
    let read = move |tx: &ReadTx<'_>| {
        check_exists(tx, &arn)?;
        Ok::<_, ApiError>(tx.tags(&arn)?)
    };
    let tags = context.store.read(read).await?;
    let tags = tags.into_iter().map(|(key, value)| api::Tag { key, value }).collect();
    Ok(api::ListTagsForResourceResponse { tags: Some(tags) })
}

fn check_exists(tx: &ReadTx<'_>, arn: &str) -> OpResult<()> {
    let id = arn.strip_prefix("arn:aws:aoss:").and_then(|rest| rest.split_once(":collection/")).map(|(_, id)| id);
    let id = id.ok_or_else(|| errors::no_resource(arn))?;
    collections::find(tx, id).map(drop).map_err(|_| errors::no_resource(arn))
}
