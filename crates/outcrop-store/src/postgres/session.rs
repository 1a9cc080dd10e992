//! One connection to PostgreSQL, as one thread of the store holds it.
//!
//! What costs here is the way to the server and back. So the borders of transactions are not sent by themselves: `BEGIN` and
//! `SAVEPOINT` go out together with the statement that follows them, and what ends a savepoint goes with the next or with
//! the `COMMIT`. Statements are prepared once for each connection.
//!
//! A connection that is lost is made again when the next transaction begins, with a pause that grows while the server stays
//! away; meanwhile whoever asks is told at once. What was under way is lost with the connection, except for a `COMMIT`
//! whose answer did not arrive: it is found out with the transaction's number on a new connection whether it was kept
//! ([`Session::commit`]).

mod bulk;
mod link;

pub(crate) use link::Target;

use super::values;
use crate::conn::Border;
use crate::error::StoreError;
use crate::sql::{Params, Row, SqlError, SqlResult, Value, ValueType};
use link::{Away, Link, PAUSE_MAX, PAUSE_MIN, ends_connection, first_text, unavailable};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

/// How long work waits for a database that went away, all in all; whoever comes later is told at once.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(10);
/// How much longer than the server's own limit of a statement an answer is waited for: then the network is gone.
const ANSWER_GRACE: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Transactions that read from one state.
    Read,
    /// Writes that lock the rows they need.
    Write,
    /// Writes that come one after another over all replicas, as they do with SQLite.
    WriteInTurn,
}

/// A connection, or the want of one.
pub(crate) struct Session {
    target: Arc<Target>,
    role: Role,
    runtime: Runtime,
    link: RefCell<Option<Link>>,
    /// Borders that go out with the next statement.
    pending: RefCell<String>,
    phase: Cell<Phase>,
    /// Something of the open transaction was sent.
    sent: Cell<bool>,
    /// The open transaction writes what other processes keep in memory.
    changes: Cell<bool>,
    /// The open transaction, to be asked after.
    number: RefCell<Option<Number>>,
    /// Why the last transaction was lost through no fault of its work.
    lost: RefCell<Option<StoreError>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No transaction.
    Idle,
    /// A transaction is open.
    Open,
    /// A statement failed, so the transaction takes no other until it goes back to a savepoint.
    Failed,
}

/// A transaction's number, within one line of history.
#[derive(Clone)]
struct Number {
    history: String,
    number: String,
}

/// What became of a transaction whose end was not heard of.
enum Fate {
    Kept,
    Lost,
    Unknown,
}

