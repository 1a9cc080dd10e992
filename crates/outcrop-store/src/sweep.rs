//! Forgets what was over long ago, a little at a time: whoever sweeps decides how much of the writer's time it may have.
//!
//! A [`Sweep`] goes through what there is from the oldest and is asked for one step after another. A step reads a few
//! hundred rows or deletes a few, in one short write. Sweeps may stop at any point, and several may run side by side.

use crate::blobs::WHOLE_SESSION;
use crate::error::StoreError;
use crate::packed::{self, Hash};
use crate::store::Store;
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;
use std::collections::HashSet;

/// Sessions one read looks at.
const LOOK_AT: i64 = 500;
/// Events one write deletes.
const EVENTS_AT_ONCE: i64 = 200;
/// Blobs one write lets go of: each may be megabytes, and deleting it reads them.
const BLOBS_AT_ONCE: i64 = 32;
/// Files of before there were blobs that one write deletes.
const FILES_AT_ONCE: i64 = 4;
/// Turns one write takes the steps of.
const TURNS_AT_ONCE: i64 = 8;
/// What `ended` says of a session that is being deleted: nobody finds it any more.
pub(crate) const GOING: i64 = 2;
/// When a session was over: at its end, or when it expired.
const OVER_AT: &str = "(last_active_at + CASE ended WHEN 0 THEN idle_ttl_s ELSE 0 END * 1000000000)";

/// What is swept.
#[derive(Clone, Copy, Debug)]
pub enum Sweeping {
    /// Sessions of agents that were over before that time, with their journals. One that others are forks of stays until
    /// they are gone, and one that waits to be summed up until it is.
    Sessions(Timestamp),
    /// Of turns that ended before that time all but what they ended with: their traces cannot be told any more, the
    /// conversation goes on. `is_end` knows the row that ends a turn.
    Steps {
        /// The time.
        before: Timestamp,
        /// When it is: decides which sessions are over, and only of those the last turn goes, too.
        now: Timestamp,
        /// Whether this is the last row of a turn that is over.
        is_end: fn(&[u8]) -> bool,
    },
    /// Sessions of the session store that were last written before that time.
    StoredSessions(Timestamp),
    /// Client tokens that are no longer honoured at that time.
    ClientTokens(Timestamp),
    /// Summaries of sessions that have expired at that time.
    Memory(Timestamp),
}

/// A sweep under way.
#[derive(Clone, Debug)]
pub struct Sweep {
    what: Sweeping,
    /// The last number that was looked at.
    after: i64,
    /// Numbers that were found and are to be swept, the next one last.
    found: Vec<i64>,
    looked_through: bool,
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows that were deleted.
    pub rows: usize,
    /// How many of what is swept are gone now: sessions, turns, tokens, summaries.
    pub gone: usize,
    /// There is nothing more to sweep.
    pub done: bool,
}

impl Sweep {
    /// A sweep from the beginning.
    pub fn new(what: Sweeping) -> Self {
        Self { what, after: 0, found: Vec::new(), looked_through: false }
    }
}

impl Store {
    /// Deletes sessions that ended or expired more than `keep_days` ago, with their journals; answers how many. All at
    /// once, without a pause.
    pub async fn sweep_sessions(&self, now: Timestamp, keep_days: u32) -> Result<usize, StoreError> {
        let before = now.plus_seconds(-i64::from(keep_days) * 24 * 60 * 60);
        let (mut sweep, mut gone) = (Sweep::new(Sweeping::Sessions(before)), 0);
        loop {
            let swept = self.sweep(&mut sweep).await?;
            gone += swept.gone;
            if swept.done {
                return Ok(gone);
            }
        }
    }

