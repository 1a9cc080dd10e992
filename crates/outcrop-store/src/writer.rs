//! The threads that write, and how each groups what waits into one commit. With SQLite there is one; with PostgreSQL one
//! runs the closures, in turn with those of other replicas, and some run the requests, beside each other.
//!
//! Work comes in two forms. A *closure* can run once only, so it gets a savepoint: its failure takes back its own
//! writes and leaves its neighbours alone. A *request* is plain data that can be applied again, so requests run without
//! savepoints; should one fail half-way, its group is taken back and applied one by one, each in a savepoint. Failures
//! of requests are rare, and savepoints are a good part of what a small write costs.

pub(crate) mod batch;
pub(crate) mod job;

pub(crate) use job::Request;

use crate::conn::Conn;
use crate::error::{Doing, StoreError};
use crate::open::OpenFile;
use crate::tx::Tx;
use batch::Batch;
use job::{Closure, Job, Repeatable};
use rusqlite::Connection;
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};

/// Writes that may wait for a thread; further callers wait for a place. Also the most that one commit holds.
const QUEUE_MAX: usize = 1_024;

/// Hands work to the writing threads. Dropping it lets them finish their queues and end.
pub(crate) struct Writer {
    /// The first runs closures, the others requests; an only one runs both.
    lanes: Vec<mpsc::Sender<Message>>,
}

pub(crate) enum Message {
    Job(Box<dyn Job>),
    Close,
}

/// What waits for a writing thread.
pub(crate) struct Waiting {
    queue: mpsc::Receiver<Message>,
    messages: Vec<Message>,
}

impl Writer {
    /// Starts a thread for each of these loops, which end when there is nothing more to wait for.
    pub(crate) fn start(
        loops: Vec<Box<dyn FnOnce(Waiting) + Send>>,
    ) -> Result<(Self, Vec<JoinHandle<()>>), StoreError> {
        let (mut lanes, mut threads) = (Vec::new(), Vec::new());
        for (number, run) in loops.into_iter().enumerate() {
            let (lane, queue) = mpsc::channel(QUEUE_MAX);
            let waiting = Waiting { queue, messages: Vec::with_capacity(QUEUE_MAX) };
            let thread = thread::Builder::new()
                .name(format!("store-write-{number}"))
                .spawn(move || run(waiting))
                .map_err(|error| StoreError::Open(format!("no thread for the writer: {error}")))?;
            lanes.push(lane);
            threads.push(thread);
        }
        Ok((Self { lanes }, threads))
    }

    pub(crate) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(0, Closure::new(work, reply)).await?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(crate) async fn submit<R: Request>(&self, request: R) -> Result<R::Output, R::Error> {
        let (reply, answer) = oneshot::channel();
        let lane = match self.lanes.len() {
            0 | 1 => 0,
            // What belongs together goes the same way, so that it shares a commit instead of waiting for another.
            lanes => 1 + usize::try_from(request.lane() % (lanes as u64 - 1)).unwrap_or(0),
        };
        self.send(lane, Repeatable::new(request, reply)).await?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(crate) async fn close(&self) {
        for lane in &self.lanes {
            // Fails only when it is closed already.
            let _ = lane.send(Message::Close).await;
        }
    }

    async fn send(&self, lane: usize, job: impl Job + 'static) -> Result<(), StoreError> {
        let lane = self.lanes.get(lane).ok_or(StoreError::Closed)?;
        lane.send(Message::Job(Box::new(job))).await.map_err(|_| StoreError::Closed)
    }
}

impl Waiting {
    /// Adds what queued up since, waiting for a first; nothing is delayed to make a group larger. `false` at the end.
    pub(crate) fn take(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> bool {
        if self.queue.blocking_recv_many(&mut self.messages, QUEUE_MAX) == 0 {
            return false;
        }
        for message in self.messages.drain(..) {
            match message {
                Message::Job(job) => jobs.push(job),
                Message::Close => self.queue.close(),
            }
        }
        true
    }
}

/// The loop of SQLite's one writer.
pub(crate) fn write_to_sqlite(conn: &Connection, file: &OpenFile, mut waiting: Waiting) {
    let mut jobs = Vec::with_capacity(QUEUE_MAX);
    while waiting.take(&mut jobs) {
        match file.is_there() {
            // Nothing has to be done again here: SQLite's transactions are not lost by themselves.
            Ok(()) => drop(Batch::new(Conn::Sqlite(conn)).write(&mut jobs)),
            Err(error) => jobs.drain(..).for_each(|job| job.settle(Err(&error))),
        }
    }
    let checkpoint = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).doing("checkpoint the WAL");
    if let Err(error) = checkpoint {
        // Nothing is lost: the next start reads the WAL.
        tracing::warn!(%error, "the store closed without a checkpoint: {error}");
    }
}
