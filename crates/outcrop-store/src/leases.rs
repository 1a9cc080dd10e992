//! Who works on a session's turn.
//!
//! A process has a name of its own and says again and again that it lives ([`Store::renew_lease`]); sessions name the
//! process that works on their turn. One row is renewed for all of them, so thousands of turns that wait for a model cost
//! nothing. Whoever takes a session raises its epoch, and writes by an older epoch are refused: a process that was thought
//! dead and comes back cannot do harm, however late it notices.

use crate::error::StoreError;
use crate::sessions::SessionRow;
use crate::store::Store;
use crate::turns::{BeginTurn, RequestHashes, TurnRef};
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;

/// An open turn whose process is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanedTurn {
    /// The turn, with the epoch that it had.
    pub turn: TurnRef,
    /// Agent, alias and session id.
    pub name: [String; 3],
    /// How its request is known again.
    pub request: RequestHashes,
    /// It was on its way to its end without a client.
    pub goes_on: bool,
    /// It was cut off: what was under way may have been done or not.
    pub cut_off: bool,
}

impl Store {
    /// Says that a process lives, until that time. Those that let their time pass a day ago are forgotten.
    pub async fn renew_lease(&self, owner: String, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| tx.renew_lease(&owner, now, until)).await
    }

    /// Says that a process is the only one that works on this database, and for as long as it lives: whoever was before
    /// is gone.
    pub async fn hold_alone(&self, owner: String) -> Result<(), StoreError> {
        self.write(move |tx| {
            let sql = "DELETE FROM replica WHERE until >= 0 AND owner <> ?1";
            tx.execute("forget other processes", sql, [&owner])?;
            let sql = "INSERT INTO replica (owner, until) VALUES (?1, ?2)
                       ON CONFLICT (owner) DO UPDATE SET until = excluded.until";
            tx.execute("hold the store alone", sql, (&owner, i64::MAX)).map(drop)
        })
        .await
    }

    /// Says that a process is gone that did not say so itself. What it left open can be taken over at once.
    pub async fn forget_lease(&self, owner: String) -> Result<(), StoreError> {
        let sql = "DELETE FROM replica WHERE owner = ?1 AND until >= 0";
        self.write(move |tx| tx.execute("give up a process's lease", sql, [&owner]).map(drop)).await
    }

    /// Says that a process ends in order: what it left open can be taken over, and the ends of its turns were read.
    pub async fn release_lease(&self, owner: String, now: Timestamp) -> Result<(), StoreError> {
        // A time below zero is that of an end.
        let sql = "UPDATE replica SET until = ?2 WHERE owner = ?1";
        self.write(move |tx| tx.execute("give up a process's lease", sql, (&owner, -now.as_nanos())).map(drop)).await
    }

    /// Takes an open turn over whose process is gone, or that was left at a boundary; `None` when it is not open any more
    /// or another process works on it. `from` is its epoch when it was looked at.
    pub async fn take_over(&self, from: TurnRef, owner: String, now: Timestamp) -> Result<Option<TurnRef>, StoreError> {
        self.write(move |tx| tx.take_over(from, &owner, now)).await
    }

    /// Leaves an open turn at a boundary, with nothing under way: whoever comes may take it.
    ///
    /// # Errors
    /// [`StoreError::Fenced`].
    pub async fn leave_turn(&self, turn: TurnRef) -> Result<(), StoreError> {
        let sql = "UPDATE session SET lease_owner = NULL WHERE id = ?1 AND open_turn = ?2 AND epoch = ?3";
        let left = self.write(move |tx| tx.execute("leave a turn", sql, (turn.session, turn.turn, turn.epoch)));
        if left.await? == 0 { Err(StoreError::Fenced) } else { Ok(()) }
    }

    /// Notes that the end of a session's last turn was read.
    pub async fn end_was_read(&self, turn: TurnRef) -> Result<(), StoreError> {
        let sql = "UPDATE session SET unread = 0 WHERE id = ?1 AND turns = ?2 AND epoch = ?3";
        self.write(move |tx| {
            tx.execute("note that an end was read", sql, (turn.session, turn.turn, turn.epoch)).map(drop)
        })
        .await
    }
}

