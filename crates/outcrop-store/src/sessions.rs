//! Conversations: attributes, idle time, the turn that is open or suspended.

use crate::error::StoreError;
use crate::sql::{Row, SqlResult};
use crate::store::Store;
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;
use std::collections::BTreeMap;

/// Unfinished turns one call answers at most.
const UNFINISHED_MAX: i64 = 10_000;

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The store's own number of the session; a session id that is used again after its end gets another.
    pub id: i64,
    /// When its first turn began.
    pub created_at: Timestamp,
    /// When its last turn began or finished.
    pub last_active_at: Timestamp,
    /// Seconds after `last_active_at` at which it expires.
    pub idle_ttl_seconds: u32,
    /// Session attributes as the last finished turn left them.
    pub attributes: BTreeMap<String, String>,
    /// Turns begun so far; also the number of the last.
    pub turns: u32,
    /// The turn that began and has not finished.
    pub open_turn: Option<u32>,
    /// The invocation id that the last turn waits for.
    pub suspended: Option<String>,
}

/// A turn that began and did not finish: after a restart, one that the end of the process interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedTurn {
    /// The store's number of the session.
    pub session: i64,
    /// The turn within it.
    pub turn: u32,
    /// The agent's id.
    pub agent_id: String,
    /// The alias's id.
    pub alias_id: String,
    /// The session id as the client chose it.
    pub session_id: String,
    /// When the turn began.
    pub last_active_at: Timestamp,
}

macro_rules! find {
    ($lock:literal) => {
        concat!(
            "SELECT id, created_at, last_active_at, idle_ttl_s, attributes, turns, open_turn, suspended
             FROM session WHERE agent_id = ?1 AND alias_id = ?2 AND session_id = ?3 AND ended = 0",
            $lock
        )
    };
}

const FIND: &str = find!("");
const FIND_AND_LOCK: &str = find!(" /* lock */");

impl Store {
    /// Turns that have begun and not finished, oldest session first; the first 10,000.
    ///
    /// Costs what there is to list, however many sessions the store holds.
    pub async fn list_unfinished(&self) -> Result<Vec<UnfinishedTurn>, StoreError> {
        self.read(|tx| tx.unfinished(UNFINISHED_MAX)).await
    }
}

impl ReadTx<'_> {
    /// The live session under this id; an ended or expired one is not found.
    pub fn find_session(
        &self,
        agent_id: &str,
        alias_id: &str,
        session_id: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let row = self.session_row(agent_id, alias_id, session_id)?;
        row.filter(|row| !row.expired(now)).map(SessionRow::into_session).transpose()
    }

    /// Agent and alias of live sessions of this id that wait for the results of a return of control; the first 100.
    pub fn suspended_sessions(&self, session_id: &str, now: Timestamp) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT agent_id, alias_id FROM session
                   WHERE session_id = ?1 AND suspended IS NOT NULL AND ended = 0
                     AND last_active_at + idle_ttl_s * 1000000000 >= ?2
                   ORDER BY id LIMIT 100";
        self.query_all("list suspended turns", sql, (session_id, now.as_nanos()), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn unfinished(&self, limit: i64) -> Result<Vec<UnfinishedTurn>, StoreError> {
        let sql = "SELECT id, open_turn, agent_id, alias_id, session_id, last_active_at FROM session
                   WHERE open_turn IS NOT NULL ORDER BY id LIMIT ?1";
        self.query_all("list unfinished turns", sql, [limit], |row| {
            Ok(UnfinishedTurn {
                session: row.get(0)?,
                turn: row.get(1)?,
                agent_id: row.get(2)?,
                alias_id: row.get(3)?,
                session_id: row.get(4)?,
                last_active_at: Timestamp::from_nanos(row.get(5)?),
            })
        })
    }

    /// The row that holds the session id, expired or not.
    pub(crate) fn session_row(
        &self,
        agent_id: &str,
        alias_id: &str,
        session_id: &str,
    ) -> Result<Option<SessionRow>, StoreError> {
        self.query_opt("find a session", FIND, (agent_id, alias_id, session_id), SessionRow::read)
    }
}

