//! A turn that is taken up again after whoever drove it went away, and calls whose answer comes later.
//!
//! What has a recorded result is never done again. Of what was under way only that is done again which may be: models,
//! parsers and collaborators are asked again (a collaborator goes on with the turn it has), and calls of actions that are
//! declared to bear it are made again under their old key. Of the others the model is told that the outcome is unknown.
//!
//! That a turn was taken up is an event like any other ([`Event::Recovered`](super::Event::Recovered)), so that its journal
//! leads to the same again. It comes through [`Turn::take_up`], with the step that was to be done.

use super::calls::{Pending, Work, action_name};
use super::event::{Call, Decision, Recovered, Step};
use super::trace::RepromptSource;
use super::{State, Turn, error_result, trace};
use crate::agent::ToolKind;
use outcrop_ports::ToolCall;
use outcrop_wire::Timestamp;

/// What the model reads of a call that may have been made.
const UNKNOWN: &str = "The server ended while this call was under way: whether it did its work is unknown, and it was not made again. Find out before you call it again, or tell the user.";

/// A call whose answer comes later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SleepingCall {
    /// The tool use it answers.
    pub tool_use_id: String,
    /// The action's name as people say it.
    pub action: String,
    /// The function that answers later.
    pub function_arn: String,
    /// When it is given up.
    pub until: Timestamp,
}

impl Turn {
    /// Names the step that the turn is at: with the id of a tool use it names a call, the same at every replay, and in all
    /// the world no other.
    pub fn call_scope(&self) -> String {
        format!("{}-{}", self.request.id, self.request.iteration)
    }

    /// Id of the request that the turn works for now.
    pub fn request_id(&self) -> &str {
        &self.request.id
    }

    /// What taking the turn up now means for the calls that were under way.
    pub fn recovery(&self, at: Timestamp) -> Recovered {
        let mut recovered = Recovered { at, again: Vec::new(), unknown: Vec::new() };
        for call in self.under_way() {
            let is_ours =
                matches!(&call.work, Work::Function(function) if call.reads.is_none() && !self.may_repeat(function));
            let which = if is_ours { &mut recovered.unknown } else { &mut recovered.again };
            which.push(call.tool_use_id.clone());
        }
        recovered
    }

    /// Goes on after whoever drove the turn went away; `last` is the step that was to be done.
    pub fn take_up(&mut self, recovered: &Recovered, last: Step) -> Decision {
        let at = recovered.at;
        let mut output = Vec::new();
        let text = self.recovery_text(recovered);
        self.trace(&mut output, at, |turn| trace::reprompt(turn, text, RepromptSource::ActionGroup));
        let mut pending = match std::mem::replace(&mut self.state, State::Over) {
            State::WithTools(pending) => pending,
            state => {
                self.state = state;
                return Decision { step: last, output };
            }
        };
        let first_open = pending.iter().position(Pending::is_open_function);
        for tool_use_id in &recovered.unknown {
            let call = pending.iter_mut().find(|call| call.is_under_way() && call.tool_use_id == *tool_use_id);
            if let Some(call) = call {
                call.result = Some(error_result(tool_use_id.clone(), UNKNOWN));
            }
        }
        if let Some(first) = first_open.filter(|first| pending[*first].result.is_some()) {
            self.show_observations(at, &mut pending[first..], &mut output);
        }
        if !pending.iter().any(Pending::is_under_way) {
            return self.after_functions(at, pending, output);
        }
        self.state = State::WithTools(pending);
        let step = self.calls_to_make().map_or(Step::Wait, Step::CallTools);
        Decision { step, output }
    }

    /// The calls that are under way, to be made by whoever drives the turn from now on; `None` when there is none, or only
    /// such as answer later.
    pub fn calls_to_make(&self) -> Option<Vec<Call>> {
        let calls: Vec<Call> = self.under_way().filter_map(Pending::to_make).collect();
        (!calls.is_empty()).then_some(calls)
    }

    /// The calls whose answer comes later.
    pub fn sleeping(&self) -> Vec<SleepingCall> {
        let State::WithTools(pending) = &self.state else { return Vec::new() };
        let sleeping = pending.iter().filter_map(|pending| {
            let (until, call) = (pending.asleep_until?, pending.call()?);
            pending.result.is_none().then(|| SleepingCall {
                tool_use_id: pending.tool_use_id.clone(),
                action: action_name(&call.action),
                function_arn: call.function_arn.to_string(),
                until,
            })
        });
        sleeping.collect()
    }

    /// Calls that run, or did when whoever drove the turn went away.
    fn under_way(&self) -> impl Iterator<Item = &Pending> {
        let pending = if let State::WithTools(pending) = &self.state { pending.as_slice() } else { &[] };
        pending.iter().filter(|call| call.is_under_way() && call.asleep_until.is_none())
    }

    /// Whether an action may be called again when nobody knows whether it was called.
    fn may_repeat(&self, call: &ToolCall) -> bool {
        let declared = self.agent.tools.iter().any(|tool| match &tool.kind {
            ToolKind::Action { action_group, action, repeatable, .. } => {
                *repeatable && *action_group == call.action_group && *action == call.action
            }
            ToolKind::AskUser | ToolKind::Message => false,
        });
        declared || {
            let action = action_name(&call.action);
            let in_group = format!("{}.{action}", call.action_group);
            self.idempotent
                .iter()
                .any(|name| name == "all" || *name == *call.action_group || *name == action || *name == in_group)
        }
    }

    fn recovery_text(&self, recovered: &Recovered) -> String {
        let name_of = |id: &String| {
            let call = self.under_way().find(|call| call.tool_use_id == *id);
            match call.map(|call| &call.work) {
                Some(Work::Function(call)) => format!("{}.{}", call.action_group, action_name(&call.action)),
                Some(Work::Collaborator(call)) => call.collaborator.name.to_string(),
                _ => id.clone(),
            }
        };
        let names = |ids: &[String]| ids.iter().map(name_of).collect::<Vec<_>>().join(", ");
        let mut text = "The server ended in the middle of this turn, which is taken up again.".to_owned();
        if !recovered.again.is_empty() {
            text.push_str(&format!(" Called again: {}.", names(&recovered.again)));
        }
        if !recovered.unknown.is_empty() {
            text.push_str(&format!(" Not called again, and of unknown outcome: {}.", names(&recovered.unknown)));
        }
        text
    }
}
