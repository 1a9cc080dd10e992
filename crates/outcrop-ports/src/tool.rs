//! Having a tool do something.

use crate::BoxFuture;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One call to make, resolved from the model's tool use by the planner. Sees nothing of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolCall {
    /// The tool use it answers; unique within its step and the same after a restart.
    pub tool_use_id: String,
    /// Lambda ARN that answers the action group.
    pub function_arn: Arc<str>,
    /// Name of the action group.
    pub action_group: Arc<str>,
    /// What of the group is called.
    pub action: Action,
    /// Arguments outside the body, values as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// The body of an API operation that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_body: Option<RequestBody>,
}

/// What is called: a function of a function schema, or an operation of an OpenAPI document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// A function by name.
    Function(Arc<str>),
    /// An operation by path template and method.
    #[serde(rename_all = "camelCase")]
    ApiOperation {
        /// The path as the document writes it, placeholders and all.
        api_path: Arc<str>,
        /// The method as the document writes it (lower case in OpenAPI).
        http_method: Arc<str>,
    },
}

/// A named argument. `value` is text whatever the type: `10`, `true`, `["a"]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Name as the schema has it.
    pub name: String,
    /// `string`, `number`, `integer`, `boolean`, `array` or `object`.
    pub r#type: String,
    /// The value as text; arrays and objects as compact JSON.
    pub value: String,
}

/// The body of an API operation, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestBody {
    /// Such as `application/json`.
    pub media_type: String,
    /// Its properties.
    pub properties: Vec<Parameter>,
}

/// Who calls, and what goes along with every call of the turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolContext {
    /// The agent whose turn it is.
    pub agent: AgentIdentity,
    /// The user's words of this turn.
    pub input_text: Arc<str>,
    /// The session as the client named it.
    pub session_id: Arc<str>,
    /// Attributes of the session, as changed so far by functions of this turn.
    pub session_attributes: BTreeMap<String, String>,
    /// Attributes of the turn.
    pub prompt_session_attributes: BTreeMap<String, String>,
}

/// An agent as its functions know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentIdentity {
    /// Its name.
    pub name: Arc<str>,
    /// Its id.
    pub id: Arc<str>,
    /// Id of the alias it was called through.
    pub alias: Arc<str>,
    /// `DRAFT` or a number.
    pub version: Arc<str>,
}

/// How a call is known to whoever receives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The same when the call has to be made again, and no other call's ever: what was done for it need not be done twice.
    pub idempotency_key: Arc<str>,
    /// Where the answer may be sent later; none where nobody would wait for it.
    pub callback: Option<Callback>,
}

/// Where an answer may be sent later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Lets whoever has it answer this one call.
    pub token: String,
    /// The address, token included.
    pub url: String,
}

/// How long and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolLimits {
    /// The call is given up after this, whatever the function's own time-out says.
    pub timeout: Duration,
    /// Largest answer read from the function, in bytes; what is longer is [`ToolFailureCause::TooLarge`].
    pub response_bytes_max: usize,
}

/// How a call ended. Every call ends in exactly one outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToolOutcome {
    /// The function answered.
    Succeeded(ToolSuccess),
    /// It did not; the model is told.
    Failed(ToolFailure),
    /// It has taken the call and will answer later, by a callback.
    Pending(ToolPending),
}

/// A call whose answer comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolPending {
    /// Seconds after which nobody waits for it any more.
    pub timeout_seconds: u64,
}

impl ToolPending {
    /// When the function says nothing of it: a day.
    pub const TIMEOUT_SECONDS: u64 = 24 * 60 * 60;
    /// At most thirty days.
    pub const TIMEOUT_SECONDS_MAX: u64 = 30 * 24 * 60 * 60;
}

/// What a function answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSuccess {
    /// The text of the first response body, whatever its key.
    pub body: String,
    /// What the function says of its own success.
    #[serde(default)]
    pub response_state: ResponseState,
    /// Status of an API operation, when given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<i64>,
    /// New session attributes: present ones replace the old map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_attributes: Option<BTreeMap<String, String>>,
    /// New prompt session attributes: present ones replace the old map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_session_attributes: Option<BTreeMap<String, String>>,
}

/// What a function says of its own success (`responseState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ResponseState {
    /// Nothing said: it worked.
    #[default]
    Success,
    /// It did not work and the turn is to end.
    Failure,
    /// The model shall try again or ask.
    Reprompt,
}

/// A call that did not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolFailure {
    /// What kind of failure.
    pub cause: ToolFailureCause,
    /// What the model reads: what happened and what it can do. Never a secret, never a stack.
    pub message: String,
    /// What the trace and the log show beside it: error type, stack, payload's beginning; at most 4 KiB.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Kinds of failure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToolFailureCause {
    /// No function is known for the ARN.
    NotFound,
    /// The function raised an error or its process ended.
    FunctionError,
    /// It took longer than allowed.
    TimedOut,
    /// It answered something that is no action-group response.
    BadResponse,
    /// It answered more than allowed.
    TooLarge,
    /// It could not be reached.
    Unreachable,
    /// The turn ended before it answered; whether it did its work is unknown.
    Cancelled,
}

/// Does what a call says.
pub trait ToolExecutor: Send + Sync {
    /// Calls and waits for the outcome. Never fails otherwise than by [`ToolOutcome::Failed`]. Dropping the future
    /// gives the call up; the function may still finish its work.
    fn execute<'a>(
        &'a self,
        call: &'a ToolCall,
        context: &'a ToolContext,
        delivery: &'a Delivery,
        limits: ToolLimits,
    ) -> BoxFuture<'a, ToolOutcome>;
}
