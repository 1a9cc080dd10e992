//! Brings the schema up to date: small numbered steps, each in its own transaction, never edited after release.

use crate::error::{Doing, StoreError};
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

/// "Otcp" in ASCII: tells our file from any other program's.
const APPLICATION_ID: i32 = 0x4f74_6370;

/// A step: its number is its place in the list, counted from one.
pub(crate) struct Migration {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

macro_rules! migration {
    ($name:literal) => {
        Migration { name: $name, sql: include_str!(concat!("migrations/sqlite/", $name, ".sql")) }
    };
}

/// Every step, oldest first. Append only: an installed database remembers the checksum of what it ran.
pub(crate) const MIGRATIONS: &[Migration] = &[
    migration!("0001_resources"),
    migration!("0002_sessions"),
    migration!("0003_session_store"),
    migration!("0004_memory"),
    migration!("0005_suspended"),
    migration!("0006_memory_jobs"),
    migration!("0007_forks"),
    migration!("0008_session_files"),
    migration!("0009_resource_rows"),
    migration!("0011_blobs"),
    migration!("0012_retention"),
    migration!("0013_model_usage"),
];

/// Runs the steps that this database has not seen.
///
/// Fails without a change when the file belongs to another program, when a step that ran differs from the one in this
/// program, or when the database was made by a newer program.
pub(crate) fn run(conn: &mut Connection, migrations: &[Migration]) -> Result<(), StoreError> {
    let doing = "migrate the store";
    // The lock comes first: of two programs that start together one waits and then finds the work done.
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).doing(doing)?;
    claim_file(&tx)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT",
    )
    .doing(doing)?;
    let newest: i64 =
        tx.query_row("SELECT coalesce(max(number), 0) FROM migration", [], |row| row.get(0)).doing(doing)?;
    if usize::try_from(newest).is_ok_and(|newest| newest > migrations.len()) {
        return Err(StoreError::Migration(format!(
            "the database is at step {newest}, this program knows {}: it was made by a newer version",
            migrations.len()
        )));
    }
    for (number, migration) in (1_i64..).zip(migrations) {
        let checksum = checksum(migration.sql);
        let ran: Option<String> = tx
            .query_row("SELECT checksum FROM migration WHERE number = ?1", [number], |row| row.get(0))
            .optional()
            .doing(doing)?;
        match ran {
            Some(then) if then == checksum => {}
            Some(_) => {
                return Err(StoreError::Migration(format!(
                    "step `{}` ran with another text than this program has",
                    migration.name
                )));
            }
            None => {
                tx.execute_batch(migration.sql)
                    .map_err(|error| StoreError::Migration(format!("step `{}`: {error}", migration.name)))?;
                tx.execute("INSERT INTO migration VALUES (?1, ?2, ?3)", (number, migration.name, checksum))
                    .doing(doing)?;
                tracing::debug!(step = migration.name, "migrated the store by `{}`", migration.name);
            }
        }
    }
    tx.commit().doing(doing)
}

/// Refuses a file that is not ours.
pub(crate) fn expect_ours(conn: &Connection) -> Result<(), StoreError> {
    let application: i32 =
        conn.pragma_query_value(None, "application_id", |row| row.get(0)).doing("look at the database file")?;
    match application {
        APPLICATION_ID => Ok(()),
        _ => Err(StoreError::Open("the file is no database of this program".into())),
    }
}

/// The step a database is at, and whether this program knows later ones.
pub(crate) fn step_of(conn: &Connection) -> Result<(i64, bool), StoreError> {
    let sql = "SELECT coalesce(max(number), 0) FROM migration";
    let step: i64 = conn.query_row(sql, [], |row| row.get(0)).doing("read the schema's step")?;
    match usize::try_from(step).unwrap_or(0).cmp(&MIGRATIONS.len()) {
        std::cmp::Ordering::Greater => Err(StoreError::Migration(format!(
            "the database is at step {step}, this program knows {}: it was made by a newer version",
            MIGRATIONS.len()
        ))),
        order => Ok((step, order == std::cmp::Ordering::Less)),
    }
}

/// Marks an empty file as ours; refuses one that is neither empty nor ours.
fn claim_file(conn: &Connection) -> Result<(), StoreError> {
    let doing = "look at the database file";
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0)).doing(doing)?;
    if application == APPLICATION_ID {
        return Ok(());
    }
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).doing(doing)?;
    if application != 0 || tables != 0 {
        return Err(StoreError::Open("the file is a SQLite database of another program".into()));
    }
    conn.pragma_update(None, "application_id", APPLICATION_ID).doing(doing)
}

pub(crate) fn checksum(sql: &str) -> String {
    hex(&Sha256::digest(sql))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migration = Migration { name: "0001_a", sql: "CREATE TABLE a (x INTEGER)" };
    const TWO: Migration = Migration { name: "0002_b", sql: "ALTER TABLE a ADD COLUMN y INTEGER" };

    #[test]
    fn steps_run_once_and_in_order_and_misfits_are_named() {
        let mut conn = Connection::open_in_memory().unwrap();
        run(&mut conn, &[ONE]).unwrap();
        run(&mut conn, &[ONE, TWO]).unwrap();
        run(&mut conn, &[ONE, TWO]).unwrap();
        conn.execute("INSERT INTO a (x, y) VALUES (1, 2)", []).unwrap();

        let told = run(&mut conn, &[ONE]).unwrap_err().to_string();
        assert!(told.contains("made by a newer version"), "{told}");
        let edited = Migration { name: "0001_a", sql: "CREATE TABLE a (x TEXT)" };
        let told = run(&mut conn, &[edited, TWO]).unwrap_err().to_string();
        assert!(told.contains("`0001_a` ran with another text"), "{told}");
        let broken = Migration { name: "0003_c", sql: "CREATE TABLE c (z INTEGER); NONSENSE" };
        let told = run(&mut conn, &[ONE, TWO, broken]).unwrap_err().to_string();
        assert!(told.contains("`0003_c`"), "{told}");
        let left: i64 =
            conn.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'c'", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "a failed step leaves nothing");
    }

    #[test]
    fn another_programs_database_is_left_alone() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("CREATE TABLE precious (x)").unwrap();
        assert!(matches!(run(&mut conn, &[ONE]), Err(StoreError::Open(_))));
    }
}
