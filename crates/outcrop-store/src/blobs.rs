//! Blobs: what is large in journals, and the files of sessions. Each stands once, however many turns and sessions need it.
//!
//! `packed.rs` says what becomes a blob. A row names blobs by their hashes; `blob_ref` says which turns need them, and a
//! blob that no turn needs any more is deleted with what needed it last (`sweep.rs`).

use crate::error::StoreError;
use crate::journal::JournalEvent;
use crate::packed::{self, Blob, Hash};
use crate::tx::{ReadTx, Tx};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// The turn of a reference that the session as a whole holds.
pub(crate) const WHOLE_SESSION: u32 = 0;
/// Blobs that one statement asks for.
const ASKED_AT_ONCE: usize = 6;
/// Rows that are unpacked together.
const UNPACKED_AT_ONCE: usize = 64;
/// Bytes of blobs that are kept between rows of one read, for rows that need the same.
const KEPT_BYTES_MAX: usize = 16 << 20;

impl ReadTx<'_> {
    /// Rows with their bodies as they were given, in the order they came in, up to so many bytes; the second value tells
    /// whether these are all.
    pub(crate) fn unpack_rows(
        &self,
        rows: Vec<JournalEvent>,
        bytes_max: usize,
    ) -> Result<(Vec<JournalEvent>, bool), StoreError> {
        let (mut unpacked, mut blobs) = (Vec::with_capacity(rows.len()), HashMap::new());
        let mut left = bytes_max;
        let mut rows = rows.into_iter();
        loop {
            let some: Vec<JournalEvent> = rows.by_ref().take(UNPACKED_AT_ONCE).collect();
            if some.is_empty() {
                return Ok((unpacked, true));
            }
            let kept: usize = blobs.values().map(Vec::len).sum();
            if kept > KEPT_BYTES_MAX {
                blobs.clear();
            }
            for mut row in some {
                let wanted: Vec<Hash> = packed::addresses(&row.body);
                if !self.fetch_blobs(wanted, &mut blobs, left)? {
                    return Ok((unpacked, false));
                }
                row.body = match packed::unpack(row.body, &blobs, left) {
                    Ok(body) if body.len() <= left => body,
                    Ok(_) | Err(StoreError::TooLarge(_)) => return Ok((unpacked, false)),
                    Err(error) => return Err(in_row(error, row.session, row.turn, row.seq)),
                };
                left -= row.body.len();
                unpacked.push(row);
            }
        }
    }

    /// Adds the blobs that are not among them yet; `false` when they are more than so many bytes. One that is not there is
    /// left out.
    fn fetch_blobs(
        &self,
        wanted: Vec<Hash>,
        blobs: &mut HashMap<Hash, Vec<u8>>,
        bytes_max: usize,
    ) -> Result<bool, StoreError> {
        let wanted: Vec<Hash> = wanted.into_iter().filter(|hash| !blobs.contains_key(hash)).collect();
        let mut bytes = 0_usize;
        for some in wanted.chunks(ASKED_AT_ONCE) {
            // One statement for any number: places that are not needed repeat the last.
            let place = |at: usize| some.get(at).or(some.last()).map_or(&[][..], |hash| hash.as_slice());
            let places: [&[u8]; ASKED_AT_ONCE] = std::array::from_fn(place);
            let sql = "SELECT hash, form, bytes, body FROM blob WHERE hash IN (?1, ?2, ?3, ?4, ?5, ?6)";
            let found: Vec<(Vec<u8>, i64, i64, Vec<u8>)> = self
                .query_all("read blobs", sql, places, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
            for (hash, form, length, body) in found {
                bytes = bytes.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
                if bytes > bytes_max {
                    return Ok(false);
                }
                let Ok(hash) = Hash::try_from(hash) else { continue };
                blobs.insert(hash, packed::open_blob(form, length, body)?);
            }
        }
        Ok(true)
    }

    /// The content of a blob that the session as a whole holds.
    pub(crate) fn session_blob(&self, session: i64, hash: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT blob.form, blob.bytes, blob.body FROM blob
                   JOIN blob_ref ON blob_ref.blob = blob.number
                   WHERE blob.hash = ?1 AND blob_ref.session = ?2 AND blob_ref.turn = ?3";
        let row = (hash.as_slice(), session, WHOLE_SESSION);
        let found: Option<(i64, i64, Vec<u8>)> =
            self.query_opt("read a blob", sql, row, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        found.map(|(form, bytes, body)| packed::open_blob(form, bytes, body)).transpose()
    }
}

impl Tx<'_> {
    /// Keeps blobs for a turn, each once whoever else needs it.
    pub(crate) fn keep_blobs(&mut self, session: i64, turn: u32, blobs: &[Blob]) -> Result<(), StoreError> {
        let keep = "INSERT INTO blob (hash, bytes, form, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (hash) DO NOTHING";
        let hold = "INSERT INTO blob_ref (session, turn, blob) SELECT ?1, ?2, number FROM blob WHERE hash = ?3
                    ON CONFLICT (session, turn, blob) DO NOTHING";
        for Blob { hash, bytes, form, body } in blobs {
            let bytes = i64::try_from(*bytes).unwrap_or(i64::MAX);
            self.execute("keep a blob", keep, (hash.as_slice(), bytes, *form as i64, body.as_slice()))?;
            self.execute("hold a blob", hold, (session, turn, hash.as_slice()))?;
        }
        Ok(())
    }
}

