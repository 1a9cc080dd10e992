//! What goes into the machine and what comes out. Events are journaled as JSON: a field once written is never renamed,
//! a new one has a default.

use super::collaboration::CollaboratorCall;
use super::guard::Assessed;
use super::results::ReadResult;
use crate::phase::PhaseModels;
use outcrop_api::bedrock_agent_runtime::{Attribution, ReturnControlPayload, Trace};
use outcrop_ports::{
    ContentBlock, Latency, Message, ModelError, ModelReply, ModelRequest, ToolCall, ToolFailure, ToolOutcome,
};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What happened. Everything the machine knows of the world comes through here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "one is made at a time, and few are ever kept side by side")]
pub enum Event {
    /// The user spoke.
    Started(Started),
    /// The model answered.
    ModelReplied(ModelReplied),
    /// The model did not answer.
    ModelFailed(ModelFailed),
    /// The model summed up earlier turns, or did not.
    Summarized(Summarized),
    /// The author's parser read a reply, or failed; or the author's orchestration decided a step, or failed.
    ParserReturned(ParserReturned),
    /// A tool call ended.
    ToolReturned(ToolReturned),
    /// A collaborator answered, or gave control back.
    CollaboratorReturned(CollaboratorReturned),
    /// The caller did its part.
    ControlReturned(ControlReturned),
    /// The turn goes on in a session of its own, with another agent. Only between two steps, when the model was to be
    /// asked; only in the journal of a fork.
    Forked(Forked),
    /// Guardrails said what they think of the answer.
    Assessed(Assessed),
    /// The driver found a limit reached.
    LimitReached {
        /// When.
        at: Timestamp,
        /// Which.
        limit: Limit,
    },
    /// The turn was called off.
    Cancelled {
        /// When.
        at: Timestamp,
        /// For whom.
        by: CancelledBy,
    },
}

impl Event {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Started(started) => started.at,
            Self::ModelReplied(replied) => replied.at,
            Self::ModelFailed(failed) => failed.at,
            Self::ParserReturned(returned) => returned.at,
            Self::ToolReturned(returned) => returned.at,
            Self::CollaboratorReturned(returned) => returned.at,
            Self::ControlReturned(returned) => returned.at,
            Self::Summarized(summarized) => summarized.at,
            Self::Forked(forked) => forked.at,
            Self::Assessed(assessed) => assessed.at,
            Self::LimitReached { at, .. } | Self::Cancelled { at, .. } => *at,
        }
    }

    /// For messages about journals.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::ModelReplied(_) => "modelReplied",
            Self::ModelFailed(_) => "modelFailed",
            Self::Summarized(_) => "summarized",
            Self::ParserReturned(_) => "parserReturned",
            Self::ToolReturned(_) => "toolReturned",
            Self::CollaboratorReturned(_) => "collaboratorReturned",
            Self::ControlReturned(_) => "controlReturned",
            Self::Forked(_) => "forked",
            Self::Assessed(_) => "assessed",
            Self::LimitReached { .. } => "limitReached",
            Self::Cancelled { .. } => "cancelled",
        }
    }
}

