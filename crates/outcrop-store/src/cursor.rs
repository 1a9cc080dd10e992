//! Where a page ended, as text that a client hands back.

use crate::resources::Kind;
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
        bytes.extend(checksum(kind, parent, &bytes).to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the text form back; `None` when it was garbled, cut, made up, or given out for another list.
    pub fn parse(kind: Kind, parent: &str, token: &str) -> Option<Self> {
        if token.len() > TEXT_BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>()?;
        if u32::from_be_bytes(*sum) != checksum(kind, parent, body) {
            return None;
        }
        let (&[VERSION], rest) = body.split_first_chunk::<1>()? else { return None };
        let (at, id) = rest.split_first_chunk::<8>()?;
        let id = String::from_utf8(id.to_vec()).ok()?;
        Some(Self { updated_at: Timestamp::from_nanos(i64::from_be_bytes(*at)), id })
    }
}

/// Guards against accident, not against intent: a forged cursor only names another place in the same list.
fn checksum(kind: Kind, parent: &str, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in [kind.as_str().as_bytes(), b"\0", parent.as_bytes(), b"\0", body] {
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
        }

        #[test]
        fn any_text_is_refused_without_harm(text in "\\PC*") {
            prop_assert_eq!(Cursor::parse(Kind::Agent, "", &text), None);
        }
    }
}
