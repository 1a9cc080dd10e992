//! The tests of `../store` on PostgreSQL, and what only PostgreSQL has: loss of its connections, other replicas, migrations
//! beside others. Every test has a schema of its own.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod care;
mod cluster;
mod losses;
mod replicas;

#[path = "../store/forks.rs"]
mod forks;
#[path = "../store/kill.rs"]
mod kill;
#[path = "../store/memory.rs"]
mod memory;
#[path = "../store/memory_jobs.rs"]
mod memory_jobs;
#[path = "../store/model.rs"]
mod model;
#[path = "../store/resources.rs"]
mod resources;
#[path = "../store/session_model.rs"]
mod session_model;
#[path = "../store/session_store.rs"]
mod session_store;
#[path = "../store/small.rs"]
mod small;
#[path = "../store/turns.rs"]
mod turns;
#[path = "../store/writes.rs"]
mod writes;

use outcrop_store::{Store, StoreOptions};
use outcrop_wire::Timestamp;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where a test's database is.
struct Place {
    options: StoreOptions,
}

impl Place {
    /// One line that tells another process.
    fn told(&self) -> String {
        format!("{} {}", self.options.url, self.options.schema.as_deref().unwrap())
    }

    /// What such a line tells.
    fn of(told: &str) -> Self {
        let (url, schema) = told.split_once(' ').unwrap();
        Self { options: StoreOptions { schema: Some(schema.to_owned()), ..StoreOptions::new(url) } }
    }
}

fn place() -> Place {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let schema = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    Place::of(&format!("{} {schema}", cluster::url()))
}

fn open(place: &Place) -> Store {
    Store::open_with(&place.options).unwrap()
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
