//! `outcrop serve`: puts the server together, runs it, and ends it in order.

use crate::ambient::{RandomIds, SystemClock};
use crate::client::Signer;
use crate::config::{self, Auth, ConfigError};
use crate::functions::Functions;
use crate::models;
use crate::secrets;
use outcrop_http::HttpClient;
use outcrop_ports::{Clock, Ids};
use outcrop_server::edge::authenticate::AuthMode;
use outcrop_server::objects::Objects;
use outcrop_server::{App, AppParts, Server, ServerLimits, Settings};
use outcrop_store::Store;
use outcrop_tools::{FunctionRegistry, Home, HostConfig, LambdaTools};
use outcrop_wire::sigv4::Secret;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time turns have to come to their end after the listener has stopped.
const TURNS_TIMEOUT: Duration = Duration::from_secs(3);

/// What `serve` is told.
#[derive(Clone, Debug)]
pub(crate) struct ServeOptions {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Folder for state.
    pub(crate) data: PathBuf,
    /// Configuration file; `outcrop.toml` in the working directory when it is there.
    pub(crate) config: Option<PathBuf>,
}

/// Why a command did not work.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line, configuration or template is wrong: exit status 2.
    Usage(String),
    /// It did not work: exit status 1.
    Failed(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// A server that is bound and put together, but does not answer yet.
pub(crate) struct Prepared {
    server: Server,
    app: Arc<App>,
    tools: Arc<LambdaTools>,
    stop: CancellationToken,
    /// Held while the server lives; the system lets go of it however the process ends.
    _lock: File,
    /// Where it will answer.
    pub(crate) address: SocketAddr,
    /// How a client in this process shows who it is.
    pub(crate) signer: Signer,
    /// What there is to say about models.
    pub(crate) notes: Vec<String>,
}

/// Reads the configuration, opens the store, binds.
pub(crate) async fn prepare(
    options: &ServeOptions,
    environment: &dyn Fn(&str) -> Option<String>,
    stop: CancellationToken,
) -> Result<Prepared, Failure> {
    let config = config::load(options.config.as_deref(), &options.data, environment)?;
    let failed = |what: &str, error: &dyn std::fmt::Display| Failure::Failed(format!("{what}: {error}"));
    std::fs::create_dir_all(&options.data).map_err(|error| failed(&options.data.display().to_string(), &error))?;
    let lock = lock(&options.data)?;
    let http = HttpClient::new();
    let secrets = Arc::new(secrets::known(&config, environment));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let means = models::Means { http: &http, clock: &clock, secrets: &secrets, environment };
    let models = models::build(config.models, &means).await?;
    let mut auth = config.auth.mode();
    let server =
        Server::bind(options.listen, ServerLimits::default(), &auth).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => Failure::Usage(format!("--listen: {error}")),
            std::io::ErrorKind::AddrInUse => Failure::Failed(format!(
                "{} is in use: stop what listens there, or choose another port with --listen",
                options.listen
            )),
            _ => failed(&format!("cannot listen on {}", options.listen), &error),
        })?;
    let address = server.local_addr().map_err(|error| failed("the listener has no address", &error))?;
    let store = Store::open_with(&config.store).map_err(|error| failed("the store cannot be opened", &error))?;
    let home = Home { region: config.region.clone(), account_id: config.account_id.clone() };
    let ids: Arc<dyn Ids> = Arc::new(RandomIds);
    let registry =
        FunctionRegistry::new(config.functions).map_err(|error| Failure::Usage(format!("function.match: {error}")))?;
    let of_functions = variables_of_functions(&mut auth, address, ids.as_ref());
    let tools =
        lambda_tools(&options.data, home, registry, &http, of_functions, (clock.clone(), ids.clone()), environment)
            .map_err(|error| failed("the function host cannot be prepared", &error))?;
    let settings = Settings {
        region: config.region,
        account_id: config.account_id,
        endpoint: format!("http://{address}"),
        auth,
        body_bytes_max: config.request_bytes_max,
        turn: config.turn,
        limit_message: config.limit_message,
        result_guardrail: config.result_guardrail,
        guardrail_classifier: config.guardrail_classifier,
        model_call_timeout: config.model_call_timeout,
        models: config.phase_models,
        tool_call_timeout: config.tool_call_timeout,
        tool_response_bytes_max: config.tool_response_bytes_max,
        quotas: config.quotas,
        functions_dir: options.data.join("functions"),
        session_store: config.session_store,
        memory: config.memory,
        retention: config.retention,
        sessions: config.sessions,
        reader_timeout: config.reader_timeout,
        answer_schemas: config.answer_schemas,
        secrets,
    };
    let app = App::new(AppParts {
        store,
        models: Arc::new(models.catalog),
        prices: Arc::new(config.prices),
        tools: tools.clone(),
        functions: Arc::new(Functions(tools.clone())),
        clock,
        ids,
        objects: Objects::new(config.objects_root),
        settings,
        stopping: stop.clone(),
    });
    outcrop_server::ops::lambda::load(&app)
        .await
        .map_err(|error| failed("stored functions cannot be read", &error.message))?;
    Ok(Prepared { server, app, tools, stop, _lock: lock, address, signer: signer(&config.auth), notes: models.notes })
}

