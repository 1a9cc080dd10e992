//! What the tests stand on: a folder of functions and the tools that run them.

use bytes::Bytes;
use outcrop_http::HttpClient;
use outcrop_ports::{
    Action, AgentIdentity, Clock, Delivery, ToolCall, ToolContext, ToolExecutor, ToolFailure, ToolFailureCause,
    ToolLimits, ToolOutcome, ToolSuccess,
};
use outcrop_testkit::SequentialIds;
use outcrop_tools::{
    FunctionRegistry, FunctionSource, FunctionSpec, Home, HostConfig, InvokeLimits, InvokeResult, LambdaTools,
    LocalFunction, Runtime,
};
use outcrop_wire::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Long enough for any machine; nothing waits for it unless something is broken.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) const LIMITS: InvokeLimits = InvokeLimits { timeout: LONG, response_bytes_max: 25_000, log_tail: false };

pub(crate) struct Stage {
    pub(crate) tools: Arc<LambdaTools>,
    folder: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut HostConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home { region: "eu-west-1".into(), account_id: "000000000000".into() };
        let mut config = HostConfig::new(home, folder.path().join("scratch"));
        config.init_timeout = LONG;
        change(&mut config);
        let tools = LambdaTools::new(
            config,
            FunctionRegistry::default(),
            HttpClient::new(),
            Arc::new(WallClock),
            Arc::new(SequentialIds::default()),
        );
        Self { tools: Arc::new(tools.unwrap()), folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Deploys a Python function of one file, handler `app.handler`.
    pub(crate) fn python(&self, name: &str, code: &str) {
        self.write(&format!("{name}/app.py"), code);
        self.deploy(name, |_| {});
    }

    /// Deploys what was written to the folder of that name.
    pub(crate) fn deploy(&self, name: &str, change: impl FnOnce(&mut LocalFunction)) {
        let mut local = LocalFunction {
            code: self.path(name),
            layers: Vec::new(),
            runtime: Runtime::Python,
            handler: "app.handler".into(),
            timeout: LONG,
            memory_mb: LocalFunction::MEMORY_MB,
            environment: BTreeMap::new(),
        };
        change(&mut local);
        self.tools.deploy(FunctionSpec { name: name.into(), source: FunctionSource::Local(local) });
    }

    pub(crate) async fn invoke(&self, name: &str, payload: &Value) -> Result<InvokeResult, ToolFailure> {
        self.tools.invoke(name, Bytes::from(payload.to_string()), LIMITS).await
    }

    /// Invokes a function that works, and returns what it answered.
    pub(crate) async fn answer(&self, name: &str, payload: &Value) -> Value {
        let result = self.invoke(name, payload).await.unwrap();
        assert!(!result.function_error, "{}", String::from_utf8_lossy(&result.payload));
        serde_json::from_slice(&result.payload).unwrap()
    }

    /// Invokes a function that fails, and returns its error payload.
    pub(crate) async fn error(&self, name: &str, payload: &Value) -> Value {
        let result = self.invoke(name, payload).await.unwrap();
        assert!(result.function_error, "{}", String::from_utf8_lossy(&result.payload));
        serde_json::from_slice(&result.payload).unwrap()
    }

    pub(crate) async fn execute(&self, name: &str, limits: ToolLimits) -> ToolOutcome {
        self.tools.execute(&call(name), &context(), &Delivery::default(), limits).await
    }

    /// Executes a tool that works.
    pub(crate) async fn success(&self, name: &str) -> ToolSuccess {
        match self.execute(name, TOOL_LIMITS).await {
            ToolOutcome::Succeeded(success) => success,
            other => panic!("{other:?}"),
        }
    }

    /// Executes a tool that fails for the cause given.
    pub(crate) async fn failure(&self, name: &str, limits: ToolLimits, cause: ToolFailureCause) -> ToolFailure {
        match self.execute(name, limits).await {
            ToolOutcome::Failed(failure) => {
                assert_eq!(failure.cause, cause, "{failure:?}");
                failure
            }
            other => panic!("{other:?}"),
        }
    }

    /// Waits until so many processes run.
    pub(crate) async fn processes_become(&self, count: usize) {
        let wait = async {
            while self.tools.processes() != count {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(LONG, wait).await;
        assert!(waited.is_ok(), "{} processes run instead of {count}", self.tools.processes());
    }
}

pub(crate) const TOOL_LIMITS: ToolLimits = ToolLimits { timeout: LONG, response_bytes_max: 25_000 };

pub(crate) fn call(function: &str) -> ToolCall {
    ToolCall {
        tool_use_id: "tooluse_1".into(),
        function_arn: format!("arn:aws:lambda:eu-west-1:000000000000:function:{function}").into(),
        action_group: "garden".into(),
        action: Action::Function("plant".into()),
        parameters: Vec::new(),
        request_body: None,
    }
}

pub(crate) fn context() -> ToolContext {
    ToolContext {
        agent: AgentIdentity {
            name: "gardener".into(),
            id: "GARDEN0001".into(),
            alias: "TSTALIASID".into(),
            version: "DRAFT".into(),
        },
        input_text: "Plant leeks".into(),
        session_id: "s-1".into(),
        session_attributes: BTreeMap::from([("tenant".into(), "north".into())]),
        prompt_session_attributes: BTreeMap::new(),
    }
}

/// Functions compare deadlines with their own clock.
struct WallClock;

impl Clock for WallClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap())
    }
}
