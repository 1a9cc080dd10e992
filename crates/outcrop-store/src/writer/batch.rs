//! One commit: runs jobs inside a transaction and tells each its outcome when the transaction is durable or lost.

use super::job::{Job, Ran};
use crate::crash;
use crate::error::{Doing, StoreError};
use crate::tx::Tx;
use rusqlite::Connection;

/// Jobs that share a transaction. The transaction is open whenever `ran` is not empty.
pub(super) struct Batch<'c> {
    conn: &'c Connection,
    /// Jobs that have run and wait for the commit.
    ran: Vec<Box<dyn Job>>,
}

impl<'c> Batch<'c> {
    pub(super) fn new(conn: &'c Connection) -> Self {
        Self { conn, ran: Vec::new() }
    }

    /// Runs the jobs in order, commits, and settles every one of them. Empties `jobs`, keeps its capacity.
    pub(super) fn write(mut self, jobs: &mut Vec<Box<dyn Job>>) {
        let mut group = Vec::new();
        for job in jobs.drain(..) {
            if job.repeatable() {
                group.push(job);
                continue;
            }
            self.run_group(&mut group);
            self.run_alone(job);
        }
        self.run_group(&mut group);
        self.commit();
    }

    /// Runs repeatable jobs without a savepoint for each; one by one after all if any of them fails half-way.
    fn run_group(&mut self, group: &mut Vec<Box<dyn Job>>) {
        if group.is_empty() {
            return;
        }
        // With nothing before it in the transaction, the whole transaction serves as the savepoint.
        let first = self.ran.is_empty();
        let opened = if first { self.open() } else { self.savepoint() };
        if let Err(error) = opened {
            settle_all(group, Err(&error));
            return;
        }
        let whole = group.iter_mut().all(|job| job.run(&mut Tx::new(self.conn)) == Ran::Keep && self.is_open());
        if whole && (first || self.release().is_ok()) {
            self.ran.append(group);
            return;
        }
        tracing::debug!(jobs = group.len(), "taking back a group of {} writes to run them one by one", group.len());
        if first || !self.is_open() || self.take_back().is_err() {
            self.roll_back_all();
        }
        for job in group.drain(..) {
            self.run_alone(job);
        }
    }

    /// Runs a job in a savepoint of its own.
    fn run_alone(&mut self, mut job: Box<dyn Job>) {
        if let Err(error) = self.open().and_then(|()| self.savepoint()) {
            return job.settle(Err(&error));
        }
        let ran = job.run(&mut Tx::new(self.conn));
        let closed = match ran {
            _ if !self.is_open() => Err(lost()),
            Ran::Keep => self.release(),
            Ran::TakeBack => self.take_back(),
        };
        match closed {
            Ok(()) => self.ran.push(job),
            Err(error) => {
                job.settle(Err(&error));
                self.roll_back_all();
            }
        }
    }

    /// Makes what ran durable.
    fn commit(mut self) {
        if self.is_open() {
            crash::before_commit();
            match self.run("COMMIT", "commit") {
                Ok(()) => {
                    crash::after_commit();
                    return settle_all(&mut self.ran, Ok(()));
                }
                Err(error) => {
                    tracing::error!(%error, jobs = self.ran.len(), "{} writes were lost: {error}", self.ran.len());
                    self.forget(&error);
                }
            }
        }
        settle_all(&mut self.ran, Err(&lost()));
    }

    /// Gives up the whole transaction: everything that ran in it failed.
    fn roll_back_all(&mut self) {
        if !self.ran.is_empty() {
            tracing::error!(jobs = self.ran.len(), "{} writes were lost with their transaction", self.ran.len());
        }
        self.forget(&lost());
    }

    fn forget(&mut self, why: &StoreError) {
        // A full disk or a failed read ends the transaction without us.
        if self.is_open()
            && let Err(error) = self.run("ROLLBACK", "roll back")
        {
            tracing::error!(%error, "{error}");
        }
        settle_all(&mut self.ran, Err(why));
    }

    fn open(&self) -> Result<(), StoreError> {
        // IMMEDIATE takes the write lock now, so that no later statement finds it taken.
        if self.is_open() { Ok(()) } else { self.run("BEGIN IMMEDIATE", "begin a transaction") }
    }

    fn savepoint(&self) -> Result<(), StoreError> {
        self.run("SAVEPOINT job", "set a savepoint")
    }

    fn release(&self) -> Result<(), StoreError> {
        self.run("RELEASE job", "release a savepoint")
    }

    fn take_back(&self) -> Result<(), StoreError> {
        self.run("ROLLBACK TO job", "go back to a savepoint")?;
        self.release()
    }

    fn is_open(&self) -> bool {
        !self.conn.is_autocommit()
    }

    fn run(&self, sql: &str, doing: &'static str) -> Result<(), StoreError> {
        self.conn.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map(drop).doing(doing)
    }
}

fn settle_all(jobs: &mut Vec<Box<dyn Job>>, commit: Result<(), &StoreError>) {
    for job in jobs.drain(..) {
        job.settle(commit);
    }
}

fn lost() -> StoreError {
    StoreError::Sql { doing: "commit", why: "the transaction was rolled back".into() }
}

#[cfg(test)]
mod tests;
