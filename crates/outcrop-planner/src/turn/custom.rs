//! Custom orchestration: the author's function decides each step, in place of the model and our prompt.
//!
//! The function is called with the state of the turn and answers with an event; what the event asks for is done, and the
//! function is called with the state that follows:
//!
//! | event | done | then called with |
//! |---|---|---|
//! | `INVOKE_MODEL` | the model is asked what the function wrote, a Converse request | `MODEL_INVOKED` |
//! | `INVOKE_TOOL` | one tool, with confirmation, return of control and collaborators as for any agent | `TOOL_INVOKED` |
//! | `FINISH` | the turn ends | – |
//! | a name of its own | nothing | a state of that name |
//!
//! Its calls are journaled like those of parsers ([`super::Step::CallParser`]), so that limits, recovery and replay are
//! those of every turn.

mod converse;
mod reply;

use super::event::{Decision, FailureKind, Limit, ModelReplied, Output, ParserCall, ParserOutcome, ParserReturned};
use super::trace::Ending;
use super::{State, Step, Turn, trace};
use crate::phase::Phase;
use outcrop_ports::{ContentBlock, Message, ModelRequest, Role, ToolResultStatus, ToolUse};
use outcrop_wire::Timestamp;
use reply::{Action, Reply};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Calls of the function in one turn, for each model call that the turn may make.
const EVENTS_A_MODEL_CALL: u32 = 4;
/// Most bytes of the session that a function is shown; with the rest of an event this stays below what a function may be
/// sent.
const SESSION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most bytes of steps that are kept of one turn for later ones.
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// A turn as the function is shown it, and as it is kept for later turns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomTurn {
    /// What the user said.
    pub agent_input: String,
    /// What the user read; none in a turn that is under way or ended without an answer.
    pub agent_output: Option<String>,
    /// What the function was told, and what it answered.
    pub intermediary_steps: Vec<IntermediaryStep>,
}

/// One call of the function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntermediaryStep {
    /// What it was told.
    pub orchestration_input: OrchestrationInput,
    /// What it answered.
    pub orchestration_output: OrchestrationOutput,
}

/// What the function was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrchestrationInput {
    /// The state.
    pub state: String,
    /// What belongs to it; of `START` the user's words as they are.
    pub text: String,
}

/// What the function answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrchestrationOutput {
    /// The event.
    pub event: String,
    /// What belongs to it, as it came.
    pub text: String,
}

impl CustomTurn {
    fn bytes(&self) -> usize {
        let steps = self.intermediary_steps.iter().map(|step| {
            let (input, output) = (&step.orchestration_input, &step.orchestration_output);
            input.state.len() + input.text.len() + output.event.len() + output.text.len()
        });
        self.agent_input.len() + self.agent_output.as_ref().map_or(0, String::len) + steps.sum::<usize>()
    }

    fn without_steps(&self) -> Self {
        Self {
            agent_input: self.agent_input.clone(),
            agent_output: self.agent_output.clone(),
            intermediary_steps: Vec::new(),
        }
    }

    /// As it is kept for later turns: without its steps when they are too many bytes.
    pub fn kept(&self) -> Self {
        if self.bytes() <= KEPT_BYTES_MAX { self.clone() } else { self.without_steps() }
    }
}

/// What a custom orchestration keeps while its turn goes on.
#[derive(Debug)]
pub(super) struct Custom {
    function_arn: Arc<str>,
    earlier: Vec<CustomTurn>,
    current: CustomTurn,
    /// What the function was called with last.
    input: OrchestrationInput,
    /// Calls so far.
    events: u32,
    /// What the model is being asked.
    asked: Option<ModelRequest>,
    /// Whether the model was asked since the last tool: a second time is another iteration.
    asked_in_iteration: bool,
}

impl Custom {
    pub(super) fn new(function_arn: Arc<str>, earlier: Vec<CustomTurn>) -> Self {
        Self {
            function_arn,
            earlier,
            current: CustomTurn::default(),
            input: OrchestrationInput::default(),
            events: 0,
            asked: None,
            asked_in_iteration: false,
        }
    }

    /// The model that is being asked.
    pub(super) fn model_id(&self) -> Option<&str> {
        self.asked.as_ref().map(|request| request.model_id.as_str())
    }

