//! From a store URL to open connections: scheme, file, permissions, pragmas.

use crate::error::{Doing, StoreError};
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a statement waits for another process before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Distinct statements of this crate, with room.
const STATEMENTS_CACHED: usize = 128;
/// WAL pages between checkpoints (8 MiB): a page that many turns touch is then copied back once for many commits, and the
/// log is not most of what a small store takes.
const CHECKPOINT_PAGES: i64 = 2_000;
/// The WAL file is cut back to this many bytes after a checkpoint.
const WAL_BYTES_KEPT: i64 = 64 << 20;
/// Page cache of a connection, in KiB (negative is SQLite's sign for KiB). There is no memory map: it is torn down and
/// faulted in anew whenever the file grows, which costs turns in old sessions more than copying pages does, and its pages
/// count as the process's memory.
const CACHE: i64 = -32_768;

/// The file a store URL names: `sqlite:path`, `sqlite://path` or a plain path.
pub(crate) fn database_path(url: &str) -> Result<PathBuf, StoreError> {
    let path = match url.split_once(':') {
        Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
        // The rest of the URL may hold a password, so it is not repeated.
        Some((scheme, _)) if is_scheme(scheme) => {
            return Err(StoreError::Open(format!(
                "unknown scheme `{scheme}` in the store URL; use `sqlite:path` or `postgres://…`"
            )));
        }
        _ => url,
    };
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(StoreError::Open("the store URL needs the path of a file, as in `sqlite:data/outcrop.db`".into()));
    }
    Ok(PathBuf::from(path))
}

/// One letter is a drive, not a scheme.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Creates the folder and the file where they are missing, readable by their owner only.
pub(crate) fn create_file(path: &Path) -> Result<(), StoreError> {
    let cannot = |what: &Path, error: std::io::Error| StoreError::Open(format!("`{}`: {error}", what.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        private_folder().recursive(true).create(folder).map_err(|error| cannot(folder, error))?;
    }
    if path.exists() {
        return Ok(());
    }
    let file = private_file().write(true).create(true).truncate(false).open(path).map_err(|e| cannot(path, e))?;
    file.sync_all().map_err(|error| cannot(path, error))?;
    // The entry of a new file is durable only once its folder is.
    #[cfg(unix)]
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| cannot(folder, error))?;
    Ok(())
}

fn private_folder() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "permissions are set on unix only"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file() -> fs::OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "permissions are set on unix only"))]
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A file as it was opened. Whoever goes on writing after it was moved away or replaced writes where nobody will look, or
/// mixes the log of one database into another.
#[derive(Clone, Debug)]
pub(crate) struct OpenFile {
    path: PathBuf,
    #[cfg(unix)]
    number: Option<(u64, u64)>,
}

impl OpenFile {
    pub(crate) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            #[cfg(unix)]
            number: number(path),
        }
    }

    /// # Errors
    /// [`StoreError::Disk`] when the path leads to another file by now, or to none.
    pub(crate) fn is_there(&self) -> Result<(), StoreError> {
        #[cfg(unix)]
        if number(&self.path) != self.number {
            let path = self.path.display();
            return Err(StoreError::Disk {
                doing: "write",
                why: format!(
                    "`{path}` is not the file any more that the server opened; put it back, or start the server again to go on with what is there"
                ),
            });
        }
        Ok(())
    }
}

/// What tells a file from any other, wherever it is.
#[cfg(unix)]
fn number(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// The one connection that writes. SQLite gives the WAL beside it the file's permissions.
pub(crate) fn writer(path: &Path) -> Result<Connection, StoreError> {
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let doing = "set up the writer";
    let mode: String =
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).doing("turn on WAL")?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(StoreError::Open(format!("`{}`: the file system allows no WAL (got `{mode}`)", path.display())));
    }
    conn.pragma_update(None, "synchronous", "FULL").doing(doing)?;
    // On macOS fsync alone leaves the data in the drive's cache; elsewhere these change nothing.
    conn.pragma_update(None, "fullfsync", true).doing(doing)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true).doing(doing)?;
    conn.pragma_update(None, "foreign_keys", true).doing(doing)?;
    conn.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(())).doing(doing)?;
    conn.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES_KEPT, |_| Ok(())).doing(doing)?;
    Ok(conn)
}

/// A connection for folding the log: it brings what it writes to the disk like the writer's.
pub(crate) fn to_fold(path: &Path) -> Result<Connection, StoreError> {
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let doing = "set up a connection";
    conn.pragma_update(None, "synchronous", "FULL").doing(doing)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true).doing(doing)?;
    Ok(conn)
}

/// A connection that cannot write.
pub(crate) fn reader(path: &Path) -> Result<Connection, StoreError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    // No URI flag: a path is a path. No mutex: each connection lives on one thread.
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| StoreError::Open(format!("`{}`: {error}", path.display())))?;
    let doing = "set up a connection";
    conn.busy_timeout(BUSY_TIMEOUT).doing(doing)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    conn.pragma_update(None, "cache_size", CACHE).doing(doing)?;
    conn.pragma_update(None, "temp_store", "MEMORY").doing(doing)?;
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file_or_says_why_not() {
        let check = |url: &str, expected: Result<&str, &str>| match (database_path(url), expected) {
            (Ok(path), Ok(want)) => assert_eq!(path, Path::new(want), "{url}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{url}: {error}"),
            (got, _) => panic!("{url}: {got:?}"),
        };
        check("sqlite:data/x.db", Ok("data/x.db"));
        check("sqlite:///var/x.db", Ok("/var/x.db"));
        check("data/x.db", Ok("data/x.db"));
        check("a folder: odd/x.db", Ok("a folder: odd/x.db"));
        check("c:/x.db", Ok("c:/x.db"));
        check("", Err("path of a file"));
        check("sqlite:", Err("path of a file"));
        check("sqlite::memory:", Err("path of a file"));
        check("mysql://h/d", Err("unknown scheme `mysql`"));
        let told = database_path("mariadb://user:secret@h/d").unwrap_err().to_string();
        assert!(!told.contains("secret"), "{told}");
    }
}
