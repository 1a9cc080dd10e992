//! Agents that ask agents: what a supervisor sends, and what comes back.
//!
//! To the model all collaborators are one tool, `AgentCommunication__sendMessage(recipient, content)`, as on the service.
//! What a collaborator answers is its result. A collaborator that returns control makes the supervisor return control with
//! the same inputs; the caller's results go back to it, and it goes on.

use super::calls::{Pending, Work};
use super::event::{CollaboratorOutcome, CollaboratorReturned, ControlResult, Decision, FailureKind, Output, Step};
use super::trace::Ending;
use super::{State, Turn, error_result, payload, trace};
use crate::agent::{Collaborator, ToolKind};
use crate::phase::Phase;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_ports::{Message, Role, ToolResult, ToolResultContent, ToolResultStatus, ToolUse};
use outcrop_wire::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A supervisor that sends to this recipient means its own answer; models do it although they need no tool for it.
const USER: &str = "User";

/// Longest conversation that is relayed to a collaborator, in bytes; the oldest part is left out.
const RELAYED_BYTES_MAX: usize = 32 * 1024;

/// What a collaborator is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct CollaboratorCall {
    /// The tool use it answers.
    pub tool_use_id: String,
    /// Whom.
    pub collaborator: Arc<Collaborator>,
    /// What.
    pub ask: Ask,
    /// Attributes of the session as they are now; both sides share them.
    pub session_attributes: BTreeMap<String, String>,
    /// What was said so far between user and supervisor, when the collaborator is to know it.
    pub relayed: Option<String>,
}

/// What a collaborator is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// A message: a turn of its own.
    Text(String),
    /// To go on with what the caller did.
    Results {
        /// The collaborator's own return of control.
        invocation_id: String,
        /// The caller's results for it.
        results: Vec<ControlResult>,
    },
}

/// A collaborator that has returned control and waits for the caller.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) call: CollaboratorCall,
    pub(super) payload: api::ReturnControlPayload,
}

impl Waiting {
    pub(super) fn inputs(&self) -> &[api::InvocationInputMember] {
        self.payload.invocation_inputs.as_deref().unwrap_or_default()
    }
}

impl Turn {
    /// Whether a tool is the one that sends messages.
    pub(super) fn is_messaging(&self, name: &str) -> bool {
        self.agent.tool(name).is_some_and(|tool| matches!(tool.kind, ToolKind::Message))
    }

    /// Name of the tool that sends messages, when the agent has it.
    pub(super) fn messaging_tool(&self) -> Option<String> {
        let sends = self.agent.tools.iter().find(|tool| matches!(tool.kind, ToolKind::Message))?;
        Some(sends.spec_name.clone())
    }

    /// A message to a collaborator as work, or why it cannot be sent.
    pub(super) fn message_to(&self, tool_use: &ToolUse) -> Pending {
        let text = |name: &str| {
            tool_use.input.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
        };
        let names = || self.agent.collaborators.iter().map(|one| one.name.as_ref()).collect::<Vec<_>>().join(", ");
        let refuse = |reason: String| Pending::refused(&tool_use.tool_use_id, reason);
        let (Some(recipient), Some(content)) = (text("recipient"), text("content")) else {
            return refuse(format!("A message needs recipient, one of {}, and content.", names()));
        };
        let Some(collaborator) = self.collaborator(recipient) else {
            return refuse(format!("There is no agent {recipient}. The agents are: {}.", names()));
        };
        let content = payload::expand(content, &self.messages);
        let call = self.call_of(tool_use.tool_use_id.clone(), collaborator, Ask::Text(content));
        Pending::new(tool_use.tool_use_id.clone(), Work::Collaborator(call))
    }

    /// What a message to the user says, when the model sent one: it is the turn's answer.
    pub(super) fn message_to_user(&self, message: &Message) -> Option<String> {
        if self.agent.collaborators.is_empty() || self.collaborator(USER).is_some() {
            return None;
        }
        let is_for_user = |tool_use: &&ToolUse| {
            self.is_messaging(&tool_use.name)
                && tool_use
                    .input
                    .get("recipient")
                    .and_then(Value::as_str)
                    .is_some_and(|to| to.trim().eq_ignore_ascii_case(USER))
        };
        let tool_use = message.tool_uses().find(is_for_user)?;
        Some(tool_use.input.get("content")?.as_str()?.trim().to_owned())
    }

    pub(super) fn collaborator(&self, name: &str) -> Option<Arc<Collaborator>> {
        self.agent.collaborators.iter().find(|one| one.name.eq_ignore_ascii_case(name)).cloned()
    }

    pub(super) fn call_of(&self, tool_use_id: String, collaborator: Arc<Collaborator>, ask: Ask) -> CollaboratorCall {
        let relayed =
            (collaborator.relays_conversation && matches!(ask, Ask::Text(_))).then(|| self.conversation_text());
        CollaboratorCall {
            tool_use_id,
            collaborator,
            ask,
            session_attributes: self.session_attributes.clone(),
            relayed,
        }
    }

