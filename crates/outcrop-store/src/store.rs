//! The store as its users hold it.

use crate::blobs::Written;
use crate::error::StoreError;
use crate::open::OpenFile;
use crate::reader::Readers;
use crate::rest::Rest;
use crate::tx::{ReadTx, Tx};
use crate::writer::{Request, Writer};
use crate::{migrate, open};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Readers at most: reads are short, and each thread has a page cache of its own.
const READERS_MAX: usize = 4;

/// A handle to the database; clones share one writer and one pool of readers.
///
/// When the last clone is dropped the threads finish what is queued and end by themselves; [`Store::close`] waits for it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    readers: Readers,
    written: Written,
    rest: Option<Rest>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Store {
    /// Opens or creates the database and brings its schema up to date.
    ///
    /// `url` is `sqlite:path` or a plain path. Missing folders and the file are created for their owner only (modes
    /// 0700 and 0600). Blocks on the disk, and for up to five seconds on another process that holds the database.
    ///
    /// # Errors
    /// [`StoreError::Open`] for another scheme, a path that cannot be used or a file of another program;
    /// [`StoreError::Migration`] when the database is newer than this program or was migrated by a changed step.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let path = open::database_path(url)?;
        open::create_file(&path)?;
        let mut conn = open::writer(&path)?;
        let file = OpenFile::of(&path);
        migrate::run(&mut conn, migrate::MIGRATIONS)?;
        let (writer, writer_thread) = Writer::start(conn, file.clone())?;
        let count = thread::available_parallelism().map_or(1, usize::from).clamp(1, READERS_MAX);
        let (readers, mut threads) = Readers::start(&path, count)?;
        threads.push(writer_thread);
        tracing::debug!(path = %path.display(), "opened the store `{}`", path.display());
        Ok(Self {
            inner: Arc::new(Inner {
                writer,
                readers,
                written: Written::default(),
                rest: Some(Rest::of(path, file)),
                threads: Mutex::new(threads),
            }),
        })
    }

    /// Runs `work` on the writer's thread and answers once what it wrote is durable.
    ///
    /// The transaction is shared with whatever else waits at the moment, but `work` has a savepoint of its own: when it
    /// answers `Err` or panics, exactly its writes are taken back. It blocks every other write, so it should be short
    /// and must not wait for anything. Dropping the future does not take queued work back.
    ///
    /// # Errors
    /// Those of `work`; [`StoreError::Panicked`], [`StoreError::Closed`], or why the commit failed.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.writer.run(work).await
    }

    /// Runs `work` on a reader's thread; all its reads see one state, that of the last commit before it began.
    ///
    /// # Errors
    /// Those of `work`; [`StoreError::Panicked`] or [`StoreError::Closed`].
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
    {
        self.inner.readers.read(work).await
    }

    /// Answers when a reader has read and a write is durable: one that changes nothing, so that a full disk is found.
    ///
    /// # Errors
    /// Whatever keeps either of them from it.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|tx| tx.query_opt("ping the store", "SELECT number FROM migration LIMIT 1", [], |_| Ok(()))).await?;
        let doing = "ping the store";
        self.write(|tx| {
            tx.execute(doing, "INSERT INTO tag (arn, key, value) VALUES ('ping', '', '') ON CONFLICT DO NOTHING", [])?;
            tx.execute(doing, "DELETE FROM tag WHERE arn = 'ping'", []).map(drop)
        })
        .await
    }

    /// Lets nothing more in, answers what is queued, folds the WAL into the database and waits for the threads to end.
    ///
    /// Later calls of any clone get [`StoreError::Closed`]. Closing twice is fine.
    pub async fn close(&self) {
        self.inner.readers.close();
        self.inner.writer.close().await;
        let threads = std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = tokio::task::spawn_blocking(move || threads.into_iter().for_each(join)).await;
        if let Err(error) = ended {
            tracing::error!(%error, "the store did not close in order: {error}");
        }
    }

    /// Whether the files are at rest; none for a database that looks after its log itself.
    pub(crate) fn rest(&self) -> Option<&Rest> {
        self.inner.rest.as_ref()
    }

    /// What running turns have written.
    pub(crate) fn written(&self) -> &Written {
        &self.inner.written
    }

    pub(crate) async fn submit<R: Request>(&self, request: R) -> Result<R::Output, R::Error> {
        self.inner.writer.submit(request).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

fn join(thread: JoinHandle<()>) {
    let name = thread.thread().name().unwrap_or("store").to_owned();
    if thread.join().is_err() {
        tracing::error!(thread = name, "thread `{name}` of the store panicked");
    }
}