impl Session {
    /// A session that connects when it is first used.
    pub(crate) fn new(target: Arc<Target>, role: Role) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::Open(format!("no connection to the database can be made: {error}")))?;
        Ok(Self {
            target,
            role,
            runtime,
            link: RefCell::new(None),
            pending: RefCell::default(),
            phase: Cell::new(Phase::Idle),
            sent: Cell::new(false),
            changes: Cell::new(false),
            number: RefCell::default(),
            lost: RefCell::default(),
        })
    }

    /// Makes the connection if there is none, or if the one there is was closed by the server.
    pub(crate) fn connect(&self) -> Result<(), StoreError> {
        if self.link.borrow().is_some() {
            // What the server said while nobody listened, such as good-bye, is heard now.
            self.runtime.block_on(async {
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            });
        }
        let is_live = self.link.borrow().as_ref().is_some_and(|link| !link.client.is_closed());
        if is_live {
            return Ok(());
        }
        self.link.replace(None);
        let now = Instant::now();
        let away = self.target.away();
        if let Some(away) = away
            && now < away.next
        {
            return Err(unavailable(&self.target, "it did not answer a moment ago"));
        }
        match Link::make(&self.target, &self.runtime) {
            Ok(link) => {
                if let Some(away) = self.target.set_away(None) {
                    let name = self.target.address.name();
                    tracing::info!(seconds = away.since.elapsed().as_secs_f64(), "the database is back: {name}");
                }
                self.link.replace(Some(link));
                Ok(())
            }
            Err(error) => {
                if away.is_none() {
                    tracing::error!(%error, "{error}");
                }
                let pause = away.map_or(PAUSE_MIN, |away| (away.pause * 2).min(PAUSE_MAX));
                let since = away.map_or(now, |away| away.since);
                self.target.set_away(Some(Away { since, pause, next: Instant::now() + pause }));
                Err(error)
            }
        }
    }

    /// Makes the connection; waits for a database that went away a moment ago, as one does that is started anew or that
    /// another server takes the place of.
    fn connect_patiently(&self) -> Result<(), StoreError> {
        loop {
            let Err(error) = self.connect() else { return Ok(()) };
            if self.target.is_long_away() {
                return Err(error);
            }
            std::thread::sleep(self.target.pause());
        }
    }

    /// Whether a transaction is open, if only for its end.
    pub(crate) fn is_open(&self) -> bool {
        self.phase.get() != Phase::Idle
    }

    /// Whether a statement failed in the open transaction and nothing took it back.
    pub(crate) fn has_failed(&self) -> bool {
        self.phase.get() == Phase::Failed
    }

    /// Why the last transaction was lost, where its work is not to blame and may be done again. Cleared by the next.
    pub(crate) fn lost(&self) -> Option<StoreError> {
        self.lost.borrow().clone()
    }

    /// Whether the database has been away for longer than work waits for it.
    pub(crate) fn is_long_away(&self) -> bool {
        self.target.is_long_away()
    }

    /// Tells other processes with the commit that resources or tags are no longer what they were.
    pub(crate) fn note_change(&self) {
        self.changes.set(true);
    }

    /// Goes over a border; most are only noted.
    pub(crate) fn cross(&self, border: Border) -> SqlResult<()> {
        match border {
            Border::Begin | Border::BeginRead => self.begin(),
            Border::Savepoint => self.note("SAVEPOINT job;"),
            Border::Release if self.has_failed() => Err(SqlError::RolledBack),
            Border::Release => self.note("RELEASE job;"),
            Border::TakeBack => {
                self.note("ROLLBACK TO job;RELEASE job;")?;
                self.phase.set(Phase::Open);
                Ok(())
            }
            Border::Commit => self.commit(),
            Border::RollBack => self.roll_back(),
        }
    }

    fn note(&self, sql: &str) -> SqlResult<()> {
        if !self.is_open() {
            return Err(SqlError::RolledBack);
        }
        self.pending.borrow_mut().push_str(sql);
        Ok(())
    }

    fn begin(&self) -> SqlResult<()> {
        self.lost.replace(None);
        self.number.replace(None);
        self.pending.borrow_mut().clear();
        self.sent.set(false);
        self.changes.set(false);
        self.connect_patiently().map_err(|error| {
            self.lost.replace(Some(error.clone()));
            SqlError::Store(error)
        })?;
        let can_ask = self.link.borrow().as_ref().is_some_and(|link| link.history.is_some());
        let ask = if can_ask { "SELECT pg_current_xact_id();" } else { "" };
        let begin = match self.role {
            Role::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;".to_owned(),
            // Statement by statement it sees what others have committed, so what is read behind a lock is what is so.
            Role::Write | Role::WriteInTurn => format!("BEGIN ISOLATION LEVEL READ COMMITTED;{ask}"),
        };
        self.phase.set(Phase::Open);
        self.note(&begin)?;
        if self.role == Role::WriteInTurn {
            // Sent at once: work that can run once only must not begin on a connection that is gone.
            self.note(super::IN_TURN)?;
            self.flush("").inspect_err(|_| self.end_failed())?;
        }
        Ok(())
    }

    /// Makes the transaction durable. When the connection is lost before the answer, the server is asked on a new one what
    /// became of it, which tells in nearly all cases; [`StoreError::Unknown`] in the others.
    fn commit(&self) -> SqlResult<()> {
        if self.role == Role::Read && self.phase.get() != Phase::Open {
            // What failed was told where it failed.
            return self.roll_back();
        }
        if self.phase.get() == Phase::Failed {
            self.roll_back()?;
            return Err(SqlError::RolledBack);
        }
        if !self.sent.get() {
            // Nothing was asked for, so there is nothing to end.
            self.pending.borrow_mut().clear();
            self.phase.set(Phase::Idle);
            return Ok(());
        }
        if self.changes.get() {
            self.note("UPDATE change SET number = number + 1;")?;
        }
        let ended = self.flush("COMMIT;");
        self.phase.set(Phase::Idle);
        let Err(error) = ended else { return Ok(()) };
        let was_lost = self.link.borrow().is_none();
        if !was_lost {
            self.end_failed();
        }
        if !was_lost || self.role == Role::Read {
            return Err(error);
        }
        match self.fate() {
            Fate::Kept => {
                self.lost.replace(None);
                Ok(())
            }
            // Said when the connection was lost, and true: it may be done again.
            Fate::Lost => Err(error),
            Fate::Unknown => {
                self.lost.replace(None);
                Err(SqlError::Store(StoreError::Unknown))
            }
        }
    }

    /// Ends a transaction whose border failed, so that the connection can begin another.
    fn end_failed(&self) {
        self.sent.set(true);
        if let Err(error) = self.roll_back() {
            // A connection that cannot even do that is not used again.
            tracing::warn!(%error, "a transaction did not end: {error}");
            self.link.replace(None);
        }
    }

    fn roll_back(&self) -> SqlResult<()> {
        self.pending.borrow_mut().clear();
        let sent = self.sent.replace(false);
        self.phase.set(Phase::Idle);
        if sent && self.link.borrow().is_some() { self.simple("ROLLBACK").map(drop) } else { Ok(()) }
    }

    /// What became of the transaction whose `COMMIT` had no answer.
    fn fate(&self) -> Fate {
        let Some(Number { history, number }) = self.number.take() else { return Fate::Unknown };
        let until = Instant::now() + WAIT_MAX;
        while Instant::now() < until {
            if self.connect().is_err() {
                std::thread::sleep(self.target.pause().min(Duration::from_millis(200)));
                continue;
            }
            let same =
                self.link.borrow().as_ref().and_then(|link| link.history.clone()).is_some_and(|now| now == history);
            if !same {
                return Fate::Unknown;
            }
            let told = self.simple(&format!("SELECT pg_xact_status('{number}'::xid8)"));
            match told.ok().and_then(|rows| first_text(&rows)).as_deref() {
                Some("committed") => return Fate::Kept,
                Some("aborted") => return Fate::Lost,
                // The server has not yet noticed that nobody listens.
                Some("in progress") => std::thread::sleep(Duration::from_millis(20)),
                _ if self.link.borrow().is_none() => {}
                _ => return Fate::Unknown,
            }
        }
        Fate::Unknown
    }

    /// Sends what is pending, and `then`.
    fn flush(&self, then: &str) -> SqlResult<()> {
        let mut pending = self.pending.take();
        pending.push_str(then);
        self.sent.set(true);
        let messages = self.simple(&pending)?;
        self.note_number(&messages);
        Ok(())
    }

    fn note_number(&self, messages: &[SimpleQueryMessage]) {
        if self.number.borrow().is_none()
            && let Some(number) = first_text(messages)
            && let Some(history) = self.link.borrow().as_ref().and_then(|link| link.history.clone())
        {
            self.number.replace(Some(Number { history, number }));
        }
    }

    /// Runs text that has no parameters.
    pub(crate) fn simple(&self, sql: &str) -> SqlResult<Vec<SimpleQueryMessage>> {
        let ran = {
            let link = self.link.borrow();
            let Some(link) = &*link else { return Err(SqlError::RolledBack) };
            // A clock can be made only where there is a runtime.
            self.runtime.block_on(async { tokio::time::timeout(self.patience(), link.client.simple_query(sql)).await })
        };
        self.told(ran)
    }

    /// All rows that a statement answers.
    pub(crate) fn rows<P: Params>(&self, sql: &str, params: &P) -> SqlResult<Vec<tokio_postgres::Row>> {
        self.run(sql, P::TYPES, params, async |client, statement, values| {
            use futures_util::TryStreamExt;
            client.query_raw(statement, values).await?.try_collect().await
        })
    }

    /// Takes the lock under which the schema is changed, until the open transaction ends.
    pub(crate) fn lock_for_migration(&self) -> SqlResult<()> {
        let schema = self.link.borrow().as_ref().map(|link| link.lock).unwrap_or_default();
        let lock = i64::from(super::MIGRATING) << 32 | i64::from(schema);
        self.simple(&format!("SELECT pg_advisory_xact_lock({lock})")).map(drop)
    }

    fn send_pending(&self) -> SqlResult<()> {
        if self.pending.borrow().is_empty() { Ok(()) } else { self.flush("") }
    }

    /// How many rows a statement changes.
    pub(crate) fn execute<P: Params>(&self, sql: &str, params: &P) -> SqlResult<usize> {
        let changed = self.run(sql, P::TYPES, params, async |client, statement, values| {
            client.execute_raw(statement, values).await
        })?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Runs a prepared statement, and before it, without waiting, what is pending.
    fn run<T, P: Params>(
        &self,
        sql: &str,
        types: &[ValueType],
        params: &P,
        ask: impl AsyncFnOnce(&Client, &Statement, &[Value<'_>]) -> Result<T, tokio_postgres::Error>,
    ) -> SqlResult<T> {
        if self.phase.get() != Phase::Open {
            return Err(self.lost().map_or(SqlError::RolledBack, SqlError::Store));
        }
        let pending = self.pending.take();
        self.sent.set(true);
        let ran = {
            let link = self.link.borrow();
            let Some(link) = &*link else { return Err(SqlError::RolledBack) };
            params.with(|values| {
                let running = async {
                    let statement = link.statement(sql, types).await?;
                    let asking = ask(&link.client, &statement, values);
                    if pending.is_empty() {
                        return Ok((asking.await?, Vec::new()));
                    }
                    // Both are sent before either is waited for. What the first has to say explains the second.
                    let (before, answer) = futures_util::future::join(link.client.simple_query(&pending), asking).await;
                    let before = before?;
                    Ok((answer?, before))
                };
                self.runtime.block_on(async { tokio::time::timeout(self.patience(), running).await })
            })
        };
        let (answer, before) = self.told(ran)?;
        self.note_number(&before);
        Ok(answer)
    }

    /// Sorts out what a failure means for the transaction and for the connection.
    fn told<T>(&self, ran: Result<Result<T, tokio_postgres::Error>, tokio::time::error::Elapsed>) -> SqlResult<T> {
        let error = match ran {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => {
                let error = unavailable(&self.target, "it does not answer");
                self.lose(error.clone());
                return Err(SqlError::Store(error));
            }
        };
        let is_closed = self.link.borrow().as_ref().is_none_or(|link| link.client.is_closed());
        if is_closed || ends_connection(&error) {
            let why = super::words(&error);
            let told = unavailable(&self.target, &why);
            self.lose(told.clone());
            return Err(SqlError::Store(told));
        }
        if let Some(code) = error.code()
            && [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code)
        {
            self.lost.replace(Some(StoreError::Busy));
        }
        if self.is_open() {
            self.phase.set(Phase::Failed);
        }
        Err(SqlError::Postgres(Box::new(error)))
    }

    /// The connection is of no further use, and with it the transaction.
    fn lose(&self, why: StoreError) {
        tracing::warn!(error = %why, "{why}");
        self.lost.replace(Some(why));
        self.phase.set(Phase::Idle);
        self.sent.set(false);
        self.pending.borrow_mut().clear();
        let gone = self.link.take();
        // Its task ends with the runtime's next turn; nothing is waited for.
        drop(gone);
    }

    fn patience(&self) -> Duration {
        self.target.statement_timeout + ANSWER_GRACE
    }
}

/// What is read of a row, for the one statement that is not prepared by its types.
pub(crate) fn read_one<T>(
    rows: &[tokio_postgres::Row],
    map: impl FnOnce(&Row<'_>) -> SqlResult<T>,
) -> SqlResult<Option<T>> {
    rows.first().map(|row| map(&Row::Postgres(row))).transpose()
}

pub(crate) use values::read as read_all;
