//! GetFunction: a function's document and tags.

use super::documents;
use super::names;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::lambda as api;

/// Answers GetFunction. There is no `Location` to download the code from.
pub(super) async fn get_function(
    context: OpContext,
    request: api::GetFunctionRequest,
) -> OpResult<api::GetFunctionResponse> {
    let name = names::read(&request.function_name, request.qualifier.as_deref())?;
    let function = documents::get(&context.app, &name).await?;
    let arn = function.arn().to_owned();
    let tags = context.store.read(move |tx| Ok::<_, ApiError>(tx.tags(&arn)?)).await?;
    Ok(api::GetFunctionResponse {
        configuration: Some(function.served(&name)),
        code: Some(api::FunctionCodeLocation {
            repository_type: Some("S3".to_owned()),
            ..api::FunctionCodeLocation::default()
        }),
        tags: Some(tags).filter(|tags| !tags.is_empty()),
        ..api::GetFunctionResponse::default()
    })
}
