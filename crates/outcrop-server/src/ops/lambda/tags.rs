//! TagResource, UntagResource, ListTags: tags of functions.

use super::documents;
use super::names::{self, FunctionName};
use crate::agents::tags;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::{Empty, lambda as api};

/// Answers TagResource.
pub(super) async fn tag_resource(context: OpContext, request: api::TagResourceRequest) -> OpResult<Empty> {
    tags::check(&request.tags)?;
    let arn = tagged(&context, &request.resource).await?;
    let quotas = context.settings.quotas;
    context.store.write::<_, ApiError, _>(move |tx| tags::set(tx, &quotas, &arn, &request.tags)).await?;
    Ok(Empty {})
}

/// Answers UntagResource.
pub(super) async fn untag_resource(context: OpContext, request: api::UntagResourceRequest) -> OpResult<Empty> {
    let arn = tagged(&context, &request.resource).await?;
    context.store.write(move |tx| Ok::<_, ApiError>(tx.remove_tags(&arn, &request.tag_keys)?)).await?;
    Ok(Empty {})
}

/// Answers ListTags.
pub(super) async fn list_tags(context: OpContext, request: api::ListTagsRequest) -> OpResult<api::ListTagsResponse> {
    let arn = tagged(&context, &request.resource).await?;
    let tags = context.store.read(move |tx| Ok::<_, ApiError>(tx.tags(&arn)?)).await?;
    Ok(api::ListTagsResponse { tags: Some(tags) })
}

/// The ARN under which a function's tags are kept.
async fn tagged(context: &OpContext, resource: &str) -> OpResult<String> {
    let name: FunctionName = names::read(resource, None)?;
    Ok(documents::get(&context.app, &name).await?.arn().to_owned())
}