    fn record(&mut self, event: &str, text: &str) {
        let mut input = std::mem::take(&mut self.input);
        if input.state == reply::START {
            input.text.clone_from(&self.current.agent_input);
        }
        let orchestration_output = OrchestrationOutput { event: event.to_owned(), text: text.to_owned() };
        self.current.intermediary_steps.push(IntermediaryStep { orchestration_input: input, orchestration_output });
    }

    /// The turns of the session that there is room for: this one first, then the latest. Steps of earlier turns go before
    /// their words do; of this turn only what the function itself wrote to the model goes.
    fn session(&self) -> Vec<Value> {
        let mut current = self.current.clone();
        let mut bytes = current.bytes();
        for step in &mut current.intermediary_steps {
            if bytes <= SESSION_BYTES_MAX {
                break;
            }
            let output = &mut step.orchestration_output;
            if output.event == reply::INVOKE_MODEL {
                bytes -= output.text.len();
                output.text.clear();
            }
        }
        let mut turns: Vec<Value> = Vec::new();
        if !current.intermediary_steps.is_empty() {
            turns.push(json!(current));
        }
        for turn in self.earlier.iter().rev() {
            let whole = turn.bytes();
            let bare = turn.without_steps();
            if bytes + whole <= SESSION_BYTES_MAX {
                bytes += whole;
                turns.push(json!(turn));
            } else if bytes + bare.bytes() <= SESSION_BYTES_MAX {
                bytes += bare.bytes();
                turns.push(json!(bare));
            } else {
                break;
            }
        }
        turns.reverse();
        turns
    }
}

/// Turns that the caller says were had before, as the function is shown them.
pub(super) fn seeded(history: &[Message]) -> Vec<CustomTurn> {
    let mut turns: Vec<CustomTurn> = Vec::new();
    for message in history {
        match (message.role, turns.last_mut()) {
            (Role::Assistant, Some(last)) if last.agent_output.is_none() => last.agent_output = Some(message.text()),
            (Role::Assistant, _) => {
                turns.push(CustomTurn { agent_output: Some(message.text()), ..CustomTurn::default() });
            }
            (Role::User, _) => turns.push(CustomTurn { agent_input: message.text(), ..CustomTurn::default() }),
        }
    }
    turns
}

impl Turn {
    /// What later turns are shown of this one; `None` when the agent has no custom orchestration, or the turn failed
    /// before anything was done.
    pub fn custom_turn(&self) -> Option<CustomTurn> {
        let custom = self.custom.as_ref()?;
        (!self.new_messages().is_empty()).then(|| custom.current.kept())
    }

    /// Events of the function in this turn so far.
    pub(super) fn orchestration_events(&self) -> u32 {
        self.custom.as_ref().map_or(0, |custom| custom.events)
    }

    pub(super) fn begin_custom(&mut self, at: Timestamp) -> Decision {
        let text = json!({"text": self.input_text.as_ref()}).to_string();
        if let Some(custom) = &mut self.custom {
            custom.current.agent_input = self.input_text.to_string();
        }
        self.orchestrate(at, reply::START, text, Vec::new())
    }

    /// Calls the function with the state that the turn is in.
    fn orchestrate(&mut self, at: Timestamp, state: &str, text: String, mut output: Vec<Output>) -> Decision {
        let events_max = self.limits.iterations_max.saturating_mul(EVENTS_A_MODEL_CALL);
        let Some(custom) = &mut self.custom else {
            return self.fail(FailureKind::Internal, "no custom orchestration".to_owned(), None, output);
        };
        if custom.events >= events_max {
            let mut decision = self.limit_reached(at, Limit::OrchestrationEvents);
            output.append(&mut decision.output);
            return Decision { output, ..decision };
        }
        custom.events += 1;
        custom.input = OrchestrationInput { state: state.to_owned(), text };
        let function_arn = custom.function_arn.clone();
        let payload = self.custom_payload().to_string();
        self.state = State::Orchestrating;
        Decision { step: Step::CallParser(ParserCall { function_arn, payload }), output }
    }

