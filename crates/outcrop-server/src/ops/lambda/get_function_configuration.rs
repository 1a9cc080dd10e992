//! GetFunctionConfiguration: a function's document.

use super::{documents, names};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::lambda as api;

/// Answers GetFunctionConfiguration.
pub(super) async fn get_function_configuration(
    context: OpContext,
    request: api::GetFunctionConfigurationRequest,
) -> OpResult<api::FunctionConfiguration> {
    let name = names::read(&request.function_name, request.qualifier.as_deref())?;
    Ok(documents::get(&context.app, &name).await?.served(&name))
}