/// The beginning of a turn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// When the request came.
    pub at: Timestamp,
    /// Id of the request; trace ids begin with it.
    pub request_id: String,
    /// Hash of the snapshot the turn runs on, so that it can be rebuilt when the agent has changed since.
    pub snapshot: String,
    /// Alias it came through.
    pub alias_id: String,
    /// `DRAFT` or a number.
    pub version: String,
    /// The session as the client named it.
    pub session_id: String,
    /// The user's words.
    pub input_text: String,
    /// What the agent's guardrails said of the words, which are recorded as they left them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessed: Option<Box<Assessed>>,
    /// Attributes that replace the session's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_attributes: Option<BTreeMap<String, String>>,
    /// Attributes of this turn; they stand in the prompt.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prompt_session_attributes: BTreeMap<String, String>,
    /// Messages the caller puts before its words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conversation_history: Vec<Message>,
    /// The supervisor's conversation, for a collaborator that is to know it; stands in the prompt of this turn only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relayed_conversation: Option<String>,
    /// The collaborator that the request before went whole to; the classifier may keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_agent: Option<String>,
    /// What is remembered of earlier sessions, as the prompt is to have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// JSON Schema that the answer has to fit; checked by [`check_schema`](super::answer_schema::check_schema) before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_schema: Option<Arc<Value>>,
    /// What of earlier turns the model sees.
    #[serde(default, skip_serializing_if = "PromptCreation::is_all")]
    pub prompt_creation: PromptCreation,
    /// How fast answers are wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Whether trace parts are wanted.
    #[serde(default)]
    pub enable_trace: bool,
    /// Files of the caller's, shown to the model with its words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ContentBlock>,
    /// Tokens that fit into the windows of the agent's models, by model id as the agent has it; those that are not known
    /// are missing. Recorded because they decide.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub windows: BTreeMap<String, u32>,
    /// Models that are asked in place of the agent's, by what they are asked for.
    #[serde(default, skip_serializing_if = "PhaseModels::is_empty")]
    pub models: PhaseModels,
    /// Limits of the turn; they are recorded because they decide.
    pub limits: TurnLimits,
    /// What the user reads when a limit ends the turn; our own words when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_message: Option<String>,
    /// The rules it goes by to its end, whatever version ends it.
    #[serde(default = "Rules::first")]
    pub rules: Rules,
}

/// What the machine makes of the same events has changed over time. A turn keeps the rules it began with, so that its
/// journal leads to the same again after an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rules(u8);

impl Rules {
    /// Orchestration with our own prompt only, and arguments as the model wrote them. Journals that name no rules.
    const FIRST: Self = Self(0);
    /// All phases with their authors' prompts; arguments checked against their schemas.
    pub(super) const PHASES: Self = Self(1);
    /// The agent's guardrail is applied to the answer.
    pub(super) const GUARDED: Self = Self(2);

    fn first() -> Self {
        Self::FIRST
    }
}

impl Default for Rules {
    /// The latest.
    fn default() -> Self {
        Self::GUARDED
    }
}

/// What of earlier turns the model sees (`promptCreationConfigurations`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromptCreation {
    /// Most turns of this session, the latest; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_turns_max: Option<usize>,
    /// Whether the model's thinking in them is left out.
    #[serde(default)]
    pub exclude_previous_thinking: bool,
}

impl PromptCreation {
    fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Limits of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnLimits {
    /// Most model calls.
    pub iterations_max: u32,
    /// Tokens, read and written, after which no model is asked any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_max: Option<u64>,
    /// Most replies in a row that cannot be acted on and are given back to the model.
    pub reprompts_max: u32,
    /// Most bytes of a collaborator's answer that the model is shown whole. In turns that began before there were excerpts:
    /// of any result, the rest being cut.
    pub tool_result_bytes_max: usize,
    /// Most bytes of a result that the model is shown at once: a longer one is an excerpt of so many, on which it can read.
    /// Absent in turns that began before there were excerpts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_result_excerpt_bytes: Option<usize>,
    /// Longest time a turn takes, without the time it waits for the caller.
    pub wall_time_seconds: u64,
}

impl TurnLimits {
    /// Most bytes of a function's or the caller's result that the model is shown at once; `None` where the rest is cut.
    pub(super) fn excerpt_bytes(&self) -> Option<usize> {
        self.tool_result_excerpt_bytes.map(|bytes| bytes.min(self.tool_result_bytes_max))
    }
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self {
            iterations_max: 25,
            tokens_max: None,
            reprompts_max: 5,
            tool_result_bytes_max: 64 * 1024,
            tool_result_excerpt_bytes: Some(16 * 1024),
            wall_time_seconds: 600,
        }
    }
}

