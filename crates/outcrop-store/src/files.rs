//! Files of a session, by the hash of their content. They go with their session.

use crate::error::StoreError;
use crate::store::Store;
use crate::tx::{ReadTx, Tx};
use std::sync::Arc;

/// A file to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFile {
    /// SHA-256 of the content in lower-case hex; the caller's word for it.
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
        let sql = "SELECT body FROM session_file WHERE session = ?1 AND hash = ?2";
        let mut session = session;
        loop {
            let found = self.query_opt("read a file", sql, (session, hash), |row| row.get(0))?;
            // What a fork shares with its parent is kept with the parent.
            match (found, self.fork(session)?) {
                (None, Some(fork)) => session = fork.parent,
                (found, _) => return Ok(found),
            }
        }
    }
}

impl Tx<'_> {
    /// Keeps files of a session, each once however often it is given.
    pub(crate) fn keep_files(&mut self, session: i64, files: &[SessionFile]) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO session_file (session, hash, body) VALUES (?1, ?2, ?3) ON CONFLICT (session, hash) DO NOTHING";
        for SessionFile { hash, body } in files {
            self.execute("keep a file", sql, (session, hash, &**body))?;
        }
        Ok(())
    }
}
