//! A consistent copy of a database in use, as a file of SQLite, and the way back into PostgreSQL.

use super::{existing, is_postgres, postgres};
use crate::error::{Doing, StoreError};
use crate::open;
use crate::postgres::apart;
use crate::store::StoreOptions;
use std::fs;
use std::path::Path;

/// Writes the database as it is at this moment to a new file, for its owner only, and brings it to the disk. Others go on
/// writing meanwhile; what they write later is not in the copy. The copy has no free pages.
///
/// # Errors
/// A file that cannot be opened or is not ours; a target that is there already; a disk that is full. Nothing is left of
/// the target then.
pub fn copy(options: &StoreOptions, to: &Path) -> Result<(), StoreError> {
    if to.exists() {
        return Err(StoreError::Open(format!("`{}` is there already", to.display())));
    }
    // SQLite writes into an empty file as into a new one, and this way nobody else can read it meanwhile.
    open::create_file(to)?;
    let copied = if is_postgres(options) { apart(|| postgres::copy_to(options, to)) } else { vacuum(&options.url, to) };
    let synced = copied.and_then(|()| {
        let file = fs::File::open(to).and_then(|file| file.sync_all());
        file.map_err(|error| StoreError::Open(format!("`{}`: {error}", to.display())))
    });
    if synced.is_err() {
        // The reason is told; that a torn copy could not be removed on a broken disk adds nothing.
        let _ = fs::remove_file(to);
    }
    synced
}

fn vacuum(url: &str, to: &Path) -> Result<(), StoreError> {
    let conn = existing(url)?;
    let text = to.to_str().ok_or_else(|| StoreError::Open(format!("`{}` is no text", to.display())))?;
    conn.execute("VACUUM INTO ?1", [text]).doing("copy the database").map(drop)
}

/// Fills a database of PostgreSQL that has no rows of ours from a copy. All of it comes or nothing.
///
/// # Errors
/// [`StoreError::Conflict`] when there are rows; a file or a server that cannot be used.
pub fn fill(from: &Path, options: &StoreOptions) -> Result<(), StoreError> {
    apart(|| postgres::fill_from(from, options))
}

/// Puts aside what a database of PostgreSQL holds: its schema gets another name, which is answered; `None` when there is
/// nothing.
///
/// # Errors
/// [`StoreError::Conflict`] when the schema was not named in the options.
pub fn put_aside(options: &StoreOptions, stamp: &str) -> Result<Option<String>, StoreError> {
    apart(|| postgres::put_aside(options, stamp))
}
