//! Where a page ended, as text that a client hands back.

use crate::resources::Kind;
use crate::resources::PAGE_MAX;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use outcrop_wire::Timestamp;

/// The last item of a page of [`ReadTx::list_page`](crate::ReadTx::list_page).
///
/// The next page holds what sorts after it, so items that others add, change or delete meanwhile make no untouched
/// item appear twice or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) updated_at: Timestamp,
    pub(crate) id: String,
}

/// Version of the text form; the first byte inside.
const VERSION: u8 = 1;
const CHECKSUM_BYTES: usize = 4;
/// Longer texts are not ours.
const TEXT_BYTES_MAX: usize = 1_024;

impl Cursor {
    /// The opaque text form, base64url: valid for this list only.
    pub fn to_token(&self, kind: Kind, parent: &str) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.updated_at.as_nanos().to_be_bytes());
        bytes.extend(self.id.as_bytes());
        seal(kind.as_str(), parent, bytes)
    }

    /// Reads the text form back; `None` when it was garbled, cut, made up, or given out for another list.
    pub fn parse(kind: Kind, parent: &str, token: &str) -> Option<Self> {
        let body = unseal(kind.as_str(), parent, token)?;
        let (&[VERSION], rest) = body.split_first_chunk::<1>()? else { return None };
        let (at, id) = rest.split_first_chunk::<8>()?;
        let id = String::from_utf8(id.to_vec()).ok()?;
        Some(Self { updated_at: Timestamp::from_nanos(i64::from_be_bytes(*at)), id })
    }
}

/// The last row of a page of a list that goes by time and then by the order in which rows came.
///
/// Like [`Cursor`], for tables of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowCursor {
    pub(crate) at: Timestamp,
    pub(crate) number: i64,
}

impl RowCursor {
    /// The opaque text form, base64url. `list` and `of` name the list it is for; it is valid for no other.
    pub fn to_token(self, list: &str, of: &str) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.at.as_nanos().to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        seal(list, of, bytes)
    }

    /// Reads the text form back; `None` when it was garbled, cut, made up, or given out for another list.
    pub fn parse(list: &str, of: &str, token: &str) -> Option<Self> {
        let body = unseal(list, of, token)?;
        let (&[VERSION], rest) = body.split_first_chunk::<1>()? else { return None };
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let number = i64::from_be_bytes(rest.try_into().ok()?);
        Some(Self { at: Timestamp::from_nanos(i64::from_be_bytes(*at)), number })
    }

    /// Before every row: the start of a list that goes down.
    pub(crate) fn start() -> Self {
        Self { at: Timestamp::from_nanos(i64::MAX), number: i64::MAX }
    }
}

/// How many rows to read for a page of `limit` (1 to [`PAGE_MAX`], cut to that), one more telling whether others follow.
pub(crate) fn rows_to_read(limit: usize) -> i64 {
    i64::try_from(limit.clamp(1, PAGE_MAX) + 1).unwrap_or(i64::MAX)
}

/// Cuts what [`rows_to_read`] asked for to the page, with the place of its last row when others follow.
pub(crate) fn cut_page<T>(mut rows: Vec<(RowCursor, T)>, limit: usize) -> (Vec<T>, Option<RowCursor>) {
    let limit = limit.clamp(1, PAGE_MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(place, _)| *place);
    (rows.into_iter().map(|(_, row)| row).collect(), next)
}

/// Guards against accident, not against intent: a forged cursor only names another place in the same list.
fn seal(list: &str, of: &str, mut body: Vec<u8>) -> String {
    body.extend(checksum(list, of, &body).to_be_bytes());
    URL_SAFE_NO_PAD.encode(body)
}

fn unseal(list: &str, of: &str, token: &str) -> Option<Vec<u8>> {
    if token.len() > TEXT_BYTES_MAX {
        return None;
    }
    let mut bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
    if u32::from_be_bytes(*sum) != checksum(list, of, body) {
        return None;
    }
    bytes.truncate(bytes.len() - CHECKSUM_BYTES);
    Some(bytes)
}

fn checksum(list: &str, of: &str, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [list.as_bytes(), b"\0", of.as_bytes(), b"\0", body] {
        hasher.update(part);
    }
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tokens_come_back_and_garbled_ones_are_refused(nanos: i64, id in "\\PC{0,40}", at: prop::sample::Index, with: u8) {
            let cursor = Cursor { updated_at: Timestamp::from_nanos(nanos), id };
            let token = cursor.to_token(Kind::Agent, "");
            prop_assert_eq!(Cursor::parse(Kind::Agent, "", &token), Some(cursor));
            prop_assert_eq!(Cursor::parse(Kind::AgentAlias, "", &token), None);
            prop_assert_eq!(Cursor::parse(Kind::Agent, "X", &token), None);

            let mut garbled = token.clone().into_bytes();
            let at = at.index(garbled.len());
            garbled[at] = b' ' + with % 95;
            let garbled = String::from_utf8(garbled).unwrap();
            prop_assert!(garbled == token || Cursor::parse(Kind::Agent, "", &garbled).is_none());
            prop_assert_eq!(Cursor::parse(Kind::Agent, "", &token[..at]), None);
            prop_assert_eq!(RowCursor::parse(Kind::Agent.as_str(), "x", &token), None);
        }

        #[test]
        fn row_tokens_come_back_for_their_own_list_only(nanos: i64, number: i64) {
            let cursor = RowCursor { at: Timestamp::from_nanos(nanos), number };
            let token = cursor.to_token("steps", "a");
            prop_assert_eq!(RowCursor::parse("steps", "a", &token), Some(cursor));
            prop_assert_eq!(RowCursor::parse("steps", "b", &token), None);
            prop_assert_eq!(RowCursor::parse("sessions", "a", &token), None);
        }

        #[test]
        fn any_text_is_refused_without_harm(text in "\\PC*") {
            prop_assert_eq!(Cursor::parse(Kind::Agent, "", &text), None);
        }
    }
}
