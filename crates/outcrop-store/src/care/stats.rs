//! How much there is.

use super::check::tables;
use super::{existing, file_bytes, is_postgres, one, postgres};
use crate::conn::{Border, Conn};
use crate::error::{Doing, StoreError};
use crate::postgres::apart;
use crate::postgres::dialect::quoted;
use crate::postgres::schema::{self, STEPS};
use crate::store::StoreOptions;
use crate::{migrate, open};

/// What a database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStats {
    /// The step of the schema.
    pub schema: i64,
    /// Bytes of the file; in PostgreSQL of the tables and indexes.
    pub file_bytes: u64,
    /// Bytes of the write-ahead log beside it; none of PostgreSQL, whose log all its databases share.
    pub wal_bytes: u64,
    /// Bytes of the file that hold nothing at the moment and are used again before it grows.
    pub free_bytes: u64,
    /// Its tables, by name.
    pub tables: Vec<TableStats>,
    /// Resources by kind, by name of the kind.
    pub resources: Vec<(String, u64)>,
}

/// A table with its indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStats {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Bytes of its pages.
    pub bytes: u64,
    /// Bytes of its indexes' pages.
    pub index_bytes: u64,
}

/// Counts what a database holds; it may be in use. Takes time in proportion to its size.
///
/// # Errors
/// A file that cannot be opened, is not ours, or cannot be read.
pub fn stats(options: &StoreOptions) -> Result<StoreStats, StoreError> {
    if is_postgres(options) {
        return apart(|| of_postgres(options));
    }
    let conn = existing(&options.url)?;
    let path = open::database_path(&options.url)?;
    conn.execute_batch("BEGIN").doing("read from a snapshot")?;
    let (schema, _) = migrate::step_of(&conn)?;
    let page: i64 = one(&conn, "read the page size", "PRAGMA page_size")?;
    let free: i64 = one(&conn, "count free pages", "PRAGMA freelist_count")?;
    let doing = "measure the tables";
    let mut found = Vec::new();
    for name in tables(&conn)? {
        let rows: i64 = one(&conn, doing, &format!("SELECT count(*) FROM \"{name}\""))?;
        let sql = "SELECT coalesce(sum(CASE WHEN dbstat.name = ?1 THEN pgsize END), 0),
                          coalesce(sum(CASE WHEN dbstat.name <> ?1 THEN pgsize END), 0)
                   FROM dbstat JOIN sqlite_schema ON sqlite_schema.name = dbstat.name
                   WHERE sqlite_schema.tbl_name = ?1 AND dbstat.aggregate = TRUE";
        let (bytes, index_bytes): (i64, i64) =
            conn.query_row(sql, [&name], |row| Ok((row.get(0)?, row.get(1)?))).doing(doing)?;
        found.push(TableStats { name, rows: count(rows), bytes: count(bytes), index_bytes: count(index_bytes) });
    }
    let mut statement =
        conn.prepare("SELECT kind, count(*) FROM resource GROUP BY kind ORDER BY kind").doing("count resources")?;
    let kinds = statement.query_map([], |row| Ok((row.get(0)?, count(row.get(1)?)))).doing("count resources")?;
    let resources = kinds.collect::<rusqlite::Result<_>>().doing("count resources")?;
    let (file_bytes, wal_bytes) = file_bytes(&path);
    Ok(StoreStats { schema, file_bytes, wal_bytes, free_bytes: count(page * free), tables: found, resources })
}

fn of_postgres(options: &StoreOptions) -> Result<StoreStats, StoreError> {
    let session = postgres::existing(options)?;
    let doing = "measure the tables";
    let schema = schema::state(&session, STEPS)?.map_or(0, |state| state.newest);
    let conn = Conn::Postgres(&session);
    conn.cross(Border::BeginRead).doing(doing)?;
    let sql = "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
               WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' ORDER BY relname";
    let measured = conn.query_all(sql, [], |row| Ok((row.get::<String>(0)?, row.get(1)?, row.get(2)?)));
    let mut tables = Vec::new();
    for (name, bytes, index_bytes) in measured.doing(doing)? {
        let sql = format!("SELECT count(*) FROM {}", quoted(&name));
        let rows = conn.query_opt(&sql, [], |row| row.get(0)).doing(doing)?.unwrap_or(0);
        tables.push(TableStats { name, rows: count(rows), bytes: count(bytes), index_bytes: count(index_bytes) });
    }
    let sql = "SELECT kind, count(*) FROM resource GROUP BY kind ORDER BY kind";
    let resources = conn.query_all(sql, [], |row| Ok((row.get(0)?, count(row.get(1)?)))).doing("count resources")?;
    let file_bytes = tables.iter().map(|table| table.bytes + table.index_bytes).sum();
    Ok(StoreStats { schema, file_bytes, wal_bytes: 0, free_bytes: 0, tables, resources })
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