impl ReadTx<'_> {
    /// Whether a process lives.
    pub fn is_alive(&self, owner: &str, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM replica WHERE owner = ?1 AND until >= ?2";
        Ok(self.query_opt("look for a process", sql, (owner, now.as_nanos()), |_| Ok(()))?.is_some())
    }

    /// Whether another process, which lives, works on the session.
    pub(crate) fn is_held_by_other(&self, row: &SessionRow, me: &str, now: Timestamp) -> Result<bool, StoreError> {
        match &row.lease_owner {
            Some(owner) if owner != me => self.is_alive(owner, now),
            _ => Ok(false),
        }
    }

    /// Whether another process that worked on the session is gone, and not in order.
    pub(crate) fn has_other_crashed(&self, row: &SessionRow, me: &str, now: Timestamp) -> Result<bool, StoreError> {
        let Some(owner) = row.lease_owner.as_deref().filter(|owner| *owner != me) else { return Ok(false) };
        let sql = "SELECT 1 FROM replica WHERE owner = ?1 AND (until < 0 OR until >= ?2)";
        Ok(self.query_opt("look for a process", sql, (owner, now.as_nanos()), |_| Ok(()))?.is_none())
    }

    /// Whether the session still has the epoch.
    pub fn has_epoch(&self, turn: TurnRef) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM session WHERE id = ?1 AND epoch = ?2";
        Ok(self.query_opt("look at an epoch", sql, (turn.session, turn.epoch), |_| Ok(()))?.is_some())
    }

    /// Open turns that requests came for and that somebody has to look after: their process is gone, or they were left on
    /// their way to an end without a client; in the order of their sessions, which have numbers
    /// above `after`. Costs what is open.
    pub fn orphaned_turns(&self, now: Timestamp, after: i64, limit: usize) -> Result<Vec<OrphanedTurn>, StoreError> {
        let sql = "SELECT id, open_turn, epoch, agent_id, alias_id, session_id, unread, input_hash, request_hash,
                          CASE WHEN lease_owner IS NULL THEN 0 ELSE 1 END
                   FROM session
                   WHERE open_turn IS NOT NULL AND id > ?1 AND input_hash IS NOT NULL
                     AND (lease_owner IS NOT NULL OR unread = 1)
                     AND NOT EXISTS (SELECT 1 FROM replica WHERE owner = session.lease_owner AND until >= ?2)
                   ORDER BY id LIMIT ?3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.query_all("look for turns that were cut off", sql, (after, now.as_nanos(), limit), |row| {
            let turn = TurnRef { session: row.get(0)?, turn: row.get(1)?, epoch: row.get(2)? };
            let name = [row.get(3)?, row.get(4)?, row.get(5)?];
            let request = RequestHashes { input: row.get(7)?, request: row.get(8)? };
            let (goes_on, cut_off) = (row.get::<i64>(6)? != 0, row.get::<i64>(9)? != 0);
            Ok(OrphanedTurn { turn, name, request, goes_on, cut_off })
        })
    }
}

impl Tx<'_> {
    fn renew_lease(&mut self, owner: &str, now: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO replica (owner, until) VALUES (?1, ?2)
                   ON CONFLICT (owner) DO UPDATE SET until = excluded.until";
        self.execute("renew a process's lease", sql, (owner, until.as_nanos()))?;
        // Long gone: nothing asks for them any more, since who is not there is gone as well.
        let sql = "DELETE FROM replica WHERE abs(until) < ?1";
        self.execute("forget processes", sql, [now.plus_seconds(-24 * 60 * 60).as_nanos()]).map(drop)
    }

    /// Takes the open turn of a session for a request that attaches to it; gives the new epoch.
    pub(crate) fn take_lease(&mut self, row: &SessionRow, begin: &BeginTurn) -> Result<i64, StoreError> {
        // The request's own id becomes that of the newest attempt.
        let sql = "UPDATE session SET epoch = epoch + 1, lease_owner = ?2, last_active_at = ?3,
                   request_hash = coalesce(?4, request_hash) WHERE id = ?1";
        let resent = begin.request.as_ref().and_then(|hashes| hashes.request.as_deref());
        self.execute("take a turn up", sql, (row.id, &begin.owner, begin.now.as_nanos(), resent))?;
        Ok(row.epoch + 1)
    }

    fn take_over(&mut self, from: TurnRef, owner: &str, now: Timestamp) -> Result<Option<TurnRef>, StoreError> {
        let sql = "UPDATE session SET epoch = epoch + 1, lease_owner = ?4
                   WHERE id = ?1 AND open_turn = ?2 AND epoch = ?3 AND ended = 0
                     AND (lease_owner IS NULL OR lease_owner = ?4
                          OR NOT EXISTS (SELECT 1 FROM replica WHERE owner = session.lease_owner AND until >= ?5))";
        let row = (from.session, from.turn, from.epoch, owner, now.as_nanos());
        let is_taken = self.execute("take a turn over", sql, row)? > 0;
        Ok(is_taken.then_some(TurnRef { epoch: from.epoch + 1, ..from }))
    }
}