/// A model's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelReplied {
    /// When it was asked.
    pub started_at: Timestamp,
    /// When it had answered.
    pub at: Timestamp,
    /// Id of the call.
    pub call_id: String,
    /// The answer.
    pub reply: ModelReply,
}

/// A model call that gave no answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelFailed {
    /// When it was asked.
    pub started_at: Timestamp,
    /// When it was known to have failed.
    pub at: Timestamp,
    /// Why.
    pub error: ModelError,
}

/// What came of [`Step::Summarize`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summarized {
    /// When the model was asked.
    pub started_at: Timestamp,
    /// When it had answered, or was known to have failed.
    pub at: Timestamp,
    /// Id of the call.
    pub call_id: String,
    /// The answer, or why there is none.
    pub outcome: Result<ModelReply, ModelError>,
}

/// What came of [`Step::CallParser`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParserReturned {
    /// When it was called.
    pub started_at: Timestamp,
    /// When it ended.
    pub at: Timestamp,
    /// Id of the call.
    pub call_id: String,
    /// How it ended.
    pub outcome: ParserOutcome,
}

/// How a parser's call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ParserOutcome {
    /// What it answered, as it came.
    Answered(String),
    /// It did not answer, or raised an error.
    Failed(ToolFailure),
}

/// The end of one tool call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolReturned {
    /// When it was called.
    pub started_at: Timestamp,
    /// When it ended.
    pub at: Timestamp,
    /// Id of the call.
    pub call_id: String,
    /// Which tool use it answers.
    pub tool_use_id: String,
    /// How it ended.
    pub outcome: ToolOutcome,
    /// What guardrails for results said of it; the outcome is as they left it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessed: Option<Box<Assessed>>,
}

/// The end of what a collaborator was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CollaboratorReturned {
    /// When it was asked.
    pub started_at: Timestamp,
    /// When it was done.
    pub at: Timestamp,
    /// Id of the request it took; its trace ids begin with it.
    pub request_id: String,
    /// Which tool use it answers.
    pub tool_use_id: String,
    /// How it ended.
    pub outcome: CollaboratorOutcome,
}

/// How what a collaborator was asked ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CollaboratorOutcome {
    /// With an answer.
    #[serde(rename_all = "camelCase")]
    Answered {
        /// The answer.
        text: String,
        /// Attributes of the session, which both sides share.
        session_attributes: BTreeMap<String, String>,
    },
    /// With something for the caller to do.
    #[serde(rename_all = "camelCase")]
    ReturnedControl {
        /// What.
        payload: ReturnControlPayload,
        /// Attributes of the session, which both sides share.
        session_attributes: BTreeMap<String, String>,
    },
    /// Not at all; the supervisor's model is told.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// What happened.
        message: String,
    },
}

/// What the caller answered to a return of control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlReturned {
    /// When the request came.
    pub at: Timestamp,
    /// Id of the request; trace ids begin with it.
    pub request_id: String,
    /// Whether trace parts are wanted.
    #[serde(default)]
    pub enable_trace: bool,
    /// The results, in the caller's order.
    pub results: Vec<ControlResult>,
    /// Attributes that replace the session's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_attributes: Option<BTreeMap<String, String>>,
    /// Attributes of this turn from here on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_session_attributes: Option<BTreeMap<String, String>>,
}

/// What a turn goes on as in a fork.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forked {
    /// When the request came.
    pub at: Timestamp,
    /// Id of the request; trace ids begin with it.
    pub request_id: String,
    /// Hash of the snapshot it goes on with.
    pub snapshot: String,
    /// Alias it goes on through.
    pub alias_id: String,
    /// `DRAFT` or a number.
    pub version: String,
    /// The fork's session as the client named it.
    pub session_id: String,
    /// Whether trace parts are wanted.
    #[serde(default)]
    pub enable_trace: bool,
}

