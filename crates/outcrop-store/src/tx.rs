//! The two handles that work inside the store receives.

use crate::conn::Conn;
use crate::error::{Doing, StoreError};
use crate::sql::{Params, Row, SqlResult};
use std::ops::Deref;

/// Reads, all from one consistent snapshot of the database.
///
/// The functions are in the file of what they read: resources, snapshots, tags, client tokens, sessions, journal.
pub struct ReadTx<'c> {
    conn: Conn<'c>,
}

/// Reads and writes inside the current transaction; sees its own writes. Every read of [`ReadTx`] works here too.
pub struct Tx<'c> {
    read: ReadTx<'c>,
}

impl<'c> ReadTx<'c> {
    pub(crate) fn new(conn: Conn<'c>) -> Self {
        Self { conn }
    }

    /// The first row that the statement answers. Parameters are `?1`, `?2`, … for every database.
    pub(crate) fn query_opt<T>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> SqlResult<T>,
    ) -> Result<Option<T>, StoreError> {
        self.conn.query_opt(sql, &params, map).doing(doing)
    }

    /// All rows that the statement answers.
    pub(crate) fn query_all<T>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> SqlResult<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.conn.query_all(sql, &params, map).doing(doing)
    }
}

impl<'c> Tx<'c> {
    pub(crate) fn new(conn: Conn<'c>) -> Self {
        Self { read: ReadTx::new(conn) }
    }

    /// Whether other processes may be at work in the database.
    pub(crate) fn is_shared(&self) -> bool {
        self.conn.is_shared()
    }

    /// To be called by what writes resources or tags, which [`Store::changes`](crate::Store::changes) counts.
    pub(crate) fn note_change(&mut self) {
        self.conn.note_change();
    }

    /// Runs one statement; answers how many rows it changed.
    pub(crate) fn execute(&mut self, doing: &'static str, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        self.try_execute(sql, params).doing(doing)
    }

    /// Like `execute`, for callers that tell constraints apart. The transaction is of no further use after an error: it
    /// has to be handed on, so that what was written is taken back.
    pub(crate) fn try_execute(&mut self, sql: &str, params: impl Params) -> SqlResult<usize> {
        self.conn.execute(sql, &params)
    }

    /// Runs an `INSERT` into a table that numbers its rows in the column `id`; answers the new row's number, or nothing
    /// where `ON CONFLICT DO NOTHING` did nothing.
    pub(crate) fn insert_row(
        &mut self,
        doing: &'static str,
        sql: &str,
        params: impl Params,
    ) -> Result<Option<i64>, StoreError> {
        self.conn.insert(sql, &params).doing(doing)
    }
}

impl<'c> Deref for Tx<'c> {
    type Target = ReadTx<'c>;

    fn deref(&self) -> &ReadTx<'c> {
        &self.read
    }
}
