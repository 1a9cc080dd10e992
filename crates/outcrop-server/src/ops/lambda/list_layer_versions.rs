//! ListLayerVersions, newest first.

use super::layers;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::lambda as api;

/// Answers ListLayerVersions.
pub(super) async fn list_layer_versions(
    context: OpContext,
    request: api::ListLayerVersionsRequest,
) -> OpResult<api::ListLayerVersionsResponse> {
    let name = layers::bare_name(&request.layer_name).to_owned();
    let mut versions = context.store.read(move |tx| layers::versions(tx, &name)).await?;
    versions.retain(|one| layers::is_for(&one.item, request.compatible_runtime, request.compatible_architecture));
    let (page, next_marker) = layers::page(versions, request.marker.as_deref(), request.max_items)?;
    Ok(api::ListLayerVersionsResponse {
        layer_versions: Some(page.into_iter().map(|version| version.item).collect()),
        next_marker,
    })
}
