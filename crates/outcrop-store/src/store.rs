//! The store as its users hold it.

use crate::blobs::Written;
use crate::conn::Source;
use crate::error::StoreError;
use crate::open::OpenFile;
use crate::postgres::session::{Role, Session};
use crate::reader::Readers;
use crate::rest::Rest;
use crate::tx::{ReadTx, Tx};
use crate::writer::{self, Request, Waiting, Writer};
use crate::{migrate, open, postgres};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

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
    is_shared: bool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Which database, and how much of it to use.
#[derive(Clone)]
pub struct StoreOptions {
    /// `sqlite:path` or a plain path; `postgres://user:password@host:port/database?sslmode=…`, or the same as
    /// `host=… user=…`.
    pub url: String,
    /// The password for a URL of PostgreSQL that holds none.
    pub password: Option<String>,
    /// Connections to PostgreSQL at most; at least 3.
    pub connections: usize,
    /// Where the tables are in PostgreSQL; what the server has for its user when absent. Made when it is not there.
    pub schema: Option<String>,
    /// How long a connection to PostgreSQL may take.
    pub connect_timeout: Duration,
    /// How long PostgreSQL may work on one statement.
    pub statement_timeout: Duration,
}

impl StoreOptions {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            connections: 8,
            schema: None,
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
        }
    }
}

impl StoreOptions {
    /// Reads the URL without going there.
    ///
    /// # Errors
    /// [`StoreError::Open`] says what is wrong with it, without its password.
    pub fn check(&self) -> Result<(), StoreError> {
        match postgres::url::is_postgres(&self.url) {
            true => postgres::target(self).map(drop),
            false => open::database_path(&self.url).map(drop),
        }
    }
}

impl std::fmt::Debug for StoreOptions {
    /// The URL may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreOptions").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl Store {
    /// [`Store::open_with`] the defaults.
    ///
    /// # Errors
    /// As there.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(&StoreOptions::new(url))
    }

    /// Opens or creates the database and brings its schema up to date.
    ///
    /// With SQLite missing folders and the file are created for their owner only (modes 0700 and 0600). Blocks on the
    /// disk, and for up to five seconds on another process that holds the database; with PostgreSQL on the network, for up
    /// to the connect time-out, which a server that is starting is waited for, too.
    ///
    /// # Errors
    /// [`StoreError::Open`] for another scheme, a path that cannot be used, a file of another program, a server that
    /// refuses; [`StoreError::Unavailable`] for one that does not answer; [`StoreError::Migration`] when the database is
    /// newer than this program or was migrated by a changed step.
    pub fn open_with(options: &StoreOptions) -> Result<Self, StoreError> {
        if postgres::url::is_postgres(&options.url) {
            return postgres::apart(|| Self::open_postgres(options));
        }
        let path = open::database_path(&options.url)?;
        open::create_file(&path)?;
        let mut conn = open::writer(&path)?;
        let file = OpenFile::of(&path);
        migrate::run(&mut conn, migrate::MIGRATIONS)?;
        let count = thread::available_parallelism().map_or(1, usize::from).clamp(1, READERS_MAX);
        let sources = (0..count).map(|_| open::reader(&path).map(Source::Sqlite)).collect::<Result<Vec<_>, _>>()?;
        let rest = Rest::of(path.clone(), file.clone());
        let write = move |waiting: Waiting| writer::write_to_sqlite(&conn, &file, waiting);
        let store = Self::start(vec![Box::new(write)], sources, Some(rest))?;
        tracing::debug!(path = %path.display(), "opened the store `{}`", path.display());
        Ok(store)
    }

    fn open_postgres(options: &StoreOptions) -> Result<Self, StoreError> {
        postgres::schema::migrate(postgres::target(options)?)?;
        let target = Arc::new(postgres::target(options)?);
        // One for the closures, which go one after another anyway; of the rest a good half reads.
        let rest = options.connections.max(3) - 1;
        let writers = (rest * 3 / 7).max(1);
        let mut loops: Vec<Box<dyn FnOnce(Waiting) + Send>> = Vec::new();
        for number in 0..=writers {
            let role = if number == 0 { Role::WriteInTurn } else { Role::Write };
            let session = Session::new(target.clone(), role)?;
            loops.push(Box::new(move |waiting| postgres::write::write_until_closed(&session, waiting)));
        }
        let readers = (0..rest - writers).map(|_| Session::new(target.clone(), Role::Read).map(Source::Postgres));
        let store = Self::start(loops, readers.collect::<Result<Vec<_>, _>>()?, None)?;
        tracing::debug!("opened the store `{}`", target.address.name());
        Ok(store)
    }

    fn start(
        loops: Vec<Box<dyn FnOnce(Waiting) + Send>>,
        sources: Vec<Source>,
        rest: Option<Rest>,
    ) -> Result<Self, StoreError> {
        let (writer, mut threads) = Writer::start(loops)?;
        let (readers, more) = Readers::start(sources)?;
        threads.extend(more);
        // A file is one process's.
        let is_shared = rest.is_none();
        let (written, threads) = (Written::default(), Mutex::new(threads));
        Ok(Self { inner: Arc::new(Inner { writer, readers, written, rest, is_shared, threads }) })
    }

    /// Whether other processes may be at work in the same database.
    pub fn is_shared(&self) -> bool {
        self.inner.is_shared
    }

    /// Runs `work` on the writer's thread and answers once what it wrote is durable. Such work goes one after another, also
    /// where other processes write to the same database; turns may go on beside it there.
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

    /// A number that grows with every change of resources and tags by whatever process; `None` where there is no other
    /// process. What was read after the number was is not older than it says.
    ///
    /// # Errors
    /// Failures of the store.
    pub async fn changes(&self) -> Result<Option<i64>, StoreError> {
        if !self.is_shared() {
            return Ok(None);
        }
        let sql = "SELECT number FROM change";
        self.read(move |tx| tx.query_opt("look for changes", sql, [], |row| row.get(0))).await
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
