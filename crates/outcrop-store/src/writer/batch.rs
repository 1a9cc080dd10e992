//! One commit: runs jobs inside a transaction and tells each its outcome when the transaction is durable or lost.

use super::job::{Job, Ran};
use crate::conn::{Border, Conn};
use crate::error::{Doing, StoreError};
use crate::tx::Tx;

/// Jobs that share a transaction. The transaction is open whenever `ran` is not empty.
pub(crate) struct Batch<'c> {
    conn: Conn<'c>,
    /// Jobs that have run and wait for the commit.
    ran: Vec<Box<dyn Job>>,
    /// Jobs whose transaction was lost through no fault of theirs, and that can be done again.
    again: Vec<Box<dyn Job>>,
}

impl<'c> Batch<'c> {
    pub(crate) fn new(conn: Conn<'c>) -> Self {
        Self { conn, ran: Vec::new(), again: Vec::new() }
    }

    /// Runs the jobs in order, commits, and settles every one of them but those that it answers: their transaction was
    /// lost, nothing of them was written, and they may be done again. Empties `jobs`, keeps its capacity.
    pub(crate) fn write(mut self, jobs: &mut Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
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
        self.again
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
            self.give_up(group, &error);
            return;
        }
        let whole = group.iter_mut().all(|job| job.run(&mut Tx::new(self.conn)) == Ran::Keep && self.is_sound());
        if whole && (first || self.release().is_ok()) {
            self.ran.append(group);
            return;
        }
        if let Some(why) = self.conn.lost() {
            self.roll_back_all(&why);
            self.give_up(group, &why);
            return;
        }
        tracing::debug!(jobs = group.len(), "taking back a group of {} writes to run them one by one", group.len());
        if first || !self.is_open() || self.take_back().is_err() {
            self.roll_back_all(&lost());
        }
        for job in group.drain(..) {
            self.run_alone(job);
        }
    }

    /// Runs a job in a savepoint of its own.
    fn run_alone(&mut self, mut job: Box<dyn Job>) {
        if let Err(error) = self.open().and_then(|()| self.savepoint()) {
            return self.give_up(&mut vec![job], &error);
        }
        let ran = job.run(&mut Tx::new(self.conn));
        let closed = match ran {
            _ if !self.is_open() => Err(self.why_lost()),
            Ran::Keep if self.conn.has_failed() => {
                // It went on after a failure as if nothing had happened: what it wrote cannot be kept, its neighbours can.
                if self.take_back().is_ok() {
                    return job.settle(Err(&lost()));
                }
                Err(self.why_lost())
            }
            Ran::Keep => self.release(),
            Ran::TakeBack if self.conn.lost().is_some() && job.repeatable() => Err(self.why_lost()),
            Ran::TakeBack => self.take_back(),
        };
        match closed {
            Ok(()) => self.ran.push(job),
            Err(error) => {
                self.roll_back_all(&error);
                self.give_up(&mut vec![job], &error);
            }
        }
    }

    /// Makes what ran durable.
    fn commit(&mut self) {
        let mut why = lost();
        if self.is_open() {
            match self.cross(Border::Commit, "commit") {
                Ok(()) => return settle_all(&mut self.ran, Ok(())),
                Err(error) => {
                    if self.conn.lost().is_none() {
                        tracing::error!(%error, jobs = self.ran.len(), "{} writes were lost: {error}", self.ran.len());
                    }
                    self.forget(&error);
                    why = error;
                }
            }
        }
        let mut ran = std::mem::take(&mut self.ran);
        self.give_up(&mut ran, &why);
    }

    /// Gives up the whole transaction: everything that ran in it failed, or is to be done again.
    fn roll_back_all(&mut self, why: &StoreError) {
        if !self.ran.is_empty() && self.conn.lost().is_none() {
            tracing::error!(jobs = self.ran.len(), "{} writes were lost with their transaction", self.ran.len());
        }
        self.forget(why);
    }

    fn forget(&mut self, why: &StoreError) {
        // A full disk or a failed read ends the transaction without us.
        if self.is_open()
            && let Err(error) = self.cross(Border::RollBack, "roll back")
        {
            tracing::error!(%error, "{error}");
        }
        let mut ran = std::mem::take(&mut self.ran);
        self.give_up(&mut ran, why);
    }

    /// Tells the jobs that they failed, except for those that can be done again and may.
    fn give_up(&mut self, jobs: &mut Vec<Box<dyn Job>>, why: &StoreError) {
        let again = self.conn.lost().is_some();
        for job in jobs.drain(..) {
            if again && job.repeatable() {
                self.again.push(job);
            } else {
                job.settle(Err(why));
            }
        }
    }

    fn open(&self) -> Result<(), StoreError> {
        if self.is_open() { Ok(()) } else { self.cross(Border::Begin, "begin a transaction") }
    }

    fn savepoint(&self) -> Result<(), StoreError> {
        self.cross(Border::Savepoint, "set a savepoint")
    }

    fn release(&self) -> Result<(), StoreError> {
        self.cross(Border::Release, "release a savepoint")
    }

    fn take_back(&self) -> Result<(), StoreError> {
        self.cross(Border::TakeBack, "go back to a savepoint")
    }

    fn is_open(&self) -> bool {
        self.conn.is_open()
    }

    fn is_sound(&self) -> bool {
        self.is_open() && !self.conn.has_failed()
    }

    fn why_lost(&self) -> StoreError {
        self.conn.lost().unwrap_or_else(lost)
    }

    fn cross(&self, border: Border, doing: &'static str) -> Result<(), StoreError> {
        self.conn.cross(border).doing(doing)
    }
}

/// Tells all jobs of a list the same.
pub(crate) fn settle_all(jobs: &mut Vec<Box<dyn Job>>, commit: Result<(), &StoreError>) {
    for job in jobs.drain(..) {
        job.settle(commit);
    }
}

fn lost() -> StoreError {
    StoreError::Sql { doing: "commit", why: "the transaction was rolled back".into() }
}

#[cfg(test)]
mod tests;
