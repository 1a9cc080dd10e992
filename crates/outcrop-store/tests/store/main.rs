//! The store through its public door, on SQLite; every test has its own database. `../store_postgres` runs the same tests
//! on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod blobs;
mod files;
mod forks;
mod kill;
mod memory;
mod memory_jobs;
mod model;
mod resources;
mod session_model;
mod session_store;
mod small;
mod sweep;
mod turns;
mod usage;
mod writes;

use outcrop_store::Store;
use outcrop_wire::Timestamp;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where a test's database is.
struct Place {
    folder: PathBuf,
    /// Goes with the test; not of a process that another test started.
    _own: Option<TempDir>,
}

impl Place {
    fn folder(&self) -> &Path {
        &self.folder
    }

    /// One line that tells another process.
    fn told(&self) -> String {
        self.folder.display().to_string()
    }

    /// What such a line tells.
    fn of(told: &str) -> Self {
        Self { folder: told.into(), _own: None }
    }
}

fn place() -> Place {
    let own = tempfile::tempdir().unwrap();
    Place { folder: own.path().to_owned(), _own: Some(own) }
}

fn open(place: &Place) -> Store {
    Store::open(place.folder.join("data/outcrop.db").to_str().unwrap()).unwrap()
}

/// An empty store and the place of it.
fn fresh() -> (Place, Store) {
    let place = place();
    let store = open(&place);
    (place, store)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
