//! How much there is.

use super::check::tables;
use super::{existing, file_bytes, one};
use crate::error::{Doing, StoreError};
use crate::packed::{self, Hash};
use crate::{migrate, open};
use rusqlite::Connection;
use std::collections::HashMap;

/// What a database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStats {
    /// The step of the schema.
    pub schema: i64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of the write-ahead log beside it.
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
pub fn stats(url: &str) -> Result<StoreStats, StoreError> {
    let conn = existing(url)?;
    let path = open::database_path(url)?;
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
        true => Some(payload(&conn)?),
        false => None,
    };
    Ok(StoreStats { schema, file_bytes, wal_bytes, free_bytes: count(page * free), tables: found, resources, payload })
}

fn payload(conn: &Connection) -> Result<PayloadStats, StoreError> {
    let doing = "measure the journals";
    let mut sum = PayloadStats::default();
    let mut lengths: HashMap<Hash, u64> = HashMap::new();
    let mut statement = conn.prepare("SELECT hash, bytes, length(body) FROM blob").doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let (hash, bytes): (Vec<u8>, u64) = (row.get(0).doing(doing)?, count(row.get(1).doing(doing)?));
        sum.blobs += 1;
        sum.unique_bytes += bytes;
        sum.stored_bytes += count(row.get(2).doing(doing)?);
        if let Ok(hash) = Hash::try_from(hash) {
            lengths.insert(hash, bytes);
        }
    }
    let mut statement = conn.prepare("SELECT body FROM turn_event").doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let body: Vec<u8> = row.get(0).doing(doing)?;
        // What cannot be read is for the check to tell.
        let (left, addresses) = packed::measure(&body).unwrap_or((body.len(), Vec::new()));
        let left = u64::try_from(left).unwrap_or(u64::MAX);
        sum.stored_bytes += u64::try_from(body.len()).unwrap_or(u64::MAX);
        sum.unique_bytes += left;
        sum.raw_bytes += left + addresses.iter().filter_map(|address| lengths.get(address)).sum::<u64>();
    }
    let sql =
        "SELECT coalesce(sum(blob.bytes), 0) FROM blob_ref JOIN blob ON blob.number = blob_ref.blob WHERE turn = 0";
    sum.raw_bytes += count(one(conn, doing, sql)?);
    let files = count(one(conn, doing, "SELECT coalesce(sum(length(body)), 0) FROM session_file")?);
    (sum.raw_bytes, sum.unique_bytes) = (sum.raw_bytes + files, sum.unique_bytes + files);
    sum.stored_bytes += files;
    Ok(sum)
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
