//! The two handles that work inside the store receives.

use crate::error::{Doing, StoreError};
use rusqlite::{Connection, OptionalExtension, Params, Row, ffi};
use std::ops::Deref;

/// Reads, all from one consistent snapshot of the database.
///
/// The functions are in the file of what they read: resources, snapshots, tags, client tokens, sessions, journal.
pub struct ReadTx<'c> {
    conn: &'c Connection,
}

/// Reads and writes inside the current transaction; sees its own writes. Every read of [`ReadTx`] works here too.
pub struct Tx<'c> {
    read: ReadTx<'c>,
}

impl<'c> ReadTx<'c> {
    pub(crate) fn new(conn: &'c Connection) -> Self {
        Self { conn }
    }

    pub(crate) fn query_opt<T>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql).doing(doing)?;
        statement.query_row(params, map).optional().doing(doing)
    }

    pub(crate) fn query_all<T>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql).doing(doing)?;
        let rows = statement.query_map(params, map).doing(doing)?;
        rows.collect::<rusqlite::Result<Vec<T>>>().doing(doing)
    }
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: &'c Connection) -> Self {
        Self { read: ReadTx::new(conn) }
    }

    /// Runs one statement; answers how many rows it changed.
    pub(crate) fn execute(&mut self, doing: &'static str, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        self.try_execute(sql, params).doing(doing)
    }

    /// Like `execute`, for callers that tell constraints apart.
    pub(crate) fn try_execute(&mut self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        if self.conn.is_autocommit() {
            // A full disk, say, ended the transaction under work that went on all the same. Writing now would commit
            // at once what its caller will be told is lost.
            let why = "the transaction was rolled back".to_owned();
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ABORT_ROLLBACK), Some(why)));
        }
        self.conn.prepare_cached(sql)?.execute(params)
    }

    pub(crate) fn last_insert_rowid(&self) -> i64 {
        self.conn.last_insert_rowid()
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = ReadTx<'c>;

    fn deref(&self) -> &ReadTx<'c> {
        &self.read
    }
}
