//! What agents remember of sessions that are over: one summary for each session, under the memory id of its caller.

use crate::cursor::{RowCursor, cut_page, rows_to_read};
use crate::error::StoreError;
use crate::store::Store;
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;

const SECONDS_A_DAY: i64 = 24 * 60 * 60;
/// Expired summaries that one write removes at most.
const PRUNE_MAX: i64 = 100;
/// Summaries one write of a deletion removes at most, so that it never holds the writer for long.
const DELETE_AT_ONCE: i64 = 1_000;

/// The summary of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemorySummary {
    /// The session as the client named it.
    pub session_id: String,
    /// When the session began.
    pub started_at: Timestamp,
    /// From when on it is no longer remembered.
    pub expires_at: Timestamp,
    /// What is remembered.
    pub summary: String,
}

/// Which summaries: those of an agent, or of an alias, or of a memory id of it, or one session's. What is absent is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// The agent's id.
    pub agent_id: String,
    /// The alias's id.
    pub alias_id: Option<String>,
    /// The caller's memory id.
    pub memory_id: Option<String>,
    /// The session as the client named it.
    pub session_id: Option<String>,
}

/// A memory id with what there is under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryId {
    /// The caller's memory id.
    pub memory_id: String,
    /// Sessions remembered under it.
    pub sessions: u32,
    /// When the last of them began.
    pub last_began: Timestamp,
}

impl ReadTx<'_> {
    /// Up to `limit` memory ids of an alias with something remembered, in the order of their letters, after this one.
    pub fn memory_ids(
        &self,
        (agent_id, alias_id): (&str, &str),
        now: Timestamp,
        after: &str,
        limit: usize,
    ) -> Result<Vec<MemoryId>, StoreError> {
        let sql = "SELECT memory_id, count(*), max(started_at) FROM memory
                   WHERE agent_id = ?1 AND alias_id = ?2 AND memory_id > ?3 AND expires_at > ?4
                   GROUP BY memory_id ORDER BY memory_id LIMIT ?5";
        let row = (agent_id, alias_id, after, now.as_nanos(), i64::try_from(limit).unwrap_or(i64::MAX));
        self.query_all("list memory ids", sql, row, |row| {
            let last_began = Timestamp::from_nanos(row.get(2)?);
            Ok(MemoryId { memory_id: row.get(0)?, sessions: row.get(1)?, last_began })
        })
    }

    /// The summary of one session; `None` when there is none or it has expired.
    pub fn memory_of(
        &self,
        (agent_id, alias_id, memory_id): (&str, &str, &str),
        session_id: &str,
        now: Timestamp,
    ) -> Result<Option<MemorySummary>, StoreError> {
        let sql = "SELECT started_at, expires_at, summary FROM memory
                   WHERE agent_id = ?1 AND alias_id = ?2 AND memory_id = ?3 AND session_id = ?4 AND expires_at > ?5";
        let row = (agent_id, alias_id, memory_id, session_id, now.as_nanos());
        self.query_opt("read a memory", sql, row, |row| {
            Ok(MemorySummary {
                session_id: session_id.to_owned(),
                started_at: Timestamp::from_nanos(row.get(0)?),
                expires_at: Timestamp::from_nanos(row.get(1)?),
                summary: row.get(2)?,
            })
        })
    }

    /// Up to `limit` summaries of a memory id (1 to [`PAGE_MAX`](crate::PAGE_MAX), cut to that), the session that began
    /// last first, and where the next page goes on. What has expired is not among them.
    pub fn list_memory(
        &self,
        (agent_id, alias_id, memory_id): (&str, &str, &str),
        now: Timestamp,
        after: Option<RowCursor>,
        limit: usize,
    ) -> Result<(Vec<MemorySummary>, Option<RowCursor>), StoreError> {
        let RowCursor { at, number } = after.unwrap_or(RowCursor::start());
        let sql = "SELECT number, session_id, started_at, expires_at, summary FROM memory
                   WHERE agent_id = ?1 AND alias_id = ?2 AND memory_id = ?3 AND expires_at > ?4
                   AND started_at <= ?5 AND (started_at < ?5 OR number < ?6)
                   ORDER BY started_at DESC, number DESC LIMIT ?7";
        let row = (agent_id, alias_id, memory_id, now.as_nanos(), at.as_nanos(), number, rows_to_read(limit));
        let rows = self.query_all("list memory", sql, row, |row| {
            let summary = MemorySummary {
                session_id: row.get(1)?,
                started_at: Timestamp::from_nanos(row.get(2)?),
                expires_at: Timestamp::from_nanos(row.get(3)?),
                summary: row.get(4)?,
            };
            Ok((RowCursor { at: summary.started_at, number: row.get(0)? }, summary))
        })?;
        Ok(cut_page(rows, limit))
    }
}

