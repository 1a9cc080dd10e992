//! ListLayers: each with its newest version.

use super::layers;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::lambda as api;
use outcrop_store::ReadTx;

/// Answers ListLayers. A layer of which no version is left is none.
pub(super) async fn list_layers(
    context: OpContext,
    request: api::ListLayersRequest,
) -> OpResult<api::ListLayersResponse> {
    let (runtime, architecture) = (request.compatible_runtime, request.compatible_architecture);
    let newest = move |tx: &ReadTx<'_>| {
        let mut found = Vec::new();
        for layer in layers::all(tx)? {
            let mut versions = layers::versions(tx, &layer.name)?.into_iter();
            found.extend(versions.find(|one| layers::is_for(&one.item, runtime, architecture)));
        }
        Ok::<_, ApiError>(found)
    };
    let found = context.store.read(newest).await?;
    let (page, next_marker) = layers::page(found, request.marker.as_deref(), request.max_items)?;
    let told = |version: layers::LayerVersion| api::LayersListItem {
        layer_arn: Some(layers::arn(&context.app, &version.name)),
        layer_name: Some(version.name),
        latest_matching_version: Some(version.item),
    };
    Ok(api::ListLayersResponse { layers: Some(page.into_iter().map(told).collect()), next_marker })
}
