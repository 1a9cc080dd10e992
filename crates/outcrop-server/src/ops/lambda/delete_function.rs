//! DeleteFunction: takes a function away, with its tags, its policy, and its code if nothing else uses it.

use super::names::{FunctionName, LATEST};
use super::{changes, code, documents, errors, names, policy};
use crate::App;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::lambda as api;
use outcrop_store::Kind;

/// Status of the answer, which has no body. The model says 200 and has a member for what it really is.
const NO_CONTENT: i64 = 204;

/// Answers DeleteFunction. Calls under way come to their end.
pub(super) async fn delete_function(
    context: OpContext,
    request: api::DeleteFunctionRequest,
) -> OpResult<api::DeleteFunctionResponse> {
    let name = names::read(&request.function_name, request.qualifier.as_deref())?;
    if name.qualifier.as_deref() == Some(LATEST) {
        return Err(errors::invalid("$LATEST version cannot be deleted without deleting the function."));
    }
    changes::one_at_a_time(&context.app, |app| async move { delete(&app, name).await }).await?;
    Ok(api::DeleteFunctionResponse { status_code: Some(NO_CONTENT) })
}

async fn delete(app: &App, name: FunctionName) -> OpResult<()> {
    let function = documents::get(app, &name).await?;
    let (arn, bare) = (function.arn().to_owned(), name.name.clone());
    app.store
        .write(move |tx| {
            tx.delete(Kind::Function, documents::PARENT, &bare)?;
            tx.delete(Kind::Function, policy::PARENT, &bare)?;
            tx.delete_tags(&arn)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    app.functions.remove(&name.name);
    for hash in std::iter::once(&function.code).chain(&function.layer_codes) {
        code::remove_unused(app, hash).await;
    }
    tracing::info!(function = name.name, "deleted the function {}", name.name);
    Ok(())
}
