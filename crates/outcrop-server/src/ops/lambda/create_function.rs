//! CreateFunction: keeps a zip file and its settings as a function that can be called at once.

use super::code::CodeSource;
use super::documents::StoredFunction;
use super::names::FunctionName;
use super::settings::Changes;
use super::{changes, code, documents, errors, layers, names};
use crate::App;
use crate::agents::tags;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::lambda as api;

/// Answers CreateFunction. `Publish` makes no version: the answer says `$LATEST`.
pub(super) async fn create_function(
    context: OpContext,
    request: api::CreateFunctionRequest,
) -> OpResult<api::FunctionConfiguration> {
    let name = names::read_new(&request.function_name)?;
    if request.package_type == Some(api::PackageType::Image) {
        return Err(code::images_are_not_run());
    }
    code::check_inline_size(request.code.zip_file.as_ref())?;
    if let Some(given) = &request.tags {
        tags::check(given)?;
    }
    changes::one_at_a_time(&context.app, |app| async move { create(&app, &name, request).await }).await
}

async fn create(
    app: &App,
    name: &FunctionName,
    mut request: api::CreateFunctionRequest,
) -> OpResult<api::FunctionConfiguration> {
    if documents::find(app, &name.name).await?.is_some() {
        return Err(errors::function_exists(&name.name));
    }
    documents::check_count(app).await?;
    let mut function = StoredFunction::new(&app.settings, name, request.architectures.take());
    function.apply(Changes::of_new(&mut request))?;
    function.set_layers(layers::find_all(app, request.layers.take().unwrap_or_default()).await?);
    let bytes = code::read(app, CodeSource::from(std::mem::take(&mut request.code))).await?;
    if function.configuration.runtime.is_none() || function.configuration.handler.as_deref().is_none_or(str::is_empty) {
        return Err(errors::invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        ));
    }
    function.set_code(code::keep(app, bytes).await?);
    function.touch(app.ids.uuid(), app.clock.now());
    let configuration = function.configuration.clone();
    changes::add(app, function, request.tags.unwrap_or_default()).await?;
    tracing::info!(function = name.name, "created the function {}", name.name);
    Ok(configuration)
}
