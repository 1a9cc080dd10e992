//! The threads that read: each has a connection that cannot write; one queue feeds them all.

use crate::conn::{Border, Conn, Source};
use crate::error::{Doing, StoreError, panic_text};
use crate::tx::ReadTx;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Reads that may wait; further callers wait without a place in the queue.
const QUEUE_MAX: usize = 1_024;

/// Hands reads to the threads. Dropping it lets them finish the queue and end.
pub(crate) struct Readers {
    queue: Arc<Queue>,
    places: Arc<Semaphore>,
}

type Job = Box<dyn FnOnce(Conn<'_>) + Send>;

/// A lock and a bell rather than a channel: a channel with many receivers wakes one thread to take and another to wait.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<(Job, OwnedSemaphorePermit)>,
    closed: bool,
}

impl Readers {
    /// Starts a reader for each connection; the handles end after [`Readers::close`].
    pub(crate) fn start(sources: Vec<Source>) -> Result<(Self, Vec<JoinHandle<()>>), StoreError> {
        let readers = Self { queue: Arc::default(), places: Arc::new(Semaphore::new(QUEUE_MAX)) };
        let mut threads = Vec::new();
        for (number, source) in sources.into_iter().enumerate() {
            let queue = Arc::clone(&readers.queue);
            let thread = thread::Builder::new()
                .name(format!("store-read-{number}"))
                .spawn(move || read_until_closed(source.conn(), &queue))
                .map_err(|error| StoreError::Open(format!("no thread for a reader: {error}")))?;
            threads.push(thread);
        }
        Ok((readers, threads))
    }

    /// Runs the work on one of the threads, inside a read transaction.
    pub(crate) async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
    {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            // Told before the transaction ends, which may take a way to the server and back. Fails only if the asker is gone.
            let _ = reply.send(in_snapshot(conn, work));
            end_snapshot(conn);
        });
        {
            let mut state = self.queue.lock();
            if state.closed {
                return Err(StoreError::Closed.into());
            }
            state.jobs.push_back((job, place));
        }
        self.queue.bell.notify_one();
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Lets nothing more in; what is queued is still answered.
    pub(crate) fn close(&self) {
        self.places.close();
        self.queue.lock().closed = true;
        self.queue.bell.notify_all();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next read; `None` once closed and empty.
    fn take(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            match state.jobs.pop_front() {
                Some((job, _place)) => return Some(job),
                None if state.closed => return None,
                None => state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

fn read_until_closed(conn: Conn<'_>, queue: &Queue) {
    while let Some(job) = queue.take() {
        job(conn);
    }
}

/// A transaction makes every query of the work see the same state.
fn in_snapshot<T, E: From<StoreError>>(conn: Conn<'_>, work: impl FnOnce(&ReadTx<'_>) -> Result<T, E>) -> Result<T, E> {
    conn.cross(Border::BeginRead).doing("read from a snapshot")?;
    let result = catch_unwind(AssertUnwindSafe(|| work(&ReadTx::new(conn))));
    result.unwrap_or_else(|panic| Err(StoreError::Panicked(panic_text(&*panic)).into()))
}

fn end_snapshot(conn: Conn<'_>) {
    if conn.is_open()
        && let Err(error) = conn.cross(Border::Commit).doing("end a read")
    {
        tracing::warn!(%error, "a read transaction did not end: {error}");
    }
}
