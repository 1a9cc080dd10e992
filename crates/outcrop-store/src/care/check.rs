//! Whether a database is whole.

use super::{copy, existing, is_postgres, one};
use crate::error::{Doing, StoreError};
use crate::migrate;
use crate::resources::Kind;
use crate::snapshots::snapshot_hash;
use crate::store::StoreOptions;
use rusqlite::Connection;
use std::path::Path;

/// Problems told of one kind; when there are more, their number is.
const TOLD_MAX: usize = 20;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// The step of the schema.
    pub schema: i64,
    /// Whether this program would bring the schema up to date when it serves.
    pub is_older: bool,
    /// Rows that were looked at.
    pub rows: u64,
    /// What is wrong, a sentence each; empty when the database is whole.
    pub problems: Vec<String>,
}

/// Looks a database over: the file's own structure, references, addresses of content, journals without gaps. It may be in
/// use; all is read from one state of it.
///
/// `doing` is told what comes next, for a display of progress. Takes time in proportion to the database's size. One in
/// PostgreSQL is copied to a file in the folder `scratch` first, which takes as much room, and looked over there.
///
/// # Errors
/// A database that cannot be opened or is not ours. What is wrong inside is no error but in the report.
pub fn check(
    options: &StoreOptions,
    scratch: &Path,
    doing: &mut dyn FnMut(&'static str),
) -> Result<CheckReport, StoreError> {
    if !is_postgres(options) {
        return check_file(&options.url, doing);
    }
    doing("copying the database");
    let file = scratch.join(format!("check-{}.db", std::process::id()));
    let copied = copy(options, &file);
    let checked = copied.and_then(|()| check_file(&file.display().to_string(), doing));
    // What cannot be removed is told by the next check of a process of this number.
    let _ = std::fs::remove_file(&file);
    checked
}

fn check_file(url: &str, doing: &mut dyn FnMut(&'static str)) -> Result<CheckReport, StoreError> {
    let conn = existing(url)?;
    let (schema, is_older) = migrate::step_of(&conn)?;
    conn.execute_batch("BEGIN").doing("read from a snapshot")?;
    let mut report = CheckReport { schema, is_older, ..CheckReport::default() };
    doing("structure of the file");
    structure(&conn, &mut report)?;
    if !report.problems.is_empty() {
        // What a damaged file says of the rest is not to be relied on.
        return Ok(report);
    }
    for (what, sql) in RULES {
        doing(what);
        find(&conn, &mut report, what, sql)?;
    }
    doing("parents of resources");
    for (kind, parent) in
        [(Kind::AgentVersion, Kind::Agent), (Kind::AgentAlias, Kind::Agent), (Kind::PromptVersion, Kind::Prompt)]
    {
        let sql = format!(
            "SELECT '{kind} ' || parent || '/' || id FROM resource AS child WHERE kind = '{kind}' AND NOT EXISTS
             (SELECT 1 FROM resource WHERE kind = '{parent}' AND parent = '' AND id = child.parent)",
            kind = kind.as_str(),
            parent = parent.as_str(),
        );
        find(&conn, &mut report, "a resource hangs on nothing", &sql)?;
    }
    doing("content of snapshots");
    snapshots(&conn, &mut report)?;
    for table in tables(&conn)? {
        let rows: i64 = one(&conn, "count rows", &format!("SELECT count(*) FROM \"{table}\""))?;
        report.rows += u64::try_from(rows).unwrap_or(0);
    }
    Ok(report)
}

/// What must not be there: each query gives the places where it is.
const RULES: [(&str, &str); 7] = [
    (
        "a row refers to one that is not there",
        "SELECT \"table\" || ' row ' || coalesce(rowid, '?') || ' wants a row of ' || parent FROM pragma_foreign_key_check",
    ),
    (
        "a resource's document is no JSON",
        "SELECT kind || ' ' || parent || '/' || id FROM resource WHERE NOT json_valid(doc)",
    ),
    (
        "a resource names a snapshot that is not there",
        "SELECT kind || ' ' || parent || '/' || id FROM resource WHERE json_valid(doc)
         AND json_type(doc, '$.snapshot') = 'text' AND length(doc ->> '$.snapshot') = 64
         AND NOT EXISTS (SELECT 1 FROM snapshot WHERE hash = resource.doc ->> '$.snapshot')",
    ),
    ("a session's attributes are no JSON", "SELECT 'session ' || id FROM session WHERE NOT json_valid(attributes)"),
    (
        "a session and its journal do not tell the same turns",
        "SELECT 'session ' || session.id || ': ' || session.turns || ' turns, the journal has ' || count(DISTINCT turn)
         FROM session LEFT JOIN turn_event ON turn_event.session = session.id
         GROUP BY session.id HAVING count(DISTINCT turn) <> session.turns OR max(turn) <> session.turns",
    ),
    (
        "a turn's journal has a gap",
        "SELECT 'session ' || session || ' turn ' || turn FROM turn_event
         GROUP BY session, turn HAVING min(seq) <> 0 OR max(seq) <> count(*) - 1",
    ),
    (
        "a turn is open that is not the last",
        "SELECT 'session ' || id FROM session WHERE open_turn IS NOT NULL AND open_turn <> turns",
    ),
];

fn structure(conn: &Connection, report: &mut CheckReport) -> Result<(), StoreError> {
    let mut statement = conn.prepare("PRAGMA integrity_check(20)").doing("check the file's structure")?;
    let told = statement.query_map([], |row| row.get::<_, String>(0)).doing("check the file's structure")?;
    for text in told {
        match text {
            Ok(text) if text == "ok" => {}
            Ok(text) => report.problems.push(format!("structure of the file: {text}")),
            Err(error) => report.problems.push(format!("structure of the file: {error}")),
        }
    }
    Ok(())
}

fn find(conn: &Connection, report: &mut CheckReport, what: &str, sql: &str) -> Result<(), StoreError> {
    let doing = "check what refers to what";
    let mut statement = conn.prepare(sql).doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    let mut found = 0_usize;
    while let Some(row) = rows.next().doing(doing)? {
        found += 1;
        if found <= TOLD_MAX {
            report.problems.push(format!("{what}: {}", row.get::<_, String>(0).doing(doing)?));
        }
    }
    if found > TOLD_MAX {
        report.problems.push(format!("{what}: {} more", found - TOLD_MAX));
    }
    Ok(())
}

/// Every snapshot must be under the hash of its bytes.
fn snapshots(conn: &Connection, report: &mut CheckReport) -> Result<(), StoreError> {
    let doing = "check the snapshots";
    let mut statement = conn.prepare("SELECT hash, doc FROM snapshot").doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let (hash, doc): (String, Vec<u8>) = (row.get(0).doing(doing)?, row.get(1).doing(doing)?);
        if snapshot_hash(&doc) != hash && report.problems.len() < 100 {
            report.problems.push(format!("a snapshot is not what its address says: {hash}"));
        }
    }
    Ok(())
}

/// Our tables, by name.
pub(super) fn tables(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let doing = "list the tables";
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut statement = conn.prepare(sql).doing(doing)?;
    let names = statement.query_map([], |row| row.get(0)).doing(doing)?;
    names.collect::<rusqlite::Result<_>>().doing(doing)
}
