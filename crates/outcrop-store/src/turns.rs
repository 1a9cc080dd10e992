//! The life of a turn: begun, appended to, finished or suspended, resumed. Each step is one durable write.
//!
//! The requests are plain data and check everything they can before their first write, so the writer runs them
//! without a savepoint of their own and can run them again should a neighbour in the same commit fail.

use crate::blobs::WHOLE_SESSION;
use crate::callbacks::AwaitedCallback;
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
#[derive(Clone, Debug, Default)]
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
    /// Who will work on it: this process's own name, see [`Store::renew_lease`].
    pub owner: String,
    /// How the request is known when it comes again; `None` for a turn that no request attaches to.
    pub request: Option<RequestHashes>,
    /// Session and turn that the request has been shown: its own also when it has come to its end meanwhile.
    pub follows: Option<(i64, u32)>,
    /// Whether a turn that waits for a callback makes way; else it is [`BeginError::Asleep`].
    pub interrupts: bool,
}

/// How a request is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHashes {
    /// Of what it says: 16 bytes.
    pub input: Vec<u8>,
    /// The same with the id that a client's retries share: 16 bytes.
    pub request: Option<Vec<u8>>,
}

/// A turn, and by what right it is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnRef {
    /// The store's number of the session.
    pub session: i64,
    /// The turn within it.
    pub turn: u32,
    /// The session's epoch as it was when the turn was begun or taken over: a later one has somebody else.
    pub epoch: i64,
}

/// What a request comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entered {
    /// A turn of its own.
    Begun(Begun),
    /// The turn that it has already.
    Known(KnownTurn),
}

/// The last turn of a session, found by its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownTurn {
    /// The turn. One that is open was taken over: nobody else may write to it.
    pub turn: TurnRef,
    /// Session attributes as the last finished turn left them.
    pub attributes: BTreeMap<String, String>,
    /// How it stands.
    pub state: KnownState,
}

/// How a turn stands whose request came again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownState {
    /// It has no end, and nobody works on it any more.
    Open {
        /// Whoever worked on it went away in its middle: what was under way may have been done or not. Else it was left
        /// with nothing under way.
        cut_off: bool,
    },
    /// It waits for the results of a return of control.
    Suspended,
    /// It waits for a callback.
    Asleep {
        /// At most until then.
        until: Timestamp,
    },
    /// It has its end.
    Over {
        /// Nobody was there to read it.
        unread: bool,
    },
}

/// The turn that was begun or gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The store's number of the session.
    pub session: i64,
    /// The turn within the session, from 1.
    pub turn: u32,
    /// The session's epoch from now on.
    pub epoch: i64,
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