    fn custom_payload(&self) -> Value {
        let agent = &self.agent;
        let (input, session) = match &self.custom {
            Some(custom) => (&custom.input, custom.session()),
            None => (&OrchestrationInput::default(), Vec::new()),
        };
        let tools: Vec<Value> = agent
            .specs
            .iter()
            .map(|spec| {
                let schema = json!({"json": spec.input_schema});
                json!({"toolSpec": {"name": spec.name, "description": spec.description, "inputSchema": schema}})
            })
            .collect();
        let mut configuration = json!({
            "instruction": agent.instruction.as_ref(),
            "defaultModelId": agent.model_id.as_ref(),
            "tools": tools,
        });
        if let Some(guardrail) = &agent.guardrail {
            configuration["guardrails"] =
                json!({"identifier": guardrail.guardrail_identifier, "version": guardrail.guardrail_version});
        }
        json!({
            "version": "1.0",
            "state": input.state,
            "input": {"text": input.text},
            "context": {
                "requestId": self.request.id,
                "sessionId": self.session_id.as_ref(),
                "agentConfiguration": configuration,
                "session": session,
                "sessionAttributes": self.session_attributes,
                "promptSessionAttributes": self.prompt_session_attributes,
            },
        })
    }

    pub(super) fn orchestrator_returned(&mut self, returned: ParserReturned) -> Decision {
        let (started_at, at) = (returned.started_at, returned.at);
        let read = match returned.outcome {
            ParserOutcome::Answered(text) => reply::read(&text),
            ParserOutcome::Failed(failure) => Err(failure.message),
        };
        let mut output = Vec::new();
        let replies = match read {
            Ok(replies) => replies,
            Err(problem) => return self.orchestrator_failed(started_at, at, &problem, output),
        };
        let mut said = String::new();
        let mut last: Option<Reply> = None;
        for reply in replies {
            if let Some(attributes) = &reply.session_attributes {
                self.session_attributes.clone_from(attributes);
            }
            if let Some(attributes) = &reply.prompt_session_attributes {
                self.prompt_session_attributes.clone_from(attributes);
            }
            if let Some(text) = &reply.trace {
                self.trace(&mut output, at, |turn| trace::custom_orchestration(turn, text.clone()));
            }
            if let Action::Say(piece) = &reply.action {
                said.push_str(piece);
            }
            last = Some(reply);
        }
        // A reply that is read has one at least.
        let Some(Reply { event, text, action, .. }) = last else {
            return self.orchestrator_failed(started_at, at, "its answer is empty", output);
        };
        if let Some(custom) = &mut self.custom {
            custom.record(&event, &text);
        }
        match action {
            Action::Model(request) => match converse::read(request, &self.agent.model_id) {
                Ok(request) => self.ask_for_function(at, request, output),
                Err(problem) => self.orchestrator_failed(started_at, at, &problem, output),
            },
            Action::Tool { id, name, input } => {
                let tool_use_id = id.unwrap_or_else(|| self.made_up_id(0));
                self.use_tool(at, ToolUse { tool_use_id, name, input }, output)
            }
            Action::Guardrail => {
                self.state = State::ApplyingGuardrail;
                Decision { step: Step::ApplyGuardrail { request: text }, output }
            }
            Action::Say(_) => self.finish_custom(at, said, output, Ending::Finish),
            Action::Finish(text) => self.finish_custom(at, said + &text, output, Ending::Finish),
            Action::Own => self.orchestrate(at, &event, text, output),
        }
    }

    fn use_tool(&mut self, at: Timestamp, tool_use: ToolUse, output: Vec<Output>) -> Decision {
        let message = Message { role: Role::Assistant, content: vec![ContentBlock::ToolUse(tool_use)] };
        if let Some(question) = self.question(&message) {
            return self.finish_custom(at, question, output, Ending::AskUser);
        }
        if let Some(said) = self.message_to_user(&message) {
            return self.finish_custom(at, said, output, Ending::Finish);
        }
        let pending = self.resolve(message.tool_uses());
        self.push(message);
        self.reprompt_or_work(at, pending, output)
    }

    fn finish_custom(&mut self, at: Timestamp, text: String, output: Vec<Output>, ending: Ending) -> Decision {
        if let Some(custom) = &mut self.custom {
            custom.current.agent_output = Some(text.clone());
        }
        self.finish(at, text, output, ending)
    }

    /// Gives the function what the guardrail said that it had applied.
    pub(super) fn guardrail_applied(&mut self, returned: ParserReturned) -> Decision {
        let ParserReturned { started_at, at, outcome, .. } = returned;
        match outcome {
            ParserOutcome::Answered(text) => self.orchestrate(at, reply::APPLY_GUARDRAIL_INVOKED, text, Vec::new()),
            ParserOutcome::Failed(failure) => self.orchestrator_failed(started_at, at, &failure.message, Vec::new()),
        }
    }

