//! Pages of lists.

use crate::errors::{self, OpResult};
use outcrop_store::{Cursor, Kind, ReadTx};
use serde::de::DeserializeOwned;

/// Items of a page when the caller does not say.
const PAGE_DEFAULT: i64 = 20;

/// A page of documents and the token for the next, last changed first.
pub(super) fn page<T: DeserializeOwned>(
    tx: &ReadTx<'_>,
    kind: Kind,
    parent: &str,
    max_results: Option<i64>,
    next_token: Option<&str>,
) -> OpResult<(Vec<T>, Option<String>)> {
    let after = match next_token.filter(|token| !token.is_empty()) {
        Some(token) => Some(Cursor::parse(kind, parent, token).ok_or_else(errors::bad_token)?),
        None => None,
    };
    let limit = usize::try_from(max_results.unwrap_or(PAGE_DEFAULT)).unwrap_or(1).max(1);
    let (documents, next) = tx.list_page(kind, parent, after.as_ref(), limit)?;
    Ok((documents, next.map(|cursor| cursor.to_token(kind, parent))))
}