impl Tx<'_> {
    /// Like `session_row`; nobody else begins or ends a turn in the session until this transaction is over.
    pub(crate) fn lock_session(
        &mut self,
        agent_id: &str,
        alias_id: &str,
        session_id: &str,
    ) -> Result<Option<SessionRow>, StoreError> {
        self.query_opt("find a session", FIND_AND_LOCK, (agent_id, alias_id, session_id), SessionRow::read)
    }

    /// Ends the live session under this id, whatever its turn is doing; `false` when there is none.
    ///
    /// The journal stays until it is swept. The next turn under the id begins a fresh session. One that is remembered
    /// waits from now on to be summed up.
    pub fn end_session(
        &mut self,
        agent_id: &str,
        alias_id: &str,
        session_id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(row) = self.lock_session(agent_id, alias_id, session_id)? else { return Ok(false) };
        self.retire_session(row.id, now)?;
        Ok(!row.expired(now))
    }

    /// Takes the session id from the row; nothing waits for it any more. Every end of a session comes through here, and
    /// with it the job of a session that is remembered.
    pub(crate) fn retire_session(&mut self, session: i64, now: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE session SET ended = 1, open_turn = NULL, suspended = NULL WHERE id = ?1";
        self.execute("end a session", sql, [session])?;
        self.queue_memory_job(session, now)
    }

    /// Binds the live session under this id to a memory id: it is remembered under it when it is over.
    pub fn bind_memory(
        &mut self,
        (agent_id, alias_id, session_id): (&str, &str, &str),
        memory_id: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE session SET memory_id = ?4
                   WHERE agent_id = ?1 AND alias_id = ?2 AND session_id = ?3 AND ended = 0";
        self.execute("bind a memory", sql, (agent_id, alias_id, session_id, memory_id)).map(drop)
    }
}

/// A row as stored: the attributes are still bytes, because most readers do not ask for them.
pub(crate) struct SessionRow {
    pub(crate) id: i64,
    created_at: Timestamp,
    last_active_at: Timestamp,
    idle_ttl_seconds: u32,
    attributes: Vec<u8>,
    pub(crate) turns: u32,
    pub(crate) open_turn: Option<u32>,
    pub(crate) suspended: Option<String>,
}

impl SessionRow {
    /// From id, times, time to live, attributes, turns and what is open, in this order.
    pub(crate) fn read(row: &Row<'_>) -> SqlResult<Self> {
        Ok(Self {
            id: row.get(0)?,
            created_at: Timestamp::from_nanos(row.get(1)?),
            last_active_at: Timestamp::from_nanos(row.get(2)?),
            idle_ttl_seconds: row.get(3)?,
            attributes: row.get(4)?,
            turns: row.get(5)?,
            open_turn: row.get(6)?,
            suspended: row.get(7)?,
        })
    }

    pub(crate) fn expired(&self, now: Timestamp) -> bool {
        now > self.last_active_at.plus_seconds(i64::from(self.idle_ttl_seconds))
    }

    pub(crate) fn attributes(&self) -> Result<BTreeMap<String, String>, StoreError> {
        serde_json::from_slice(&self.attributes)
            .map_err(|error| StoreError::Corrupt(format!("attributes of session {}: {error}", self.id)))
    }

    pub(crate) fn into_session(self) -> Result<Session, StoreError> {
        Ok(Session {
            attributes: self.attributes()?,
            id: self.id,
            created_at: self.created_at,
            last_active_at: self.last_active_at,
            idle_ttl_seconds: self.idle_ttl_seconds,
            turns: self.turns,
            open_turn: self.open_turn,
            suspended: self.suspended,
        })
    }
}
