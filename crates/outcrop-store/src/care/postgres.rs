//! PostgreSQL's database as a file of ours, and back: row by row, from one state of it. The file is the same as SQLite's own
//! database, so it can be checked, kept, and served from; what was begun in one may go on in the other.

use crate::conn::{Border, Conn};
use crate::error::{Doing, StoreError};
use crate::postgres::dialect::quoted;
use crate::postgres::schema::{self, STEPS};
use crate::postgres::session::{Role, Session, Target};
use crate::sql::{Row, SqlResult, Value, ValueType};
use crate::store::StoreOptions;
use crate::{migrate, open, postgres};
use rusqlite::{Connection, params_from_iter};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long one table may take.
const TABLE_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// A table of both databases.
struct Table {
    name: String,
    columns: Vec<(String, ValueType)>,
}

impl Table {
    fn columns(&self) -> String {
        self.columns.iter().map(|(name, _)| quoted(name)).collect::<Vec<_>>().join(", ")
    }
}

/// A connection for care, to a database that has our tables.
pub(super) fn existing(options: &StoreOptions) -> Result<Session, StoreError> {
    let session = connected(options)?;
    match schema::state(&session, STEPS)? {
        Some(_) => Ok(session),
        None => Err(StoreError::Open(format!("`{}` holds no store", postgres::target(options)?.address.name()))),
    }
}

fn connected(options: &StoreOptions) -> Result<Session, StoreError> {
    let target = Target { statement_timeout: TABLE_TIMEOUT, ..postgres::target(options)? };
    schema::connected(&Arc::new(target), options.connect_timeout, Role::Read)
}

/// Writes the database as it is at this moment into a new file of SQLite.
pub(super) fn copy_to(options: &StoreOptions, path: &Path) -> Result<(), StoreError> {
    let session = existing(options)?;
    let state = schema::state(&session, STEPS)?.ok_or(StoreError::Closed)?;
    let ours = STEPS.last().map_or(0, |step| step.number);
    if state.missing > 0 || state.newest != ours {
        return Err(StoreError::Migration(format!(
            "the database is at step {}, this program knows {ours}: copy it with the version that serves from it",
            state.newest
        )));
    }
    let mut file = open::writer(path)?;
    migrate::run(&mut file, migrate::MIGRATIONS)?;
    let doing = "write the copy";
    // Row by row what refers may come before what it refers to. What is wrong with the whole a check tells.
    file.pragma_update(None, "foreign_keys", false).doing(doing)?;
    let conn = Conn::Postgres(&session);
    conn.cross(Border::BeginRead).doing("read from a snapshot")?;
    for table in tables(&file, &session)? {
        let marks: Vec<String> = (1..=table.columns.len()).map(|number| format!("?{number}")).collect();
        let (name, columns) = (quoted(&table.name), table.columns());
        let insert = format!("INSERT INTO {name} ({columns}) VALUES ({})", marks.join(", "));
        let copying = file.unchecked_transaction().doing(doing)?;
        let mut statement = copying.prepare(&insert).doing(doing)?;
        let each = |row: &Row<'_>| -> SqlResult<()> {
            let values = (0..table.columns.len()).map(|index| row.owned(index)).collect::<SqlResult<Vec<_>>>()?;
            statement.execute(params_from_iter(values))?;
            Ok(())
        };
        session.each(&format!("SELECT {columns} FROM {name}"), each).doing("read the database")?;
        drop(statement);
        copying.commit().doing(doing)?;
    }
    let mode: String =
        file.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0)).doing("close the copy")?;
    tracing::debug!(mode, "copied the database");
    Ok(())
}