    /// What user and supervisor said to each other, without thinking and tools, newest kept.
    fn conversation_text(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        let mut bytes = 0;
        for message in self.messages.iter().rev() {
            let (who, text) = match message.role {
                Role::User => ("User", message.text()),
                Role::Assistant => ("Assistant", super::text::split(&message.text()).answer),
            };
            if text.trim().is_empty() {
                continue;
            }
            let line = format!("{who}: {}", text.trim());
            bytes += line.len();
            if bytes > RELAYED_BYTES_MAX {
                break;
            }
            lines.push(line);
        }
        lines.reverse();
        lines.join("\n")
    }

    pub(super) fn collaborator_returned(
        &mut self,
        returned: CollaboratorReturned,
        mut pending: Vec<Pending>,
    ) -> Decision {
        let mut output = Vec::new();
        let at = returned.at;
        let found = pending.iter().position(|one| {
            one.tool_use_id == returned.tool_use_id && one.result.is_none() && matches!(one.work, Work::Collaborator(_))
        });
        let Some(index) = found else {
            // An answer nobody waits for changes nothing.
            self.state = State::WithTools(pending);
            return Decision { step: Step::Wait, output };
        };
        let Work::Collaborator(call) = pending[index].work.clone() else { unreachable!("found by its work") };
        self.trace(&mut output, at, |turn| trace::collaborator_output(turn, &call, &returned));
        match returned.outcome {
            CollaboratorOutcome::Answered { text, session_attributes } => {
                self.session_attributes = session_attributes;
                if self.routed.is_some() {
                    return self.routed_answer(at, text, output);
                }
                // A long answer is whole, so that it can be passed on by its payload reference; a huge one is an excerpt.
                let shown = match self.limits.excerpt_bytes() {
                    Some(_) => self.excerpt(&text, self.limits.tool_result_bytes_max),
                    None => None,
                };
                let text = shown.unwrap_or_else(|| payload::wrap(&call.tool_use_id, &text));
                pending[index].result = Some(success(&call.tool_use_id, text));
            }
            CollaboratorOutcome::ReturnedControl { payload, session_attributes } => {
                self.session_attributes = session_attributes;
                pending[index].work = Work::Waiting(Waiting { call, payload });
            }
            CollaboratorOutcome::Failed { message } => {
                let reason = format!("agent {}: {message}", call.collaborator.name);
                if self.routed.is_some() {
                    return self.fail(FailureKind::Dependency, reason, None, output);
                }
                self.trace(&mut output, at, |turn| {
                    trace::failure(turn, Phase::Orchestration, returned.started_at, at, &reason)
                });
                let text = format!("The agent {} could not answer: {message}", call.collaborator.name);
                pending[index].result = Some(error_result(call.tool_use_id, text));
            }
        }
        self.go_on_when_done(at, pending, output)
    }

    /// Inputs of collaborators that wait for the caller, named as theirs.
    pub(super) fn waiting_inputs(&self, pending: &[Pending], places: usize) -> Vec<api::InvocationInputMember> {
        let mut inputs = Vec::new();
        for waiting in pending.iter().filter_map(Pending::waiting) {
            if inputs.len() + waiting.inputs().len() > places {
                break;
            }
            inputs.extend(waiting.inputs().iter().cloned().map(|input| named(input, &waiting.call.collaborator.name)));
        }
        inputs
    }
}

/// Stands for the tool use of a request that went whole to one collaborator.
pub(super) const ROUTED: &str = "routed";

impl Turn {
    /// Sends the user's words to one collaborator, whose answer is the turn's.
    pub(super) fn route_to(
        &mut self,
        at: Timestamp,
        collaborator: Arc<Collaborator>,
        text: Option<String>,
        output: Vec<Output>,
    ) -> Decision {
        self.routed = Some(collaborator.name.clone());
        let call = self.call_of(
            ROUTED.to_owned(),
            collaborator,
            Ask::Text(text.unwrap_or_else(|| self.input_text.to_string())),
        );
        let pending = vec![Pending::new(ROUTED.to_owned(), Work::Collaborator(call))];
        self.call_or_go_on(at, pending, output)
    }

    /// The collaborator that the request went whole to.
    pub fn routed_to(&self) -> Option<&str> {
        self.routed.as_deref()
    }

    fn routed_answer(&mut self, at: Timestamp, text: String, output: Vec<Output>) -> Decision {
        self.push(Message::assistant(text.as_str()));
        self.finish(at, text, output, Ending::Finish)
    }
}

fn named(input: api::InvocationInputMember, collaborator: &Arc<str>) -> api::InvocationInputMember {
    let name = Some(collaborator.to_string());
    match input {
        api::InvocationInputMember::FunctionInvocationInput(input) => {
            api::InvocationInputMember::FunctionInvocationInput(api::FunctionInvocationInput {
                collaborator_name: name,
                ..input
            })
        }
        api::InvocationInputMember::ApiInvocationInput(input) => {
            api::InvocationInputMember::ApiInvocationInput(api::ApiInvocationInput { collaborator_name: name, ..input })
        }
    }
}

fn success(tool_use_id: &str, text: String) -> ToolResult {
    ToolResult {
        tool_use_id: tool_use_id.to_owned(),
        content: vec![ToolResultContent::Text(text)],
        status: ToolResultStatus::Success,
    }
}