impl MemorySummary {
    /// When a summary made now is no longer remembered. Days below one count as one: the service's model allows none at
    /// all, its documentation does not.
    pub fn expiry(now: Timestamp, storage_days: u32) -> Timestamp {
        now.plus_seconds(i64::from(storage_days.max(1)) * SECONDS_A_DAY)
    }
}

impl Tx<'_> {
    /// Remembers a session under the caller's memory id; takes the place of an earlier summary of it. Some of what has
    /// expired by now goes on this occasion.
    pub fn put_memory(
        &mut self,
        (agent_id, alias_id, memory_id): (&str, &str, &str),
        summary: &MemorySummary,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.prune_memory(now)?;
        let sql = "INSERT INTO memory (agent_id, alias_id, memory_id, session_id, started_at, expires_at, summary)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT (agent_id, alias_id, memory_id, session_id) DO UPDATE
                   SET started_at = excluded.started_at, expires_at = excluded.expires_at, summary = excluded.summary";
        let MemorySummary { session_id, started_at, expires_at, summary } = summary;
        let row = (agent_id, alias_id, memory_id, session_id, started_at.as_nanos(), expires_at.as_nanos(), summary);
        self.execute("keep memory", sql, row).map(drop)
    }

    /// Deletes summaries that have expired, up to a hundred; answers how many went.
    pub(crate) fn prune_memory(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        let prune = "DELETE FROM memory WHERE number IN (SELECT number FROM memory WHERE expires_at <= ?1 LIMIT ?2)";
        self.execute("prune memory", prune, (now.as_nanos(), PRUNE_MAX))
    }

    fn delete_some_memory(&mut self, which: &Remembered) -> Result<usize, StoreError> {
        // What is not asked for stands as a condition that always holds, so that every statement takes the same values and
        // the index is used as far as the question goes.
        let holds = |column: &str, value: &Option<String>, place: usize| match value {
            Some(_) => format!("{column} = ?{place}"),
            None => format!("?{place} IS NULL"),
        };
        let sql = format!(
            "DELETE FROM memory WHERE number IN (
                 SELECT number FROM memory WHERE agent_id = ?1 AND {} AND {} AND {} LIMIT ?5)",
            holds("alias_id", &which.alias_id, 2),
            holds("memory_id", &which.memory_id, 3),
            holds("session_id", &which.session_id, 4),
        );
        let row = (&which.agent_id, &which.alias_id, &which.memory_id, &which.session_id, DELETE_AT_ONCE);
        self.execute("delete memory", &sql, row)
    }
}

impl Store {
    /// Forgets what is named, a thousand summaries a write; answers how many. Sessions that are over and wait to be
    /// summed up are forgotten with it, those that still run are not.
    ///
    /// May be dropped at any time: what is forgotten by then is forgotten, and the rest expires.
    pub async fn delete_memory(&self, which: Remembered) -> Result<usize, StoreError> {
        let mut deleted = 0;
        loop {
            let some = which.clone();
            let work = move |tx: &mut Tx<'_>| {
                tx.delete_memory_jobs(&some)?;
                tx.delete_some_memory(&some)
            };
            match self.write(work).await? {
                0 => return Ok(deleted),
                count => deleted += count,
            }
        }
    }
}
