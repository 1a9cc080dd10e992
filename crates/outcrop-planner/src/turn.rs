//! The turn: one InvokeAgent as a machine.
//!
//! Who feeds what:
//!
//! | state | waits for | then |
//! |---|---|---|
//! | asking the model | [`Event::ModelReplied`], [`Event::ModelFailed`] | tools, return of control, or the end |
//! | tools at work | one [`Event::ToolReturned`] for each call | return of control for what the caller does, or the model again |
//! | with the caller | [`Event::ControlReturned`] | confirmed calls, or the model again |
//! | stalled: the model failed after the caller's results came | [`Event::ControlReturned`] once more | the model again |
//! | over | nothing | – |
//!
//! [`Event::LimitReached`] may come at any time and ends the turn.
//!
//! ```text
//! let (mut turn, mut decision) = Turn::start(agent, history, attributes, started);
//! loop {
//!     show(decision.output);
//!     let event = match decision.step {
//!         Step::CallModel(request) => ask(request),
//!         Step::CallTools(calls) => one_of(calls),       // the others come with later rounds: Step::Wait
//!         Step::Wait => next_result(),
//!         Step::ReturnControl { .. } | Step::Finish { .. } | Step::Fail { .. } => break,
//!     };
//!     journal(&event);
//!     decision = turn.apply(event);
//! }
//! ```

mod calls;
mod control;
mod event;
mod prompt;
mod reply;
pub mod text;
mod trace;

use crate::agent::PreparedAgent;
use calls::Pending;
pub use event::{
    ControlResult, ControlReturned, Decision, Event, FailureKind, Limit, ModelFailed, ModelReplied, Output, Started,
    Step, ToolReturned, TurnLimits,
};
use outcrop_api::bedrock_agent_runtime::Trace;
use outcrop_ports::{
    AgentIdentity, ContentBlock, Message, ModelErrorKind, ModelRequest, Role, ToolChoice, ToolContext, ToolResult,
    ToolResultContent, ToolResultStatus,
};
use outcrop_wire::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a user reads when the turn could not be brought to an answer; the service's own words.
pub const UNABLE_TO_ASSIST: &str = "Sorry, I am unable to assist you with this request.";

/// Stands in the history where a turn has no answer, so that sides take turns and the model knows.
const NO_ANSWER: &str = "(This turn ended without an answer.)";

/// A turn in progress. The same agent, history, attributes and events always give the same turn.
#[derive(Debug)]
pub struct Turn {
    agent: Arc<PreparedAgent>,
    identity: AgentIdentity,
    session_id: Arc<str>,
    input_text: Arc<str>,
    session_attributes: BTreeMap<String, String>,
    prompt_session_attributes: BTreeMap<String, String>,
    limits: TurnLimits,
    system: Vec<String>,
    messages: Vec<Arc<Message>>,
    /// Messages before this one are history.
    first_new: usize,
    /// Model calls so far, also over returns of control.
    model_calls: u32,
    /// Replies in a row that could not be acted on.
    reprompts: u32,
    state: State,
    request: RequestScope,
    /// The return of control whose results this request brought.
    answered: Option<String>,
}

/// What belongs to one InvokeAgent request; a turn that returned control spans several.
#[derive(Debug)]
struct RequestScope {
    id: String,
    began_at: Timestamp,
    iteration: u32,
    traced: bool,
}

#[derive(Debug)]
enum State {
    AskingModel,
    WithTools(Vec<Pending>),
    WithCaller {
        invocation_id: String,
        pending: Vec<Pending>,
    },
    /// The caller's results are taken and the model failed: the same results again are a retry.
    Stalled {
        invocation_id: String,
    },
    Over,
}

impl Turn {
    /// Begins a turn with the user's words. `history` are the messages of earlier turns, `attributes` what the session
    /// remembers; attributes in `started` replace them.
    pub fn start(
        agent: Arc<PreparedAgent>,
        history: Vec<Arc<Message>>,
        attributes: BTreeMap<String, String>,
        started: Started,
    ) -> (Self, Decision) {
        let identity = AgentIdentity {
            name: agent.agent_name.clone(),
            id: agent.agent_id.clone(),
            alias: started.alias_id.as_str().into(),
            version: started.version.as_str().into(),
        };
        let first_new = history.len();
        let mut turn = Self {
            system: prompt::system(&agent, &started.prompt_session_attributes),
            identity,
            session_id: started.session_id.into(),
            input_text: started.input_text.into(),
            session_attributes: started.session_attributes.unwrap_or(attributes),
            prompt_session_attributes: started.prompt_session_attributes,
            limits: started.limits,
            messages: history,
            first_new,
            model_calls: 0,
            reprompts: 0,
            state: State::AskingModel,
            request: RequestScope {
                id: started.request_id,
                began_at: started.at,
                iteration: 0,
                traced: started.enable_trace,
            },
            answered: None,
            agent,
        };
        turn.messages.extend(started.conversation_history.into_iter().map(Arc::new));
        let input = Message::user(turn.input_text.as_ref());
        turn.push(input);
        let decision = turn.ask_model(started.at, Vec::new());
        (turn, decision)
    }

