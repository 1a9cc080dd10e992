//! What operations need of the world, put together by the binary.

use crate::agents::controls::GuardrailName;
use crate::agents::prepared::PreparedAgents;
use crate::bill::Bill;
use crate::edge::authenticate::AuthMode;
use crate::guardrails::compiled::CompiledGuardrails;
use crate::memory::{MemoryQueue, MemorySettings};
use crate::metrics::Metrics;
use crate::objects::Objects;
use crate::ops;
use crate::quotas::{Quotas, ResourceCount};
use crate::retention::RetentionSettings;
use crate::secrets::Secrets;
use crate::turn::sessions::{SessionSettings, Sessions};
use crate::turn::{Bindings, Histories};
use outcrop_planner::PhaseModels;
use outcrop_planner::turn::TurnLimits;
use outcrop_ports::{Clock, Ids, ModelCatalog, PriceList, ToolExecutor};
use outcrop_store::Store;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Everything a request may need. One per process, shared by reference count.
pub struct App {
    /// Remembers.
    pub store: Store,
    /// Finds models.
    pub models: Arc<dyn ModelCatalog>,
    /// Knows what models cost.
    pub prices: Arc<dyn PriceList>,
    /// Makes tool calls.
    pub tools: Arc<dyn ToolExecutor>,
    /// Runs functions that were deployed here; none in setups without a function host.
    pub functions: Arc<dyn crate::ops::lambda::FunctionHost>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub ids: Arc<dyn Ids>,
    /// What answers `s3://bucket/key`.
    pub objects: Objects,
    /// The S3 API over the same.
    pub(crate) s3: outcrop_objects::Service,
    /// Settings that do not change while the process runs.
    pub settings: Settings,
    /// Cancelled when the process is to end: turns then stop at their next durable boundary.
    pub stopping: CancellationToken,
    /// What `/metrics` tells.
    pub metrics: Metrics,
    pub(crate) prepared: PreparedAgents,
    pub(crate) guardrails: CompiledGuardrails,
    pub(crate) bill: Bill,
    pub(crate) memory: MemoryQueue,
    pub(crate) sessions: Sessions,
    pub(crate) bindings: Bindings,
    pub(crate) histories: Histories,
    pub(crate) agent_count: ResourceCount,
    pub(crate) prompt_count: ResourceCount,
    pub(crate) guardrail_count: ResourceCount,
    /// Turns under way; a turn outlives the connection it came by.
    pub(crate) turns: TaskTracker,
}

/// What [`App::new`] puts together.
pub struct AppParts {
    /// Remembers.
    pub store: Store,
    /// Finds models.
    pub models: Arc<dyn ModelCatalog>,
    /// Knows what models cost.
    pub prices: Arc<dyn PriceList>,
    /// Makes tool calls.
    pub tools: Arc<dyn ToolExecutor>,
    /// Runs functions that were deployed here.
    pub functions: Arc<dyn crate::ops::lambda::FunctionHost>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub ids: Arc<dyn Ids>,
    /// What answers `s3://bucket/key`.
    pub objects: Objects,
    /// Settings.
    pub settings: Settings,
    /// Cancelled when the process is to end.
    pub stopping: CancellationToken,
}

/// Settings that do not change while the process runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// As it appears in ARNs.
    pub region: String,
    /// Twelve digits, as they appear in ARNs.
    pub account_id: String,
    /// Where the server is: what answers say of where something is served.
    pub endpoint: String,
    /// How callers are told apart.
    pub auth: AuthMode,
    /// Largest request body, in bytes.
    pub body_bytes_max: usize,
    /// Limits of a turn.
    pub turn: TurnLimits,
    /// What the user reads when a limit ends a turn; our own words when absent.
    pub limit_message: Option<String>,
    /// The guardrail for results of tools, where no tag names another.
    pub result_guardrail: Option<GuardrailName>,
    /// The model that judges topics, harm and grounding for guardrails; the embedded detectors when absent.
    pub guardrail_classifier: Option<String>,
    /// Longest time one model call may take.
    pub model_call_timeout: Duration,
    /// Models for work beside the loop of an agent, in place of the agent's own.
    pub models: PhaseModels,
    /// Longest time one tool call may take, whatever its function's own time-out says.
    pub tool_call_timeout: Duration,
    /// Largest answer read from a function, in bytes.
    pub tool_response_bytes_max: usize,
    /// Where the code of deployed functions is kept.
    pub functions_dir: PathBuf,
    /// How long a reader of a stream may take nothing before its turn goes on without it.
    pub reader_timeout: Duration,
    /// What requests do that want one session at once.
    pub sessions: SessionSettings,
    /// Schemas of answers, by the names that tags give them.
    pub answer_schemas: BTreeMap<String, Arc<Value>>,
    /// How many of what there may be.
    pub quotas: Quotas,
    /// The session store.
    pub session_store: SessionStoreSettings,
    /// What agents remember.
    pub memory: MemorySettings,
    /// How long things are kept.
    pub retention: RetentionSettings,
    /// What is taken out of kept traces beside what looks like a secret.
    pub secrets: Arc<Secrets>,
}