impl Begun {
    /// The turn, to be written to.
    pub fn turn_ref(&self) -> TurnRef {
        TurnRef { session: self.session, turn: self.turn, epoch: self.epoch }
    }
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
    /// Another process works on the session's turn.
    #[error("another process holds the session")]
    Held {
        /// Its turn, when it is the one that the request came by.
        same: Option<TurnRef>,
    },
    /// The last turn waits for a callback, and the request does not interrupt it.
    #[error("the session's turn waits for a callback")]
    Asleep {
        /// At most until then.
        until: Timestamp,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a turn ends with.
#[derive(Clone, Debug)]
pub struct FinishTurn {
    /// The turn.
    pub turn: TurnRef,
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
    /// Nobody was there to read the end: the same request shall find it.
    pub unread: bool,
    /// Calls whose result comes later, of a turn that goes to sleep.
    pub callbacks: Vec<AwaitedCallback>,
}

impl FinishTurn {
    /// An end that keeps the attributes and was seen by somebody.
    pub fn new(
        turn: TurnRef,
        first_seq: u32,
        events: Vec<(Timestamp, Vec<u8>)>,
        now: Timestamp,
        outcome: TurnOutcome,
    ) -> Self {
        Self { turn, first_seq, events, now, attributes: None, outcome, unread: false, callbacks: Vec::new() }
    }
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
    /// It waits for a callback, and its session does not expire before that. The next request may find it.
    Asleep {
        /// At most until then.
        until: Timestamp,
    },
    /// The session ends with the turn.
    Ended,
}

/// How long after its end a turn may be found by its words alone, when the process that ended it is gone: its client may
/// never have read the end.
const LOST_END_SECONDS: i64 = 60;

impl Store {
    /// Finds or creates the live session and begins a turn in it, or goes on with the suspended one.
    ///
    /// An expired session is replaced by a fresh one. A new turn in a suspended session abandons the suspended turn. A
    /// turn left open is given up, and told by [`Begun::interrupted`]; whether it still runs is for the caller to know.
    /// Once this resolves, the turn is durable. Dropping the future does not take the request back.
    ///
    /// # Errors
    /// Results that nobody waits for; [`StoreError::TooLarge`]; failures of the store. Nothing is written then.
    ///
    /// [`BeginTurn::request`] is not looked for.
    pub async fn begin_turn(&self, mut begin: BeginTurn) -> Result<Begun, BeginError> {
        begin.request = None;
        match self.enter_turn(begin).await? {
            Entered::Begun(begun) => Ok(begun),
            Entered::Known(known) => Err(StoreError::Conflict(format!("session {} holds", known.turn.session)).into()),
        }
    }

    /// As [`Store::begin_turn`]; but a request that the session's last turn came by, sent again, gets that turn. It is
    /// the same when its client says so and the input is equal; or when the input is equal and the turn has no end, or
    /// one that was not read. If it is open it is taken over. Nothing is written to its journal.
    ///
    /// # Errors
    /// As for [`Store::begin_turn`]; [`BeginError::Held`].
    pub async fn enter_turn(&self, begin: BeginTurn) -> Result<Entered, BeginError> {
        check_sizes([begin.first_event.as_slice()].into_iter().chain(begin.files.iter().map(|file| &*file.body)))?;
        let bytes = begin.first_event.len() + begin.files.iter().map(|file| file.body.len()).sum::<usize>();
        let begin = away_if_long(bytes, move || Begin::of(begin)).await??;
        let blobs = begin.first.hashes();
        let entered = self.submit(begin).await?;
        if let Entered::Begun(begun) = &entered {
            self.written().add(begun.session, begun.turn, blobs);
        }
        Ok(entered)
    }

    /// Appends events to the journal of a turn; the first gets the number `first_seq`. All or none are kept.
    ///
    /// Resolves when they are durable. Dropping the future does not take the request back.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the session has another epoch or was swept; [`StoreError::Conflict`] when one of the
    /// numbers is taken; [`StoreError::TooLarge`] over 16 MiB in one event or 64 MiB together.
    pub async fn append_events(
        &self,
        turn: TurnRef,
        first_seq: u32,
        events: Vec<(Timestamp, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        check_sizes(events.iter().map(|(_, body)| body.as_slice()))?;
        if events.is_empty() {
            return Ok(());
        }
        let events = self.packed(turn, events).await?;
        let blobs: Vec<Hash> = events.iter().flat_map(|(_, event)| event.hashes()).collect();
        self.submit(Append { turn, first_seq, events }).await?;
        self.written().add(turn.session, turn.turn, blobs);
        Ok(())
    }

    /// Appends the last events and closes the turn, in one durable write.
    ///
    /// A turn that a newer one has taken the place of is fenced off. Dropping the future does not take it back.
    ///
    /// # Errors
    /// As for [`Store::append_events`]; attributes count as an event.
    pub async fn finish_turn(&self, mut finish: FinishTurn) -> Result<(), StoreError> {
        let attributes = finish.attributes.as_ref().map(crate::resources::to_doc).transpose()?;
        check_sizes(finish.events.iter().map(|(_, body)| body.as_slice()).chain(attributes.as_deref()))?;
        let turn = finish.turn;
        let events = self.packed(turn, std::mem::take(&mut finish.events)).await?;
        self.submit(Finish { finish, events, attributes }).await?;
        self.written().forget(turn.session, turn.turn);
        Ok(())
    }

    /// Events in the form they are kept in; of what the turn has written already, only the address.
    async fn packed(
        &self,
        turn: TurnRef,
        events: Vec<(Timestamp, Vec<u8>)>,
    ) -> Result<Vec<(Timestamp, Packed)>, StoreError> {
        let written = self.written().by(turn.session, turn.turn);
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
    turn: TurnRef,
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
    type Output = Entered;
    type Error = BeginError;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Entered, BeginError> {
        let begin = &self.begin;
        // Another replica may begin the session between the look and the insert; then it is there at the second look.
        for _ in 0..BEGIN_ATTEMPTS {
            let row = tx.lock_session(&begin.agent_id, &begin.alias_id, &begin.session_id)?;
            if let Some(row) = row.as_ref().filter(|row| !row.expired(begin.now)) {
                if row.open_turn.is_some() && tx.is_held_by_other(row, &begin.owner, begin.now)? {
                    let is_same = begin.request.as_ref().is_some_and(|own| row.input_hash.as_ref() == Some(&own.input));
                    let turn = TurnRef { session: row.id, turn: row.turns, epoch: row.epoch };
                    return Err(BeginError::Held { same: is_same.then_some(turn) });
                }
                if let Some(known) = known_turn(tx, begin, row)? {
                    return Ok(Entered::Known(known));
                }
                if let Some(until) = row.asleep_until.filter(|_| !begin.interrupts) {
                    return Err(BeginError::Asleep { until });
                }
            }
            let begun = match (row, &begin.resume) {
                (Some(row), Some(invocation)) if !row.expired(begin.now) => {
                    Some(resume_turn(tx, self, &row, invocation)?)
                }
                (_, Some(_)) => return Err(BeginError::NotSuspended),
                (Some(row), None) if row.expired(begin.now) => {
                    tx.retire_session(row.id, begin.now)?;
                    new_session(tx, self)?
                }
                (Some(row), None) => Some(new_turn(tx, self, &row)?),
                (None, None) => new_session(tx, self)?,
            };
            if let Some(begun) = begun {
                return Ok(Entered::Begun(begun));
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
        append(tx, self.turn, self.first_seq, &self.events)
    }

    fn lane(&self) -> u64 {
        self.turn.session.unsigned_abs()
    }

    fn wrote(_: &StoreError) -> bool {
        true
    }
}

impl Request for Finish {
    type Output = ();
    type Error = StoreError;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let FinishTurn { turn, first_seq, now, outcome, unread, callbacks, .. } = &self.finish;
        append(tx, *turn, *first_seq, &self.events)?;
        let (suspended, asleep_until) = match outcome {
            TurnOutcome::Suspended { invocation_id } => (Some(invocation_id.as_str()), None),
            TurnOutcome::Asleep { until } => (None, Some(*until)),
            TurnOutcome::Finished | TurnOutcome::Ended => (None, None),
        };
        // A session counts as active for as long as its turn waits for a callback.
        let last_active_at = asleep_until.map_or(*now, |until| until.max(*now)).as_nanos();
        let sql = "UPDATE session SET last_active_at = ?4, attributes = coalesce(?5, attributes), open_turn = NULL,
                   suspended = ?6, asleep_until = ?7, unread = ?8
                   WHERE id = ?1 AND turns = ?2 AND epoch = ?3 AND ended = 0";
        let asleep_until = asleep_until.map(Timestamp::as_nanos);
        let (session, number) = (turn.session, turn.turn);
        let unread = i64::from(*unread);
        let row = (session, number, turn.epoch, last_active_at, &self.attributes, suspended, asleep_until, unread);
        let is_there = tx.execute("finish a turn", sql, row)? > 0;
        if !is_there && self.events.is_empty() && !tx.has_epoch(*turn)? {
            return Err(StoreError::Fenced);
        }
        for callback in callbacks {
            tx.await_callback(*turn, callback)?;
        }
        if asleep_until.is_some() {
            tx.arm_callbacks(session)?;
        }
        if *outcome == TurnOutcome::Ended {
            tx.retire_session(session, *now)?;
        }
        Ok(())
    }

    fn lane(&self) -> u64 {
        self.finish.turn.session.unsigned_abs()
    }

    fn wrote(_: &StoreError) -> bool {
        true
    }
}

fn append(tx: &mut Tx<'_>, turn: TurnRef, first_seq: u32, events: &[(Timestamp, Packed)]) -> Result<(), StoreError> {
    (first_seq..).zip(events).try_for_each(|(seq, (at, event))| tx.append_fenced(turn, seq, *at, event))
}

/// The session's last turn, if it is the request's own. One that is open is taken over.
fn known_turn(tx: &mut Tx<'_>, begin: &BeginTurn, row: &SessionRow) -> Result<Option<KnownTurn>, BeginError> {
    let Some(hashes) = &begin.request else { return Ok(None) };
    if row.turns == 0 || row.input_hash.as_deref() != Some(hashes.input.as_slice()) {
        return Ok(None);
    }
    let is_resent =
        (hashes.request.is_some() && row.request_hash == hashes.request) || begin.follows == Some((row.id, row.turns));
    let state = match (row.open_turn, row.asleep_until) {
        (Some(_), _) => KnownState::Open { cut_off: row.lease_owner.is_some() },
        (None, Some(until)) => KnownState::Asleep { until },
        // The caller's results, brought once more because the turn could not go on with them, are to be taken.
        (None, None) if row.suspended.is_some() && row.suspended == begin.resume => return Ok(None),
        (None, None) if row.suspended.is_some() => KnownState::Suspended,
        (None, None) if is_resent || row.unread => KnownState::Over { unread: row.unread },
        (None, None) => {
            let is_recent = begin.now <= row.last_active_at.plus_seconds(LOST_END_SECONDS);
            if !(is_recent && row.lease_owner.is_some() && tx.has_other_crashed(row, &begin.owner, begin.now)?) {
                return Ok(None);
            }
            KnownState::Over { unread: false }
        }
    };
    let mut turn = TurnRef { session: row.id, turn: row.turns, epoch: row.epoch };
    if let KnownState::Open { .. } = state {
        turn.epoch = tx.take_lease(row, begin)?;
    }
    Ok(Some(KnownTurn { turn, attributes: row.attributes()?, state }))
}

/// Begins the session; `None` when it is there after all.
fn new_session(tx: &mut Tx<'_>, request: &Begin) -> Result<Option<Begun>, StoreError> {
    let sql = "INSERT INTO session (agent_id, alias_id, session_id, created_at, last_active_at, idle_ttl_s,
                                    attributes, turns, open_turn, memory_id, epoch, lease_owner, input_hash, request_hash)
               VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, 1, 1, ?7, 1, ?8, ?9, ?10) ON CONFLICT DO NOTHING";
    let BeginTurn { agent_id, alias_id, session_id, now, idle_ttl_seconds, memory_id, owner, request: hashes, .. } =
        &request.begin;
    let (input, resent) = columns(hashes.as_ref());
    let (now, empty) = (now.as_nanos(), b"{}".as_slice());
    let row = (agent_id, alias_id, session_id, now, idle_ttl_seconds, empty, memory_id, owner, input, resent);
    let Some(session) = tx.insert_row("begin a session", sql, row)? else { return Ok(None) };
    tx.append_event(session, 1, 0, request.begin.now, &request.first)?;
    tx.keep_blobs(session, WHOLE_SESSION, &request.files)?;
    Ok(Some(Begun {
        session,
        turn: 1,
        epoch: 1,
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
    open_turn(tx, begin, row, turn, 0)?;
    Ok(Begun {
        session: row.id,
        turn,
        epoch: row.epoch + 1,
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
    open_turn(tx, begin, row, turn, seq)?;
    Ok(Begun {
        session: row.id,
        turn,
        epoch: row.epoch + 1,
        next_seq: seq + 1,
        attributes,
        previous_turns: turn.saturating_sub(1),
        interrupted: false,
        is_new: false,
    })
}

/// Makes the turn the open one and writes the event it begins or goes on with.
fn open_turn(tx: &mut Tx<'_>, request: &Begin, row: &SessionRow, turn: u32, seq: u32) -> Result<(), StoreError> {
    let sql = "UPDATE session SET turns = ?2, open_turn = ?2, suspended = NULL, last_active_at = ?3, idle_ttl_s = ?4,
               memory_id = coalesce(?5, memory_id), epoch = epoch + 1, lease_owner = ?6, input_hash = ?7,
               request_hash = ?8, asleep_until = NULL, unread = 0 WHERE id = ?1";
    let session = row.id;
    let (input, resent) = columns(request.begin.request.as_ref());
    let BeginTurn { now, idle_ttl_seconds, memory_id, owner, .. } = &request.begin;
    let values = (session, turn, now.as_nanos(), idle_ttl_seconds, memory_id, owner, input, resent);
    tx.execute("begin a turn", sql, values)?;
    if row.asleep_until.is_some() {
        tx.forget_callbacks(session)?;
    }
    tx.append_event(session, turn, seq, *now, &request.first)?;
    tx.keep_blobs(session, WHOLE_SESSION, &request.files)
}

/// The two hashes as their columns hold them.
fn columns(request: Option<&RequestHashes>) -> (Option<&[u8]>, Option<&[u8]>) {
    (request.map(|hashes| hashes.input.as_slice()), request.and_then(|hashes| hashes.request.as_deref()))
}