/// One result of a return of control, in neutral words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlResult {
    /// Group it belongs to.
    pub action_group: String,
    /// Function it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// Agent that asked, when the caller says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Path it answers, with `http_method`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_path: Option<String>,
    /// Method, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_method: Option<String>,
    /// True when confirmed, false when denied, absent when not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<bool>,
    /// `FAILURE` ends the turn, `REPROMPT` lets the model try again.
    #[serde(default)]
    pub response_state: outcrop_ports::ResponseState,
    /// Status of an API operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<i64>,
    /// Text of the first response body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// A limit of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// Model calls.
    Iterations,
    /// Tokens.
    Tokens,
    /// Seconds.
    WallTime,
    /// Replies in a row that cannot be acted on.
    Reprompts,
    /// Events of a custom orchestration.
    OrchestrationEvents,
}

/// For whom a turn was called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CancelledBy {
    /// For somebody who asked for just that.
    Request,
    /// For a newer request in the same session.
    NextTurn,
    /// For its supervisor, whose own turn was called off.
    Supervisor,
}

/// What to do, and what to show before it is done.
#[derive(Debug)]
pub struct Decision {
    /// The next step.
    pub step: Step,
    /// Parts for the caller, in order.
    pub output: Vec<Output>,
}

/// The next step. Exhaustive on purpose: a new step must break every driver.
#[derive(Debug)]
pub enum Step {
    /// Ask the model.
    CallModel(Box<ModelRequest>),
    /// Ask the model to sum up earlier turns; ends in one [`Event::Summarized`].
    Summarize(Box<ModelRequest>),
    /// Have the author's function read the reply, or decide the step; ends in one [`Event::ParserReturned`].
    CallParser(ParserCall),
    /// Make these calls, side by side; each ends in one [`Event::ToolReturned`] or [`Event::CollaboratorReturned`].
    CallTools(Vec<Call>),
    /// Wait for calls that are under way.
    Wait,
    /// Apply the guardrail that the author's orchestration names; ends in one [`Event::ParserReturned`] with the answer of
    /// ApplyGuardrail.
    ApplyGuardrail {
        /// The request of ApplyGuardrail, a JSON text.
        request: String,
    },
    /// Have the agent's guardrails assess the answer; ends in one [`Event::Assessed`].
    Assess {
        /// The answer.
        text: String,
    },
    /// Give the caller its part and keep the turn for later.
    ReturnControl(ReturnControlPayload),
    /// The turn has its answer.
    Finish {
        /// The answer, whole; may be empty.
        text: String,
        /// What its parts rest on.
        attribution: Option<Attribution>,
    },
    /// The turn ends in an error the caller sees.
    Fail {
        /// Decides the exception.
        kind: FailureKind,
        /// For the caller.
        message: String,
        /// What failed, such as a function's ARN.
        resource: Option<String>,
    },
}

/// One call of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// To a function.
    Tool(ToolCall),
    /// To another agent.
    Collaborator(CollaboratorCall),
    /// To the journal, for more of a large result; ends in one [`Event::ToolReturned`].
    Read(ReadResult),
}

/// A call of the author's parser, or of the author's orchestration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParserCall {
    /// The function; found like that of an action group.
    pub function_arn: Arc<str>,
    /// What it is sent: a JSON text.
    pub payload: String,
}

/// Kinds of failure a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The model's provider asks for patience.
    Throttled,
    /// The model's provider refuses us.
    AccessDenied,
    /// The request cannot be served as it is.
    Invalid,
    /// A function or the caller says that it failed.
    Dependency,
    /// The model is out of reach.
    ModelUnavailable,
    /// The turn was called off.
    Cancelled,
    /// A fault of ours.
    Internal,
}

impl Output {
    /// Whether it tells of a guardrail.
    pub fn is_of_guardrail(&self) -> bool {
        let Self::Trace { trace, .. } = self;
        matches!(**trace, Trace::GuardrailTrace(_))
    }
}

/// A part for the caller.
#[derive(Debug)]
pub enum Output {
    /// A part of the trace; made only when wanted.
    Trace {
        /// When what it tells happened.
        at: Timestamp,
        /// The part.
        trace: Box<Trace>,
    },
}
