//! What `/metrics` tells: counters of requests, turns, model calls, tokens and tool calls, in Prometheus' text form.
//! Token counters follow OpenTelemetry's names for generative AI.

use outcrop_ports::{ToolOutcome, Usage};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters of one process.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    turns: Family<TurnLabels, Counter>,
    turns_running: Gauge,
    model_calls: Family<ModelLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    tool_calls: Family<ToolLabels, Counter>,
    memory_jobs: Family<MemoryLabels, Counter>,
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
    /// With a wait for a callback.
    Asleep,
    /// At a boundary, where it was left.
    Left,
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
            tool_calls: Family::default(),
            memory_jobs: Family::default(),
        };
        let registry = &mut metrics.registry;
        registry.register("outcrop_requests", "Requests answered, by operation and status", metrics.requests.clone());
        registry.register("outcrop_turns", "Turns ended, by outcome", metrics.turns.clone());
        registry.register("outcrop_turns_running", "Turns under way", metrics.turns_running.clone());
        registry.register("outcrop_model_calls", "Model calls, by model and outcome", metrics.model_calls.clone());
        registry.register("gen_ai_client_token_usage", "Tokens used, by model and direction", metrics.tokens.clone());
        registry.register("outcrop_tool_calls", "Tool calls, by outcome", metrics.tool_calls.clone());
        registry.register(
            "outcrop_memory_jobs",
            "Attempts to sum up a session, by outcome",
            metrics.memory_jobs.clone(),
        );
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

    /// A model was asked; `usage` is there when it answered.
    pub(crate) fn model_call(&self, model: &str, usage: Option<&Usage>) {
        let outcome = if usage.is_some() { "ok" } else { "error" };
        self.model_calls.get_or_create(&ModelLabels { gen_ai_request_model: model.to_owned(), outcome }).inc();
        let Some(usage) = usage else { return };
        for (gen_ai_token_type, count) in [("input", usage.input_tokens), ("output", usage.output_tokens)] {
            let labels = TokenLabels { gen_ai_request_model: model.to_owned(), gen_ai_token_type };
            self.tokens.get_or_create(&labels).inc_by(count);
        }
    }

    /// An attempt to sum a session up ended.
    pub(crate) fn memory_job(&self, outcome: MemoryOutcome) {
        self.memory_jobs.get_or_create(&MemoryLabels { outcome }).inc();
    }

    /// A tool call ended.
    pub(crate) fn tool_call(&self, outcome: &ToolOutcome) {
        let outcome = match outcome {
            ToolOutcome::Succeeded(_) => "ok",
            ToolOutcome::Failed(_) => "error",
            ToolOutcome::Pending(_) => "pending",
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
