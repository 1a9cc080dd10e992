//! The journal of turns: append-only events, read back in order. In rows and blobs they stand packed; whoever reads here
//! gets them as they were appended.

use crate::error::{StoreError, is_missing_row, sql_error};
use crate::forks::Span;
use crate::packed::Packed;
use crate::store::Store;
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;
use std::ops::Range;

/// Bytes of one event at most: 64 MiB. The longest text that the wire lets a user say is 25,000,000 characters.
pub const EVENT_BYTES_MAX: usize = 64 << 20;
/// Bytes of the events of one request at most.
const REQUEST_BYTES_MAX: usize = 128 << 20;
/// Bytes of history brought into memory at most.
const HISTORY_BYTES_MAX: usize = 64 << 20;
/// Bytes one read of the journal brings into memory at most.
const READ_BYTES_MAX: usize = 256 << 20;

/// One event of a turn, as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEvent {
    /// The session whose own journal holds it: in a fork, it may be one that the fork comes from.
    pub session: i64,
    /// The turn within the session, from 1.
    pub turn: u32,
    /// The event within the turn, from 0, without gaps.
    pub seq: u32,
    /// When it happened.
    pub at: Timestamp,
    /// What happened, in the form the caller chose.
    pub body: Vec<u8>,
}

impl Store {
    /// [`ReadTx::session_events`] in a read of its own.
    pub async fn session_events(&self, session: i64, turns: Range<u32>) -> Result<Vec<JournalEvent>, StoreError> {
        self.read(move |tx| tx.session_events(session, turns)).await
    }

    /// [`ReadTx::turn_events`] in a read of its own.
    pub async fn turn_events(&self, session: i64, turn: u32) -> Result<Vec<JournalEvent>, StoreError> {
        self.read(move |tx| tx.turn_events(session, turn)).await
    }
}

impl Store {
    /// [`ReadTx::last_events`] in a read of its own.
    pub async fn last_events(&self, session: i64, turns: Range<u32>) -> Result<Vec<JournalEvent>, StoreError> {
        self.read(move |tx| tx.last_events(session, turns)).await
    }
}

