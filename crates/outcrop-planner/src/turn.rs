//! The turn: one InvokeAgent as a machine.
//!
//! Who feeds what:
//!
//! | state | waits for | then |
//! |---|---|---|
//! | asking the model, for a phase | [`Event::ModelReplied`], [`Event::ModelFailed`] | a parser, the next phase, tools, return of control, or the end |
//! | summing up earlier turns that no longer fit | [`Event::Summarized`] | the model, for the phase that waits |
//! | parsing: the author's function reads the reply | [`Event::ParserReturned`] | what the reply leads to |
//! | orchestrating: the author's function decides the step | [`Event::ParserReturned`] | the model, a tool, or the end |
//! | applying a guardrail for that function | [`Event::ParserReturned`] | the function again |
//! | asking the model for that function | [`Event::ModelReplied`], [`Event::ModelFailed`] | the function again |
//! | tools at work | one [`Event::ToolReturned`] for each call | return of control for what the caller does, or the model again |
//! | with the caller | [`Event::ControlReturned`] | confirmed calls, or the model again |
//! | assessing: the answer waits for the agent's guardrails | [`Event::Assessed`] | the end |
//! | stalled: the model failed after the caller's results came | [`Event::ControlReturned`] once more | the model again |
//! | over | nothing | – |
//!
//! [`Event::LimitReached`] and [`Event::Cancelled`] may come at any time and end the turn. After its end nothing is taken
//! and nothing shown. [`Event::Forked`] comes with another agent, through [`Turn::go_on_as`], when the model is to be
//! asked.
//!
//! ```text
//! let (mut turn, mut decision) = Turn::start(agent, history, attributes, started);
//! loop {
//!     show(decision.output);
//!     let event = match decision.step {
//!         Step::CallModel(request) => ask(request),
//!         Step::Summarize(request) => ask(request),
//!         Step::CallParser(call) => invoke(call),
//!         Step::CallTools(calls) => one_of(calls),       // the others come with later rounds: Step::Wait
//!         Step::Wait => next_result(),
//!         Step::ApplyGuardrail { request } => apply(request),
//!         Step::Assess { text } => apply_guardrails(text),
//!         Step::ReturnControl { .. } | Step::Finish { .. } | Step::Fail { .. } => break,
//!     };
//!     journal(&event);
//!     decision = turn.apply(event);
//! }
//! ```

pub mod answer_schema;
mod arguments;
mod calls;
mod calls_in_text;
mod cancel;
mod citations;
pub mod collaboration;
mod compact;
mod control;
pub mod custom;
mod earlier;
mod estimate;
pub use estimate::of_request as estimated_tokens;
mod event;
mod guard;
pub(crate) mod parsers;
mod payload;
mod phases;
pub(crate) mod prompt;
mod raw;
mod reading;
pub mod replay;
mod reply;
pub mod results;
pub mod text;
mod trace;
mod view;

