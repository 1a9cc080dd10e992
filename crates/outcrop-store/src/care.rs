//! Care for a database as a file: look it over, count it, copy it while it is in use. For operators; nothing of a running
//! server goes through here.
//!
//! ```text
//! care/check.rs   is everything there that something refers to, and is it what it was
//! care/stats.rs   how much of what there is, and where the bytes are
//! care/copy.rs    a consistent copy of a database that others go on writing
//! care/postgres.rs  PostgreSQL's database as such a copy, and back
//! ```

mod check;
mod copy;
mod postgres;
mod stats;

pub use check::{CheckReport, check};
pub use copy::{copy, fill, put_aside};
pub use stats::{PayloadStats, StoreStats, TableStats, stats};

use crate::error::{Doing, StoreError};
use crate::store::StoreOptions;
use crate::{migrate, open};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// The file of a store; `None` for one that is no file.
///
/// # Errors
/// [`StoreError::Open`] for another scheme.
pub fn file_of(options: &StoreOptions) -> Result<Option<PathBuf>, StoreError> {
    match is_postgres(options) {
        true => Ok(None),
        false => open::database_path(&options.url).map(Some),
    }
}

fn is_postgres(options: &StoreOptions) -> bool {
    crate::postgres::url::is_postgres(&options.url)
}

/// Opens a database that is there, for reading, and sees to it that it is one of ours.
fn existing(url: &str) -> Result<Connection, StoreError> {
    let path = open::database_path(url)?;
    if !path.is_file() {
        return Err(StoreError::Open(format!("`{}`: there is no such file", path.display())));
    }
    let conn = open::reader(&path)?;
    migrate::expect_ours(&conn)?;
    Ok(conn)
}

/// Bytes of the database and of what SQLite keeps beside it.
fn file_bytes(path: &Path) -> (u64, u64) {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    (size(path), size(Path::new(&wal)))
}

fn one<T: rusqlite::types::FromSql>(conn: &Connection, doing: &'static str, sql: &str) -> Result<T, StoreError> {
    conn.query_row(sql, [], |row| row.get(0)).doing(doing)
}
