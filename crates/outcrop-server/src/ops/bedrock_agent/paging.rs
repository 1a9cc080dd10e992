//! Pages of lists.

use crate::errors::{self, OpResult};
use outcrop_store::{Cursor, Kind, ReadTx};
use serde::de::DeserializeOwned;

/// Items of a page when the caller does not say: many scripts never ask for a second page.
const PAGE_DEFAULT: i64 = 100;

/// A page of documents and the token for the next.
pub(in crate::ops) fn page<T: DeserializeOwned>(
    tx: &ReadTx<'_>,
    kind: Kind,
    parent: &str,
    max_results: Option<i64>,
    next_token: Option<&str>,
) -> OpResult<(Vec<T>, Option<String>)> {
    let after = match next_token {
        Some(token) => Some(Cursor::parse(kind, parent, token).ok_or_else(errors::bad_token)?),
        None => None,
    };
    let (documents, next) = tx.list_page(kind, parent, after.as_ref(), limit(max_results))?;
    Ok((documents, next.map(|cursor| cursor.to_token(kind, parent))))
}

/// Token for a page after one that had room for the first item only.
const AFTER_FIRST: &str = "after-first";

/// Like [`page`], with an item that is not among the documents before them all.
pub(in crate::ops) fn page_after<T: DeserializeOwned>(
    tx: &ReadTx<'_>,
    first: T,
    kind: Kind,
    parent: &str,
    max_results: Option<i64>,
    next_token: Option<&str>,
) -> OpResult<(Vec<T>, Option<String>)> {
    match next_token {
        Some(AFTER_FIRST) => page(tx, kind, parent, max_results, None),
        Some(token) => page(tx, kind, parent, max_results, Some(token)),
        None if limit(max_results) == 1 => {
            let has_more = tx.count(kind, parent)? > 0;
            Ok((vec![first], has_more.then(|| AFTER_FIRST.to_owned())))
        }
        None => {
            let rest = i64::try_from(limit(max_results) - 1).ok();
            let (mut documents, next) = page(tx, kind, parent, rest, None)?;
            documents.insert(0, first);
            Ok((documents, next))
        }
    }
}

/// How many items a page has.
pub(in crate::ops) fn limit(max_results: Option<i64>) -> usize {
    usize::try_from(max_results.unwrap_or(PAGE_DEFAULT)).unwrap_or(1).max(1)
}