use crate::agent::PreparedAgent;
use crate::phase::{Phase, PhaseModels};
use calls::Pending;
use compact::{Summary, Windows};
use custom::Custom;
pub use earlier::{Earlier, Left, Place, Shortened};
pub use event::{
    Call, CancelledBy, CollaboratorOutcome, CollaboratorReturned, ControlResult, ControlReturned, Decision, Event,
    FailureKind, Forked, Limit, ModelFailed, ModelReplied, Output, ParserCall, ParserOutcome, ParserReturned,
    PromptCreation, Rules, Started, Step, Summarized, ToolReturned, TurnLimits,
};
pub use guard::{Assessed, Verdict};
use outcrop_api::bedrock_agent_runtime::Trace;
use outcrop_ports::{
    AgentIdentity, ContentBlock, Latency, Message, ModelErrorKind, Role, ToolContext, ToolResult, ToolResultContent,
    ToolResultStatus, ToolSpec, Usage,
};
use outcrop_wire::Timestamp;
use results::KeptResult;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use view::View;

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
    /// What the user reads when a limit ends the turn.
    limit_message: Option<String>,
    /// Tokens that models read and wrote so far, also over returns of control.
    tokens: u64,
    rules: Rules,
    relayed_conversation: Option<String>,
    latency: Option<Latency>,
    /// Models in place of the agent's.
    models: PhaseModels,
    /// What is remembered of earlier sessions.
    memory: Option<String>,
    /// What the answer has to fit.
    answer_schema: Option<Arc<Value>>,
    /// What was wrong with the last answer that did not fit.
    answer_problem: Option<String>,
    messages: Vec<Arc<Message>>,
    /// The messages as the model sees them.
    view: View,
    /// How the last turn had shortened them.
    inherited: Shortened,
    /// Whether the request wants to see only some of the earlier turns.
    trimmed: bool,
    windows: Windows,
    /// Large results that can be read on, by reference.
    kept: BTreeMap<String, KeptResult>,
    /// Whether the tool that reads on is on offer.
    offers_reading: bool,
    /// What is on offer.
    specs: Arc<[ToolSpec]>,
    /// Messages before this one are history.
    first_new: usize,
    /// Where the user's words of this turn are: message, and block in it.
    question: (usize, usize),
    /// Model calls so far, also over returns of control.
    model_calls: u32,
    /// Replies in a row that could not be acted on.
    reprompts: u32,
    state: State,
    request: RequestScope,
    /// The return of control whose results this request brought.
    answered: Option<String>,
    /// The collaborator that the request went whole to.
    routed: Option<Arc<str>>,
    /// The one that the request before went whole to.
    last_agent: Option<String>,
    /// Parts of the trace that wait for the end of post-processing.
    held: Vec<Output>,
    /// The orchestration's answer while post-processing works on it.
    answer: Option<String>,
    /// The author's function that decides each step, when there is one.
    custom: Option<Box<Custom>>,
    /// Whether guardrails have to pass the answer.
    is_guarded: bool,
    /// Whether they did.
    answer_is_assessed: bool,
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
    AskingModel(Phase),
    /// Earlier turns are being summed up; a phase waits.
    Summarizing(Box<Summary>),
    /// The reply waits for the author's parser.
    Parsing(Phase, Box<ModelReplied>),
    /// The author's function decides.
    Orchestrating,
    /// The model is asked what that function wrote.
    AskingForFunction,
    /// A guardrail is applied for that function.
    ApplyingGuardrail,
    /// The answer waits for what guardrails say of it.
    Assessing(Box<guard::Held>),
    WithTools(Vec<Pending>),
    WithCaller {
        invocation_id: String,
        pending: Vec<Pending>,
    },
    /// The caller's results are taken and the model failed: the same results again are a retry.
    Stalled {
        invocation_id: String,
        phase: Phase,
    },
    Over,
}

