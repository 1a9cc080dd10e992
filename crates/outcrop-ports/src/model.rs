//! Asking a model.

use crate::BoxFuture;
use crate::message::{ContentBlock, Message};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a model is asked: everything it may see, nothing it may not.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRequest {
    /// The id as the agent names it; a provider may send another upstream.
    pub model_id: String,
    /// System prompt in blocks, what changes least first.
    pub system: Vec<String>,
    /// The conversation, ending with the user's words or tool results.
    pub messages: Vec<Arc<Message>>,
    /// Tools on offer; empty when none.
    pub tools: Arc<[ToolSpec]>,
    /// Whether a tool must be used.
    pub tool_choice: ToolChoice,
    /// Sampling settings.
    pub inference: InferenceConfig,
    /// Members that go into the provider's request as they are (`additionalModelRequestFields`).
    pub additional_fields: Option<Map<String, Value>>,
    /// Up to where a provider's prompt cache is to keep it.
    pub caching: Caching,
}

/// Who says where a prompt cache ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Caching {
    /// The provider's adapter places points at what stays: tools, system prompt, the conversation so far.
    #[default]
    Automatic,
    /// The caller does; without points nothing is cached on purpose.
    Given(Vec<CachePoint>),
}

/// A place up to which a prompt is kept in the provider's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePoint {
    /// Where.
    pub after: CachePlace,
    /// Whether for an hour, at a higher price, instead of five minutes.
    pub for_an_hour: bool,
}

/// A place in a request: counts of what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CachePlace {
    /// After so many tools.
    Tools(usize),
    /// After so many blocks of the system prompt.
    System(usize),
    /// After so many blocks of a message.
    Message {
        /// Its index.
        index: usize,
        /// Blocks of it, at least one.
        blocks: usize,
    },
}

/// A tool as a model sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSpec {
    /// `^[a-zA-Z0-9_-]{1,64}$`, unique within a request.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of the arguments, type `object`.
    pub input_schema: Value,
}

/// Whether and which tool must be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// Some tool must be used.
    Any,
    /// This tool must be used.
    Tool(String),
}

/// Sampling settings; what is absent is the provider's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InferenceConfig {
    /// Most tokens to make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// 0 to 500; providers without it leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Texts that end the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<String>,
    /// A wish; providers that have no choice of speed leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// JSON Schema that the last answer has to fit. The system prompt says it too and the asker checks, so a provider
    /// that has no place for it leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_schema: Option<Arc<Value>>,
}

/// How fast an answer is wanted, where a provider has a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Latency {
    /// As usual.
    Standard,
    /// Faster, at whatever price.
    Optimized,
}

/// What a model answered, whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelReply {
    /// The assistant's message; its content may be empty.
    pub message: Message,
    /// Why it ended.
    pub stop_reason: StopReason,
    /// What it cost in tokens.
    pub usage: Usage,
    /// The stop sequence that it wrote, where the provider says which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_sequence: Option<String>,
    /// Who made it, for the bill. None for models that cost nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
}

impl ModelReply {
    /// A reply of which no more is known than what was said, why it ended and what it took.
    pub fn new(message: Message, stop_reason: StopReason, usage: Usage) -> Self {
        Self { message, stop_reason, usage, stop_sequence: None, answered_by: None }
    }
}

/// Which model of which provider answered; with fallbacks not always the one that was asked first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnsweredBy {
    /// `anthropic`, `bedrock`, `gemini`, `openai`, …
    pub provider: String,
    /// The model as it was named upstream.
    pub model: String,
}

/// Why a model stopped; in JSON as Converse names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It was done.
    EndTurn,
    /// It wants tools.
    ToolUse,
    /// It ran into `max_tokens`.
    MaxTokens,
    /// It wrote a stop sequence.
    StopSequence,
    /// The provider kept the answer back.
    ContentFiltered,
    /// A guardrail of the provider stepped in.
    GuardrailIntervened,
    /// Question and answer filled the model's window.
    ModelContextWindowExceeded,
    /// What the model wrote cannot be read by its provider.
    MalformedModelOutput,
    /// The call of a tool that the model wrote cannot be read by its provider.
    MalformedToolUse,
}

/// Tokens of one model call. `input_tokens` never includes what was read from or written to a prompt cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens read, without cached ones.
    pub input_tokens: u64,
    /// Tokens made.
    pub output_tokens: u64,
    /// Tokens read from the provider's prompt cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_read_input_tokens: u64,
    /// Tokens written to the provider's prompt cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_input_tokens: u64,
    /// Those of the written ones that are kept for an hour, which costs more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_hour_input_tokens: u64,
}

