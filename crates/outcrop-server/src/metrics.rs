//! What `/metrics` tells: counters of requests, turns, model calls, tokens and tool calls, in Prometheus' text form.
//! Token counters follow OpenTelemetry's names for generative AI.

use outcrop_ports::{Cost, ToolOutcome, Usage};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

/// Most models with counters of their own.
const MODELS_MAX: usize = 256;
/// Longest name of a model that stands in a counter, in bytes.
const MODEL_BYTES_MAX: usize = 256;

/// The counters of one process.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    turns: Family<TurnLabels, Counter>,
    turns_running: Gauge,
    model_calls: Family<ModelLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<CostLabels, Counter<f64, AtomicU64>>,
    unpriced: Family<CostLabels, Counter>,
    /// Models that have counters of their own: callers of the gateway may name any.
    models: Mutex<HashSet<String>>,
    tool_calls: Family<ToolLabels, Counter>,
    memory_jobs: Family<MemoryLabels, Counter>,
    swept: Family<SweptLabels, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    /// Operations are a fixed list, and what is none of them has one label together.
    operation: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TurnLabels {
    outcome: TurnEnd,
}

/// How a turn ended for the caller.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub enum TurnEnd {
    /// With an answer.
    Finished,
    /// With a return of control.
    Suspended,
    /// Because it was called off.
    Cancelled,
    /// With an exception.
    Failed,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct MemoryLabels {
    outcome: MemoryOutcome,
}

/// What came of an attempt to sum a session up.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub enum MemoryOutcome {
    /// A summary.
    Written,
    /// Nothing was there to remember, or it was forgotten meanwhile.
    Nothing,
    /// Nothing yet; it is tried again.
    Failed,
    /// Nothing, for good.
    GivenUp,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SweptLabels {
    kind: &'static str,
}

/// What is swept when it was kept long enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// Sessions of agents that are over.
    Sessions,
    /// How turns came to their ends.
    Journals,
    /// Sessions of the session store.
    StoredSessions,
    /// Client tokens of AWS.
    ClientTokens,
    /// Summaries of sessions.
    Memories,
}

impl Swept {
    /// Its name in metrics and the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Journals => "journals",
            Self::StoredSessions => "stored_sessions",
            Self::ClientTokens => "client_tokens",
            Self::Memories => "memories",
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ModelLabels {
    gen_ai_request_model: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    gen_ai_request_model: String,
    gen_ai_token_type: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CostLabels {
    gen_ai_request_model: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ToolLabels {
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            turns: Family::default(),
            turns_running: Gauge::default(),
            model_calls: Family::default(),
            tokens: Family::default(),
            cost: Family::default(),
            unpriced: Family::default(),
            models: Mutex::default(),
            tool_calls: Family::default(),
            memory_jobs: Family::default(),
            swept: Family::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("outcrop_requests", "Requests answered, by operation and status", metrics.requests.clone());
        registry.register("outcrop_turns", "Turns ended, by outcome", metrics.turns.clone());
        registry.register("outcrop_turns_running", "Turns under way", metrics.turns_running.clone());
        registry.register("outcrop_model_calls", "Model calls, by model and outcome", metrics.model_calls.clone());
        registry.register("gen_ai_client_token_usage", "Tokens used, by model and direction", metrics.tokens.clone());
        registry.register("outcrop_model_cost_dollars", "What model calls cost, by model", metrics.cost.clone());
        registry.register(
            "outcrop_model_calls_unpriced",
            "Model calls whose price is not known, by model",
            metrics.unpriced.clone(),
        );
        registry.register("outcrop_tool_calls", "Tool calls, by outcome", metrics.tool_calls.clone());
        registry.register(
            "outcrop_memory_jobs",
            "Attempts to sum up a session, by outcome",
            metrics.memory_jobs.clone(),
        );
        registry.register("outcrop_swept", "What was kept long enough and is gone, by kind", metrics.swept.clone());
        metrics
    }
}

impl Metrics {
    /// A request was answered; `operation` is empty when it was none.
    pub(crate) fn request(&self, operation: &'static str, status: u16) {
        self.requests.get_or_create(&RequestLabels { operation, status }).inc();
    }

    /// A turn begins; it ends when what this gives is dropped.
    pub(crate) fn turn_begins(&self) -> impl Drop + use<> {
        struct Running(Gauge);
        impl Drop for Running {
            fn drop(&mut self) {
                self.0.dec();
            }
        }
        self.turns_running.inc();
        Running(self.turns_running.clone())
    }

    /// A turn ended.
    pub(crate) fn turn_ended(&self, outcome: TurnEnd) {
        self.turns.get_or_create(&TurnLabels { outcome }).inc();
    }

    /// A model was asked; what it took is there when it answered, and what it cost when that is known.
    pub(crate) fn model_call(&self, model: &str, took: Option<(&Usage, Option<Cost>)>) {
        let gen_ai_request_model = self.model_label(model);
        let outcome = if took.is_some() { "ok" } else { "error" };
        let labels = ModelLabels { gen_ai_request_model: gen_ai_request_model.clone(), outcome };
        self.model_calls.get_or_create(&labels).inc();
        let Some((usage, cost)) = took else { return };
        for (gen_ai_token_type, count) in [
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache_read", usage.cache_read_input_tokens),
            ("cache_write", usage.cache_write_input_tokens),
        ] {
            // A label of cached tokens stands only where there are some.
            if count > 0 || gen_ai_token_type == "input" || gen_ai_token_type == "output" {
                let labels = TokenLabels { gen_ai_request_model: gen_ai_request_model.clone(), gen_ai_token_type };
                self.tokens.get_or_create(&labels).inc_by(count);
            }
        }
        let labels = CostLabels { gen_ai_request_model };
        match cost {
            Some(cost) => {
                self.cost.get_or_create(&labels).inc_by(cost.dollars());
            }
            None => {
                self.unpriced.get_or_create(&labels).inc();
            }
        }
    }

    /// The model as it stands in counters; one for all that are too many.
    fn model_label(&self, model: &str) -> String {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if models.contains(model) {
            return model.to_owned();
        }
        if models.len() >= MODELS_MAX || model.len() > MODEL_BYTES_MAX {
            return "(others)".to_owned();
        }
        models.insert(model.to_owned());
        model.to_owned()
    }

    /// An attempt to sum a session up ended.
    pub(crate) fn memory_job(&self, outcome: MemoryOutcome) {
        self.memory_jobs.get_or_create(&MemoryLabels { outcome }).inc();
    }

    /// So many of a kind were kept long enough and are gone.
    pub(crate) fn swept(&self, kind: Swept, count: usize) {
        if count > 0 {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            self.swept.get_or_create(&SweptLabels { kind: kind.name() }).inc_by(count);
        }
    }

    /// A tool call ended.
    pub(crate) fn tool_call(&self, outcome: &ToolOutcome) {
        let outcome = match outcome {
            ToolOutcome::Succeeded(_) => "ok",
            ToolOutcome::Failed(_) => "error",
        };
        self.tool_calls.get_or_create(&ToolLabels { outcome }).inc();
    }

    /// All counters in the text form.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            // Writing to a string does not fail.
            Err(std::fmt::Error) => String::new(),
        }
    }
}
