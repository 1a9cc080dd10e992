//! A store at rest: its write-ahead log is folded into the database and given back, so that the files are as large as what
//! they hold. While turns run that would cost them: a log that has its size is written over, a new one has to grow.

use crate::error::{Doing, StoreError};
use crate::open::{self, OpenFile};
use crate::store::Store;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// What the log looked like at the last look: unchanged since is at rest.
#[derive(Debug)]
pub(crate) struct Rest {
    database: PathBuf,
    file: OpenFile,
    seen: Mutex<Option<(u64, SystemTime)>>,
}

impl Rest {
    pub(crate) fn of(database: PathBuf, file: OpenFile) -> Self {
        Self { database, file, seen: Mutex::new(None) }
    }

    /// Whether there is a log and it has not changed since this was asked before.
    fn has_come(&self) -> bool {
        let mut log = self.database.as_os_str().to_owned();
        log.push("-wal");
        let now = std::fs::metadata(Path::new(&log)).ok().and_then(|log| Some((log.len(), log.modified().ok()?)));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *seen, now) == now && now.is_some_and(|(length, _)| length > 0)
    }
}

impl Store {
    /// Folds the log into the database if nothing was written since the last call; answers whether it did. Does not wait
    /// for anybody: when someone reads or writes, it is left for another time.
    ///
    /// # Errors
    /// A database that cannot be opened or written.
    pub async fn fold_log_at_rest(&self) -> Result<bool, StoreError> {
        let Some(rest) = self.rest().filter(|rest| rest.has_come()) else { return Ok(false) };
        rest.file.is_there()?;
        let path = rest.database.clone();
        let fold = move || {
            // A connection of its own: the writer is always inside a transaction when it works, and there it cannot be done.
            let conn = open::to_fold(&path)?;
            conn.busy_timeout(Duration::ZERO).doing("fold the log")?;
            let busy: i64 =
                conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).doing("fold the log")?;
            Ok(busy == 0)
        };
        tokio::task::spawn_blocking(fold).await.map_err(|error| StoreError::Panicked(error.to_string()))?
    }
}
