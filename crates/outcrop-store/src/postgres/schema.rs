//! The tables in PostgreSQL, and how they are brought up to date while programs of another version use them.
//!
//! A step expands: it adds tables, columns with defaults, indexes, and takes nothing away that an older program needs, so
//! that old and new run side by side while they are replaced one by one. A later step may contract, once no older program is
//! left; it says which step a program must know from then on (`least`), and older programs refuse the database.
//!
//! The steps run in one transaction under a lock of their own: of programs that start together one does the work and the
//! others find it done.

use super::dialect::quoted;
use super::session::{Role, Session, Target};
use crate::error::{Doing, StoreError};
use crate::migrate::checksum;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_postgres::SimpleQueryMessage;

/// One step.
pub(crate) struct Step {
    /// The same as of SQLite's step that does the same.
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
    /// The newest step that a program must know to work on the database from now on.
    pub(crate) least: i64,
}

macro_rules! step {
    ($number:literal, $name:literal, least $least:literal) => {
        Step {
            number: $number,
            name: $name,
            sql: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
            least: $least,
        }
    };
}

/// Every step, oldest first. Append only: a database remembers the checksum of what it ran.
pub(crate) const STEPS: &[Step] = &[
    step!(9, "0009_schema", least 9),
    // Rows that are written from here on are read by no older program.
    step!(11, "0011_blobs", least 11),
    step!(12, "0012_retention", least 11),
    step!(13, "0013_model_usage", least 11),
];

/// How long a step may take.
const STEP_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// What a database says of itself.
pub(crate) struct State {
    /// Its newest step.
    pub(crate) newest: i64,
    /// Steps of this program that it has not seen.
    pub(crate) missing: usize,
}

/// Brings the database up to date.
///
/// # Errors
/// [`StoreError::Open`] when the server refuses, [`StoreError::Unavailable`] when it does not answer in time,
/// [`StoreError::Migration`] when this program and the database do not fit together.
pub(crate) fn migrate(target: Target) -> Result<(), StoreError> {
    let wait = target.connect_timeout;
    let target = Arc::new(Target { statement_timeout: STEP_TIMEOUT, ..target });
    let session = connected(&target, wait, Role::Write)?;
    // A program that finds nothing to do needs no right to change tables, and waits for nobody.
    if state(&session, STEPS)?.is_some_and(|state| state.missing == 0) {
        return Ok(());
    }
    let ran = run(&session, target.schema.as_deref(), STEPS);
    if ran.is_err() {
        // Why it failed is told; the server takes back what is left when the connection ends.
        let _ = session.simple("ROLLBACK");
    }
    ran
}

/// A session that is connected; a server that is starting is waited for.
pub(crate) fn connected(target: &Arc<Target>, wait: Duration, role: Role) -> Result<Session, StoreError> {
    let session = Session::new(target.clone(), role)?;
    let began = Instant::now();
    loop {
        match session.connect() {
            Ok(()) => return Ok(session),
            Err(StoreError::Unavailable(_)) if began.elapsed() < wait => std::thread::sleep(target.pause()),
            Err(error) => return Err(error),
        }
    }
}

fn run(session: &Session, schema: Option<&str>, steps: &[Step]) -> Result<(), StoreError> {
    let doing = "migrate the store";
    session.simple("BEGIN").doing(doing)?;
    session.simple("SET LOCAL idle_in_transaction_session_timeout = 0").doing(doing)?;
    session.lock_for_migration().doing(doing)?;
    if let Some(schema) = schema {
        session.simple(&format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema))).doing(doing)?;
    }
    let create =
        "CREATE TABLE IF NOT EXISTS migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,
                  least BIGINT NOT NULL)";
    session.simple(create).doing(doing)?;
    let ran = rows(session, steps)?;
    for step in steps.iter().filter(|step| !ran.contains(&step.number)) {
        let Step { number, name, sql, least } = step;
        let failed = |error| StoreError::Migration(format!("step `{name}`: {error}"));
        session.simple(sql).map_err(failed)?;
        let record = format!("INSERT INTO migration VALUES ({number}, '{name}', '{}', {least})", checksum(sql));
        session.simple(&record).doing(doing)?;
        tracing::debug!(step = name, "migrated the store by `{name}`");
    }
    session.simple("COMMIT").doing(doing).map(drop)
}

/// What the database says of itself; `None` for one without our tables.
///
/// # Errors
/// [`StoreError::Migration`] when this program must not work on it.
pub(crate) fn state(session: &Session, steps: &[Step]) -> Result<Option<State>, StoreError> {
    let there = session.simple("SELECT 1 WHERE to_regclass('migration') IS NOT NULL").doing("look for the tables")?;
    if !there.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))) {
        return Ok(None);
    }
    let ran = rows(session, steps)?;
    let missing = steps.iter().filter(|step| !ran.contains(&step.number)).count();
    Ok(Some(State { newest: ran.last().copied().unwrap_or(0), missing }))
}

/// The numbers of the steps that ran, in order.
fn rows(session: &Session, steps: &[Step]) -> Result<Vec<i64>, StoreError> {
    let doing = "read the schema's steps";
    let known = steps.last().map_or(0, |step| step.number);
    let mut ran = Vec::new();
    for message in session.simple("SELECT number, name, checksum, least FROM migration ORDER BY number").doing(doing)? {
        let SimpleQueryMessage::Row(row) = message else { continue };
        let unreadable = || StoreError::Migration("the table `migration` is another program's".to_owned());
        let number = |column| row.get(column).and_then(|text| text.parse::<i64>().ok()).ok_or_else(unreadable);
        let (step, least) = (number(0)?, number(3)?);
        if least > known {
            return Err(StoreError::Migration(format!(
                "the database was made ready for programs that know step {least}, this one knows {known}: use a newer version"
            )));
        }
        if let Some(ours) = steps.iter().find(|ours| ours.number == step)
            && row.get(2) != Some(checksum(ours.sql).as_str())
        {
            return Err(StoreError::Migration(format!(
                "step `{}` ran with another text than this program has",
                ours.name
            )));
        }
        ran.push(step);
    }
    Ok(ran)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_are_at_the_same_step() {
        let newest = STEPS.last().map(|step| step.number);
        assert_eq!(newest, i64::try_from(crate::migrate::MIGRATIONS.len()).ok(), "a step for one needs its twin");
        assert!(STEPS.is_sorted_by_key(|step| step.number));
        assert!(
            STEPS
                .iter()
                .all(|step| step.name.starts_with(&format!("{:04}_", step.number)) && step.least <= step.number)
        );
    }
}
