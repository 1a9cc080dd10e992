//! Files of a session, by the hash of their content. They are blobs that the session as a whole holds, and go with it.

use crate::error::StoreError;
use crate::packed::{self, Blob, Hash};
use crate::store::Store;
use crate::tx::ReadTx;
use std::sync::Arc;

/// A file to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFile {
    /// SHA-256 of the content in lower-case hex.
    pub hash: String,
    /// The content; at most [`EVENT_BYTES_MAX`](crate::EVENT_BYTES_MAX).
    pub body: Arc<[u8]>,
}

impl Store {
    /// [`ReadTx::session_file`] in a read of its own.
    pub async fn session_file(&self, session: i64, hash: String) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |tx| tx.session_file(session, &hash)).await
    }
}

impl ReadTx<'_> {
    /// The content of a file of the session; `None` when it was never given.
    pub fn session_file(&self, session: i64, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        // Files of before there were blobs.
        let sql = "SELECT body FROM session_file WHERE session = ?1 AND hash = ?2";
        let address = address(hash);
        let mut session = session;
        loop {
            let mut found = address.as_ref().map(|hash| self.session_blob(session, hash)).transpose()?.flatten();
            if found.is_none() {
                found = self.query_opt("read a file", sql, (session, hash), |row| row.get(0))?;
            }
            // What a fork shares with its parent is kept with the parent.
            match (found, self.fork(session)?) {
                (None, Some(fork)) => session = fork.parent,
                (found, _) => return Ok(found),
            }
        }
    }
}

/// The files as they are kept.
///
/// # Errors
/// [`StoreError::Conflict`] for a file whose hash is not that of its content: another session may have the one it names.
pub(crate) fn to_blobs(files: &[SessionFile]) -> Result<Vec<Blob>, StoreError> {
    let blob = |file: &SessionFile| {
        let hash = packed::hash(&file.body);
        match address(&file.hash) {
            Some(told) if told == hash => Ok(Blob::new(&file.body, hash)),
            _ => Err(StoreError::Conflict(format!("a file is not what its hash {} says", file.hash))),
        }
    };
    files.iter().map(blob).collect()
}

/// The hash, from lower-case hex.
fn address(hex: &str) -> Option<Hash> {
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let digits: Vec<u8> = hex.bytes().map(|byte| digit(byte).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    if digits.len() == 64 { Hash::try_from(bytes).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_lower_case_hex() {
        let hash = packed::hash(b"content");
        assert_eq!(address(&crate::migrate::hex(&hash)), Some(hash));
        for other in ["", "ab", &"A".repeat(64), &"g".repeat(64), &"a".repeat(63), &"a".repeat(65)] {
            assert_eq!(address(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_must_be_what_its_hash_says() {
        let file = |hash: String| SessionFile { hash, body: b"content".as_slice().into() };
        assert!(to_blobs(&[file(crate::migrate::hex(&packed::hash(b"content")))]).is_ok());
        assert!(matches!(to_blobs(&[file("0".repeat(64))]), Err(StoreError::Conflict(_))));
        assert!(matches!(to_blobs(&[file(String::new())]), Err(StoreError::Conflict(_))));
    }
}
