//! TagResource, UntagResource, ListTagsForResource of `bedrock`: labels of inference profiles.

use super::inference_profiles;
use crate::App;
use crate::agents::tags;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock as api;
use outcrop_store::{Kind, ReadTx};
use std::collections::BTreeMap;

pub(super) async fn tag_resource(cx: OpContext, req: api::TagResourceRequest) -> OpResult<api::TagResourceResponse> {
    let given = to_map(req.tags)?;
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        check_exists(&app, tx, &req.resource_arn)?;
        tags::set(tx, &app.settings.quotas, &req.resource_arn, &given)
    };
    cx.store.write::<_, ApiError, _>(work).await?;
    Ok(api::TagResourceResponse {})
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
    Ok(api::UntagResourceResponse {})
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
    let found = cx.store.read(work).await?;
    let tags = found.into_iter().map(|(key, value)| api::Tag { key, value }).collect();
    Ok(api::ListTagsForResourceResponse { tags: Some(tags) })
}

/// Tags as they are kept, checked; of two with one key the last counts.
pub(super) fn to_map(given: Vec<api::Tag>) -> OpResult<BTreeMap<String, String>> {
    let given: BTreeMap<String, String> = given.into_iter().map(|tag| (tag.key, tag.value)).collect();
    tags::check(&given)?;
    Ok(given)
}

/// Only what exists can be tagged, under its own ARN.
fn check_exists(app: &App, tx: &ReadTx<'_>, arn: &str) -> OpResult<()> {
    let exists = match inference_profiles::application_id(app, arn) {
        Some(id) if arn.starts_with("arn:") => tx.exists(Kind::InferenceProfile, "", id)?,
        _ => false,
    };
    if exists { Ok(()) } else { Err(errors::not_found()) }
}
