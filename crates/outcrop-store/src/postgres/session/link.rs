//! The connection itself: how it is made and set up, what is known of a database that is away, and which failures end it.

use super::super::{dialect, lock_of, words};
use crate::error::StoreError;
use crate::postgres::tls::MakeTls;
use crate::postgres::url::Address;
use crate::sql::ValueType;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage, Statement};

/// Distinct statements of this crate, with room; prepared anew when there are more.
const STATEMENTS_MAX: usize = 512;
/// The first pause after a connection could not be made; each further one is twice as long.
pub(super) const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest of these pauses.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long a transaction may hold locks while its program says nothing, in milliseconds. The server ends it then: a
/// process that is stopped in the middle of a write must not stop the others.
const SILENCE_MAX: u32 = 10_000;

/// Where the database is and how it is to be used.
pub(crate) struct Target {
    pub(crate) address: Address,
    pub(crate) tls: MakeTls,
    /// Where the tables are; the server's choice when absent.
    pub(crate) schema: Option<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    /// Since when no connection could be made, how long the pause is, and when the next attempt may be.
    pub(crate) away: Mutex<Option<Away>>,
}

/// A live connection.
pub(super) struct Link {
    pub(super) client: Client,
    statements: RefCell<HashMap<String, Statement>>,
    /// The server can be asked what became of a transaction; the line of history that its answer is about.
    pub(super) history: Option<String>,
    /// Stands for the schema in locks.
    pub(super) lock: u32,
    task: JoinHandle<()>,
}

/// The database does not answer.
#[derive(Clone, Copy)]
pub(crate) struct Away {
    pub(super) since: Instant,
    pub(super) pause: Duration,
    pub(super) next: Instant,
}

impl Target {
    pub(super) fn away(&self) -> Option<Away> {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_away(&self, away: Option<Away>) -> Option<Away> {
        std::mem::replace(&mut *self.away.lock().unwrap_or_else(PoisonError::into_inner), away)
    }

    /// The database has been away for longer than work waits for it.
    pub(crate) fn is_long_away(&self) -> bool {
        self.away().is_some_and(|away| away.since.elapsed() > super::WAIT_MAX)
    }

    /// When it is of use to try again.
    pub(crate) fn pause(&self) -> Duration {
        self.away()
            .map_or(PAUSE_MIN, |away| away.next.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    /// Makes a connection.
    pub(super) fn make(target: &Target, runtime: &Runtime) -> Result<Self, StoreError> {
        runtime.block_on(async {
            let connecting = target.address.config.connect(target.tls.clone());
            let (client, connection) = tokio::time::timeout(target.connect_timeout, connecting)
                .await
                .map_err(|_| unavailable(target, "it does not answer"))?
                .map_err(|error| refused(target, &error))?;
            let task = runtime.spawn(async move {
                // What ends the connection comes to light in the statement that needed it.
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to the database ended: {error}");
                }
            });
            let link = Self { client, statements: RefCell::default(), history: None, lock: 0, task };
            let setting_up = set_up(link, target);
            tokio::time::timeout(target.connect_timeout, setting_up)
                .await
                .map_err(|_| unavailable(target, "it does not answer"))?
                .map_err(|error| refused(target, &error))
        })
    }

    pub(super) async fn statement(&self, sql: &str, types: &[ValueType]) -> Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let types: Vec<Type> = types.iter().map(|one| one.of_postgres()).collect();
        let statement = self.client.prepare_typed(&dialect::translated(sql), &types).await?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

async fn set_up(mut link: Link, target: &Target) -> Result<Link, tokio_postgres::Error> {
    let mut settings = format!(
        "SET application_name = 'outcrop'; SET statement_timeout = {}; \
         SET idle_in_transaction_session_timeout = {SILENCE_MAX}; SET client_min_messages = warning;",
        target.statement_timeout.as_millis()
    );
    if let Some(schema) = &target.schema {
        settings.push_str(&format!("SET search_path = {};", dialect::quoted(schema)));
    }
    // An acknowledged write is durable; stricter settings than that are left alone.
    settings.push_str(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
    );
    link.client.batch_execute(&settings).await?;
    let schema = first_text(&link.client.simple_query("SELECT current_schema()").await?);
    link.lock = lock_of(schema.as_deref().or(target.schema.as_deref()).unwrap_or_default());
    // Not every database that speaks this language keeps account of its transactions, and a server that took another's
    // place counts anew.
    let history = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
                   WHERE to_regprocedure('pg_xact_status(xid8)') IS NOT NULL";
    link.history = link.client.simple_query(history).await.ok().and_then(|rows| first_text(&rows));
    Ok(link)
}

pub(super) fn first_text(messages: &[SimpleQueryMessage]) -> Option<String> {
    messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned).filter(|text| !text.is_empty()),
        _ => None,
    })
}

/// Failures after which the server hangs up, or is no longer the one that writes.
pub(super) fn ends_connection(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => {
            code.code().starts_with("08")
                || [
                    SqlState::ADMIN_SHUTDOWN,
                    SqlState::CRASH_SHUTDOWN,
                    SqlState::CANNOT_CONNECT_NOW,
                    SqlState::DATABASE_DROPPED,
                    SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                    SqlState::READ_ONLY_SQL_TRANSACTION,
                ]
                .contains(code)
        }
        // No word of the server's: the connection itself.
        None => {
            error.is_closed() || std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
        }
    }
}

pub(super) fn unavailable(target: &Target, why: &str) -> StoreError {
    StoreError::Unavailable(format!("{}: {why}", target.address.name()))
}

/// Why no connection was made. What will not mend itself is told as such.
fn refused(target: &Target, error: &tokio_postgres::Error) -> StoreError {
    let why = words(error);
    match error.code() {
        Some(code) if ["28", "3D", "42"].iter().any(|class| code.code().starts_with(class)) => {
            StoreError::Open(format!("`{}`: {why}", target.address.name()))
        }
        _ => unavailable(target, &why),
    }
}