    /// One step of a sweep: at most one short read and one short write. May be dropped at any time: what is deleted by
    /// then is deleted, and what was begun is found again by the next sweep.
    pub async fn sweep(&self, sweep: &mut Sweep) -> Result<Swept, StoreError> {
        let what = sweep.what;
        match what {
            Sweeping::ClientTokens(now) => return self.prune(move |tx| tx.prune_client_tokens(now)).await,
            Sweeping::Memory(now) => return self.prune(move |tx| tx.prune_memory(now)).await,
            Sweeping::Sessions(_) | Sweeping::Steps { .. } | Sweeping::StoredSessions(_) => {}
        }
        if sweep.found.is_empty() && !sweep.looked_through {
            let after = sweep.after;
            let seen = self.read(move |tx| tx.look(what, after)).await?;
            sweep.looked_through = i64::try_from(seen.len()).unwrap_or(i64::MAX) < LOOK_AT;
            sweep.after = seen.last().map_or(after, |(number, _)| *number);
            sweep.found = seen.into_iter().rev().filter(|(_, wanted)| *wanted).map(|(number, _)| number).collect();
        }
        let Some(number) = sweep.found.last().copied() else {
            return Ok(Swept { done: sweep.looked_through, ..Swept::default() });
        };
        let (rows, gone, more) = self
            .write(move |tx| match what {
                Sweeping::Sessions(before) => tx.sweep_session(number, before),
                Sweeping::Steps { before, now, is_end } => tx.sweep_steps(number, before, now, is_end),
                _ => tx.sweep_stored_session(number, what),
            })
            .await?;
        if !more {
            sweep.found.pop();
        }
        Ok(Swept { rows, gone, done: sweep.found.is_empty() && sweep.looked_through })
    }

    async fn prune(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<usize, StoreError> + Send + 'static,
    ) -> Result<Swept, StoreError> {
        let rows = self.write(work).await?;
        Ok(Swept { rows, gone: rows, done: rows == 0 })
    }
}

/// Rows that went, how many of what is swept went with them, and whether there is more of the same.
type Went = (usize, usize, bool);

impl ReadTx<'_> {
    /// The next numbers that a sweep looks at, and which of them it wants. Numbers grow with time, so the first that is
    /// too young is the last that is looked at.
    fn look(&self, what: Sweeping, after: i64) -> Result<Vec<(i64, bool)>, StoreError> {
        let (sql, before) = match what {
            Sweeping::Sessions(before) => (
                format!(
                    "SELECT id, CASE WHEN ended = {GOING} OR {OVER_AT} < ?1 THEN 1 ELSE 0 END, created_at FROM session
                     WHERE id > ?2 ORDER BY id LIMIT ?3"
                ),
                before,
            ),
            Sweeping::Steps { before, .. } => (
                format!(
                    "SELECT id, CASE WHEN ended <> {GOING} AND created_at < ?1 AND steps_swept < turns THEN 1 ELSE 0 END,
                            created_at FROM session WHERE id > ?2 ORDER BY id LIMIT ?3"
                ),
                before,
            ),
            Sweeping::StoredSessions(before) | Sweeping::ClientTokens(before) | Sweeping::Memory(before) => (
                "SELECT number, CASE WHEN deleted = 1 OR updated_at < ?1 THEN 1 ELSE 0 END, created_at FROM stored_session
                 WHERE number > ?2 ORDER BY number LIMIT ?3"
                    .to_owned(),
                before,
            ),
        };
        let before = before.as_nanos();
        let mut rows: Vec<(i64, i64, i64)> =
            self.query_all("look for what is old", &sql, (before, after, LOOK_AT), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        let young = rows.iter().position(|(.., created_at)| *created_at >= before).unwrap_or(rows.len());
        rows.truncate(young);
        Ok(rows.into_iter().map(|(number, wanted, _)| (number, wanted != 0)).collect())
    }

    /// Whether the session is over, old enough, and nothing else needs it.
    fn may_go(&self, session: i64, before: Timestamp) -> Result<bool, StoreError> {
        // What is remembered is ended by the memory's worker first.
        let sql = format!(
            "SELECT 1 FROM session WHERE id = ?1 AND (ended = {GOING} OR {OVER_AT} < ?2)
                 AND (ended <> 0 OR memory_id IS NULL)
                 AND NOT EXISTS (SELECT 1 FROM fork WHERE parent = ?1)
                 AND NOT EXISTS (SELECT 1 FROM memory_job WHERE session = ?1)"
        );
        Ok(self.query_opt("look at an old session", &sql, (session, before.as_nanos()), |_| Ok(()))?.is_some())
    }
}

