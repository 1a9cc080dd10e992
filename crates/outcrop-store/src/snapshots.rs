//! Immutable documents under the hash of their content: what was prepared is byte for byte what runs.

use crate::error::StoreError;
use crate::migrate::hex;
use crate::tx::{ReadTx, Tx};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The address of a document: SHA-256 of its bytes in lower-case hex, 64 characters.
pub fn snapshot_hash(doc: &[u8]) -> String {
    hex(&Sha256::digest(doc))
}

impl ReadTx<'_> {
    /// The document at this address.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it does not read as `T`.
    pub fn snapshot<T: DeserializeOwned>(&self, hash: &str) -> Result<Option<T>, StoreError> {
        let sql = "SELECT doc FROM snapshot WHERE hash = ?1";
        let doc = self.query_opt("read a snapshot", sql, [hash], |row| row.get::<Vec<u8>>(0))?;
        doc.map(|doc| serde_json::from_slice(&doc))
            .transpose()
            .map_err(|error| StoreError::Corrupt(format!("snapshot `{hash}`: {error}")))
    }
}

impl Tx<'_> {
    /// Keeps the document, once however often it is put, and answers its address.
    ///
    /// The address is stable as long as `doc` serialises the same bytes for the same value (no hash maps inside).
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] over 16 MiB.
    pub fn put_snapshot(&mut self, doc: &impl Serialize) -> Result<String, StoreError> {
        let doc = crate::resources::to_doc(doc)?;
        let hash = snapshot_hash(&doc);
        let sql = "INSERT INTO snapshot (hash, doc) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING";
        self.execute("keep a snapshot", sql, (&hash, doc))?;
        Ok(hash)
    }
}