    /// Rebuilds a turn from its recorded events, the first of which is [`Event::Started`]. `None` when it is not.
    pub fn replay(
        agent: Arc<PreparedAgent>,
        history: Vec<Arc<Message>>,
        attributes: BTreeMap<String, String>,
        events: impl IntoIterator<Item = Event>,
    ) -> Option<(Self, Decision)> {
        let mut events = events.into_iter();
        let Some(Event::Started(started)) = events.next() else { return None };
        let (mut turn, mut decision) = Self::start(agent, history, attributes, started);
        for event in events {
            decision = turn.apply(event);
        }
        Some((turn, decision))
    }

    /// Takes the next event and says what to do. An event that does not fit the state ends the turn as a failure of
    /// ours: it can only come from a damaged journal.
    pub fn apply(&mut self, event: Event) -> Decision {
        match (event, std::mem::replace(&mut self.state, State::Over)) {
            (Event::LimitReached { at, limit }, state) => {
                self.state = state;
                self.limit_reached(at, limit)
            }
            (Event::ModelReplied(reply), State::AskingModel) => self.model_replied(reply),
            (Event::ModelFailed(failure), State::AskingModel) => self.model_failed(&failure),
            (Event::ToolReturned(returned), State::WithTools(pending)) => self.tool_returned(returned, pending),
            (Event::ControlReturned(returned), State::Stalled { invocation_id }) => {
                self.answered = Some(invocation_id);
                self.begin_request(returned.at, returned.request_id, returned.enable_trace);
                self.ask_model(returned.at, Vec::new())
            }
            (Event::ControlReturned(returned), State::WithCaller { invocation_id, pending }) => {
                self.answered = Some(invocation_id);
                self.control_returned(returned, pending)
            }
            (event, state) => {
                let message = format!("event {} does not fit state {}", event.name(), state.name());
                self.fail(FailureKind::Internal, message, None, Vec::new())
            }
        }
    }

    /// What goes along with every tool call made now.
    pub fn tool_context(&self) -> ToolContext {
        ToolContext {
            agent: self.identity.clone(),
            input_text: self.input_text.clone(),
            session_id: self.session_id.clone(),
            session_attributes: self.session_attributes.clone(),
            prompt_session_attributes: self.prompt_session_attributes.clone(),
        }
    }

    /// Attributes the session is to remember, with what functions changed.
    pub fn session_attributes(&self) -> &BTreeMap<String, String> {
        &self.session_attributes
    }

    /// Messages this turn added to the conversation, for the history of the next.
    pub fn new_messages(&self) -> &[Arc<Message>] {
        &self.messages[self.first_new..]
    }

    /// Puts an end to a turn that will not go on, so that its messages can stand in the history: every tool use without
    /// a result gets one that says why there is none, and the user's words get an answer that says that there is none.
    pub fn abandon(&mut self, reason: &str) {
        let state = std::mem::replace(&mut self.state, State::Over);
        if let State::WithTools(pending) | State::WithCaller { pending, .. } = state {
            self.give_up(pending, reason);
        }
        self.close(NO_ANSWER);
    }

    /// Gives every tool use its result.
    fn give_up(&mut self, pending: Vec<Pending>, reason: &str) {
        let results = pending.into_iter().map(|call| {
            let tool_use_id = call.tool_use_id;
            ContentBlock::ToolResult(call.result.unwrap_or_else(|| error_result(tool_use_id, reason)))
        });
        let content = results.collect();
        self.push(Message { role: Role::User, content });
    }

    /// Sees to it that the model's side has the last word.
    fn close(&mut self, answer: &str) {
        if self.messages.last().is_none_or(|last| last.role == Role::User) {
            self.push(Message::assistant(if answer.is_empty() { NO_ANSWER } else { answer }));
        }
    }

    /// Ends the turn in an error. What was asked and done stays in the history if something was done; a turn that
    /// failed before that is as if it had not been, and can be asked again.
    fn fail(&mut self, kind: FailureKind, message: String, resource: Option<String>, output: Vec<Output>) -> Decision {
        self.state = State::Over;
        if self.new_messages().iter().any(|message| message.tool_uses().next().is_some()) {
            self.close(NO_ANSWER);
        } else {
            self.messages.truncate(self.first_new);
        }
        Decision { step: Step::Fail { kind, message, resource }, output }
    }

    /// Appends a message; two of the same side in a row become one, because models want sides to take turns.
    fn push(&mut self, message: Message) {
        let is_ours = self.first_new < self.messages.len();
        match self.messages.last_mut() {
            Some(last) if is_ours && last.role == message.role => {
                Arc::make_mut(last).content.extend(message.content);
            }
            _ => self.messages.push(Arc::new(message)),
        }
    }

