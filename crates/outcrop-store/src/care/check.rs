//! Whether a database is whole.

use super::{copy, existing, is_postgres, one};
use crate::error::{Doing, StoreError};
use crate::migrate;
use crate::packed;
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
    let has = Has::of(&conn)?;
    for (what, sql) in rules_of_journals(&has) {
        doing(what);
        find(&conn, &mut report, what, &sql)?;
    }
    if has.blobs {
        for (what, sql) in RULES_OF_BLOBS {
            doing(what);
            find(&conn, &mut report, what, sql)?;
        }
        doing("content of blobs");
        blobs(&conn, &mut report)?;
        doing("rows of journals");
        journals(&conn, &mut report)?;
    }
    for table in tables(&conn)? {
        let rows: i64 = one(&conn, "count rows", &format!("SELECT count(*) FROM \"{table}\""))?;
        report.rows += u64::try_from(rows).unwrap_or(0);
    }
    Ok(report)
}

/// What must not be there: each query gives the places where it is.
const RULES: [(&str, &str); 5] = [
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
        "a turn is open that is not the last",
        "SELECT 'session ' || id FROM session WHERE open_turn IS NOT NULL AND open_turn <> turns",
    ),
];

/// Rules about journals, in the words of a schema that may lack what came later.
fn rules_of_journals(has: &Has) -> [(&'static str, String); 2] {
    let (fork, shared, begins) = match has.forks {
        true => (
            "LEFT JOIN fork ON fork.session = session.id",
            "coalesce(max(fork.turns), 0)",
            "CASE WHEN turn_event.turn = max(fork.turns) + 1 THEN max(fork.events) ELSE 0 END",
        ),
        false => ("", "0", "0"),
    };
    let (not_going, whole) = match has.steps_swept {
        true => ("session.ended <> 2", "session.ended <> 2 AND turn_event.turn > session.steps_swept"),
        false => ("1", "1"),
    };
    [
        (
            "a session and its journal do not tell the same turns",
            format!(
                "SELECT 'session ' || session.id || ': ' || session.turns || ' turns, the journal has '
                        || (count(DISTINCT turn) + {shared})
                 FROM session {fork} LEFT JOIN turn_event ON turn_event.session = session.id
                 WHERE {not_going} GROUP BY session.id
                 HAVING count(DISTINCT turn) + {shared} <> session.turns
                     OR coalesce(max(turn), session.turns) <> session.turns"
            ),
        ),
        (
            "a turn's journal has a gap",
            format!(
                "SELECT 'session ' || turn_event.session || ' turn ' || turn_event.turn
                 FROM turn_event JOIN session ON session.id = turn_event.session {fork} WHERE {whole}
                 GROUP BY turn_event.session, turn_event.turn
                 HAVING min(seq) <> {begins} OR max(seq) <> {begins} + count(*) - 1"
            ),
        ),
    ]
}

/// What a schema has that earlier ones had not.
struct Has {
    forks: bool,
    blobs: bool,
    steps_swept: bool,
}

impl Has {
    fn of(conn: &Connection) -> Result<Self, StoreError> {
        let doing = "look at the schema";
        let table = |name: &str| {
            let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
            conn.query_row(sql, [name], |row| row.get::<_, i64>(0)).map(|count| count > 0).doing(doing)
        };
        let swept: i64 =
            one(conn, doing, "SELECT count(*) FROM pragma_table_info('session') WHERE name = 'steps_swept'")?;
        Ok(Self { forks: table("fork")?, blobs: table("blob")?, steps_swept: swept > 0 })
    }
}

const RULES_OF_BLOBS: [(&str, &str); 2] = [
    (
        "a blob is kept that nothing needs",
        "SELECT lower(hex(hash)) FROM blob WHERE NOT EXISTS (SELECT 1 FROM blob_ref WHERE blob = blob.number)",
    ),
    (
        "a blob is held for a turn that is not there",
        "SELECT 'session ' || session || ' turn ' || turn FROM blob_ref WHERE turn > 0 AND NOT EXISTS
         (SELECT 1 FROM turn_event WHERE turn_event.session = blob_ref.session AND turn_event.turn = blob_ref.turn)
         AND (SELECT ended FROM session WHERE id = blob_ref.session) <> 2",
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

/// Every blob must be under the hash of its bytes.
fn blobs(conn: &Connection, report: &mut CheckReport) -> Result<(), StoreError> {
    let doing = "check the blobs";
    let mut statement = conn.prepare("SELECT hash, form, bytes, body FROM blob").doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    let mut told = Told::default();
    while let Some(row) = rows.next().doing(doing)? {
        let hash: Vec<u8> = row.get(0).doing(doing)?;
        let opened = packed::open_blob(row.get(1).doing(doing)?, row.get(2).doing(doing)?, row.get(3).doing(doing)?);
        let is_whole = opened.is_ok_and(|bytes| packed::hash(&bytes).as_slice() == hash);
        if !is_whole {
            told.problem(report, "a blob is not what its address says", &migrate::hex(&hash));
        }
    }
    told.rest(report, "a blob is not what its address says");
    Ok(())
}

/// Every row must be one that can be read, and hold the blobs it needs.
fn journals(conn: &Connection, report: &mut CheckReport) -> Result<(), StoreError> {
    let doing = "check the journals";
    let mut statement = conn.prepare("SELECT session, turn, seq, body FROM turn_event").doing(doing)?;
    let sql = "SELECT count(*) FROM blob JOIN blob_ref ON blob_ref.blob = blob.number
               WHERE blob.hash = ?1 AND blob_ref.session = ?2 AND blob_ref.turn = ?3";
    let mut held = conn.prepare(sql).doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    let (mut unreadable, mut missing) = (Told::default(), Told::default());
    while let Some(row) = rows.next().doing(doing)? {
        let (session, turn, seq): (i64, i64, i64) =
            (row.get(0).doing(doing)?, row.get(1).doing(doing)?, row.get(2).doing(doing)?);
        let place = || format!("session {session} turn {turn} event {seq}");
        let body: Vec<u8> = row.get(3).doing(doing)?;
        let Some((_, addresses)) = packed::measure(&body) else {
            unreadable.problem(report, "a row of a journal cannot be read", &place());
            continue;
        };
        for address in addresses {
            let count: i64 = held.query_row((address.as_slice(), session, turn), |row| row.get(0)).doing(doing)?;
            if count == 0 {
                let what = format!("{} needs {}", place(), migrate::hex(&address));
                missing.problem(report, "a row of a journal needs a blob that is not there", &what);
            }
        }
    }
    unreadable.rest(report, "a row of a journal cannot be read");
    missing.rest(report, "a row of a journal needs a blob that is not there");
    Ok(())
}

/// Counts problems of a kind, so that a thousand of them are not a thousand lines.
#[derive(Default)]
struct Told(usize);

impl Told {
    fn problem(&mut self, report: &mut CheckReport, what: &str, place: &str) {
        self.0 += 1;
        if self.0 <= TOLD_MAX {
            report.problems.push(format!("{what}: {place}"));
        }
    }

    fn rest(&self, report: &mut CheckReport, what: &str) {
        if self.0 > TOLD_MAX {
            report.problems.push(format!("{what}: {} more", self.0 - TOLD_MAX));
        }
    }
}

/// Our tables, by name.
pub(super) fn tables(conn: &Connection) -> Result<Vec<String>, StoreError> {
    let doing = "list the tables";
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut statement = conn.prepare(sql).doing(doing)?;
    let names = statement.query_map([], |row| row.get(0)).doing(doing)?;
    names.collect::<rusqlite::Result<_>>().doing(doing)
}
