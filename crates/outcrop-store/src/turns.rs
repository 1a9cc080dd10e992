//! The life of a turn: begun, appended to, finished or suspended, resumed. Each step is one durable write.
//!
//! The requests are plain data and check everything they can before their first write, so the writer runs them
//! without a savepoint of their own and can run them again should a neighbour in the same commit fail.

use crate::blobs::WHOLE_SESSION;
use crate::error::StoreError;
use crate::files::SessionFile;
use crate::journal::check_sizes;
use crate::packed::{Blob, Hash, Packed, pack};
use crate::sessions::SessionRow;
use crate::store::Store;
use crate::tx::Tx;
use crate::writer::Request;
use outcrop_wire::Timestamp;
use std::collections::BTreeMap;

/// Looks at a session that another replica begins and ends at the same time, before it is given up.
const BEGIN_ATTEMPTS: u32 = 4;

/// What a turn begins with.
#[derive(Clone, Debug)]
pub struct BeginTurn {
    /// The agent's id.
    pub agent_id: String,
    /// The alias's id.
    pub alias_id: String,
    /// The session id as the client chose it.
    pub session_id: String,
    /// The time of the request; decides whether the session has expired.
    pub now: Timestamp,
    /// Seconds without a turn after which the session expires from now on.
    pub idle_ttl_seconds: u32,
    /// The invocation id whose results this request brings: goes on with the suspended turn. `None` begins a new one.
    pub resume: Option<String>,
    /// What the session is remembered under when it is over; `None` leaves it as it is.
    pub memory_id: Option<String>,
    /// The event that begins or goes on with the turn; at most [`EVENT_BYTES_MAX`](crate::EVENT_BYTES_MAX).
    pub first_event: Vec<u8>,
    /// Files that the event names by their hashes; kept with the session.
    pub files: Vec<SessionFile>,
}

/// The turn that was begun or gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The store's number of the session.
    pub session: i64,
    /// The turn within the session, from 1.
    pub turn: u32,
    /// The number of the next event: the one after `first_event`.
    pub next_seq: u32,
    /// Session attributes as the last finished turn left them.
    pub attributes: BTreeMap<String, String>,
    /// Turns before this one; their events are the history.
    pub previous_turns: u32,
    /// The last turn never finished: the process ended, or it still runs.
    pub interrupted: bool,
    /// The session begins with this turn.
    pub is_new: bool,
}

/// Why no turn was begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// Results came for a session that waits for none, or that has ended or expired.
    #[error("the session waits for no results")]
    NotSuspended,
    /// Results came for another invocation than the one waited for.
    #[error("the session waits for the results of invocation `{expected}`")]
    WrongInvocation {
        /// The invocation id waited for.
        expected: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a turn ends with.
#[derive(Clone, Debug)]
pub struct FinishTurn {
    /// [`Begun::session`].
    pub session: i64,
    /// [`Begun::turn`].
    pub turn: u32,
    /// The number of the first of `events`.
    pub first_seq: u32,
    /// The last events, with their times; may be empty.
    pub events: Vec<(Timestamp, Vec<u8>)>,
    /// The time of the end: the idle time counts from here.
    pub now: Timestamp,
    /// New session attributes in place of all old ones; `None` keeps them.
    pub attributes: Option<BTreeMap<String, String>>,
    /// How it ends.
    pub outcome: TurnOutcome,
}

/// How a turn ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnOutcome {
    /// Answered, or failed: the next request begins a new turn.
    Finished,
    /// Control went to the caller: the next request may bring the results.
    Suspended {
        /// What the results will name.
        invocation_id: String,
    },
    /// The session ends with the turn.
    Ended,
}

impl Store {
    /// Finds or creates the live session and begins a turn in it, or goes on with the suspended one.
    ///
    /// An expired session is replaced by a fresh one. A new turn in a suspended session abandons the suspended turn. A
    /// turn left open is given up, and told by [`Begun::interrupted`]; whether it still runs is for the caller to know.
    /// Once this resolves, the turn is durable. Dropping the future does not take the request back.
    ///
    /// # Errors
    /// Results that nobody waits for; [`StoreError::TooLarge`]; failures of the store. Nothing is written then.
    pub async fn begin_turn(&self, begin: BeginTurn) -> Result<Begun, BeginError> {
        check_sizes([begin.first_event.as_slice()].into_iter().chain(begin.files.iter().map(|file| &*file.body)))?;
        let bytes = begin.first_event.len() + begin.files.iter().map(|file| file.body.len()).sum::<usize>();
        let begin = away_if_long(bytes, move || Begin::of(begin)).await??;
        let blobs = begin.first.hashes();
        let begun = self.submit(begin).await?;
        self.written().add(begun.session, begun.turn, blobs);
        Ok(begun)
    }