/// Settings of the session store (CreateSession and its kin).
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionStoreSettings {
    /// How long after its last write a session expires; never when absent.
    pub idle_timeout: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            endpoint: "http://127.0.0.1:7600".to_owned(),
            auth: AuthMode::Open,
            // A function's zip may have 50 MB, which base64 makes a third larger.
            body_bytes_max: 80 * 1024 * 1024,
            turn: TurnLimits::default(),
            limit_message: None,
            result_guardrail: None,
            guardrail_classifier: None,
            model_call_timeout: Duration::from_secs(300),
            models: PhaseModels::default(),
            tool_call_timeout: Duration::from_secs(900),
            tool_response_bytes_max: 6 * 1024 * 1024,
            functions_dir: PathBuf::from(".outcrop/functions"),
            reader_timeout: Duration::from_secs(20),
            sessions: SessionSettings::default(),
            answer_schemas: BTreeMap::new(),
            quotas: Quotas::default(),
            session_store: SessionStoreSettings::default(),
            memory: MemorySettings::default(),
            retention: RetentionSettings::default(),
            secrets: Arc::default(),
        }
    }
}

impl App {
    /// Puts an application together.
    pub fn new(parts: AppParts) -> Arc<Self> {
        let s3 = ops::s3::service(&parts);
        Arc::new(Self {
            s3,
            store: parts.store,
            models: parts.models,
            prices: parts.prices,
            tools: parts.tools,
            functions: parts.functions,
            clock: parts.clock,
            ids: parts.ids,
            objects: parts.objects,
            settings: parts.settings,
            stopping: parts.stopping,
            metrics: Metrics::default(),
            prepared: PreparedAgents::default(),
            guardrails: CompiledGuardrails::default(),
            bill: Bill::default(),
            memory: MemoryQueue::default(),
            sessions: Sessions::default(),
            bindings: Bindings::default(),
            histories: Histories::default(),
            agent_count: ResourceCount::default(),
            prompt_count: ResourceCount::default(),
            guardrail_count: ResourceCount::default(),
            turns: TaskTracker::new(),
        })
    }

    /// An ARN of the Bedrock service: `arn:aws:bedrock:REGION:ACCOUNT:RESOURCE`.
    pub fn arn(&self, resource: &str) -> String {
        format!("arn:aws:bedrock:{}:{}:{resource}", self.settings.region, self.settings.account_id)
    }

    /// ARN of an agent.
    pub fn agent_arn(&self, agent_id: &str) -> String {
        self.arn(&format!("agent/{agent_id}"))
    }

    /// ARN of an alias.
    pub fn alias_arn(&self, agent_id: &str, alias_id: &str) -> String {
        self.arn(&format!("agent-alias/{agent_id}/{alias_id}"))
    }

    /// ARN of a function.
    pub fn function_arn(&self, name: &str) -> String {
        format!("arn:aws:lambda:{}:{}:function:{name}", self.settings.region, self.settings.account_id)
    }

    /// Writes down what models cost so far; to be called when nothing asks them any more, before the store is closed.
    pub async fn write_bill(&self) {
        if let Err(error) = Bill::write_down(self).await {
            tracing::error!(code = error.code, "the end of the bill was not written down");
        }
    }

    /// Waits for the turns under way to come to their end, at most so long; true when none is left. A turn that is cut
    /// off is in its journal and is taken up again like one cut off by a crash.
    pub async fn finish_turns(&self, limit: Duration) -> bool {
        self.turns.close();
        tokio::time::timeout(limit, self.turns.wait()).await.is_ok()
    }
}