impl Usage {
    /// All tokens read, cached or not.
    pub fn total_input_tokens(&self) -> u64 {
        self.input_tokens + self.cache_read_input_tokens + self.cache_write_input_tokens
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A piece of an answer while it is being made.
///
/// Pieces of one kind in a row are one block. A block ends where another kind begins; a tool use begins one always, and a
/// signature ends the thinking that it seals. The whole answer, which comes last, has the same blocks in the same order,
/// but for blank ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// More of the text.
    Text(String),
    /// More of the thinking.
    Reasoning(String),
    /// The seal on the thinking, whole.
    ReasoningSignature(String),
    /// Thinking that only the provider can read, whole.
    ReasoningRedacted(String),
    /// A tool use begins.
    ToolUseStarted {
        /// Its id, as in the whole answer.
        tool_use_id: String,
        /// Name of the tool.
        name: String,
    },
    /// More of the JSON text of a tool use's arguments. The reply has them read.
    ToolUseInput {
        /// Of which one; it has begun.
        tool_use_id: String,
        /// Joined they are the whole text.
        json: String,
    },
}

impl Delta {
    /// The deltas of a block that is there whole; none for blocks that no model makes.
    pub fn of_block(block: &ContentBlock) -> Vec<Self> {
        match block {
            ContentBlock::Text(text) => vec![Self::Text(text.clone())],
            ContentBlock::ReasoningContent(reasoning) => {
                let words = (!reasoning.text.is_empty()).then(|| Self::Reasoning(reasoning.text.clone()));
                let seal = reasoning.signature.clone().map(Self::ReasoningSignature);
                let secret = reasoning.redacted.clone().map(Self::ReasoningRedacted);
                words.into_iter().chain(seal).chain(secret).collect()
            }
            ContentBlock::ToolUse(tool_use) => vec![
                Self::ToolUseStarted { tool_use_id: tool_use.tool_use_id.clone(), name: tool_use.name.clone() },
                Self::ToolUseInput { tool_use_id: tool_use.tool_use_id.clone(), json: tool_use.input.to_string() },
            ],
            ContentBlock::ToolResult(_) | ContentBlock::Document(_) | ContentBlock::Image(_) => Vec::new(),
        }
    }
}

/// Where pieces of an answer go. A slow reader slows the model's stream, nothing else.
pub trait DeltaSink: Send + Sync {
    /// Hands over one piece; returns when there is room for the next.
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()>;

    /// Whether an answer that broke off after pieces of it were sent may be asked for again. The new one is not sent in
    /// pieces; it is the reply, and need not begin as the pieces did.
    fn may_begin_again(&self) -> bool {
        false
    }
}

/// Why a model did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct ModelError {
    /// The kind, which decides the exception the caller sees.
    pub kind: ModelErrorKind,
    /// What happened, for trace and log; never a secret, never a whole address with credentials.
    pub message: String,
}

impl ModelError {
    /// An error of a kind, with its message.
    pub fn new(kind: ModelErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// Kinds of failure of a model call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ModelErrorKind {
    /// The provider asks us to slow down (429).
    Throttled,
    /// The provider refuses us (401, 403).
    AccessDenied,
    /// The provider refuses the request (other 4xx).
    Invalid,
    /// What was asked does not fit into the model's window.
    TooLong,
    /// No such model here or there.
    NotFound,
    /// The provider is unreachable, overloaded or broke off (5xx, connection).
    Unavailable,
    /// It took longer than allowed.
    TimedOut,
    /// The answer cannot be read.
    BadReply,
}

/// A model behind a provider.
pub trait Model: Send + Sync {
    /// Asks and waits for the whole answer. With `deltas` the answer is streamed there as well while it is made.
    /// Dropping the future ends the call; nothing else is lost by it.
    fn converse<'a>(
        &'a self,
        request: &'a ModelRequest,
        deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, ModelError>>;

    /// Whether it can be given any task in words. What only plans tool calls cannot, and says so here.
    fn is_language_model(&self) -> bool {
        true
    }

    /// Tokens that fit into its window, question and answer together, when it serves this id; `None` when that is not
    /// known or there is no such limit.
    fn context_tokens(&self, model_id: &str) -> Option<u32> {
        let _ = model_id;
        None
    }

    /// Files it can be sent when it serves this id, beside text, which every model takes.
    fn takes(&self, model_id: &str) -> Takes {
        let _ = model_id;
        Takes::default()
    }

    /// How many tokens the provider counts in a request, where it counts; `None` where it does not.
    fn count_tokens<'a>(&'a self, request: &'a ModelRequest) -> BoxFuture<'a, Result<Option<u64>, ModelError>> {
        let _ = request;
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// Files that a model can be sent, beside text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Takes {
    /// Pictures: PNG, JPEG, GIF and WebP.
    pub images: bool,
    /// Documents that are not text, such as PDF.
    pub documents: bool,
}

/// Finds the model that serves an id.
pub trait ModelCatalog: Send + Sync {
    /// `model_id` as agents name it: bare id, inference profile, or ARN. Never fails: what nobody serves is answered
    /// by a model whose `converse` says so.
    fn model(&self, model_id: &str) -> Arc<dyn Model>;

    /// The ids and patterns that the configuration has models for, in the order in which they count.
    fn configured(&self) -> Vec<String> {
        Vec::new()
    }

    /// Tokens that fit into the window of the model that serves an id, as configured, else as the model says.
    fn context_tokens(&self, model_id: &str) -> Option<u32> {
        self.model(model_id).context_tokens(model_id)
    }

    /// Files that the model that serves an id can be sent, as configured, else as the model says.
    fn takes(&self, model_id: &str) -> Takes {
        self.model(model_id).takes(model_id)
    }
}