    /// Appends events to the journal of a turn; the first gets the number `first_seq`. All or none are kept.
    ///
    /// Resolves when they are durable. Dropping the future does not take the request back.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when one of the numbers is taken (another driver on the same turn) or the session was
    /// swept; [`StoreError::TooLarge`] over 16 MiB in one event or 64 MiB together.
    pub async fn append_events(
        &self,
        session: i64,
        turn: u32,
        first_seq: u32,
        events: Vec<(Timestamp, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        check_sizes(events.iter().map(|(_, body)| body.as_slice()))?;
        if events.is_empty() {
            return Ok(());
        }
        let events = self.packed(session, turn, events).await?;
        let blobs: Vec<Hash> = events.iter().flat_map(|(_, event)| event.hashes()).collect();
        self.submit(Append { session, turn, first_seq, events }).await?;
        self.written().add(session, turn, blobs);
        Ok(())
    }

    /// Appends the last events and closes the turn, in one durable write.
    ///
    /// A turn that a newer one has taken the place of only appends its events: attributes and waiting are the newer
    /// turn's. [`TurnOutcome::Ended`] ends the session all the same. Dropping the future does not take it back.
    ///
    /// # Errors
    /// As for [`Store::append_events`]; attributes count as an event.
    pub async fn finish_turn(&self, mut finish: FinishTurn) -> Result<(), StoreError> {
        let attributes = finish.attributes.as_ref().map(crate::resources::to_doc).transpose()?;
        check_sizes(finish.events.iter().map(|(_, body)| body.as_slice()).chain(attributes.as_deref()))?;
        let (session, turn) = (finish.session, finish.turn);
        let events = self.packed(session, turn, std::mem::take(&mut finish.events)).await?;
        self.submit(Finish { finish, events, attributes }).await?;
        self.written().forget(session, turn);
        Ok(())
    }

    /// Events in the form they are kept in; of what the turn has written already, only the address.
    async fn packed(
        &self,
        session: i64,
        turn: u32,
        events: Vec<(Timestamp, Vec<u8>)>,
    ) -> Result<Vec<(Timestamp, Packed)>, StoreError> {
        let written = self.written().by(session, turn);
        let bytes = events.iter().map(|(_, body)| body.len()).sum();
        away_if_long(bytes, move || {
            events.into_iter().map(|(at, body)| (at, pack(&body, |hash| written.contains(hash)))).collect()
        })
        .await
    }
}

/// Bytes that are packed where they are: it takes about a millisecond.
const PACKED_HERE_BYTES_MAX: usize = 256 * 1024;

/// Does the work away from the threads that answer requests when there is much of it.
async fn away_if_long<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    if bytes <= PACKED_HERE_BYTES_MAX {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Panicked(error.to_string()))
}

/// A turn to begin, with what it begins with as it is kept.
struct Begin {
    begin: BeginTurn,
    first: Packed,
    files: Vec<Blob>,
}

impl Begin {
    fn of(mut begin: BeginTurn) -> Result<Self, StoreError> {
        let first = pack(&std::mem::take(&mut begin.first_event), |_| false);
        let files = crate::files::to_blobs(&std::mem::take(&mut begin.files))?;
        Ok(Self { begin, first, files })
    }
}

struct Append {
    session: i64,
    turn: u32,
    first_seq: u32,
    events: Vec<(Timestamp, Packed)>,
}

struct Finish {
    finish: FinishTurn,
    /// `finish.events` as they are kept.
    events: Vec<(Timestamp, Packed)>,
    /// `finish.attributes` as the column holds them.
    attributes: Option<Vec<u8>>,
}

impl Request for Begin {
    type Output = Begun;
    type Error = BeginError;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Begun, BeginError> {
        let BeginTurn { agent_id, alias_id, session_id, resume, now, .. } = &self.begin;
        // Another replica may begin the session between the look and the insert; then it is there at the second look.
        for _ in 0..BEGIN_ATTEMPTS {
            let row = tx.lock_session(agent_id, alias_id, session_id)?;
            let begun = match (row, resume) {
                (Some(row), Some(invocation)) if !row.expired(*now) => {
                    return resume_turn(tx, self, &row, invocation);
                }
                (_, Some(_)) => return Err(BeginError::NotSuspended),
                (Some(row), None) if row.expired(*now) => {
                    tx.retire_session(row.id, *now)?;
                    new_session(tx, self)?
                }
                (Some(row), None) => Some(new_turn(tx, self, &row)?),
                (None, None) => new_session(tx, self)?,
            };
            if let Some(begun) = begun {
                return Ok(begun);
            }
        }
        Err(StoreError::Conflict(format!("session `{}` begins elsewhere again and again", self.begin.session_id))
            .into())
    }

    fn lane(&self) -> u64 {
        crc32fast::hash(self.begin.session_id.as_bytes()).into()
    }

    fn wrote(error: &BeginError) -> bool {
        // The refusals are decided before the first write.
        matches!(error, BeginError::Store(_))
    }
}