/// Makes sure that no other server works in the same folder: turns of one session are kept apart within a process.
pub(crate) fn lock(data: &Path) -> Result<File, Failure> {
    let path = data.join("outcrop.lock");
    let failed = |why: String| Failure::Failed(format!("{}: {why}", path.display()));
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| failed(error.to_string()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(failed("another server uses this folder: stop it, or choose another with --data".to_owned()))
        }
        Err(TryLockError::Error(error)) => Err(failed(error.to_string())),
    }
}

/// The first key of the configuration: whoever runs the server holds them all.
fn signer(auth: &Auth) -> Signer {
    match (auth.is_required, auth.keys.first(), auth.bearers.first()) {
        (true, Some((id, secret)), _) => Signer::of_key(id, secret),
        (true, None, Some((_, key))) => Signer::Bearer(key.clone()),
        _ => Signer::Nobody,
    }
}

/// Variables by which code that calls AWS with its SDK finds this server. Where the server asks who calls, functions
/// have a key of their own, made for this process and forgotten with it.
fn variables_of_functions(auth: &mut AuthMode, address: SocketAddr, ids: &dyn Ids) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::from([("AWS_ENDPOINT_URL".to_owned(), format!("http://{address}"))]);
    if let AuthMode::Sigv4(keys) = auth {
        let (id, secret) = (format!("ASIA{}", ids.resource_id()), format!("{}{}", ids.uuid(), ids.uuid()));
        keys.insert(id.clone(), Secret::new(&*secret));
        variables.insert("AWS_ACCESS_KEY_ID".to_owned(), id);
        variables.insert("AWS_SECRET_ACCESS_KEY".to_owned(), secret);
    }
    variables
}

fn lambda_tools(
    data: &Path,
    home: Home,
    registry: FunctionRegistry,
    http: &HttpClient,
    variables: BTreeMap<String, String>,
    (clock, ids): (Arc<dyn Clock>, Arc<dyn Ids>),
    environment: &dyn Fn(&str) -> Option<String>,
) -> std::io::Result<Arc<LambdaTools>> {
    let data = std::path::absolute(data)?;
    let mut config = HostConfig::new(home, data.join("scratch"));
    config.environment = variables;
    // Interpreters are looked for where the user's shell would find them; the functions themselves see another PATH.
    let path = environment("PATH").unwrap_or_default();
    let find = |name: &str| path.split(':').map(|folder| Path::new(folder).join(name)).find(|file| file.is_file());
    if let Some(python) = find("python3") {
        config.python = python;
    }
    if let Some(node) = find("node") {
        config.node = node;
    }
    Ok(Arc::new(LambdaTools::new(config, registry, http.clone(), clock, ids)?))
}

impl Prepared {
    /// Answers until told to stop, then ends in order:
    /// 1. no new connections, running requests come to their end (the listener's time); turns stop at their next
    ///    durable boundary: tools under way are waited for, models are not,
    /// 2. turns without a connection likewise, or they are left in their journals as by a crash,
    /// 3. functions end,
    /// 4. what models cost is written down,
    /// 5. the store is flushed and closed.
    pub(crate) async fn run(self) {
        outcrop_server::ops::bedrock_agent_runtime::purge_deleted_sessions(&self.app);
        outcrop_server::memory::start(&self.app);
        outcrop_server::bill::start(&self.app);
        outcrop_server::retention::start(&self.app);
        self.server.run(self.app.clone(), self.stop).await;
        if !self.app.finish_turns(TURNS_TIMEOUT).await {
            tracing::warn!("turns were cut off; their journals have what was done");
        }
        self.tools.shutdown().await;
        self.app.write_bill().await;
        self.app.store.close().await;
    }
}