/// Fills a database that has no rows of ours from a file of SQLite.
pub(super) fn fill_from(path: &Path, options: &StoreOptions) -> Result<(), StoreError> {
    schema::migrate(postgres::target(options)?)?;
    let session = connected(options)?;
    let mut file = open::writer(path)?;
    migrate::expect_ours(&file)?;
    migrate::run(&mut file, migrate::MIGRATIONS)?;
    let doing = "fill the database";
    session.simple("BEGIN").doing(doing)?;
    session.lock_for_migration().doing(doing)?;
    for table in in_order(&file, tables(&file, &session)?)? {
        let (name, columns) = (quoted(&table.name), table.columns());
        if session.has_rows(&format!("SELECT 1 FROM {name} LIMIT 1")).doing(doing)? {
            return Err(StoreError::Conflict(format!(
                "table `{}` has rows: restore into a database or schema that is empty",
                table.name
            )));
        }
        let types: Vec<ValueType> = table.columns.iter().map(|(_, kind)| *kind).collect();
        let mut select = file.prepare(&format!("SELECT {columns} FROM {name}")).doing("read the copy")?;
        let mut rows = select.query([]).doing("read the copy")?;
        let next = |take: &mut dyn FnMut(&[Value<'_>])| -> SqlResult<bool> {
            let Some(row) = rows.next()? else { return Ok(false) };
            let row = Row::Sqlite(row);
            take(&(0..types.len()).map(|index| row.value(index)).collect::<SqlResult<Vec<_>>>()?);
            Ok(true)
        };
        session.copy_in(&format!("COPY {name} ({columns}) FROM STDIN BINARY"), &types, next).doing(doing)?;
    }
    // New rows are numbered after those that came.
    let identities = "SELECT table_name::text, column_name::text FROM information_schema.columns
                      WHERE table_schema = current_schema() AND is_identity = ?1";
    let identities = session.each_of(identities, "YES", |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)));
    for (table, column) in identities.doing("number the rows")? {
        let (table, column) = (quoted(&table), quoted(&column));
        let sql = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', '{}'), (SELECT coalesce(max({column}), 0) + 1 FROM {table}), false)",
            column.trim_matches('"')
        );
        session.simple(&sql).doing("number the rows")?;
    }
    session.simple("COMMIT").doing(doing).map(drop)
}

/// Puts aside the schema that is there, under another name; answers it. `None` when there is nothing to put aside.
pub(super) fn put_aside(options: &StoreOptions, stamp: &str) -> Result<Option<String>, StoreError> {
    let session = connected(options)?;
    let doing = "put aside what is there";
    if schema::state(&session, &[]).is_ok_and(|state| state.is_none()) {
        return Ok(None);
    }
    let Some(schema) = &options.schema else {
        return Err(StoreError::Conflict(
            "the database has a store: name an empty one, or another `store.schema`; only a schema that is named is put aside"
                .to_owned(),
        ));
    };
    let aside = format!("{schema}-before-{stamp}");
    session.simple(&format!("ALTER SCHEMA {} RENAME TO {}", quoted(schema), quoted(&aside))).doing(doing)?;
    Ok(Some(aside))
}

/// What both databases have of a table. Columns that only one has number rows for that one.
fn tables(file: &Connection, session: &Session) -> Result<Vec<Table>, StoreError> {
    let sql = "SELECT column_name::text, data_type::text FROM information_schema.columns
               WHERE table_schema = current_schema() AND table_name = ?1 ORDER BY ordinal_position";
    let mut found = Vec::new();
    for name in super::check::tables(file)? {
        if name == "migration" {
            continue;
        }
        let mut statement = file.prepare("SELECT name FROM pragma_table_info(?1)").doing("list the columns")?;
        let here = statement.query_map([&name], |row| row.get::<_, String>(0)).doing("list the columns")?;
        let here = here.collect::<rusqlite::Result<Vec<_>>>().doing("list the columns")?;
        let there = session.each_of(sql, &name, |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?)));
        let columns = there
            .doing("list the columns")?
            .into_iter()
            .filter(|(column, _)| here.contains(column))
            .map(|(column, kind)| match kind.as_str() {
                "bigint" => Ok((column, ValueType::Integer)),
                "text" => Ok((column, ValueType::Text)),
                "bytea" => Ok((column, ValueType::Bytes)),
                other => Err(StoreError::Corrupt(format!("column `{column}` of `{name}` is {other}"))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if columns.is_empty() {
            return Err(StoreError::Corrupt(format!("table `{name}` is not there")));
        }
        found.push(Table { name, columns });
    }
    Ok(found)
}

/// The tables so that each comes after those it refers to.
fn in_order(file: &Connection, mut left: Vec<Table>) -> Result<Vec<Table>, StoreError> {
    let doing = "order the tables";
    let mut ordered: Vec<Table> = Vec::new();
    while !left.is_empty() {
        let mut ready = None;
        for (place, table) in left.iter().enumerate() {
            let mut statement = file.prepare("SELECT \"table\" FROM pragma_foreign_key_list(?1)").doing(doing)?;
            let wanted = statement.query_map([&table.name], |row| row.get::<_, String>(0)).doing(doing)?;
            let wanted = wanted.collect::<rusqlite::Result<Vec<_>>>().doing(doing)?;
            let is_there = |name: &String| *name == table.name || ordered.iter().any(|table| table.name == *name);
            if wanted.iter().all(is_there) {
                ready = Some(place);
                break;
            }
        }
        let ready = ready.ok_or_else(|| StoreError::Corrupt("tables refer to each other in a circle".to_owned()))?;
        ordered.push(left.remove(ready));
    }
    Ok(ordered)
}
