//! The local Lambda host: functions run in child processes that ask us for events by the Lambda Runtime API.
//!
//! Each function has a pool of warm processes; a process works on one event at a time. Processes are real ones of this
//! machine, separated from us by their environment and their process group only: run no code here that you would not
//! run by hand. Memory sizes are told to functions, not enforced.

mod code;
mod instance;
mod interpreters;
mod logs;
mod pool;
mod process;
mod runtime_api;

use crate::InvokeLimits;
use crate::failure::{Answer, Failure};
use crate::functions::{FunctionEntry, LocalFunction};
use crate::names::{FunctionName, Home};
use bytes::Bytes;
use interpreters::Interpreter;
use outcrop_ports::{Clock, Ids};
use pool::Pool;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most pools kept; beyond, those without a process are forgotten.
const POOLS_MAX: usize = 1_000;

/// What the local host is told at start.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Region and account of the ARNs.
    pub home: Home,
    /// A folder of the host's own: emptied at start, filled with start scripts and unpacked archives.
    pub scratch: PathBuf,
    /// Variables for all functions, such as `AWS_ENDPOINT_URL`; a function's own win.
    pub environment: BTreeMap<String, String>,
    /// Command or path of Python 3.
    pub python: PathBuf,
    /// Command or path of Node.js.
    pub node: PathBuf,
    /// Most processes of one function at once; further calls wait.
    pub processes_per_function_max: usize,
    /// A process without an event for this long is ended.
    pub idle_timeout: Duration,
    /// Longest time from start to asking for the first event.
    pub init_timeout: Duration,
    /// How long code counts as unchanged after a look at it.
    pub code_check_interval: Duration,
}

impl HostConfig {
    /// The usual settings: ten processes a function, five minutes idle, 30 s to start, a look at the code each second.
    pub fn new(home: Home, scratch: impl Into<PathBuf>) -> Self {
        Self {
            home,
            scratch: scratch.into(),
            environment: BTreeMap::new(),
            python: "python3".into(),
            node: "node".into(),
            processes_per_function_max: 10,
            idle_timeout: Duration::from_secs(300),
            init_timeout: Duration::from_secs(30),
            code_check_interval: Duration::from_secs(1),
        }
    }
}

/// The host. Dropping it kills what runs, but only [`LocalHost::shutdown`] waits for that.
pub(crate) struct LocalHost {
    shared: Arc<Shared>,
    /// By number of the registry's entry, then by function name (a pattern may answer several).
    pools: Mutex<HashMap<u64, BTreeMap<String, Arc<Pool>>>>,
}

/// What all pools and processes share.
struct Shared {
    config: HostConfig,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    python: Interpreter,
    node: Interpreter,
    /// The absolute scratch folder.
    scratch: PathBuf,
    /// Where the start scripts lie.
    runtime_folder: PathBuf,
    tasks: TaskTracker,
    /// Ends every process.
    shutdown: CancellationToken,
}

/// A function as its pool runs it.
struct Function {
    name: Arc<str>,
    local: LocalFunction,
}

impl LocalHost {
    /// Prepares the scratch folder; nothing is started yet.
    pub(crate) fn new(config: HostConfig, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> io::Result<Self> {
        match std::fs::remove_dir_all(&config.scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(config.scratch.join("runtime"))?,
        }
        let scratch = std::fs::canonicalize(&config.scratch)?;
        let runtime_folder = scratch.join("runtime");
        std::fs::write(runtime_folder.join("bootstrap.py"), include_str!("host/bootstrap.py"))?;
        std::fs::write(runtime_folder.join("bootstrap.mjs"), include_str!("host/bootstrap.mjs"))?;
        let shared = Shared {
            python: Interpreter::python(config.python.clone()),
            node: Interpreter::node(config.node.clone()),
            config,
            clock,
            ids,
            scratch,
            runtime_folder,
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        };
        Ok(Self { shared: Arc::new(shared), pools: Mutex::default() })
    }

    /// Has a function work on one event. Dropping the future ends the process that works on it.
    pub(crate) async fn call(
        &self,
        entry: &FunctionEntry,
        local: &LocalFunction,
        name: &FunctionName,
        payload: Bytes,
        client_context: Option<String>,
        limits: InvokeLimits,
    ) -> Result<Answer, Failure> {
        if self.shared.shutdown.is_cancelled() {
            return Err(Failure::unreachable("is not run any more because the server is stopping", ""));
        }
        let pool = self.pool(entry, local, name);
        pool.call(name.arn(&self.shared.config.home), payload, client_context, limits).await
    }

    /// Ends the processes of an entry that was replaced or removed, each after its event.
    pub(crate) fn retire(&self, entry: &FunctionEntry) {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner).remove(&entry.number);
        for pool in pools.into_iter().flatten() {
            pool.1.retire();
        }
    }

    /// Processes that run, of all functions: for metrics and tests.
    pub(crate) fn processes(&self) -> usize {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.values().flat_map(BTreeMap::values).map(|pool| pool.processes()).sum()
    }

    /// Ends all processes and waits until they are gone. Calls under way fail.
    pub(crate) async fn shutdown(&self) {
        self.shared.shutdown.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    fn pool(&self, entry: &FunctionEntry, local: &LocalFunction, name: &FunctionName) -> Arc<Pool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(&entry.number).and_then(|named| named.get(name.name())) {
            return Arc::clone(pool);
        }
        if pools.values().map(BTreeMap::len).sum::<usize>() >= POOLS_MAX {
            for named in pools.values_mut() {
                named.retain(|_, pool| pool.processes() > 0);
            }
            pools.retain(|_, named| !named.is_empty());
        }
        let function = Function { name: name.name().into(), local: local.clone() };
        let pool = Arc::new(Pool::new(Arc::clone(&self.shared), function));
        pools.entry(entry.number).or_default().insert(name.name().to_owned(), Arc::clone(&pool));
        pool
    }
}

impl Drop for LocalHost {
    fn drop(&mut self) {
        self.shared.shutdown.cancel();
    }
}
