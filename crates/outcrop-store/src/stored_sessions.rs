//! The session store: sessions that other frameworks keep here, beside those of InvokeAgent and apart from them.

use crate::cursor::{RowCursor, cut_page, rows_to_read};
use crate::error::StoreError;
use crate::resources::to_doc;
use crate::sql::{Row, SqlResult};
use crate::store::Store;
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Deleted sessions one read of a purge looks at.
const LOOK_AT: i64 = 100;
/// Rows one write of a purge deletes at most, so that it never holds the writer for long.
const PURGE_AT_ONCE: i64 = 500;
/// What is read of a session. Its attributes stand last in the row and are read only when asked for: they may be large,
/// and every write of a step looks at its session.
const COLUMNS: &str = "number, id, created_at, updated_at, ended, invocations, steps";

/// A session of the session store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// The store's own number of it.
    pub number: i64,
    /// Its id on the wire.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it or anything in it was last written.
    pub updated_at: Timestamp,
    /// Whether it was ended: its content is read, and no more written.
    pub ended: bool,
    /// Invocations made in it.
    pub invocations: u32,
    /// Steps put into it; one that was put again counts once.
    pub steps: u32,
}

/// What a client says about its session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionAttributes {
    /// The client's own.
    pub metadata: BTreeMap<String, String>,
    /// The key the client named; recorded only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_key_arn: Option<String>,
}

impl ReadTx<'_> {
    /// The session with this id; one that is deleted is not found.
    pub fn stored_session(&self, id: &str) -> Result<Option<StoredSession>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM stored_session WHERE id = ?1 AND deleted = 0");
        self.query_opt("read a stored session", &sql, [id], from_row)
    }

    /// What the client says about the session with this number.
    pub fn session_attributes(&self, number: i64) -> Result<Option<SessionAttributes>, StoreError> {
        let sql = "SELECT doc FROM stored_session WHERE number = ?1";
        let doc = self.query_opt("read a session's attributes", sql, [number], |row| row.get::<Vec<u8>>(0))?;
        doc.map(|doc| serde_json::from_slice(&doc))
            .transpose()
            .map_err(|error| StoreError::Corrupt(format!("attributes of stored session {number}: {error}")))
    }

    /// Up to `limit` sessions (1 to [`PAGE_MAX`](crate::PAGE_MAX), cut to that), last made first, and where the next
    /// page goes on; no cursor when this was the last.
    pub fn list_stored_sessions(
        &self,
        after: Option<RowCursor>,
        limit: usize,
    ) -> Result<(Vec<StoredSession>, Option<RowCursor>), StoreError> {
        let after = after.unwrap_or(RowCursor::start());
        let sql = format!(
            "SELECT {COLUMNS} FROM stored_session WHERE number < ?1 AND deleted = 0 ORDER BY number DESC LIMIT ?2"
        );
        let rows = self.query_all("list stored sessions", &sql, (after.number, rows_to_read(limit)), |row| {
            let session = from_row(row)?;
            Ok((RowCursor { at: session.created_at, number: session.number }, session))
        })?;
        Ok(cut_page(rows, limit))
    }

    /// Numbers of some sessions that are deleted and whose content is not yet gone.
    fn deleted_sessions(&self, limit: i64) -> Result<Vec<i64>, StoreError> {
        let sql = "SELECT number FROM stored_session WHERE deleted = 1 ORDER BY number LIMIT ?1";
        self.query_all("look for deleted sessions", sql, [limit], |row| row.get(0))
    }
}

impl Tx<'_> {
    /// Writes a new session; its number and counts are the store's.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id is taken: ids are random.
    pub fn insert_stored_session(
        &mut self,
        session: &StoredSession,
        attributes: &SessionAttributes,
    ) -> Result<(), StoreError> {
        let StoredSession { id, created_at, updated_at, .. } = session;
        let sql = "INSERT INTO stored_session (id, created_at, updated_at, doc) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (id) DO NOTHING";
        let row = (id, created_at.as_nanos(), updated_at.as_nanos(), to_doc(attributes)?);
        match self.execute("keep a session", sql, row)? {
            0 => Err(StoreError::Conflict(format!("stored session `{id}` is there already"))),
            _ => Ok(()),
        }
    }

    /// Writes the session's end and time of update; answers whether it is there.
    pub fn update_stored_session(&mut self, session: &StoredSession) -> Result<bool, StoreError> {
        let sql = "UPDATE stored_session SET updated_at = ?2, ended = ?3 WHERE number = ?1 AND deleted = 0";
        let row = (session.number, session.updated_at.as_nanos(), session.ended);
        Ok(self.execute("update a session", sql, row)? > 0)
    }

    /// Replaces what the client says about the session with this number.
    pub fn set_session_attributes(&mut self, number: i64, attributes: &SessionAttributes) -> Result<(), StoreError> {
        let sql = "UPDATE stored_session SET doc = ?2 WHERE number = ?1";
        self.execute("update a session's attributes", sql, (number, to_doc(attributes)?)).map(drop)
    }

    /// Takes the session out of sight with all that is in it; answers whether it was there.
    ///
    /// Its rows go with [`Store::purge_stored_sessions`].
    pub fn delete_stored_session(&mut self, number: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE stored_session SET deleted = 1 WHERE number = ?1 AND deleted = 0";
        Ok(self.execute("delete a session", sql, [number])? > 0)
    }

    /// Counts what was written into the session and notes when.
    pub(crate) fn touch_stored_session(
        &mut self,
        number: i64,
        now: Timestamp,
        (invocations, steps): (u32, u32),
    ) -> Result<(), StoreError> {
        let sql = "UPDATE stored_session SET updated_at = ?2, invocations = invocations + ?3, steps = steps + ?4
                   WHERE number = ?1";
        self.execute("count in a session", sql, (number, now.as_nanos(), invocations, steps)).map(drop)
    }

    /// Deletes a few rows of a deleted session: its steps, then its invocations, then itself. Answers how many.
    pub(crate) fn purge_some(&mut self, number: i64) -> Result<usize, StoreError> {
        for table in ["invocation_step", "invocation"] {
            let sql = format!(
                "DELETE FROM {table} WHERE number IN (SELECT number FROM {table} WHERE session = ?1 LIMIT {PURGE_AT_ONCE})"
            );
            let deleted = self.execute("purge a deleted session", &sql, [number])?;
            if deleted > 0 {
                return Ok(deleted);
            }
        }
        self.execute(
            "purge a deleted session",
            "DELETE FROM stored_session WHERE number = ?1 AND deleted = 1",
            [number],
        )
    }
}

impl Store {
    /// Removes what deleted sessions hold, a few hundred rows a write; answers how many rows went.
    ///
    /// Costs what there is to remove. May be dropped at any time, and called again: the rest is found.
    pub async fn purge_stored_sessions(&self) -> Result<usize, StoreError> {
        let mut purged = 0;
        loop {
            let some = self.read(|tx| tx.deleted_sessions(LOOK_AT)).await?;
            if some.is_empty() {
                return Ok(purged);
            }
            for number in some {
                loop {
                    match self.write(move |tx| tx.purge_some(number)).await? {
                        0 => break,
                        count => purged += count,
                    }
                }
            }
        }
    }
}

fn from_row(row: &Row<'_>) -> SqlResult<StoredSession> {
    Ok(StoredSession {
        number: row.get(0)?,
        id: row.get(1)?,
        created_at: Timestamp::from_nanos(row.get(2)?),
        updated_at: Timestamp::from_nanos(row.get(3)?),
        ended: row.get(4)?,
        invocations: row.get(5)?,
        steps: row.get(6)?,
    })
}
