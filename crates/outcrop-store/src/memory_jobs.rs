//! Sessions that are over and wait to be summed up: a row for each, written with the session's end and deleted with the
//! writing of its summary, so that none is lost and none is written twice.

use crate::error::StoreError;
use crate::memory::{MemorySummary, Remembered};
use crate::sql::{Row, SqlResult};
use crate::store::Store;
use crate::tx::{ReadTx, Tx};
use crate::writer::Request;
use outcrop_wire::Timestamp;

/// What is read of a job; the session's beginning stands in the session.
const COLUMNS: &str = "session, agent_id, alias_id, memory_id, session_id, ended_at, due_at, attempts";

/// A session to be summed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryJob {
    /// The store's number of the session.
    pub session: i64,
    /// The agent's id.
    pub agent_id: String,
    /// The alias's id.
    pub alias_id: String,
    /// The caller's memory id.
    pub memory_id: String,
    /// The session as the client named it.
    pub session_id: String,
    /// When it was found to be over.
    pub ended_at: Timestamp,
    /// When the next attempt is due.
    pub due_at: Timestamp,
    /// Attempts begun so far; of a job that was just claimed, with this one.
    pub attempts: u32,
}

/// A session whose idle time is over and that is not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleSession {
    /// The store's number of the session.
    pub session: i64,
    /// When it expired.
    pub expired_at: Timestamp,
    /// The agent's id.
    pub agent_id: String,
    /// The alias's id.
    pub alias_id: String,
    /// The session as the client named it.
    pub session_id: String,
}

/// [`Tx::claim_memory_jobs`] as a write of its own, which waits for no other.
struct Claim {
    now: Timestamp,
    leased_until: Timestamp,
    limit: usize,
}

impl Request for Claim {
    type Output = Vec<MemoryJob>;
    type Error = StoreError;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<MemoryJob>, StoreError> {
        tx.claim_memory_jobs(self.now, self.leased_until, self.limit)
    }

    fn wrote(_: &StoreError) -> bool {
        true
    }
}

impl Store {
    /// [`Tx::claim_memory_jobs`] in a write of its own.
    ///
    /// # Errors
    /// Failures of the store; nothing is held then.
    pub async fn claim_memory_jobs(
        &self,
        now: Timestamp,
        leased_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<MemoryJob>, StoreError> {
        self.submit(Claim { now, leased_until, limit }).await
    }
}

impl ReadTx<'_> {
    /// Some remembered sessions that have expired, the first to expire first, after this one.
    pub fn idle_sessions(
        &self,
        now: Timestamp,
        after: Option<&IdleSession>,
        limit: usize,
    ) -> Result<Vec<IdleSession>, StoreError> {
        let after = after.map_or((i64::MIN, i64::MIN), |one| (one.expired_at.as_nanos(), one.session));
        let sql = "SELECT id, last_active_at + idle_ttl_s * 1000000000 AS expired_at, agent_id, alias_id, session_id
                   FROM session
                   WHERE memory_id IS NOT NULL AND ended = 0
                   AND last_active_at + idle_ttl_s * 1000000000 < ?1
                   AND last_active_at + idle_ttl_s * 1000000000 >= ?2
                   AND (last_active_at + idle_ttl_s * 1000000000 > ?2 OR id > ?3)
                   ORDER BY last_active_at + idle_ttl_s * 1000000000, id LIMIT ?4";
        let row = (now.as_nanos(), after.0, after.1, i64::try_from(limit).unwrap_or(i64::MAX));
        self.query_all("look for idle sessions", sql, row, |row| {
            Ok(IdleSession {
                session: row.get(0)?,
                expired_at: Timestamp::from_nanos(row.get(1)?),
                agent_id: row.get(2)?,
                alias_id: row.get(3)?,
                session_id: row.get(4)?,
            })
        })
    }

    /// Up to `limit` jobs of a memory id, in the order in which their sessions ended.
    pub fn memory_jobs(
        &self,
        (agent_id, alias_id, memory_id): (&str, &str, &str),
        limit: usize,
    ) -> Result<Vec<MemoryJob>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM memory_job WHERE agent_id = ?1 AND alias_id = ?2 AND memory_id = ?3
             ORDER BY ended_at, session LIMIT ?4"
        );
        let row = (agent_id, alias_id, memory_id, i64::try_from(limit).unwrap_or(i64::MAX));
        self.query_all("list memory jobs", &sql, row, from_row)
    }

    /// When a session began.
    pub fn session_began(&self, session: i64) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT created_at FROM session WHERE id = ?1";
        self.query_opt("read a session's beginning", sql, [session], |row| Ok(Timestamp::from_nanos(row.get(0)?)))
    }

    /// Turns of a session, ended or not.
    pub fn session_turns(&self, session: i64) -> Result<Option<u32>, StoreError> {
        self.query_opt("count a session's turns", "SELECT turns FROM session WHERE id = ?1", [session], |row| {
            row.get(0)
        })
    }
}