    /// What stands in place of an answer that guardrails did not pass stands there for later turns, too.
    pub(super) fn replace_custom_output(&mut self, text: &str) {
        let Some(custom) = &mut self.custom else { return };
        let output = &mut custom.current.agent_output;
        if output.is_some() {
            *output = Some(text.to_owned());
        }
        if let Some(last) = custom.current.intermediary_steps.last_mut() {
            text.clone_into(&mut last.orchestration_output.text);
        }
    }

    fn ask_for_function(&mut self, at: Timestamp, request: ModelRequest, mut output: Vec<Output>) -> Decision {
        let limit = match self.is_out_of_tokens() {
            true => Some(Limit::Tokens),
            false => (self.model_calls >= self.limits.iterations_max).then_some(Limit::Iterations),
        };
        if let Some(limit) = limit {
            let mut decision = self.limit_reached(at, limit);
            output.append(&mut decision.output);
            return Decision { output, ..decision };
        }
        self.model_calls += 1;
        if let Some(custom) = &mut self.custom {
            if std::mem::replace(&mut custom.asked_in_iteration, true) {
                self.request.iteration += 1;
            }
            custom.asked = Some(request.clone());
        }
        self.state = State::AskingForFunction;
        self.trace(&mut output, at, |turn| trace::model_invocation_input(turn, Phase::Orchestration, &request));
        Decision { step: Step::CallModel(Box::new(request)), output }
    }

    pub(super) fn model_replied_to_function(&mut self, replied: &ModelReplied) -> Decision {
        let at = replied.at;
        let mut output = Vec::new();
        self.count_tokens(&replied.reply.usage);
        self.trace(&mut output, at, |turn| trace::orchestration_output(turn, replied));
        if let Some(custom) = &mut self.custom {
            custom.asked = None;
        }
        let reply = &replied.reply;
        let mut usage = json!(reply.usage);
        usage["totalTokens"] = json!(reply.usage.input_tokens + reply.usage.output_tokens);
        let text = json!({"stopReason": reply.stop_reason, "output": reply.message, "usage": usage}).to_string();
        self.orchestrate(at, reply::MODEL_INVOKED, text, output)
    }

    /// Goes on after a tool, or after the caller brought its results once more because the model had failed.
    pub(super) fn go_on_custom(&mut self, at: Timestamp, output: Vec<Output>) -> Decision {
        let mut again = None;
        if let Some(custom) = &mut self.custom {
            custom.asked_in_iteration = false;
            again = custom.asked.take();
        }
        if let Some(request) = again {
            return self.ask_for_function(at, request, output);
        }
        let last = self.messages.last().map(|message| message.content.as_slice()).unwrap_or_default();
        let result = last.iter().rev().find_map(|block| match block {
            ContentBlock::ToolResult(result) => Some(result),
            _ => None,
        });
        let Some(result) = result else {
            return self.fail(FailureKind::Internal, "no tool has a result".to_owned(), None, output);
        };
        let mut document = json!({"toolUseId": result.tool_use_id, "content": result.content});
        if result.status == ToolResultStatus::Error {
            document["status"] = json!(result.status);
        }
        let text = json!({"toolResult": document}).to_string();
        self.orchestrate(at, reply::TOOL_INVOKED, text, output)
    }

    fn orchestrator_failed(
        &mut self,
        started_at: Timestamp,
        at: Timestamp,
        problem: &str,
        mut output: Vec<Output>,
    ) -> Decision {
        let arn = self.custom.as_ref().map(|custom| custom.function_arn.to_string()).unwrap_or_default();
        let reason = format!("orchestrator {arn}: {problem}");
        self.trace(&mut output, at, |turn| trace::failure(turn, Phase::Orchestration, started_at, at, &reason));
        // The service's words, the missing space included.
        let message = format!(
            "Your request couldn't be completed. Lambda function {arn} encountered a problem while processing request.The error message from the Lambda function is {problem}. Check the Lambda function log for error details, then try your request again after fixing the error."
        );
        self.fail(FailureKind::Dependency, message, Some(arn), output)
    }
}