impl ReadTx<'_> {
    /// The events of the turns in `turns` (`1..n` for all before turn n), in order.
    ///
    /// `session` is [`Begun::session`](crate::Begun::session) or [`Session::id`](crate::Session::id).
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when they are more than 256 MiB.
    pub fn session_events(&self, session: i64, turns: Range<u32>) -> Result<Vec<JournalEvent>, StoreError> {
        let sql = "SELECT turn, seq, at, body FROM turn_event
                   WHERE session = ?1 AND (turn, seq) >= (?2, ?3) AND (turn, seq) < (?4, ?5) ORDER BY turn, seq";
        let (mut bytes, mut events) = (0_usize, Vec::new());
        for Span { session, from, to } in self.spans(session, (turns.start, 0), (turns.end, 0))? {
            events.extend(self.query_all("read events", sql, (session, from.0, from.1, to.0, to.1), |row| {
                bytes += row.bytes(3)?.len();
                // Past the limit only the count goes on, so memory stays bounded.
                let body = if bytes > READ_BYTES_MAX { Vec::new() } else { row.get(3)? };
                let at = Timestamp::from_nanos(row.get(2)?);
                Ok(JournalEvent { session, turn: row.get(0)?, seq: row.get(1)?, at, body })
            })?);
        }
        let too_large =
            |bytes| StoreError::TooLarge(format!("{bytes} bytes and more of events of session {session} in one read"));
        if bytes > READ_BYTES_MAX {
            return Err(too_large(bytes));
        }
        match self.unpack_rows(events, READ_BYTES_MAX)? {
            (events, true) => Ok(events),
            (_, false) => Err(too_large(READ_BYTES_MAX)),
        }
    }

    /// The events of one turn, in order; empty when there is no such turn.
    pub fn turn_events(&self, session: i64, turn: u32) -> Result<Vec<JournalEvent>, StoreError> {
        self.session_events(session, turn..turn.saturating_add(1))
    }

    /// The last event of each of the turns, in order: what a turn ended with, without what led there.
    /// When they are more than 64 MiB together, the oldest are left out.
    pub fn last_events(&self, session: i64, turns: Range<u32>) -> Result<Vec<JournalEvent>, StoreError> {
        let sql = "SELECT event.turn, event.seq, event.at, event.body
                   FROM (SELECT turn, max(seq) AS seq FROM turn_event
                         WHERE session = ?1 AND (turn, seq) >= (?2, ?3) AND (turn, seq) < (?4, ?5) GROUP BY turn) AS last
                   JOIN turn_event AS event ON event.session = ?1 AND event.turn = last.turn AND event.seq = last.seq
                   ORDER BY event.turn DESC";
        let (mut bytes, mut seen) = (0_usize, u32::MAX);
        let mut events = Vec::new();
        for Span { session, from, to } in self.spans(session, (turns.start, 0), (turns.end, 0))?.into_iter().rev() {
            events.extend(self.query_all("read last events", sql, (session, from.0, from.1, to.0, to.1), |row| {
                let turn = row.get(0)?;
                // A turn that goes on in a fork has its last event there.
                let is_cut = std::mem::replace(&mut seen, turn) == turn;
                if !is_cut {
                    bytes += row.bytes(3)?.len();
                }
                if is_cut || bytes > HISTORY_BYTES_MAX {
                    return Ok(None);
                }
                let at = Timestamp::from_nanos(row.get(2)?);
                Ok(Some(JournalEvent { session, turn, seq: row.get(1)?, at, body: row.get(3)? }))
            })?);
        }
        let (mut events, _) = self.unpack_rows(events.into_iter().flatten().collect(), HISTORY_BYTES_MAX)?;
        events.reverse();
        Ok(events)
    }

    /// The number that the next event of the turn gets.
    pub(crate) fn next_seq(&self, session: i64, turn: u32) -> Result<u32, StoreError> {
        let sql = "SELECT seq + 1 FROM turn_event WHERE session = ?1 AND turn = ?2 ORDER BY seq DESC LIMIT 1";
        Ok(self.query_opt("count events", sql, (session, turn), |row| row.get(0))?.unwrap_or(0))
    }
}

impl Tx<'_> {
    /// Appends one event, with what it needs.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the place is taken or the session is not there.
    pub(crate) fn append_event(
        &mut self,
        session: i64,
        turn: u32,
        seq: u32,
        at: Timestamp,
        Packed { row, blobs }: &Packed,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO turn_event (session, turn, seq, at, body) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (session, turn, seq) DO NOTHING";
        match self.try_execute(sql, (session, turn, seq, at.as_nanos(), row.as_slice())) {
            Ok(0) => {
                Err(StoreError::Conflict(format!("event {seq} of turn {turn} of session {session} is there already")))
            }
            Ok(_) => self.keep_blobs(session, turn, blobs),
            Err(error) if is_missing_row(&error) => {
                Err(StoreError::Conflict(format!("session {session} is not there")))
            }
            Err(error) => Err(sql_error("append an event", &error)),
        }
    }
}

/// Refuses events that are too large, one by one or together.
pub(crate) fn check_sizes<'a>(bodies: impl IntoIterator<Item = &'a [u8]>) -> Result<(), StoreError> {
    let mut total = 0;
    for body in bodies {
        total += body.len();
        if body.len() > EVENT_BYTES_MAX {
            let bytes = body.len();
            return Err(StoreError::TooLarge(format!("an event of {bytes} bytes; at most {EVENT_BYTES_MAX}")));
        }
    }
    if total > REQUEST_BYTES_MAX {
        return Err(StoreError::TooLarge(format!("{total} bytes of events at once; at most {REQUEST_BYTES_MAX}")));
    }
    Ok(())
}
