//! PublishLayerVersion: keeps a zip file as the next version of a layer. Functions that have the layer find its modules.

use super::code::{self, CodeSource, KeptCode};
use super::layers::{self, Layer, LayerVersion};
use super::{changes, documents};
use crate::App;
use crate::errors::{ApiError, OpResult, internal};
use crate::ops::OpContext;
use outcrop_api::lambda as api;
use outcrop_store::{Kind, PutError, Resource, Tx};

/// Answers PublishLayerVersion.
pub(super) async fn publish_layer_version(
    context: OpContext,
    request: api::PublishLayerVersionRequest,
) -> OpResult<api::PublishLayerVersionResponse> {
    code::check_inline_size(request.content.zip_file.as_ref())?;
    changes::one_at_a_time(&context.app, |app| async move { publish(&app, request).await }).await
}

async fn publish(
    app: &App,
    mut request: api::PublishLayerVersionRequest,
) -> OpResult<api::PublishLayerVersionResponse> {
    let name = layers::bare_name(&request.layer_name).to_owned();
    let bytes = code::read(app, CodeSource::from(std::mem::take(&mut request.content))).await?;
    let kept = code::keep(app, bytes).await?;
    let stored = match store(app, &name, &request, &kept).await {
        Ok(stored) => stored,
        Err(error) => {
            code::remove_unused(app, &kept.hash).await;
            return Err(error);
        }
    };
    let version = stored.item.version.unwrap_or_default();
    tracing::info!(layer = name, version, "published version {version} of the layer {name}");
    Ok(api::PublishLayerVersionResponse {
        content: Some(layers::content(&stored.code)),
        layer_arn: Some(layers::arn(app, &name)),
        layer_version_arn: stored.item.layer_version_arn,
        description: stored.item.description,
        created_date: stored.item.created_date,
        version: stored.item.version,
        compatible_architectures: stored.item.compatible_architectures,
        compatible_runtimes: stored.item.compatible_runtimes,
        license_info: stored.item.license_info,
    })
}

async fn store(
    app: &App,
    name: &str,
    request: &api::PublishLayerVersionRequest,
    kept: &KeptCode,
) -> OpResult<LayerVersion> {
    let now = app.clock.now();
    let arn = layers::arn(app, name);
    let item = api::LayerVersionsListItem {
        description: Some(request.description.clone().unwrap_or_default()),
        created_date: Some(documents::last_modified(now)),
        compatible_architectures: request.compatible_architectures.clone(),
        compatible_runtimes: request.compatible_runtimes.clone(),
        license_info: request.license_info.clone(),
        ..api::LayerVersionsListItem::default()
    };
    let (name, code) = (name.to_owned(), kept.clone());
    let write = move |tx: &mut Tx<'_>| {
        let failed = |error: PutError| match error {
            PutError::Store(error) => ApiError::from(error),
            // The number is a new one.
            PutError::NameTaken | PutError::IdTaken => internal(),
        };
        let layer: Option<Layer> = tx.get(Kind::Layer, "", &name)?;
        let number = layer.map_or(1, |layer| layer.next_version);
        let at = |kind, parent, id| Resource { kind, parent, id, name: None, created_at: now, updated_at: now };
        let layer = Layer { name: name.clone(), next_version: number + 1 };
        tx.put(&at(Kind::Layer, "", &name), &layer).map_err(failed)?;
        let arn = format!("{arn}:{number}");
        let item = api::LayerVersionsListItem { layer_version_arn: Some(arn.clone()), version: Some(number), ..item };
        let stored = LayerVersion { name: name.clone(), arn, code, item };
        tx.insert(&at(Kind::LayerVersion, &name, &layers::version_id(number)), &stored).map_err(failed)?;
        Ok(stored)
    };
    app.store.write::<_, ApiError, _>(write).await
}