impl Turn {
    /// Begins a turn with the user's words. `history` is what earlier turns left, or just their messages; `attributes` what
    /// the session remembers; attributes in `started` replace them.
    pub fn start(
        agent: Arc<PreparedAgent>,
        history: impl Into<Earlier>,
        attributes: BTreeMap<String, String>,
        started: Started,
    ) -> (Self, Decision) {
        let identity = identity(&agent, &started.alias_id, &started.version);
        let agent = under(started.rules, agent);
        let Earlier { messages, places, kept, shortened, custom: mut earlier } = history.into();
        if let Some(turns_max) = started.prompt_creation.previous_turns_max {
            earlier.drain(..earlier.len().saturating_sub(turns_max));
        }
        earlier.extend(custom::seeded(&started.conversation_history));
        let before = messages.len();
        let (history, places) = earlier::select(messages, places, started.prompt_creation);
        let kept: BTreeMap<String, KeptResult> = kept.into_iter().map(|kept| (kept.reference.clone(), kept)).collect();
        let view = View::of(&history, places, &shortened, &kept);
        let first_new = history.len();
        let mut turn = Self {
            relayed_conversation: started.relayed_conversation,
            identity,
            session_id: started.session_id.into(),
            input_text: started.input_text.into(),
            session_attributes: started.session_attributes.unwrap_or(attributes),
            prompt_session_attributes: started.prompt_session_attributes,
            limits: started.limits,
            limit_message: started.limit_message,
            tokens: 0,
            rules: started.rules,
            latency: started.latency,
            models: started.models,
            memory: started.memory.filter(|memory| !memory.is_empty()),
            answer_schema: started.answer_schema,
            answer_problem: None,
            messages: history,
            view,
            trimmed: first_new < before,
            windows: Windows {
                tokens: started.windows,
                correction: shortened.correction,
                too_many: shortened.too_many.clone(),
                asked: 0,
                pressed: false,
            },
            inherited: shortened,
            kept,
            offers_reading: false,
            specs: agent.specs.clone(),
            first_new,
            question: (0, 0),
            model_calls: 0,
            reprompts: 0,
            state: State::Over,
            request: RequestScope {
                id: started.request_id,
                began_at: started.at,
                iteration: 0,
                traced: started.enable_trace,
            },
            answered: None,
            routed: None,
            last_agent: started.last_agent,
            held: Vec::new(),
            answer: None,
            custom: agent.custom_orchestration.clone().map(|arn| Box::new(Custom::new(arn, earlier))),
            is_guarded: started.rules >= Rules::GUARDED && agent.guardrail.is_some() || started.assessed.is_some(),
            answer_is_assessed: false,
            agent,
        };
        let mut output = Vec::new();
        if let Some(assessed) = &started.assessed
            && let Some(step) = turn.words_assessed(assessed, &mut output)
        {
            return (turn, Decision { step, output });
        }
        turn.messages.extend(started.conversation_history.into_iter().map(Arc::new));
        turn.look_for_references();
        let words = ContentBlock::Text(turn.input_text.to_string());
        let content = started.files.into_iter().chain([words]).collect();
        turn.push(Message { role: Role::User, content });
        let last = turn.messages.len() - 1;
        turn.question = (last, turn.messages[last].content.len() - 1);
        if turn.custom.is_some() {
            let mut decision = turn.begin_custom(started.at);
            decision.output.splice(0..0, output);
            return (turn, decision);
        }
        let first = match turn.agent.prompts.get(Phase::PreProcessing).enabled {
            true => Phase::PreProcessing,
            false => turn.first_after_pre_processing(),
        };
        let decision = turn.ask_model(first, started.at, output);
        let decision = turn.guarded(decision);
        (turn, decision)
    }

    /// Rebuilds a turn from its recorded events, the first of which is [`Event::Started`]. `None` when it is not.
    pub fn replay(
        agent: Arc<PreparedAgent>,
        history: impl Into<Earlier>,
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
        let decision = self.step(event);
        self.guarded(decision)
    }

