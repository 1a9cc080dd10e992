//! How much there is.

use super::check::tables;
use super::{existing, file_bytes, is_postgres, one, postgres};
use crate::conn::{Border, Conn};
use crate::error::{Doing, StoreError};
use crate::packed::{self, Hash};
use crate::postgres::apart;
use crate::postgres::dialect::quoted;
use crate::postgres::schema::{self, STEPS};
use crate::store::StoreOptions;
use crate::{migrate, open};
use std::collections::HashMap;

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
    /// What journals and files hold; `None` for a database of before there were blobs.
    pub payload: Option<PayloadStats>,
}

/// Bytes of what journals and files hold, without what the database needs around them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadStats {
    /// Blobs.
    pub blobs: u64,
    /// Bytes as they are read: what is large counts as often as it is said.
    pub raw_bytes: u64,
    /// Bytes as they are read, what is large counted once.
    pub unique_bytes: u64,
    /// Bytes as they are stored.
    pub stored_bytes: u64,
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
    let payload = match found.iter().any(|table| table.name == "blob") {
        true => Some(payload(Conn::Sqlite(&conn))?),
        false => None,
    };
    Ok(StoreStats { schema, file_bytes, wal_bytes, free_bytes: count(page * free), tables: found, resources, payload })
}

/// Rows that are measured together.
const MEASURED_AT_ONCE: i64 = 500;

fn payload(conn: Conn<'_>) -> Result<PayloadStats, StoreError> {
    let doing = "measure the journals";
    let mut sum = PayloadStats::default();
    let mut lengths: HashMap<Hash, u64> = HashMap::new();
    let sql = "SELECT number, hash, bytes, length(body) FROM blob WHERE number > ?1 ORDER BY number LIMIT ?2";
    let mut after = 0;
    loop {
        let some: Vec<(i64, Vec<u8>, i64, i64)> = conn
            .query_all(sql, &(after, MEASURED_AT_ONCE), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .doing(doing)?;
        let Some((last, ..)) = some.last() else { break };
        after = *last;
        for (_, hash, bytes, stored) in some {
            sum.blobs += 1;
            sum.unique_bytes += count(bytes);
            sum.stored_bytes += count(stored);
            if let Ok(hash) = Hash::try_from(hash) {
                lengths.insert(hash, count(bytes));
            }
        }
    }
    let sql = "SELECT id, body FROM turn_event WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut after = 0;
    loop {
        let some: Vec<(i64, Vec<u8>)> =
            conn.query_all(sql, &(after, MEASURED_AT_ONCE), |row| Ok((row.get(0)?, row.get(1)?))).doing(doing)?;
        let Some((last, _)) = some.last() else { break };
        after = *last;
        for (_, body) in some {
            // What cannot be read is for the check to tell.
            let (left, addresses) = packed::measure(&body).unwrap_or((body.len(), Vec::new()));
            let left = u64::try_from(left).unwrap_or(u64::MAX);
            sum.stored_bytes += u64::try_from(body.len()).unwrap_or(u64::MAX);
            sum.unique_bytes += left;
            sum.raw_bytes += left + addresses.iter().filter_map(|address| lengths.get(address)).sum::<u64>();
        }
    }
    let one = |sql: &str| -> Result<u64, StoreError> {
        let found: Option<i64> = conn.query_opt(sql, &[], |row| row.get(0)).doing(doing)?;
        Ok(count(found.unwrap_or(0)))
    };
    // A sum of whole numbers is one of another kind in PostgreSQL.
    sum.raw_bytes += one(
        "SELECT CAST(coalesce(sum(blob.bytes), 0) AS BIGINT) FROM blob_ref JOIN blob ON blob.number = blob_ref.blob
         WHERE blob_ref.turn = 0",
    )?;
    let files = one("SELECT CAST(coalesce(sum(length(body)), 0) AS BIGINT) FROM session_file")?;
    (sum.raw_bytes, sum.unique_bytes) = (sum.raw_bytes + files, sum.unique_bytes + files);
    sum.stored_bytes += files;
    Ok(sum)
}

fn of_postgres(options: &StoreOptions) -> Result<StoreStats, StoreError> {
    let session = postgres::existing(options)?;
    let doing = "measure the tables";
    let schema = schema::state(&session, STEPS)?.map_or(0, |state| state.newest);
    let conn = Conn::Postgres(&session);
    conn.cross(Border::BeginRead).doing(doing)?;
    let sql = "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class
               WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' ORDER BY relname";
    let measured = conn.query_all(sql, &[], |row| Ok((row.get::<String>(0)?, row.get(1)?, row.get(2)?)));
    let mut tables = Vec::new();
    for (name, bytes, index_bytes) in measured.doing(doing)? {
        let sql = format!("SELECT count(*) FROM {}", quoted(&name));
        let rows = conn.query_opt(&sql, &[], |row| row.get(0)).doing(doing)?.unwrap_or(0);
        tables.push(TableStats { name, rows: count(rows), bytes: count(bytes), index_bytes: count(index_bytes) });
    }
    let sql = "SELECT kind, count(*) FROM resource GROUP BY kind ORDER BY kind";
    let resources = conn.query_all(sql, &[], |row| Ok((row.get(0)?, count(row.get(1)?)))).doing("count resources")?;
    let file_bytes = tables.iter().map(|table| table.bytes + table.index_bytes).sum();
    let payload = match tables.iter().any(|table: &TableStats| table.name == "blob") {
        true => Some(payload(conn)?),
        false => None,
    };
    Ok(StoreStats { schema, file_bytes, wal_bytes: 0, free_bytes: 0, tables, resources, payload })
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
