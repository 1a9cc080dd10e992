//! TagResource, UntagResource, ListTagsForResource: labels of stored sessions.

use super::sessions;
use crate::App;
use crate::agents::tags;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_store::ReadTx;

pub(super) async fn tag_resource(cx: OpContext, req: api::TagResourceRequest) -> OpResult<api::TagResourceResponse> {
    tags::check(&req.tags)?;
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        check_exists(&app, tx, &req.resource_arn)?;
        tags::set(tx, &app.settings.quotas, &req.resource_arn, &req.tags)
    };
    cx.store.write::<_, ApiError, _>(work).await?;
    Ok(api::TagResourceResponse::default())
}

pub(super) async fn untag_resource(
    cx: OpContext,
    req: api::UntagResourceRequest,
) -> OpResult<api::UntagResourceResponse> {
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        check_exists(&app, tx, &req.resource_arn)?;
        Ok(tx.remove_tags(&req.resource_arn, &req.tag_keys)?)
    };
    cx.store.write::<_, ApiError, _>(work).await?;
    Ok(api::UntagResourceResponse::default())
}

pub(super) async fn list_tags_for_resource(
    cx: OpContext,
    req: api::ListTagsForResourceRequest,
) -> OpResult<api::ListTagsForResourceResponse> {
    let app = cx.app.clone();
    let work = move |tx: &ReadTx<'_>| {
        check_exists(&app, tx, &req.resource_arn)?;
        Ok::<_, ApiError>(tx.tags(&req.resource_arn)?)
    };
    Ok(api::ListTagsForResourceResponse { tags: Some(cx.store.read(work).await?) })
}

/// Only what exists can be tagged, under its own ARN.
fn check_exists(app: &App, tx: &ReadTx<'_>, arn: &str) -> OpResult<()> {
    let id = arn.strip_prefix(&sessions::arn(app, "")).ok_or_else(errors::not_found)?;
    sessions::find(tx, id).map(drop)
}
