//! GetLayerVersion.

use super::layers;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::lambda as api;

/// Answers GetLayerVersion, without an address of the code.
pub(super) async fn get_layer_version(
    context: OpContext,
    request: api::GetLayerVersionRequest,
) -> OpResult<api::GetLayerVersionResponse> {
    let name = layers::bare_name(&request.layer_name);
    let found = layers::find(&context.app, name, request.version_number).await?;
    Ok(api::GetLayerVersionResponse {
        content: Some(layers::content(&found.code)),
        layer_arn: Some(layers::arn(&context.app, &found.name)),
        layer_version_arn: found.item.layer_version_arn,
        description: found.item.description,
        created_date: found.item.created_date,
        version: found.item.version,
        compatible_architectures: found.item.compatible_architectures,
        compatible_runtimes: found.item.compatible_runtimes,
        license_info: found.item.license_info,
    })
}
