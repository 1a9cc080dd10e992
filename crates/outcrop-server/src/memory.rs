//! Memory: what agents keep of sessions that are over, and tell later ones.
//!
//! A session that carried a memory id leaves a job in the store when it ends ([`outcrop_store::MemoryJob`]); the worker
//! finds it, has the session summed up, and writes summary and end of the job in one go. Nothing of it is on any turn's
//! way.

mod summarize;
mod worker;

pub use worker::start;

use crate::App;
use crate::agents::prepared::Target;
use crate::errors::{ApiError, OpResult};
use outcrop_planner::memory::{self, Remembering, SessionSummary};
use outcrop_store::{PAGE_MAX, ReadTx};
use outcrop_wire::Timestamp;
use std::time::Duration;
use tokio::sync::Notify;

/// Settings of the memory.
#[derive(Clone, Copy, Debug)]
pub struct MemorySettings {
    /// How often idle sessions and attempts that are due are looked for.
    pub sweep_interval: Duration,
    /// Sessions that are summed up at once.
    pub jobs_at_once_max: usize,
    /// Attempts to sum a session up; then it is given up.
    pub attempts_max: u32,
    /// Time before the second attempt; each further one takes twice as long, up to an hour.
    pub retry_delay: Duration,
}

impl Default for MemorySettings {
    fn default() -> Self {
        Self {
            sweep_interval: Duration::from_secs(10),
            jobs_at_once_max: 2,
            attempts_max: 5,
            retry_delay: Duration::from_secs(10),
        }
    }
}

/// Wakes the worker when there is work for it.
#[derive(Default)]
pub struct MemoryQueue {
    wake: Notify,
}

impl MemoryQueue {
    /// A session has ended: its job, if it has one, need not wait for the next look.
    pub fn session_ended(&self) {
        self.wake.notify_one();
    }
}

/// What a session of this agent is remembered under: the caller's memory id, if the agent remembers at all.
pub fn memory_id(target: &Target, asked: Option<String>) -> Option<String> {
    asked.filter(|_| memory::remembering(&target.prepared).is_some())
}

/// What a turn is told of earlier sessions; `None` when nothing is remembered.
pub async fn told(app: &App, target: &Target, memory_id: Option<&str>) -> OpResult<Option<String>> {
    let (Some(memory_id), Some(how)) = (memory_id, memory::remembering(&target.prepared)) else { return Ok(None) };
    let of = (target.agent_id.to_string(), target.alias_id.to_string(), memory_id.to_owned());
    let now = app.clock.now();
    let recent = app.store.read(move |tx| recent(tx, (&of.0, &of.1, &of.2), how, now)).await?;
    Ok(Some(memory::content(&recent)).filter(|content| !content.is_empty()))
}

/// The sessions that a turn is told of, the latest first.
fn recent(
    tx: &ReadTx<'_>,
    of: (&str, &str, &str),
    how: Remembering,
    now: Timestamp,
) -> Result<Vec<SessionSummary>, ApiError> {
    let (page, _) = tx.list_memory(of, now, None, how.recent_sessions_max.min(PAGE_MAX))?;
    Ok(page.into_iter().map(|one| SessionSummary { began_at: one.started_at, text: one.summary }).collect())
}
