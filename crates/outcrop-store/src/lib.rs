//! Remembers: resources, sessions, turn journals; the only crate with SQL.
//!
//! One SQLite file in WAL mode with `synchronous = FULL`. One thread writes and groups what waits into one commit
//! ([`Store::write`] and the turn functions answer once that commit is durable); a few threads read, each from a
//! consistent snapshot ([`Store::read`]). Everything else are functions named after a need, on [`ReadTx`] and [`Tx`]:
//!
//! | file | keeps |
//! |---|---|
//! | `resources.rs` | agents, aliases, …: generated documents plus indexed columns, paged by [`Cursor`] |
//! | `snapshots.rs` | prepared agents: immutable, content-addressed documents |
//! | `tags.rs`, `client_tokens.rs` | resource tags; idempotency keys of AWS |
//! | `sessions.rs` | conversations: attributes, idle time, the turn that is open or suspended |
//! | `forks.rs`, `kept.rs` | sessions that go on from a point of another; sessions as they are looked at afterwards |
//! | `turns.rs`, `journal.rs` | one InvokeAgent as an append-only list of events |
//! | `packed.rs`, `blobs.rs` | the form of events in their rows; what is large, once and under its hash |
//! | `files.rs` | files that callers gave in a session, as blobs |
//! | `stored_sessions.rs`, `invocations.rs` | the session store: what other frameworks keep of their conversations |
//! | `sweep.rs` | nothing: it deletes what was over long ago |
//! | `memory.rs`, `memory_jobs.rs` | what agents remember of sessions that are over; the sessions that wait for it |
//!
//! `care/` looks after a database as a file: check, statistics, copy.
//!
//! Times and ids are handed in; nothing here reads the clock.

mod blobs;
pub mod care;
mod client_tokens;
mod conn;
mod cursor;
mod error;
mod files;
mod forks;
mod invocations;
mod journal;
mod kept;
mod memory;
mod memory_jobs;
mod migrate;
mod open;
mod packed;
mod postgres;
mod reader;
mod resources;
mod rest;
mod sessions;
mod snapshots;
mod sql;
mod store;
mod stored_sessions;
mod sweep;
mod tags;
mod turns;
mod tx;
mod usage;
mod writer;

pub use client_tokens::{CLIENT_TOKEN_SECONDS, ClientToken};
pub use cursor::{Cursor, RowCursor};
pub use error::StoreError;
pub use files::SessionFile;
pub use forks::{Bound, FORK_DEPTH_MAX, FORKS_PER_SESSION_MAX, Fork, ForkError, NewFork};
pub use invocations::{Invocation, InvocationStep, Within};
pub use journal::{EVENT_BYTES_MAX, JournalEvent};
pub use kept::{KeptSession, SessionFilter};
pub use memory::{MemoryId, MemorySummary, Remembered};
pub use memory_jobs::{IdleSession, MemoryJob};
pub use postgres::url::is_postgres;
pub use resources::{Kind, LIST_ALL_MAX, PAGE_MAX, PutError, Resource};
pub use sessions::{Session, UnfinishedTurn};
pub use snapshots::snapshot_hash;
pub use store::{Store, StoreOptions};
pub use stored_sessions::{SessionAttributes, StoredSession};
pub use sweep::{Sweep, Sweeping, Swept};
pub use turns::{BeginError, BeginTurn, Begun, FinishTurn, TurnOutcome};
pub use tx::{ReadTx, Tx};
pub use usage::{ModelUsage, UsageBy, UsageFilter, UsageOf};
