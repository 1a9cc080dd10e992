//! How a request is known when it comes again: by the id that an SDK gives all attempts of one call, or by what it says.

use outcrop_store::RequestHashes;
use sha2::{Digest, Sha256};

/// Longest id of a call that is taken for one.
const INVOCATION_ID_BYTES_MAX: usize = 256;

/// Hashes a request piece by piece.
#[derive(Default)]
pub struct RequestHasher(Sha256);

impl RequestHasher {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds a piece; none is another thing than an empty one.
    pub fn add(&mut self, piece: Option<&[u8]>) {
        match piece {
            None => self.0.update([0]),
            Some(bytes) => {
                self.0.update([1]);
                self.0.update((bytes.len() as u64).to_le_bytes());
                self.0.update(bytes);
            }
        }
    }

    /// The hashes; `invocation_id` is what the client calls the call.
    pub fn finish(self, invocation_id: Option<&str>) -> RequestHashes {
        let input = self.0.finalize();
        let invocation_id = invocation_id.filter(|id| !id.is_empty() && id.len() <= INVOCATION_ID_BYTES_MAX);
        let request = invocation_id.map(|id| {
            let hash = Sha256::new().chain_update(input).chain_update(id).finalize();
            hash[..16].to_vec()
        });
        RequestHashes { input: input[..16].to_vec(), request }
    }
}

/// A UUID-shaped name of one call of a turn: the same whenever the turn is replayed, and no other call's ever, since
/// `scope` holds the random id of a request. `kind` keeps names for different ends apart.
pub(super) fn call_name(kind: &str, scope: &str, tool_use_id: &str) -> String {
    let hash = Sha256::digest(format!("{kind}\n{scope}\n{tool_use_id}"));
    uuid(&hash)
}

/// The first bytes of a hash in the form of a UUID.
pub(super) fn uuid(hash: &[u8]) -> String {
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_requests_have_equal_hashes() {
        let of = |pieces: &[Option<&str>], id: Option<&str>| {
            let mut hasher = RequestHasher::new();
            pieces.iter().for_each(|piece| hasher.add(piece.map(str::as_bytes)));
            hasher.finish(id)
        };
        let one = of(&[Some("hello"), None], Some("id"));
        assert_eq!(one, of(&[Some("hello"), None], Some("id")));
        assert_eq!((one.input.len(), one.request.as_ref().map(Vec::len)), (16, Some(16)));
        for other in [&[Some("hello"), Some("")][..], &[None, Some("hello")], &[Some("hell"), Some("o")]] {
            assert_ne!(one.input, of(other, None).input);
        }
        assert_ne!(one.request, of(&[Some("hello"), None], Some("other")).request);
        assert_eq!(of(&[], Some("")).request, None);
        assert_ne!(call_name("a", "r-0", "t"), call_name("b", "r-0", "t"));
    }
}
