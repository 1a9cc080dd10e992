//! What stands in a session of the session store: invocations, and their steps.

use crate::cursor::{RowCursor, cut_page, rows_to_read};
use crate::error::StoreError;
use crate::resources::to_doc;
use crate::sql::{Row, SqlResult};
use crate::stored_sessions::StoredSession;
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A group of steps in a stored session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The store's own number of it.
    pub number: i64,
    /// Its id, unique within the session.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The client's words about it.
    pub description: Option<String>,
}

/// A step without its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvocationStep {
    /// Id of its invocation.
    pub invocation_id: String,
    /// Its id, unique within the invocation.
    pub id: String,
    /// When it occurred, as the client says.
    pub at: Timestamp,
}

/// Whose steps are listed.
#[derive(Clone, Copy, Debug)]
pub enum Within {
    /// Those of all invocations of the session with this number.
    Session(i64),
    /// Those of the invocation with this number.
    Invocation(i64),
}

impl ReadTx<'_> {
    /// The invocation with this id in the session with this number.
    pub fn invocation(&self, session: i64, id: &str) -> Result<Option<Invocation>, StoreError> {
        let sql = "SELECT number, id, created_at, description FROM invocation WHERE session = ?1 AND id = ?2";
        self.query_opt("read an invocation", sql, (session, id), invocation_from)
    }

    /// Up to `limit` invocations of the session (1 to [`PAGE_MAX`](crate::PAGE_MAX), cut to that), last made first, and
    /// where the next page goes on.
    pub fn list_invocations(
        &self,
        session: i64,
        after: Option<RowCursor>,
        limit: usize,
    ) -> Result<(Vec<Invocation>, Option<RowCursor>), StoreError> {
        let after = after.unwrap_or(RowCursor::start());
        let sql = "SELECT number, id, created_at, description FROM invocation
                   WHERE session = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
        let row = (session, after.number, rows_to_read(limit));
        let rows = self.query_all("list invocations", sql, row, |row| {
            let invocation = invocation_from(row)?;
            Ok((RowCursor { at: invocation.created_at, number: invocation.number }, invocation))
        })?;
        Ok(cut_page(rows, limit))
    }

    /// The step with this id in the invocation with this number, and its payload.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the payload does not read as `T`.
    pub fn invocation_step<T: DeserializeOwned>(
        &self,
        invocation: i64,
        id: &str,
    ) -> Result<Option<(InvocationStep, T)>, StoreError> {
        let sql = "SELECT invocation.id, step.id, step.at, step.payload
                   FROM invocation_step AS step JOIN invocation ON invocation.number = step.invocation
                   WHERE step.invocation = ?1 AND step.id = ?2";
        let found = self.query_opt("read a step", sql, (invocation, id), |row| {
            Ok((
                InvocationStep { invocation_id: row.get(0)?, id: row.get(1)?, at: at(row, 2)? },
                row.get::<Vec<u8>>(3)?,
            ))
        })?;
        let Some((step, payload)) = found else { return Ok(None) };
        let payload = serde_json::from_slice(&payload)
            .map_err(|error| StoreError::Corrupt(format!("payload of step `{}`: {error}", step.id)))?;
        Ok(Some((step, payload)))
    }

    /// Up to `limit` steps (1 to [`PAGE_MAX`](crate::PAGE_MAX), cut to that), latest first and of one instant the last
    /// put first, and where the next page goes on. Payloads are not read.
    pub fn list_invocation_steps(
        &self,
        within: Within,
        after: Option<RowCursor>,
        limit: usize,
    ) -> Result<(Vec<InvocationStep>, Option<RowCursor>), StoreError> {
        let RowCursor { at: last, number } = after.unwrap_or(RowCursor::start());
        let (column, of) = match within {
            Within::Session(session) => ("session", session),
            Within::Invocation(invocation) => ("invocation", invocation),
        };
        // The first bound lets the index seek; the second drops the steps of the same instant that were shown. The
        // cross join keeps the order of the index: the invocation is looked up by its number, row by row.
        let sql = format!(
            "SELECT invocation.id, step.id, step.at, step.number
             FROM invocation_step AS step CROSS JOIN invocation
             WHERE invocation.number = step.invocation AND step.{column} = ?1 AND step.at <= ?2 AND (step.at < ?2 OR step.number < ?3)
             ORDER BY step.at DESC, step.number DESC LIMIT ?4"
        );
        let row = (of, last.as_nanos(), number, rows_to_read(limit));
        let rows = self.query_all("list steps", &sql, row, |row| {
            let step = InvocationStep { invocation_id: row.get(0)?, id: row.get(1)?, at: at(row, 2)? };
            Ok((RowCursor { at: step.at, number: row.get(3)? }, step))
        })?;
        Ok(cut_page(rows, limit))
    }
}

impl Tx<'_> {
    /// Writes a new invocation of the session; `false` when there is one with the id. Its number is the store's.
    pub fn insert_invocation(&mut self, session: &StoredSession, invocation: &Invocation) -> Result<bool, StoreError> {
        let sql = "INSERT INTO invocation (session, id, created_at, description) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (session, id) DO NOTHING";
        let created_at = invocation.created_at;
        let row = (session.number, &invocation.id, created_at.as_nanos(), &invocation.description);
        let is_new = self.execute("keep an invocation", sql, row)? > 0;
        if is_new {
            self.touch_stored_session(session.number, created_at, (1, 0))?;
        }
        Ok(is_new)
    }

    /// Writes a step of the invocation with this number; takes the place of one with the same id. Answers whether there
    /// was none.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for a payload over 16 MiB.
    pub fn put_invocation_step(
        &mut self,
        session: &StoredSession,
        invocation: i64,
        step: &InvocationStep,
        payload: &impl Serialize,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let payload = to_doc(payload)?;
        let look = "SELECT 1 FROM invocation_step WHERE invocation = ?1 AND id = ?2";
        let is_new = self.query_opt("look for a step", look, (invocation, &step.id), |_| Ok(()))?.is_none();
        let sql = "INSERT INTO invocation_step (session, invocation, id, at, payload) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (invocation, id) DO UPDATE SET at = excluded.at, payload = excluded.payload";
        self.execute("keep a step", sql, (session.number, invocation, &step.id, step.at.as_nanos(), payload))?;
        self.touch_stored_session(session.number, now, (0, u32::from(is_new)))?;
        Ok(is_new)
    }
}

fn invocation_from(row: &Row<'_>) -> SqlResult<Invocation> {
    Ok(Invocation { number: row.get(0)?, id: row.get(1)?, created_at: at(row, 2)?, description: row.get(3)? })
}

fn at(row: &Row<'_>, column: usize) -> SqlResult<Timestamp> {
    Ok(Timestamp::from_nanos(row.get(column)?))
}
