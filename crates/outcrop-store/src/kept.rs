//! Sessions as they are looked at afterwards: ended and expired ones too, by the client's id or in pages.

use crate::cursor::rows_to_read;
use crate::error::StoreError;
use crate::resources::PAGE_MAX;
use crate::sessions::{Session, SessionRow};
use crate::sql::{Row, SqlResult};
use crate::sweep::GOING;
use crate::tx::ReadTx;
use outcrop_wire::Timestamp;

/// Sessions of one id that are looked at, the newest.
const NAMED_MAX: i64 = 1_000;
/// Sessions that one page looks at for those that the filter wants.
const LOOK_AT_MAX: i64 = 20_000;

/// A session that may be over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSession {
    /// The agent's id.
    pub agent_id: String,
    /// The alias's id.
    pub alias_id: String,
    /// The session id as the client chose it.
    pub session_id: String,
    /// It was ended, or another has taken its place.
    pub ended: bool,
    /// The rest.
    pub session: Session,
}

/// Which sessions are wanted.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Those of this agent.
    pub agent_id: Option<String>,
    /// Those of this alias.
    pub alias_id: Option<String>,
    /// Those whose id begins so.
    pub prefix: Option<String>,
}

const COLUMNS: &str = "id, created_at, last_active_at, idle_ttl_s, attributes, turns, open_turn, suspended,
                       agent_id, alias_id, session_id, ended";

impl KeptSession {
    /// Whether it is over at that time: ended, or idle for too long.
    pub fn is_over(&self, now: Timestamp) -> bool {
        let Session { last_active_at, idle_ttl_seconds, .. } = self.session;
        self.ended || now > last_active_at.plus_seconds(i64::from(idle_ttl_seconds))
    }
}

impl ReadTx<'_> {
    /// The session of the store's own number.
    pub fn kept_session(&self, session: i64) -> Result<Option<KeptSession>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM session WHERE id = ?1 AND ended <> {GOING}");
        self.query_opt("read a session", &sql, [session], read)?.map(Raw::into_kept).transpose()
    }

    /// All sessions of an id, whoever's and whenever, newest first; the newest 1,000.
    pub fn sessions_named(&self, session_id: &str) -> Result<Vec<KeptSession>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM session
             WHERE (session_id = ?1 AND ended = 0) OR (session_id = ?1 AND ended <> 0 AND ended <> {GOING})
             ORDER BY id DESC LIMIT ?2"
        );
        let rows = self.query_all("find sessions by id", &sql, (session_id, NAMED_MAX), read)?;
        rows.into_iter().map(Raw::into_kept).collect()
    }

    /// A page of sessions, newest first, after the one of this number; with it where the next page goes on. A page looks
    /// at 20,000 sessions at most, so it may hold fewer than asked for, even none, and others follow all the same.
    pub fn list_sessions(
        &self,
        filter: &SessionFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<KeptSession>, Option<i64>), StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let before = after.unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT {COLUMNS} FROM session WHERE id < ?1 AND id >= ?2 AND ended <> {GOING}
                 AND (?3 IS NULL OR agent_id = ?3) AND (?4 IS NULL OR alias_id = ?4)
                 AND (?5 IS NULL OR substr(session_id, 1, length(?5)) = ?5)
             ORDER BY id DESC LIMIT ?6"
        );
        // Numbers are given out one by one, so so many numbers are at most so many sessions.
        let newest = "SELECT coalesce(max(id), 0) FROM session WHERE id < ?1";
        let newest: i64 = self.query_opt("list sessions", newest, [before], |row| row.get(0))?.unwrap_or(0);
        let from = newest.saturating_sub(LOOK_AT_MAX - 1);
        let SessionFilter { agent_id, alias_id, prefix } = filter;
        let params = (before, from, agent_id, alias_id, prefix, rows_to_read(limit));
        let rows = self.query_all("list sessions", &sql, params, read)?;
        let more = rows.len() > limit;
        let mut page = rows.into_iter().map(Raw::into_kept).collect::<Result<Vec<_>, _>>()?;
        page.truncate(limit);
        let next = match more {
            true => page.last().map(|last| last.session.id),
            false => (from > 1).then_some(from),
        };
        Ok((page, next))
    }

    /// The last turn that had begun at that time; 0 when none had.
    pub fn turn_begun_by(&self, session: &Session, at: Timestamp) -> Result<u32, StoreError> {
        // Turns begin one after another.
        let (mut begun, mut after) = (0, session.turns.saturating_add(1));
        while after - begun > 1 {
            let middle = begun + (after - begun) / 2;
            match self.turn_start(session.id, middle)? {
                Some(start) if start <= at => begun = middle,
                _ => after = middle,
            }
        }
        Ok(begun)
    }

    /// When a turn began; `None` when it did not.
    fn turn_start(&self, session: i64, turn: u32) -> Result<Option<Timestamp>, StoreError> {
        let spans = self.spans(session, (turn, 0), (turn, 1))?;
        let Some(span) = spans.first() else { return Ok(None) };
        // The first that is left, where its steps were swept.
        let sql = "SELECT at FROM turn_event WHERE session = ?1 AND turn = ?2 ORDER BY seq LIMIT 1";
        self.query_opt("look when a turn began", sql, (span.session, turn), |row| {
            Ok(Timestamp::from_nanos(row.get(0)?))
        })
    }
}

struct Raw {
    row: SessionRow,
    agent_id: String,
    alias_id: String,
    session_id: String,
    ended: bool,
}

fn read(row: &Row<'_>) -> SqlResult<Raw> {
    Ok(Raw {
        row: SessionRow::read(row)?,
        agent_id: row.get(8)?,
        alias_id: row.get(9)?,
        session_id: row.get(10)?,
        ended: row.get(11)?,
    })
}

impl Raw {
    fn into_kept(self) -> Result<KeptSession, StoreError> {
        let Self { row, agent_id, alias_id, session_id, ended } = self;
        Ok(KeptSession { agent_id, alias_id, session_id, ended, session: row.into_session()? })
    }
}
