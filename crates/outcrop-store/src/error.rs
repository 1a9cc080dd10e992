//! What can go wrong in the store, told to the operator.

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
    /// SQLite refused; the text is its own.
    #[error("cannot {doing}: {why}")]
    Sql {
        /// What was tried, as a verb phrase.
        doing: &'static str,
        /// SQLite's message.
        why: String,
    },
    /// What is stored cannot be read back.
    #[error("the store holds something unreadable: {0}")]
    Corrupt(String),
    /// The row is there already, or the row it hangs on is not: two writers on one turn, or a swept session.
    #[error("conflict in the store: {0}")]
    Conflict(String),
    /// Somebody else holds the session by now, or it is gone: nothing was written.
    #[error("the session was given to somebody else, or is gone")]
    Fenced,
    /// The store is closing or closed.
    #[error("the store is closed")]
    Closed,
    /// Another process held the database for longer than the busy time-out.
    #[error("the database is locked by another process")]
    Busy,
    /// A value over its limit was refused before it was written.
    #[error("too large for the store: {0}")]
    TooLarge(String),
    /// The work panicked; nothing of it was kept.
    #[error("work inside the store panicked: {0}")]
    Panicked(String),
}

/// Names what was tried when a statement fails. Keeps rusqlite's types inside the crate.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| sql_error(doing, &error))
    }
}

/// Sorts SQLite's codes into the kinds that are handled differently.
pub(crate) fn sql_error(doing: &'static str, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase, TooBig};
    match error.sqlite_error_code() {
        Some(DatabaseBusy | DatabaseLocked) => StoreError::Busy,
        Some(DatabaseCorrupt | NotADatabase) => StoreError::Corrupt(format!("cannot {doing}: {error}")),
        Some(TooBig) => StoreError::TooLarge(format!("cannot {doing}: {error}")),
        _ => StoreError::Sql { doing, why: error.to_string() },
    }
}

/// Which constraint a statement broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    PrimaryKey,
    Unique,
    ForeignKey,
}

/// The broken constraint, if that is what the error is about.
pub(crate) fn broken_constraint(error: &rusqlite::Error) -> Option<Broken> {
    use rusqlite::ffi;
    match error.sqlite_error()?.extended_code {
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => Some(Broken::PrimaryKey),
        ffi::SQLITE_CONSTRAINT_UNIQUE => Some(Broken::Unique),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Some(Broken::ForeignKey),
        _ => None,
    }
}

/// What a panic said, as far as it said it in text.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").to_owned()
}