    fn step(&mut self, event: Event) -> Decision {
        match (event, std::mem::replace(&mut self.state, State::Over)) {
            (event, State::Over) => {
                let message = format!("event {} came after the turn's end", event.name());
                Decision {
                    step: Step::Fail { kind: FailureKind::Internal, message, resource: None },
                    output: Vec::new(),
                }
            }
            (Event::Cancelled { at, by }, state) => self.cancelled(at, by, state),
            (Event::LimitReached { at, limit }, state) => {
                self.state = state;
                self.limit_reached(at, limit)
            }
            (Event::ModelReplied(reply), State::AskingModel(phase)) => self.model_replied(phase, reply),
            (Event::ModelFailed(failure), State::AskingModel(phase)) => self.model_failed(phase, &failure),
            (Event::Summarized(summarized), State::Summarizing(summary)) => self.summarized(&summarized, &summary),
            // Another version of the machine saw another need for a summary: the turn goes on as it was recorded.
            (Event::Summarized(summarized), State::AskingModel(phase)) => {
                self.ask_fitting(phase, summarized.at, Vec::new())
            }
            (Event::ModelReplied(reply), State::Summarizing(summary)) => self.model_replied(summary.phase, reply),
            (Event::ModelFailed(failure), State::Summarizing(summary)) => self.model_failed(summary.phase, &failure),
            (Event::ParserReturned(returned), State::Parsing(phase, reply)) => {
                self.parser_returned(phase, *reply, returned)
            }
            (Event::ParserReturned(returned), State::Orchestrating) => self.orchestrator_returned(returned),
            (Event::ParserReturned(returned), State::ApplyingGuardrail) => self.guardrail_applied(returned),
            (Event::ModelReplied(reply), State::AskingForFunction) => self.model_replied_to_function(&reply),
            (Event::ModelFailed(failure), State::AskingForFunction) => {
                self.model_failed(Phase::Orchestration, &failure)
            }
            (Event::Assessed(assessed), State::Assessing(held)) => self.answer_assessed(&assessed, *held),
            (Event::ToolReturned(returned), State::WithTools(pending)) => self.tool_returned(returned, pending),
            (Event::CollaboratorReturned(returned), State::WithTools(pending)) => {
                self.collaborator_returned(returned, pending)
            }
            (Event::ControlReturned(returned), State::Stalled { invocation_id, phase }) => {
                self.answered = Some(invocation_id);
                self.begin_request(returned.at, returned.request_id, returned.enable_trace);
                match phase {
                    Phase::PostProcessing => self.post_process(returned.at),
                    phase => self.ask_model(phase, returned.at, Vec::new()),
                }
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

    /// Whether what the model says now may be shown while it is said: not when it is judged, parsed or worked over first.
    pub fn can_stream(&self) -> bool {
        let prompts = &self.agent.prompts;
        matches!(self.state, State::AskingModel(Phase::Orchestration))
            && prompts.get(Phase::Orchestration).parser.is_none()
            && self.answer_schema.is_none()
            && !prompts.get(Phase::PostProcessing).enabled
    }

    /// The agent that takes it.
    pub fn agent(&self) -> &PreparedAgent {
        &self.agent
    }

    /// Whether guardrails have to pass the answer.
    pub fn is_guarded(&self) -> bool {
        self.is_guarded
    }

    /// Limits it goes by.
    pub fn limits(&self) -> TurnLimits {
        self.limits
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
        match std::mem::replace(&mut self.state, State::Over) {
            // It has its end, which may be that it left nothing.
            State::Over => return,
            State::WithTools(pending) | State::WithCaller { pending, .. } => self.give_up(pending, reason),
            state => self.withdraw_answer(&state),
        }
        self.forget_answer();
        self.close(NO_ANSWER);
    }

    /// Gives every tool use its result.
    fn give_up(&mut self, pending: Vec<Pending>, reason: &str) {
        // A request that went whole to one collaborator is no tool use of the model.
        let uses = pending.into_iter().filter(|call| call.tool_use_id != collaboration::ROUTED);
        let results = uses.map(|call| {
            let tool_use_id = call.tool_use_id;
            ContentBlock::ToolResult(call.result.unwrap_or_else(|| error_result(tool_use_id, reason)))
        });
        let content: Vec<_> = results.collect();
        if !content.is_empty() {
            self.push(Message { role: Role::User, content });
        }
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
            self.view.follow(&self.messages);
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
        self.view.follow(&self.messages);
    }

    fn ask_model(&mut self, phase: Phase, at: Timestamp, output: Vec<Output>) -> Decision {
        if phase == Phase::Orchestration && self.custom.is_some() {
            return self.go_on_custom(at, output);
        }
        if self.is_out_of_tokens() {
            let mut decision = self.limit_reached(at, Limit::Tokens);
            decision.output.splice(0..0, output);
            return decision;
        }
        // Each other phase asks once at most.
        if phase == Phase::Orchestration {
            if self.model_calls >= self.limits.iterations_max {
                return self.limit_reached(at, Limit::Iterations);
            }
            self.model_calls += 1;
        }
        self.ask_fitting(phase, at, output)
    }

    /// Whether the model may not be asked again.
    fn is_out_of_tokens(&self) -> bool {
        self.limits.tokens_max.is_some_and(|most| self.tokens >= most)
    }

    /// Counts what a model read and wrote.
    fn count_tokens(&mut self, usage: &Usage) {
        let read = usage.input_tokens.saturating_add(usage.cache_read_input_tokens);
        let all = read.saturating_add(usage.cache_write_input_tokens).saturating_add(usage.output_tokens);
        self.tokens = self.tokens.saturating_add(all);
    }

    fn model_failed(&mut self, phase: Phase, failed: &ModelFailed) -> Decision {
        let mut output = Vec::new();
        self.show_held(failed.at, &mut output);
        let reason = format!("model {}: {}", self.model_of(phase), failed.error.message);
        self.trace(&mut output, failed.at, |turn| trace::failure(turn, phase, failed.started_at, failed.at, &reason));
        if failed.error.kind == ModelErrorKind::TooLong
            && phase != Phase::PostProcessing
            && let Some(decision) = self.ask_pressed(phase, failed.at, &mut output)
        {
            return decision;
        }
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
            ModelErrorKind::Invalid | ModelErrorKind::TooLong | ModelErrorKind::NotFound => (FailureKind::Invalid, reason),
            ModelErrorKind::Unavailable | ModelErrorKind::TimedOut | ModelErrorKind::BadReply => (FailureKind::ModelUnavailable, reason),
        };
        let is_passing = matches!(kind, FailureKind::Throttled | FailureKind::ModelUnavailable);
        if let Some(invocation_id) = self.answered.take_if(|_| is_passing) {
            // What the caller did must not be lost to a failure that passes: it may bring its results again.
            self.state = State::Stalled { invocation_id, phase };
            return Decision { step: Step::Fail { kind, message, resource: None }, output };
        }
        self.forget_answer();
        self.fail(kind, message, None, output)
    }

    fn begin_request(&mut self, at: Timestamp, id: String, traced: bool) {
        self.request = RequestScope { id, began_at: at, iteration: 0, traced };
    }

    fn limit_reached(&mut self, at: Timestamp, limit: Limit) -> Decision {
        let state = std::mem::replace(&mut self.state, State::Over);
        self.withdraw_answer(&state);
        if let State::WithTools(pending) | State::WithCaller { pending, .. } = state {
            self.give_up(pending, "The turn ran out of time before this call's result was known.");
        }
        let mut output = Vec::new();
        let was_answered = self.answer.is_some();
        self.show_held(at, &mut output);
        self.forget_answer();
        let reason = match limit {
            Limit::Iterations => format!("the turn reached its limit of {} model calls", self.limits.iterations_max),
            Limit::Tokens => format!(
                "the turn reached its limit of {} tokens with {}",
                self.limits.tokens_max.unwrap_or_default(),
                self.tokens
            ),
            Limit::OrchestrationEvents => {
                format!("the custom orchestration did not end after {} events", self.orchestration_events())
            }
            Limit::WallTime => format!("the turn reached its time limit of {} s", self.limits.wall_time_seconds),
            Limit::Reprompts => {
                format!("LLM prediction format incorrect {} times in a row", self.limits.reprompts_max + 1)
            }
        };
        let began_at = self.request.began_at;
        self.trace(&mut output, at, |turn| trace::failure(turn, Phase::Orchestration, began_at, at, &reason));
        if self.answer_schema.is_some() {
            return self.fail_without_answer(&reason, output);
        }
        // These are our words, or the operator's.
        self.answer_is_assessed = true;
        let text = self.limit_message.clone().unwrap_or_else(|| UNABLE_TO_ASSIST.to_owned());
        if was_answered {
            return Decision { step: Step::Finish { text, attribution: None }, output };
        }
        self.finish(at, text, output, trace::Ending::Finish)
    }

    fn finish(&mut self, at: Timestamp, text: String, mut output: Vec<Output>, ending: trace::Ending) -> Decision {
        self.state = State::Over;
        self.close(&text);
        self.trace(&mut output, at, |turn| trace::final_response(turn, at, &text, ending));
        Decision { step: Step::Finish { text, attribution: None }, output }
    }

    fn trace(&self, output: &mut Vec<Output>, at: Timestamp, make: impl FnOnce(&Self) -> Trace) {
        if self.request.traced {
            output.push(Output::Trace { at, trace: Box::new(make(self)) });
        }
    }
}

fn identity(agent: &PreparedAgent, alias_id: &str, version: &str) -> AgentIdentity {
    AgentIdentity {
        name: agent.agent_name.clone(),
        id: agent.agent_id.clone(),
        alias: alias_id.into(),
        version: version.into(),
    }
}

/// The agent as it runs under the rules of a turn.
fn under(rules: Rules, agent: Arc<PreparedAgent>) -> Arc<PreparedAgent> {
    if rules < Rules::PHASES { Arc::new(agent.under_first_rules()) } else { agent }
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::AskingModel(_) => "asking the model",
            Self::Summarizing(_) => "summing up",
            Self::Parsing(..) => "parsing",
            Self::Orchestrating => "orchestrating",
            Self::AskingForFunction => "asking the model for the orchestration",
            Self::ApplyingGuardrail => "applying a guardrail for the orchestration",
            Self::Assessing(_) => "assessing the answer",
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
