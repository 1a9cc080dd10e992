//! UpdateFunctionCode: puts another zip file under a function; new calls run it.

use super::code::CodeSource;
use super::names::FunctionName;
use super::{changes, code, documents, errors, names};
use crate::App;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::lambda as api;

/// Answers UpdateFunctionCode. `DryRun` checks the code and changes nothing. `Publish` makes no version.
pub(super) async fn update_function_code(
    context: OpContext,
    request: api::UpdateFunctionCodeRequest,
) -> OpResult<api::FunctionConfiguration> {
    let name = names::read(&request.function_name, None)?;
    code::check_inline_size(request.zip_file.as_ref())?;
    changes::one_at_a_time(&context.app, |app| async move { update(&app, &name, request).await }).await
}

async fn update(
    app: &App,
    name: &FunctionName,
    mut request: api::UpdateFunctionCodeRequest,
) -> OpResult<api::FunctionConfiguration> {
    let mut function = documents::get(app, name).await?;
    errors::check_revision(
        request.revision_id.as_deref(),
        function.configuration.revision_id.as_deref(),
        "GetFunction/GetAlias",
    )?;
    let dry_run = request.dry_run == Some(true);
    if let Some(architectures) = request.architectures.take() {
        function.configuration.architectures = Some(architectures);
    }
    let bytes = code::read(app, CodeSource::from(request)).await?;
    if dry_run {
        function.set_code(code::describe_only(bytes).await?);
        return Ok(function.served(name));
    }
    let code_before = function.code.clone();
    function.set_code(code::keep(app, bytes).await?);
    function.touch(app.ids.uuid(), app.clock.now());
    changes::replace(app, function.clone(), &code_before).await?;
    tracing::info!(function = name.name, "updated the code of the function {}", name.name);
    Ok(function.served(name))
}
