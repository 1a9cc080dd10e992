//! A consistent copy of a database in use.

use super::existing;
use crate::error::{Doing, StoreError};
use crate::open;
use std::fs;
use std::path::Path;

/// Writes the database as it is at this moment to a new file, for its owner only, and brings it to the disk. Others go on
/// writing meanwhile; what they write later is not in the copy. The copy has no free pages.
///
/// # Errors
/// A file that cannot be opened or is not ours; a target that is there already; a disk that is full. Nothing is left of
/// the target then.
pub fn copy(url: &str, to: &Path) -> Result<(), StoreError> {
    let conn = existing(url)?;
    if to.exists() {
        return Err(StoreError::Open(format!("`{}` is there already", to.display())));
    }
    // SQLite writes into an empty file as into a new one, and this way nobody else can read it meanwhile.
    open::create_file(to)?;
    let text = to.to_str().ok_or_else(|| StoreError::Open(format!("`{}` is no text", to.display())))?;
    let copied = conn.execute("VACUUM INTO ?1", [text]).doing("copy the database");
    let synced = copied.and_then(|_| {
        let file = fs::File::open(to).and_then(|file| file.sync_all());
        file.map_err(|error| StoreError::Open(format!("`{}`: {error}", to.display())))
    });
    if synced.is_err() {
        // The reason is told; that a torn copy could not be removed on a broken disk adds nothing.
        let _ = fs::remove_file(to);
    }
    synced
}
