//! The store through its public door; every test has its own database.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod forks;
mod kill;
mod leases;
mod memory;
mod memory_jobs;
mod model;
mod resources;
mod session_model;
mod session_store;
mod simulation;
mod small;
mod turns;
mod writes;

use outcrop_store::Store;
use outcrop_wire::Timestamp;
use tempfile::TempDir;

/// An empty store and the folder that goes with it.
fn fresh() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    (folder, store)
}

fn open(folder: &TempDir) -> Store {
    Store::open(folder.path().join("data/outcrop.db").to_str().unwrap()).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