impl Request for Append {
    type Output = ();
    type Error = StoreError;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        append(tx, self.session, self.turn, self.first_seq, &self.events)
    }

    fn lane(&self) -> u64 {
        self.session.unsigned_abs()
    }

    fn wrote(_: &StoreError) -> bool {
        true
    }
}

impl Request for Finish {
    type Output = ();
    type Error = StoreError;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let FinishTurn { session, turn, first_seq, now, outcome, .. } = &self.finish;
        append(tx, *session, *turn, *first_seq, &self.events)?;
        let suspended = match outcome {
            TurnOutcome::Suspended { invocation_id } => Some(invocation_id.as_str()),
            TurnOutcome::Finished | TurnOutcome::Ended => None,
        };
        let sql = "UPDATE session SET last_active_at = ?3, attributes = coalesce(?4, attributes),
                   open_turn = NULL, suspended = ?5 WHERE id = ?1 AND turns = ?2 AND ended = 0";
        let row = (session, turn, now.as_nanos(), &self.attributes, suspended);
        tx.execute("finish a turn", sql, row)?;
        if *outcome == TurnOutcome::Ended {
            tx.retire_session(*session, *now)?;
        }
        Ok(())
    }

    fn lane(&self) -> u64 {
        self.finish.session.unsigned_abs()
    }

    fn wrote(_: &StoreError) -> bool {
        true
    }
}

fn append(
    tx: &mut Tx<'_>,
    session: i64,
    turn: u32,
    first_seq: u32,
    events: &[(Timestamp, Packed)],
) -> Result<(), StoreError> {
    (first_seq..).zip(events).try_for_each(|(seq, (at, event))| tx.append_event(session, turn, seq, *at, event))
}

/// Begins the session; `None` when it is there after all.
fn new_session(tx: &mut Tx<'_>, request: &Begin) -> Result<Option<Begun>, StoreError> {
    let sql = "INSERT INTO session (agent_id, alias_id, session_id, created_at, last_active_at, idle_ttl_s,
                                    attributes, turns, open_turn, memory_id)
               VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, 1, 1, ?7) ON CONFLICT DO NOTHING";
    let BeginTurn { agent_id, alias_id, session_id, now, idle_ttl_seconds, memory_id, .. } = &request.begin;
    let row = (agent_id, alias_id, session_id, now.as_nanos(), idle_ttl_seconds, b"{}".as_slice(), memory_id);
    let Some(session) = tx.insert_row("begin a session", sql, row)? else { return Ok(None) };
    tx.append_event(session, 1, 0, *now, &request.first)?;
    tx.keep_blobs(session, WHOLE_SESSION, &request.files)?;
    Ok(Some(Begun {
        session,
        turn: 1,
        next_seq: 1,
        attributes: BTreeMap::new(),
        previous_turns: 0,
        interrupted: false,
        is_new: true,
    }))
}

fn new_turn(tx: &mut Tx<'_>, begin: &Begin, row: &SessionRow) -> Result<Begun, StoreError> {
    let attributes = row.attributes()?;
    let turn = row.turns.saturating_add(1);
    open_turn(tx, begin, row.id, turn, 0)?;
    Ok(Begun {
        session: row.id,
        turn,
        next_seq: 1,
        attributes,
        previous_turns: row.turns,
        interrupted: row.open_turn.is_some(),
        is_new: false,
    })
}

fn resume_turn(tx: &mut Tx<'_>, begin: &Begin, row: &SessionRow, invocation: &str) -> Result<Begun, BeginError> {
    match row.suspended.as_deref() {
        None => return Err(BeginError::NotSuspended),
        Some(expected) if expected != invocation => {
            return Err(BeginError::WrongInvocation { expected: expected.to_owned() });
        }
        Some(_) => {}
    }
    let attributes = row.attributes()?;
    let turn = row.turns;
    let seq = tx.next_seq(row.id, turn)?;
    open_turn(tx, begin, row.id, turn, seq)?;
    Ok(Begun {
        session: row.id,
        turn,
        next_seq: seq + 1,
        attributes,
        previous_turns: turn.saturating_sub(1),
        interrupted: false,
        is_new: false,
    })
}

/// Makes the turn the open one and writes the event it begins or goes on with.
fn open_turn(tx: &mut Tx<'_>, request: &Begin, session: i64, turn: u32, seq: u32) -> Result<(), StoreError> {
    let BeginTurn { now, idle_ttl_seconds, memory_id, .. } = &request.begin;
    let sql = "UPDATE session SET turns = ?2, open_turn = ?2, suspended = NULL, last_active_at = ?3, idle_ttl_s = ?4,
               memory_id = coalesce(?5, memory_id) WHERE id = ?1";
    let row = (session, turn, now.as_nanos(), idle_ttl_seconds, memory_id);
    tx.execute("begin a turn", sql, row)?;
    tx.append_event(session, turn, seq, *now, &request.first)?;
    tx.keep_blobs(session, WHOLE_SESSION, &request.files)
}
