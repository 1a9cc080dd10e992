//! One connection, whichever database it leads to: statements, and the borders of transactions.

use crate::error::StoreError;
use crate::postgres::session::{Session, read_all, read_one};
use crate::sql::{Params, Row, SqlError, SqlResult};
use rusqlite::{Connection, params_from_iter};

/// A connection that one thread holds.
#[derive(Clone, Copy)]
pub(crate) enum Conn<'c> {
    Sqlite(&'c Connection),
    Postgres(&'c Session),
}

/// A connection as its thread owns it.
pub(crate) enum Source {
    Sqlite(Connection),
    Postgres(Session),
}

impl Source {
    pub(crate) fn conn(&self) -> Conn<'_> {
        match self {
            Self::Sqlite(conn) => Conn::Sqlite(conn),
            Self::Postgres(session) => Conn::Postgres(session),
        }
    }
}

/// A border of a transaction, or of a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Border {
    /// Begins a transaction that writes.
    Begin,
    /// Makes it durable.
    Commit,
    /// Takes all of it back.
    RollBack,
    /// Begins the part that one job writes.
    Savepoint,
    /// That part stays.
    Release,
    /// That part is taken back.
    TakeBack,
    /// Begins a transaction that reads from one state.
    BeginRead,
}

impl Border {
    fn of_sqlite(self) -> &'static [&'static str] {
        match self {
            // IMMEDIATE takes the write lock now, so that no later statement finds it taken.
            Self::Begin => &["BEGIN IMMEDIATE"],
            Self::Commit => &["COMMIT"],
            Self::RollBack => &["ROLLBACK"],
            Self::Savepoint => &["SAVEPOINT job"],
            Self::Release => &["RELEASE job"],
            Self::TakeBack => &["ROLLBACK TO job", "RELEASE job"],
            Self::BeginRead => &["BEGIN"],
        }
    }
}

impl Conn<'_> {
    /// The first row that the statement answers.
    pub(crate) fn query_opt<T>(
        self,
        sql: &str,
        params: &impl Params,
        map: impl FnOnce(&Row<'_>) -> SqlResult<T>,
    ) -> SqlResult<Option<T>> {
        match self {
            Self::Sqlite(conn) => {
                let mut statement = conn.prepare_cached(sql)?;
                params.with(|values| match statement.query(params_from_iter(values))?.next()? {
                    Some(row) => map(&Row::Sqlite(row)).map(Some),
                    None => Ok(None),
                })
            }
            Self::Postgres(session) => read_one(&session.rows(sql, params)?, map),
        }
    }

    /// All rows that the statement answers.
    pub(crate) fn query_all<T>(
        self,
        sql: &str,
        params: &impl Params,
        mut map: impl FnMut(&Row<'_>) -> SqlResult<T>,
    ) -> SqlResult<Vec<T>> {
        match self {
            Self::Sqlite(conn) => {
                let mut statement = conn.prepare_cached(sql)?;
                params.with(|values| {
                    let mut rows = statement.query(params_from_iter(values))?;
                    let mut all = Vec::new();
                    while let Some(row) = rows.next()? {
                        all.push(map(&Row::Sqlite(row))?);
                    }
                    Ok(all)
                })
            }
            Self::Postgres(session) => read_all(&session.rows(sql, params)?, map),
        }
    }

    /// Runs a statement that writes; answers how many rows it changed.
    pub(crate) fn execute(self, sql: &str, params: &impl Params) -> SqlResult<usize> {
        self.expect_open()?;
        match self {
            Self::Sqlite(conn) => {
                let mut statement = conn.prepare_cached(sql)?;
                Ok(params.with(|values| statement.execute(params_from_iter(values)))?)
            }
            Self::Postgres(session) => session.execute(sql, params),
        }
    }

    /// Runs an `INSERT` into a table whose rows are numbered in the column `id`; answers the number of the new row, or
    /// nothing where `ON CONFLICT DO NOTHING` did nothing.
    pub(crate) fn insert(self, sql: &str, params: &impl Params) -> SqlResult<Option<i64>> {
        match self {
            Self::Sqlite(conn) => {
                let changed = self.execute(sql, params)?;
                Ok((changed > 0).then(|| conn.last_insert_rowid()))
            }
            Self::Postgres(_) => self.query_opt(&format!("{sql} RETURNING id"), params, |row| row.get(0)),
        }
    }

    /// Goes over a border.
    pub(crate) fn cross(self, border: Border) -> SqlResult<()> {
        match self {
            Self::Sqlite(conn) => {
                for sql in border.of_sqlite() {
                    conn.prepare_cached(sql)?.execute([])?;
                }
                Ok(())
            }
            Self::Postgres(session) => session.cross(border),
        }
    }

    /// Whether a transaction is open.
    pub(crate) fn is_open(self) -> bool {
        match self {
            Self::Sqlite(conn) => !conn.is_autocommit(),
            Self::Postgres(session) => session.is_open(),
        }
    }

    /// Whether a statement failed in the open transaction, so that it takes no more until that is taken back. A failed
    /// statement leaves SQLite's transactions as they were.
    pub(crate) fn has_failed(self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(session) => session.has_failed(),
        }
    }

    /// Why the transaction was lost, where its work is not to blame and may be done again if it can.
    pub(crate) fn lost(self) -> Option<StoreError> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(session) => session.lost(),
        }
    }

    /// To be called by what writes resources or tags: other processes keep some of them in memory.
    pub(crate) fn note_change(self) {
        if let Self::Postgres(session) = self {
            session.note_change();
        }
    }

    /// Whether other processes may be at work in the database.
    pub(crate) fn is_shared(self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    fn expect_open(self) -> SqlResult<()> {
        if let Self::Postgres(_) = self {
            return Ok(());
        }
        // A full disk, say, ended the transaction under work that went on all the same. Writing now would commit at once
        // what its caller will be told is lost.
        if self.is_open() { Ok(()) } else { Err(SqlError::RolledBack) }
    }
}
