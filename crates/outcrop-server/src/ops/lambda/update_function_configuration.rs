//! UpdateFunctionConfiguration: changes settings of a function; what is not given stays.

use super::names::FunctionName;
use super::settings::Changes;
use super::{changes, documents, errors, layers, names};
use crate::App;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::lambda as api;

/// Answers UpdateFunctionConfiguration.
pub(super) async fn update_function_configuration(
    context: OpContext,
    request: api::UpdateFunctionConfigurationRequest,
) -> OpResult<api::FunctionConfiguration> {
    let name = names::read(&request.function_name, None)?;
    changes::one_at_a_time(&context.app, |app| async move { update(&app, &name, request).await }).await
}

async fn update(
    app: &App,
    name: &FunctionName,
    mut request: api::UpdateFunctionConfigurationRequest,
) -> OpResult<api::FunctionConfiguration> {
    let mut function = documents::get(app, name).await?;
    errors::check_revision(
        request.revision_id.as_deref(),
        function.configuration.revision_id.as_deref(),
        "GetFunction/GetAlias",
    )?;
    function.apply(Changes::of_update(&mut request))?;
    if let Some(arns) = request.layers.take() {
        function.set_layers(layers::find_all(app, arns).await?);
    }
    function.touch(app.ids.uuid(), app.clock.now());
    let code = function.code.clone();
    changes::replace(app, function.clone(), &code).await?;
    tracing::info!(function = name.name, "updated the settings of the function {}", name.name);
    Ok(function.served(name))
}
