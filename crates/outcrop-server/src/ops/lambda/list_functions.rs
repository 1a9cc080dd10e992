//! ListFunctions: documents of all functions, last changed first, page by page.

use super::documents::{PARENT, StoredFunction};
use super::{errors, names};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::lambda as api;
use outcrop_store::{Cursor, Kind};

/// Most items of a page, and what a page has when nothing is said: Lambda's.
const PAGE_ITEMS: i64 = 50;

/// Answers ListFunctions. `FunctionVersion=ALL` lists the one version of each, whose ARN then names it.
pub(super) async fn list_functions(
    context: OpContext,
    request: api::ListFunctionsRequest,
) -> OpResult<api::ListFunctionsResponse> {
    let after = match request.marker.as_deref().filter(|marker| !marker.is_empty()) {
        Some(marker) => Some(Cursor::parse(Kind::Function, PARENT, marker).ok_or_else(|| {
            errors::invalid("The Marker is not one that ListFunctions gave. Start again without it.")
        })?),
        None => None,
    };
    let limit = usize::try_from(request.max_items.unwrap_or(PAGE_ITEMS).clamp(1, PAGE_ITEMS)).unwrap_or(1);
    let page = move |tx: &outcrop_store::ReadTx<'_>| {
        Ok::<_, ApiError>(tx.list_page::<StoredFunction>(Kind::Function, PARENT, after.as_ref(), limit)?)
    };
    let (functions, next) = context.store.read(page).await?;
    let by_version = request.function_version == Some(api::FunctionVersion::All);
    let served = |function: StoredFunction| {
        let mut configuration = function.configuration;
        if let (true, Some(arn)) = (by_version, &mut configuration.function_arn) {
            arn.push(':');
            arn.push_str(names::LATEST);
        }
        configuration
    };
    Ok(api::ListFunctionsResponse {
        functions: Some(functions.into_iter().map(served).collect()),
        next_marker: next.map(|cursor| cursor.to_token(Kind::Function, PARENT)),
    })
}