    fn ask_model(&mut self, at: Timestamp, mut output: Vec<Output>) -> Decision {
        if self.model_calls >= self.limits.iterations_max {
            return self.limit_reached(at, Limit::Iterations);
        }
        self.model_calls += 1;
        self.state = State::AskingModel;
        let request = ModelRequest {
            model_id: self.agent.model_id.to_string(),
            system: self.system.clone(),
            messages: self.conversation(),
            tools: self.agent.specs.clone(),
            tool_choice: ToolChoice::Auto,
            inference: self.agent.inference.clone(),
            additional_fields: self.agent.additional_model_request_fields.clone(),
        };
        self.trace(&mut output, at, |turn| trace::model_invocation_input(turn, &request));
        Decision { step: Step::CallModel(Box::new(request)), output }
    }

    /// The conversation as models want it: sides take turns also where history and new messages meet (a turn without
    /// an answer leaves two messages of the user side by side).
    fn conversation(&self) -> Vec<Arc<Message>> {
        let mut messages: Vec<Arc<Message>> = Vec::with_capacity(self.messages.len());
        for message in &self.messages {
            match messages.last_mut() {
                Some(last) if last.role == message.role => {
                    Arc::make_mut(last).content.extend(message.content.iter().cloned());
                }
                _ => messages.push(message.clone()),
            }
        }
        messages
    }

    fn model_failed(&mut self, failed: &ModelFailed) -> Decision {
        let mut output = Vec::new();
        let reason = format!("model {}: {}", self.agent.model_id, failed.error.message);
        self.trace(&mut output, failed.at, |turn| trace::failure(turn, failed.started_at, failed.at, &reason));
        // The words are the service's own where they are known; the cause stands in the failure trace.
        let (kind, message) = match failed.error.kind {
            ModelErrorKind::Throttled => (
                FailureKind::Throttled,
                "Your request rate is too high. Reduce the frequency of requests. Check your Bedrock model invocation quotas to find the acceptable frequency.".to_owned(),
            ),
            ModelErrorKind::AccessDenied => (
                FailureKind::AccessDenied,
                "Access denied when calling Bedrock. Check your request permissions and retry the request.".to_owned(),
            ),
            ModelErrorKind::Invalid | ModelErrorKind::NotFound => (FailureKind::Invalid, reason),
            ModelErrorKind::Unavailable | ModelErrorKind::TimedOut | ModelErrorKind::BadReply => (FailureKind::ModelUnavailable, reason),
        };
        let is_passing = matches!(kind, FailureKind::Throttled | FailureKind::ModelUnavailable);
        if let Some(invocation_id) = self.answered.take_if(|_| is_passing) {
            // What the caller did must not be lost to a failure that passes: it may bring its results again.
            self.state = State::Stalled { invocation_id };
            return Decision { step: Step::Fail { kind, message, resource: None }, output };
        }
        self.fail(kind, message, None, output)
    }

    fn begin_request(&mut self, at: Timestamp, id: String, traced: bool) {
        self.request = RequestScope { id, began_at: at, iteration: 0, traced };
    }

    fn limit_reached(&mut self, at: Timestamp, limit: Limit) -> Decision {
        if let State::WithTools(pending) = std::mem::replace(&mut self.state, State::Over) {
            self.give_up(pending, "The turn ran out of time before this call's result was known.");
        }
        let mut output = Vec::new();
        let reason = match limit {
            Limit::Iterations => format!("the turn reached its limit of {} model calls", self.limits.iterations_max),
            Limit::WallTime => format!("the turn reached its time limit of {} s", self.limits.wall_time_seconds),
            Limit::Reprompts => {
                format!("LLM prediction format incorrect {} times in a row", self.limits.reprompts_max + 1)
            }
        };
        let began_at = self.request.began_at;
        self.trace(&mut output, at, |turn| trace::failure(turn, began_at, at, &reason));
        self.finish(at, UNABLE_TO_ASSIST.to_owned(), output, trace::Ending::Finish)
    }

    fn finish(&mut self, at: Timestamp, text: String, mut output: Vec<Output>, ending: trace::Ending) -> Decision {
        self.state = State::Over;
        self.close(&text);
        self.trace(&mut output, at, |turn| trace::final_response(turn, at, &text, ending));
        Decision { step: Step::Finish { text }, output }
    }

    fn trace(&self, output: &mut Vec<Output>, at: Timestamp, make: impl FnOnce(&Self) -> Trace) {
        if self.request.traced {
            output.push(Output::Trace { at, trace: Box::new(make(self)) });
        }
    }
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::AskingModel => "asking the model",
            Self::WithTools(_) => "tools at work",
            Self::WithCaller { .. } => "with the caller",
            Self::Stalled { .. } => "stalled",
            Self::Over => "over",
        }
    }
}

fn error_result(tool_use_id: String, text: impl Into<String>) -> ToolResult {
    ToolResult { tool_use_id, content: vec![ToolResultContent::Text(text.into())], status: ToolResultStatus::Error }
}
