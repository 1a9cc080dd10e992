//! The one thread that writes, and how it groups what waits into one commit.
//!
//! Work comes in two forms. A *closure* can run once only, so it gets a savepoint: its failure takes back its own
//! writes and leaves its neighbours alone. A *request* is plain data that can be applied again, so requests run without
//! savepoints; should one fail half-way, its group is taken back and applied one by one, each in a savepoint. Failures
//! of requests are rare, and savepoints are a good part of what a small write costs.

mod batch;
mod job;

pub(crate) use job::Request;

use crate::error::{Doing, StoreError};
use crate::open::OpenFile;
use crate::tx::Tx;
use batch::Batch;
use job::{Closure, Job, Repeatable};
use rusqlite::Connection;
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};

/// Writes that may wait; further callers wait for a place. Also the most that one commit holds.
const QUEUE_MAX: usize = 1_024;

/// Hands work to the writing thread. Dropping it lets the thread finish the queue and end.
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Job(Box<dyn Job>),
    Close,
}

impl Writer {
    pub(crate) fn start(conn: Connection, file: OpenFile) -> Result<(Self, JoinHandle<()>), StoreError> {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let thread = thread::Builder::new()
            .name("store-write".into())
            .spawn(move || write_until_closed(&conn, &file, waiting))
            .map_err(|error| StoreError::Open(format!("no thread for the writer: {error}")))?;
        Ok((Self { queue }, thread))
    }

    pub(crate) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.send(Closure::new(work, reply)).await?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(crate) async fn submit<R: Request>(&self, request: R) -> Result<R::Output, R::Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Repeatable::new(request, reply)).await?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(crate) async fn close(&self) {
        // Fails only when it is closed already.
        let _ = self.queue.send(Message::Close).await;
    }

    async fn send(&self, job: impl Job + 'static) -> Result<(), StoreError> {
        self.queue.send(Message::Job(Box::new(job))).await.map_err(|_| StoreError::Closed)
    }
}

fn write_until_closed(conn: &Connection, file: &OpenFile, mut waiting: mpsc::Receiver<Message>) {
    let mut messages = Vec::with_capacity(QUEUE_MAX);
    let mut jobs = Vec::with_capacity(QUEUE_MAX);
    // Takes what queued up during the last commit; nothing is delayed to make a group larger.
    while waiting.blocking_recv_many(&mut messages, QUEUE_MAX) > 0 {
        for message in messages.drain(..) {
            match message {
                Message::Job(job) => jobs.push(job),
                Message::Close => waiting.close(),
            }
        }
        match file.is_there() {
            Ok(()) => Batch::new(conn).write(&mut jobs),
            Err(error) => jobs.drain(..).for_each(|job| job.settle(Err(&error))),
        }
    }
    let checkpoint = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).doing("checkpoint the WAL");
    if let Err(error) = checkpoint {
        // Nothing is lost: the next start reads the WAL.
        tracing::warn!(%error, "the store closed without a checkpoint: {error}");
    }
}