fn in_row(error: StoreError, session: i64, turn: u32, seq: u32) -> StoreError {
    match error {
        StoreError::Corrupt(why) => {
            StoreError::Corrupt(format!("event {seq} of turn {turn} of session {session}: {why}"))
        }
        other => other,
    }
}

/// Turns whose blobs are remembered at most.
const TURNS_MAX: usize = 4_096;
/// Blobs of one turn that are remembered at most.
const BLOBS_OF_TURN_MAX: usize = 4_096;

/// Which blobs running turns have written, so that the row that ends a turn, which says again what its events said, does
/// not compress and write it again. A turn that runs is never swept, so what it has written is there.
#[derive(Debug, Default)]
pub(crate) struct Written {
    turns: Mutex<HashMap<(i64, u32), HashSet<Hash>>>,
}

impl Written {
    /// What the turn has written.
    pub(crate) fn by(&self, session: i64, turn: u32) -> HashSet<Hash> {
        self.turns().get(&(session, turn)).cloned().unwrap_or_default()
    }

    /// Blobs of the turn are durable.
    pub(crate) fn add(&self, session: i64, turn: u32, blobs: impl IntoIterator<Item = Hash>) {
        let mut blobs = blobs.into_iter().peekable();
        if blobs.peek().is_none() {
            return;
        }
        let mut turns = self.turns();
        if turns.len() >= TURNS_MAX && !turns.contains_key(&(session, turn)) {
            // Turns that never came to an end. What is forgotten is written again, to no effect.
            turns.clear();
        }
        let of_turn = turns.entry((session, turn)).or_default();
        of_turn.extend(blobs.take(BLOBS_OF_TURN_MAX.saturating_sub(of_turn.len())));
    }

    /// The turn has ended, or may go on elsewhere.
    pub(crate) fn forget(&self, session: i64, turn: u32) {
        self.turns().remove(&(session, turn));
    }

    fn turns(&self) -> std::sync::MutexGuard<'_, HashMap<(i64, u32), HashSet<Hash>>> {
        // No code that holds the lock can panic half-way through a change.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_turn_has_written_is_known_until_it_ends() {
        let written = Written::default();
        let hash = |number: u8| [number; 32];
        written.add(1, 1, [hash(1)]);
        written.add(1, 1, [hash(2)]);
        written.add(1, 2, []);
        assert_eq!(written.by(1, 1), HashSet::from([hash(1), hash(2)]));
        assert!(written.by(1, 2).is_empty() && written.by(2, 1).is_empty());
        written.forget(1, 1);
        assert!(written.by(1, 1).is_empty());
        for session in 0..10_000 {
            written.add(session, 1, [hash(1)]);
        }
        assert!(written.turns().len() <= TURNS_MAX);
    }
}