impl Tx<'_> {
    /// Deletes a session's content, some at a time, and at last the session.
    fn sweep_session(&mut self, session: i64, before: Timestamp) -> Result<Went, StoreError> {
        if !self.may_go(session, before)? {
            return Ok((0, 0, false));
        }
        let doing = "delete an old session";
        let blobs = self.held(session, None, BLOBS_AT_ONCE)?;
        let mut rows = self.let_go(session, &blobs)?;
        let sql = "DELETE FROM turn_event WHERE id IN (SELECT id FROM turn_event WHERE session = ?1 LIMIT ?2)";
        rows += self.execute(doing, sql, (session, EVENTS_AT_ONCE))?;
        let sql = "DELETE FROM session_file WHERE id IN (SELECT id FROM session_file WHERE session = ?1 LIMIT ?2)";
        rows += self.execute(doing, sql, (session, FILES_AT_ONCE))?;
        let left = "SELECT 1 FROM session WHERE id = ?1 AND (EXISTS (SELECT 1 FROM turn_event WHERE session = ?1)
                        OR EXISTS (SELECT 1 FROM blob_ref WHERE session = ?1)
                        OR EXISTS (SELECT 1 FROM session_file WHERE session = ?1))";
        if self.query_opt(doing, left, [session], |_| Ok(()))?.is_some() {
            // Out of sight before it is half gone.
            let sql = format!("UPDATE session SET ended = {GOING}, open_turn = NULL, suspended = NULL WHERE id = ?1");
            self.execute(doing, &sql, [session])?;
            return Ok((rows, 0, true));
        }
        let gone = self.execute(doing, "DELETE FROM session WHERE id = ?1", [session])?;
        Ok((rows + gone, gone, false))
    }

    /// Deletes the steps of some turns of a session that ended long ago.
    fn sweep_steps(
        &mut self,
        session: i64,
        before: Timestamp,
        now: Timestamp,
        is_end: fn(&[u8]) -> bool,
    ) -> Result<Went, StoreError> {
        let doing = "look for old steps";
        let sql = format!(
            "SELECT steps_swept, turns,
                    CASE WHEN {OVER_AT} < ?2 AND (ended <> 0 OR memory_id IS NULL) THEN 1 ELSE 0 END,
                    CASE WHEN open_turn IS NULL AND suspended IS NULL THEN 1 ELSE 0 END,
                    (SELECT count(*) FROM memory_job WHERE session = ?1),
                    (SELECT min(turns) FROM fork WHERE parent = ?1 AND events > 0),
                    (SELECT turns FROM fork WHERE session = ?1)
             FROM session WHERE id = ?1 AND ended <> {GOING}"
        );
        type Seen = (u32, u32, i64, i64, i64, Option<u32>, Option<u32>);
        let seen: Option<Seen> = self.query_opt(doing, &sql, (session, now.as_nanos()), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })?;
        let Some((swept, turns, is_over, is_quiet, jobs, forked_within, shared)) = seen else {
            return Ok((0, 0, false));
        };
        // Whoever goes on or sums up reads how the last turn came about.
        let last = if is_over != 0 && is_quiet != 0 && jobs == 0 { turns } else { turns.saturating_sub(1) };
        // A fork within a turn needs the steps before its point.
        let last = forked_within.map_or(last, |before| last.min(before));
        // The turns that a fork shares are its parent's to sweep. The last one that was swept may have been left half-way.
        let first = (shared.unwrap_or(0) + 1).max(swept);
        let sql = "SELECT turn, max(seq), max(at) FROM turn_event
                   WHERE session = ?1 AND turn >= ?2 AND turn <= ?3 GROUP BY turn ORDER BY turn LIMIT ?4";
        let ends: Vec<(u32, u32, i64)> = self.query_all(doing, sql, (session, first, last, TURNS_AT_ONCE), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let more = i64::try_from(ends.len()).is_ok_and(|count| count == TURNS_AT_ONCE);
        let (mut rows, mut gone) = (0, 0);
        for (turn, seq, at) in ends {
            if at >= before.as_nanos() {
                return Ok((rows, gone, false));
            }
            let Some((deleted, is_swept)) = self.sweep_turn(session, turn, seq, is_end)? else {
                return Ok((rows, gone, false));
            };
            rows += deleted;
            // Noted before it is half gone, so that a check knows of it.
            self.execute("sweep steps", "UPDATE session SET steps_swept = ?2 WHERE id = ?1", (session, turn))?;
            if !is_swept {
                return Ok((rows, gone, true));
            }
            gone += usize::from(turn > swept || deleted > 0);
        }
        Ok((rows, gone, more))
    }

    /// Deletes all of a turn but its last row; answers how many rows went and whether all have. `None` when the last row
    /// is not the end of the turn.
    fn sweep_turn(
        &mut self,
        session: i64,
        turn: u32,
        end: u32,
        is_end: fn(&[u8]) -> bool,
    ) -> Result<Option<(usize, bool)>, StoreError> {
        let doing = "sweep steps";
        let sql = "SELECT body FROM turn_event WHERE session = ?1 AND turn = ?2 AND seq = ?3";
        let Some(row): Option<Vec<u8>> = self.query_opt(doing, sql, (session, turn, end), |row| row.get(0))? else {
            return Ok(None);
        };
        if !packed::begins(&row, is_end) {
            return Ok(None);
        }
        let is_full = |count: usize, most: i64| i64::try_from(count).is_ok_and(|count| count >= most);
        let sql = "DELETE FROM turn_event WHERE id IN
                   (SELECT id FROM turn_event WHERE session = ?1 AND turn = ?2 AND seq < ?3 LIMIT ?4)";
        let events = self.execute(doing, sql, (session, turn, end, EVENTS_AT_ONCE))?;
        if is_full(events, EVENTS_AT_ONCE) {
            return Ok(Some((events, false)));
        }
        // Only when no event needs them any more.
        let needed: HashSet<Hash> = packed::addresses(&row).into_iter().collect();
        let blobs = self.held(session, Some((turn, &needed)), BLOBS_AT_ONCE)?;
        let rows = events + self.let_go(session, &blobs)?;
        Ok(Some((rows, !is_full(blobs.len(), BLOBS_AT_ONCE))))
    }

    /// Some blobs that a session holds, with the turn that holds them; or those of one turn without the ones still needed.
    fn held(
        &self,
        session: i64,
        of_turn: Option<(u32, &HashSet<Hash>)>,
        limit: i64,
    ) -> Result<Vec<(u32, i64)>, StoreError> {
        let doing = "look for blobs";
        let Some((turn, needed)) = of_turn else {
            let sql = "SELECT turn, blob FROM blob_ref WHERE session = ?1 LIMIT ?2";
            return self.query_all(doing, sql, (session, limit), |row| Ok((row.get(0)?, row.get(1)?)));
        };
        debug_assert_ne!(turn, WHOLE_SESSION, "turns are counted from 1");
        let sql = "SELECT blob_ref.blob, blob.hash FROM blob_ref JOIN blob ON blob.number = blob_ref.blob
                   WHERE blob_ref.session = ?1 AND blob_ref.turn = ?2";
        let held: Vec<(i64, Vec<u8>)> =
            self.query_all(doing, sql, (session, turn), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let unneeded = held.into_iter().filter(|(_, hash)| {
            let hash: Result<Hash, _> = hash.as_slice().try_into();
            hash.is_ok_and(|hash| !needed.contains(&hash))
        });
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(unneeded.take(limit).map(|(blob, _)| (turn, blob)).collect())
    }

    /// Lets go of blobs; those that nobody else holds are deleted. Answers how many rows went.
    fn let_go(&mut self, session: i64, blobs: &[(u32, i64)]) -> Result<usize, StoreError> {
        let doing = "let go of blobs";
        let mut rows = 0;
        for (turn, blob) in blobs {
            let sql = "DELETE FROM blob_ref WHERE session = ?1 AND turn = ?2 AND blob = ?3";
            rows += self.execute(doing, sql, (session, turn, blob))?;
            let sql = "DELETE FROM blob WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM blob_ref WHERE blob = ?1)";
            rows += self.execute(doing, sql, [blob])?;
        }
        Ok(rows)
    }

    /// Deletes a stored session's content, some at a time, and at last the session.
    fn sweep_stored_session(&mut self, number: i64, what: Sweeping) -> Result<Went, StoreError> {
        let Sweeping::StoredSessions(before) = what else { return Ok((0, 0, false)) };
        let sql = "UPDATE stored_session SET deleted = 1 WHERE number = ?1 AND (deleted = 1 OR updated_at < ?2)";
        if self.execute("delete an old stored session", sql, (number, before.as_nanos()))? == 0 {
            return Ok((0, 0, false));
        }
        let rows = self.purge_some(number)?;
        let sql = "SELECT 1 FROM stored_session WHERE number = ?1";
        let is_there = self.query_opt("look at an old stored session", sql, [number], |_| Ok(()))?.is_some();
        Ok((rows, usize::from(!is_there), is_there))
    }
}
