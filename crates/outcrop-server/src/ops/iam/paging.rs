//! Pages of IAM's lists: ordered by name, the marker says where the last one ended.

use crate::errors::{OpResult, validation};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Items of a page when the caller does not say: IAM's.
const PAGE_DEFAULT: i64 = 100;

/// Begins every marker of ours, so that others are known.
const MARK: &str = "after:";

/// A page of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) is_truncated: Option<bool>,
    pub(super) marker: Option<String>,
}

/// Cuts a page out of all items. What others add or delete meanwhile moves no other item to another page.
pub(super) fn page<T>(
    mut all: Vec<T>,
    name: impl Fn(&T) -> &str,
    marker: Option<&str>,
    max_items: Option<i64>,
) -> OpResult<Page<T>> {
    all.sort_by(|one, other| name(one).cmp(name(other)));
    if let Some(marker) = marker {
        let text = URL_SAFE_NO_PAD.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let after = text.as_deref().and_then(|text| text.strip_prefix(MARK));
        let after = after.ok_or_else(|| validation("Invalid Marker."))?;
        all.retain(|item| name(item) > after);
    }
    let limit = usize::try_from(max_items.unwrap_or(PAGE_DEFAULT)).unwrap_or(1).max(1);
    let more = all.len() > limit;
    all.truncate(limit);
    let marker = all.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(format!("{MARK}{}", name(last))));
    Ok(Page { items: all, is_truncated: Some(more), marker })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_where_they_ended() {
        let all = || vec!["b", "a", "d", "c", "e"];
        let mut seen = Vec::new();
        let mut marker = None;
        loop {
            let page = page(all(), |item| item, marker.as_deref(), Some(2)).expect("a page");
            assert_eq!(page.is_truncated, Some(page.marker.is_some()));
            seen.extend(page.items);
            marker = page.marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
        for other in ["%", "AAAA", ""] {
            assert!(page(all(), |item| item, Some(other), None).is_err());
        }
    }
}
