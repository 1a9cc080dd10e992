use super::*;
use crate::writer::Request;
use crate::writer::job::{Closure, Repeatable};
use rusqlite::Connection;
use tokio::sync::oneshot::{self, Receiver};

/// Inserts `x`; may then do what takes the transaction away.
struct Insert {
    x: i64,
    then: Option<&'static str>,
}

impl Request for Insert {
    type Output = i64;
    type Error = StoreError;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<i64, StoreError> {
        tx.execute("insert", "INSERT INTO t (x) VALUES (?1)", [self.x])?;
        if let Some(sql) = self.then {
            tx.execute("spoil", sql, [])?;
        }
        Ok(self.x)
    }

    fn wrote(_: &StoreError) -> bool {
        true
    }
}

type Answer = Receiver<Result<i64, StoreError>>;

fn request(x: i64, then: Option<&'static str>) -> (Box<dyn Job>, Answer) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Repeatable::new(Insert { x, then }, reply)), answer)
}

fn closure(x: i64, then: Option<&'static str>) -> (Box<dyn Job>, Answer) {
    let (reply, answer) = oneshot::channel();
    (Box::new(Closure::new(move |tx: &mut Tx<'_>| Insert { x, then }.apply(tx), reply)), answer)
}

/// Goes on after its transaction was lost, as if nothing had happened.
fn careless(x: i64) -> (Box<dyn Job>, Answer) {
    let (reply, answer) = oneshot::channel();
    let work = move |tx: &mut Tx<'_>| {
        tx.execute("spoil", "ROLLBACK", [])?;
        let _ = tx.execute("insert", "INSERT INTO t (x) VALUES (?1)", [x]);
        Ok(x)
    };
    (Box::new(Closure::new(work, reply)), answer)
}

/// Writes the jobs as one batch: which of them were answered well, and what is in the table.
fn check(jobs: Vec<(Box<dyn Job>, Answer)>, answered: &[bool], stored: &[i64]) {
    let conn = Connection::open_in_memory().unwrap();
    conn.execute_batch("CREATE TABLE t (x INTEGER PRIMARY KEY); INSERT INTO t VALUES (0)").unwrap();
    let (mut jobs, answers): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
    Batch::new(Conn::Sqlite(&conn)).write(&mut jobs);
    assert!(conn.is_autocommit());
    let told: Vec<bool> = answers.into_iter().map(|mut answer| answer.try_recv().unwrap().is_ok()).collect();
    let mut statement = conn.prepare("SELECT x FROM t WHERE x > 0 ORDER BY x").unwrap();
    let left: Vec<i64> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!((told.as_slice(), left.as_slice()), (answered, stored));
}

const LOSE: Option<&str> = Some("ROLLBACK");
const FAIL: Option<&str> = Some("INSERT INTO t VALUES (0)");

#[test]
fn what_is_answered_well_is_what_is_stored() {
    // Alone, in groups, mixed.
    check(vec![request(1, None)], &[true], &[1]);
    check(vec![closure(1, None), request(2, None), request(3, None)], &[true; 3], &[1, 2, 3]);
    // Failures take back their own writes only, first in the transaction or after others.
    check(vec![request(1, None), request(2, FAIL), request(3, None)], &[true, false, true], &[1, 3]);
    check(vec![closure(1, None), request(2, None), request(3, FAIL)], &[true, true, false], &[1, 2]);
    check(vec![closure(1, FAIL), closure(2, None)], &[false, true], &[2]);
    // Requests whose transaction is lost under them are done again; the spoiler fails, and so does what shared its
    // second transaction before it.
    check(vec![request(1, LOSE), request(2, None)], &[false, true], &[2]);
    check(vec![request(1, None), request(2, LOSE), request(3, None)], &[false, false, true], &[3]);
    // A closure cannot be done again: lost with its transaction, and told so.
    check(vec![closure(1, None), closure(2, LOSE), closure(3, None)], &[false, false, true], &[3]);
    check(vec![careless(1), request(2, None)], &[false, true], &[2]);
    check(vec![closure(1, None), request(2, LOSE), request(3, None)], &[false, false, true], &[3]);
}

#[test]
fn without_a_transaction_everyone_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let conn = Connection::open(&path).unwrap();
    conn.execute_batch("CREATE TABLE t (x INTEGER PRIMARY KEY)").unwrap();
    conn.busy_timeout(std::time::Duration::ZERO).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let (mut jobs, answers): (Vec<_>, Vec<_>) = vec![closure(1, None), request(2, None)].into_iter().unzip();
    Batch::new(Conn::Sqlite(&conn)).write(&mut jobs);
    for mut answer in answers {
        assert_eq!(answer.try_recv().unwrap(), Err(StoreError::Busy));
    }
}