impl Tx<'_> {
    /// Has a session summed up that ends now; nothing for one that is not remembered.
    pub(crate) fn queue_memory_job(&mut self, session: i64, now: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO memory_job (session, agent_id, alias_id, memory_id, session_id, ended_at, due_at)
                   SELECT id, agent_id, alias_id, memory_id, session_id, ?2, ?2 FROM session
                   WHERE id = ?1 AND memory_id IS NOT NULL
                   ON CONFLICT (session) DO NOTHING";
        self.execute("queue a memory job", sql, (session, now.as_nanos())).map(drop)
    }

    /// Takes up to `limit` jobs that are due, and holds them until `leased_until`. Each is one more attempt. What another
    /// process takes at the same moment is passed over.
    pub fn claim_memory_jobs(
        &mut self,
        now: Timestamp,
        leased_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<MemoryJob>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM memory_job
             WHERE due_at <= ?1 AND (leased_until IS NULL OR leased_until <= ?1) ORDER BY due_at, session LIMIT ?2
             /* lock those that are free */"
        );
        let row = (now.as_nanos(), i64::try_from(limit).unwrap_or(i64::MAX));
        let mut jobs = self.query_all("look for memory jobs", &sql, row, from_row)?;
        let sql = "UPDATE memory_job SET leased_until = ?2, attempts = attempts + 1 WHERE session = ?1";
        for job in &mut jobs {
            self.execute("claim a memory job", sql, (job.session, leased_until.as_nanos()))?;
            job.attempts += 1;
        }
        Ok(jobs)
    }

    /// Gives up all leases: whoever held them is gone. An attempt that was cut off counts.
    pub fn release_memory_jobs(&mut self) -> Result<usize, StoreError> {
        let sql = "UPDATE memory_job SET leased_until = NULL WHERE leased_until IS NOT NULL";
        self.execute("release memory jobs", sql, [])
    }

    /// Gives a job back: it is tried again from then on. `counts` is false for an attempt that did not come to its end
    /// through no fault of the job.
    pub fn retry_memory_job(&mut self, session: i64, due_at: Timestamp, counts: bool) -> Result<(), StoreError> {
        let sql = "UPDATE memory_job SET leased_until = NULL, due_at = ?2, attempts = attempts - ?3 WHERE session = ?1";
        self.execute("put off a memory job", sql, (session, due_at.as_nanos(), i64::from(!counts))).map(drop)
    }

    /// Ends a job; answers whether it was there: one whose memory id was forgotten meanwhile is not, and then nothing may
    /// be written for it.
    pub fn end_memory_job(&mut self, session: i64) -> Result<bool, StoreError> {
        Ok(self.execute("end a memory job", "DELETE FROM memory_job WHERE session = ?1", [session])? > 0)
    }

    /// Ends a session by its number if it is idle and not ended, and has it summed up; answers whether it did.
    pub fn end_idle_session(&mut self, session: i64, now: Timestamp) -> Result<bool, StoreError> {
        // A turn that is open is at work in another process, or was cut off there and is taken over first. In the only
        // process the caller knows that none is.
        let sql = "SELECT 1 FROM session WHERE id = ?1 AND ended = 0 AND last_active_at + idle_ttl_s * 1000000000 < ?2
                   AND (open_turn IS NULL OR ?3 = 0) /* lock */";
        let row = (session, now.as_nanos(), self.is_shared());
        let is_idle = self.query_opt("look at an idle session", sql, row, |_| Ok(()))?.is_some();
        if is_idle {
            self.retire_session(session, now)?;
        }
        Ok(is_idle)
    }

    /// Drops the jobs of what is forgotten, so that it is not remembered after all.
    pub(crate) fn delete_memory_jobs(&mut self, which: &Remembered) -> Result<(), StoreError> {
        let sql = "DELETE FROM memory_job WHERE agent_id = ?1 AND (?2 IS NULL OR alias_id = ?2)
                   AND (?3 IS NULL OR memory_id = ?3) AND (?4 IS NULL OR session_id = ?4)";
        let row = (&which.agent_id, &which.alias_id, &which.memory_id, &which.session_id);
        self.execute("drop memory jobs", sql, row).map(drop)
    }

    /// Ends a job with its summary, or with none when there was nothing to remember; answers whether it was written.
    pub fn finish_memory_job(
        &mut self,
        job: &MemoryJob,
        summary: Option<&MemorySummary>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if !self.end_memory_job(job.session)? {
            return Ok(false);
        }
        let Some(summary) = summary else { return Ok(false) };
        self.put_memory((&job.agent_id, &job.alias_id, &job.memory_id), summary, now)?;
        Ok(true)
    }
}

fn from_row(row: &Row<'_>) -> SqlResult<MemoryJob> {
    Ok(MemoryJob {
        session: row.get(0)?,
        agent_id: row.get(1)?,
        alias_id: row.get(2)?,
        memory_id: row.get(3)?,
        session_id: row.get(4)?,
        ended_at: Timestamp::from_nanos(row.get(5)?),
        due_at: Timestamp::from_nanos(row.get(6)?),
        attempts: row.get(7)?,
    })
}
