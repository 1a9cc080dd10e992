//! Kept traces: what a turn did, told again from its journal.
//!
//! Nothing is written for them. The planner replays the recorded events with all trace parts made, whatever the caller
//! wanted at the time, and what else the journal knows stands between them. Turns of collaborators stand where they
//! happened, as in the live stream.
//!
//! | file | does |
//! |---|---|
//! | `kept/gather.rs` | reads a turn and the turns of its collaborators |
//! | `kept/tell.rs` | replays them into entries, in the order of time |
//! | `kept/entry.rs` | one entry: what it is, and how it is written as JSON |
//! | `kept/shown.rs` | what of an entry is shown: without secrets, and bounded |
//!
//! Bounds: [`JOURNAL_BYTES_MAX`] of journals and [`TURNS_MAX`] turns in one trace (what is beyond is named and left out),
//! [`AT_ONCE_MAX`] traces made at a time.

mod entry;
mod gather;
mod shown;
mod tell;

pub use entry::Entry;
pub use gather::{is_inline, summaries};
pub use shown::{TEXT_BYTES_MAX, cut};
pub use tell::{Status, Summary, Told, Totals};

use crate::App;
use crate::errors::{self, OpResult};
use outcrop_store::KeptSession;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Bytes of journals and histories that one trace is made from at most.
const JOURNAL_BYTES_MAX: usize = 256 << 20;
/// Turns that one trace is made from at most, those of collaborators included.
const TURNS_MAX: usize = 1_000;
/// Traces that are made at a time: each may hold a whole journal in memory.
const AT_ONCE_MAX: usize = 2;
static PLACES: Semaphore = Semaphore::const_new(AT_ONCE_MAX);

/// Tells a turn; `make` makes of what is told what is wanted, away from the threads that answer requests. `None` when the
/// session has no such turn.
pub async fn tell<T: Send + 'static>(
    app: &Arc<App>,
    session: KeptSession,
    number: u32,
    make: impl FnOnce(Told) -> T + Send + 'static,
) -> OpResult<Option<T>> {
    let _place = PLACES.acquire().await.map_err(|_| errors::internal())?;
    let Some(gathered) = gather::gather(app, session, number).await? else { return Ok(None) };
    let secrets = app.settings.secrets.with_attributes(gathered.attributes()).with_values(gathered.masked_values());
    let prices = app.prices.clone();
    let told = tokio::task::spawn_blocking(move || make(tell::tell(gathered, &secrets, &*prices))).await;
    told.map(Some).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "telling a turn panicked");
        errors::internal()
    })
}
