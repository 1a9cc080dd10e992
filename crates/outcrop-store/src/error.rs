//! What can go wrong in the store, told to the operator.

use crate::postgres;
use crate::sql::{SqlError, SqlResult};
use tokio_postgres::error::SqlState;

/// A failure of the store itself, never of what the caller asked for.
///
/// Not found is not here: look-ups answer `Option`. Texts are for logs; they name tables and ids, never documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened: scheme, path, permission, or a file of another program.
    #[error("cannot open the store: {0}")]
    Open(String),
    /// The schema and this program do not fit together.
    #[error("cannot migrate the store: {0}")]
    Migration(String),
    /// The database refused; the text is its own.
    #[error("cannot {doing}: {why}")]
    Sql {
        /// What was tried, as a verb phrase.
        doing: &'static str,
        /// The database's message.
        why: String,
    },
    /// The disk refused: it is full, read-only, failing, or the database's file is gone. Nothing was written. Once the
    /// disk takes writes again, so does the store.
    #[error("cannot {doing}, because the disk refuses: {why}")]
    Disk {
        /// What was tried, as a verb phrase.
        doing: &'static str,
        /// The database's message.
        why: String,
    },
    /// What is stored cannot be read back.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    /// The row is there already, or the row it hangs on is not: two writers on one turn, or a swept session.
    #[error("conflict in the store: {0}")]
    Conflict(String),
    /// The store is closing or closed.
    #[error("the store is closed")]
    Closed,
    /// Another process held the database for longer than the busy time-out, or transactions stood in each other's way.
    #[error("the database is locked by another process")]
    Busy,
    /// The database does not answer, or hung up. Nothing was written. The store connects again by itself.
    #[error("the database is away: {0}")]
    Unavailable(String),
    /// The database went away while it made a write durable, and cannot tell what became of it: it was kept whole or not
    /// at all.
    #[error("the database went away during a commit; whether it was kept is not known")]
    Unknown,
    /// A value over its limit was refused before it was written.
    #[error("too large for the store: {0}")]
    TooLarge(String),
    /// The work panicked; nothing of it was kept.
    #[error("work inside the store panicked: {0}")]
    Panicked(String),
}

/// Names what was tried when a statement fails. Keeps the types of databases inside the crate.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| sqlite_error(doing, &error))
    }
}

impl<T> Doing<T> for SqlResult<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| sql_error(doing, &error))
    }
}

/// Sorts failures into the kinds that are handled differently.
pub(crate) fn sql_error(doing: &'static str, error: &SqlError) -> StoreError {
    match error {
        SqlError::Sqlite(error) => sqlite_error(doing, error),
        SqlError::Postgres(error) => postgres_error(doing, error),
        SqlError::Store(error) => error.clone(),
        SqlError::Column { .. } => StoreError::Corrupt(format!("cannot {doing}: {error}")),
        SqlError::RolledBack => StoreError::Sql { doing, why: error.to_string() },
    }
}

fn sqlite_error(doing: &'static str, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase, ReadOnly, SystemIoFailure,
        TooBig,
    };
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => StoreError::Busy,
        Some(DatabaseCorrupt | NotADatabase) => StoreError::Corrupt(format!("cannot {doing}: {error}")),
        Some(TooBig) => StoreError::TooLarge(format!("cannot {doing}: {error}")),
        Some(CannotOpen | DiskFull | ReadOnly | SystemIoFailure) => StoreError::Disk { doing, why: disk_words(error) },
        _ => StoreError::Sql { doing, why: error.to_string() },
    }
}

/// SQLite's message, with its number where the message says the same of many failures.
fn disk_words(error: &rusqlite::Error) -> String {
    match error.sqlite_error() {
        Some(code) if code.code == rusqlite::ErrorCode::SystemIoFailure => {
            format!("{error} (SQLite code {})", code.extended_code)
        }
        _ => error.to_string(),
    }
}

fn postgres_error(doing: &'static str, error: &tokio_postgres::Error) -> StoreError {
    let why = postgres::words(error);
    match error.code() {
        Some(
            &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED | &SqlState::LOCK_NOT_AVAILABLE,
        ) => StoreError::Busy,
        Some(&SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED) => {
            StoreError::Corrupt(format!("cannot {doing}: {why}"))
        }
        Some(&SqlState::DISK_FULL | &SqlState::READ_ONLY_SQL_TRANSACTION | &SqlState::IO_ERROR) => {
            StoreError::Disk { doing, why }
        }
        Some(code) if code.code().starts_with("54") => StoreError::TooLarge(format!("cannot {doing}: {why}")),
        _ => StoreError::Sql { doing, why },
    }
}

/// Whether a statement failed because the row that its row hangs on is not there.
pub(crate) fn is_missing_row(error: &SqlError) -> bool {
    match error {
        SqlError::Sqlite(error) => {
            let code = error.sqlite_error().map(|error| error.extended_code);
            code == Some(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
        }
        SqlError::Postgres(error) => error.code() == Some(&SqlState::FOREIGN_KEY_VIOLATION),
        SqlError::Store(_) | SqlError::Column { .. } | SqlError::RolledBack => false,
    }
}

/// What a panic said, as far as it said it in text.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
