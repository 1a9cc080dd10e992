//! What comes back from tools.

use super::calls::{CallTimes, Pending, Work, action_name};
use super::event::{Call, Decision, FailureKind, Limit, Output, Step, ToolReturned};
use super::guard::Side;
use super::{State, Turn, trace};
use crate::phase::Phase;
use outcrop_ports::{
    ContentBlock, Message, ResponseState, Role, ToolFailure, ToolOutcome, ToolResult, ToolResultContent,
    ToolResultStatus, ToolSuccess,
};
use outcrop_wire::Timestamp;

/// What the service says when a function reports `FAILURE`.
pub(super) const FAILED_RESPONSE: &str = "Received failed response from API execution. Retry the request later.";

impl Turn {
    pub(super) fn reprompt_or_work(
        &mut self,
        at: Timestamp,
        pending: Vec<Pending>,
        mut output: Vec<Output>,
    ) -> Decision {
        for refused in pending.iter().filter(|call| matches!(call.work, Work::Refused)) {
            let text = refused.result.as_ref().map(result_text).unwrap_or_default();
            self.trace(&mut output, at, |turn| trace::reprompt(turn, text, trace::RepromptSource::Parser));
        }
        if pending.iter().all(|call| matches!(call.work, Work::Refused)) {
            self.reprompts += 1;
            if self.reprompts > self.limits.reprompts_max {
                self.state = State::WithTools(pending);
                let mut decision = self.limit_reached(at, Limit::Reprompts);
                output.append(&mut decision.output);
                return Decision { output, ..decision };
            }
        } else {
            self.reprompts = 0;
        }
        self.call_or_go_on(at, pending, output)
    }

    /// Makes the calls that are ours, or goes on when there is none.
    pub(super) fn call_or_go_on(&mut self, at: Timestamp, pending: Vec<Pending>, mut output: Vec<Output>) -> Decision {
        let calls: Vec<Call> = pending
            .iter()
            .filter(|call| call.is_under_way())
            .filter_map(|call| match &call.work {
                Work::Function(function) => Some(match &call.reads {
                    Some(read) => Call::Read(read.clone()),
                    None => Call::Tool(function.clone()),
                }),
                Work::Collaborator(call) => Some(Call::Collaborator(call.clone())),
                _ => None,
            })
            .collect();
        if calls.is_empty() {
            return self.after_functions(at, pending, output);
        }
        self.announce_next(at, &pending, &mut output);
        // What collaborators show of their own work comes in between, so they are announced at once.
        for call in &calls {
            if let Call::Collaborator(call) = call {
                self.trace(&mut output, at, |turn| trace::collaborator_input(turn, call));
            }
        }
        self.state = State::WithTools(pending);
        Decision { step: Step::CallTools(calls), output }
    }

    /// Waits for what is under way, or goes on when all of it has ended.
    pub(super) fn go_on_when_done(&mut self, at: Timestamp, pending: Vec<Pending>, output: Vec<Output>) -> Decision {
        if pending.iter().any(Pending::is_under_way) {
            self.state = State::WithTools(pending);
            return Decision { step: Step::Wait, output };
        }
        self.after_functions(at, pending, output)
    }

    /// Tells the model what was wrong with a reply as a whole.
    pub(super) fn reprompt(
        &mut self,
        at: Timestamp,
        message: Message,
        problem: String,
        mut output: Vec<Output>,
    ) -> Decision {
        self.trace(&mut output, at, |turn| trace::reprompt(turn, problem.clone(), trace::RepromptSource::Parser));
        let results = message
            .tool_uses()
            .map(|one| ContentBlock::ToolResult(super::error_result(one.tool_use_id.clone(), problem.as_str())));
        let mut told: Vec<ContentBlock> = results.collect();
        if told.is_empty() {
            told.push(ContentBlock::Text(problem));
        }
        if !message.content.is_empty() {
            self.push(message);
        }
        self.push(Message { role: Role::User, content: told });
        self.reprompts += 1;
        if self.reprompts > self.limits.reprompts_max {
            let mut decision = self.limit_reached(at, Limit::Reprompts);
            output.append(&mut decision.output);
            return Decision { output, ..decision };
        }
        self.request.iteration += 1;
        let mut decision = self.ask_model(Phase::Orchestration, at, Vec::new());
        output.append(&mut decision.output);
        Decision { output, ..decision }
    }

    /// Shows the input of the first function call that has no result yet. Inputs and observations alternate in the
    /// order of the model's calls, so that a reader of the stream can tell which belongs to which.
    pub(super) fn announce_next(&self, at: Timestamp, pending: &[Pending], output: &mut Vec<Output>) {
        let next = pending.iter().find(|call| call.result.is_none() && matches!(call.work, Work::Function(_)));
        if let Some(call) = next.and_then(Pending::call) {
            self.trace(output, at, |turn| trace::invocation_input(turn, call, None));
        }
    }

    pub(super) fn tool_returned(&mut self, returned: ToolReturned, mut pending: Vec<Pending>) -> Decision {
        let mut output = Vec::new();
        let at = returned.at;
        let Some(index) =
            pending.iter().position(|call| call.tool_use_id == returned.tool_use_id && call.result.is_none())
        else {
            // A result nobody waits for changes nothing.
            self.state = State::WithTools(pending);
            return Decision { step: Step::Wait, output };
        };
        if let Some(assessed) = &returned.assessed {
            self.trace(&mut output, at, |turn| trace::guardrail(turn, Side::Tool, assessed));
        }
        let first_open =
            pending.iter().position(|call| call.result.is_none() && matches!(call.work, Work::Function(_)));
        let (result, whole, failure) = self.take_outcome(&pending[index], &returned, &mut output);
        pending[index].result = Some(result);
        pending[index].whole = whole;
        if let Some(resource) = failure {
            let reason = format!(
                "{resource}: the function reports FAILURE: {}",
                pending[index].result.as_ref().map(result_text).unwrap_or_default()
            );
            self.trace(&mut output, at, |turn| {
                trace::failure(turn, Phase::Orchestration, returned.started_at, at, &reason)
            });
            self.give_up(pending, "Another call of the same step failed; whether this one did its work is unknown.");
            return self.fail(FailureKind::Dependency, FAILED_RESPONSE.to_owned(), Some(resource), output);
        }
        pending[index].reprompts = matches!(&returned.outcome, ToolOutcome::Succeeded(success) if success.response_state == ResponseState::Reprompt);
        pending[index].times = Some(CallTimes { started_at: returned.started_at, at, call_id: returned.call_id });
        // Observations come in the order of the calls: this one is shown when all before it have been, and takes along
        // those after it that were waiting.
        if first_open == Some(index) {
            self.show_observations(at, &mut pending[index..], &mut output);
        }
        self.go_on_when_done(at, pending, output)
    }

    fn show_observations(&self, at: Timestamp, pending: &mut [Pending], output: &mut Vec<Output>) {
        let functions = pending.iter_mut().filter(|call| matches!(call.work, Work::Function(_)) && !call.observed);
        for (index, call) in functions.enumerate() {
            if index > 0
                && let Some(call) = call.call()
            {
                self.trace(output, at, |turn| trace::invocation_input(turn, call, None));
            }
            let Some(result) = &call.result else { return };
            let whole = call.whole.take();
            self.trace(output, at, |turn| {
                let text = whole.unwrap_or_else(|| result_text(result));
                match call.reprompts {
                    true => trace::reprompt(turn, text, trace::RepromptSource::ActionGroup),
                    false => trace::action_group_output(turn, call.times.as_ref(), text),
                }
            });
            call.observed = true;
        }
    }

    /// Turns an outcome into the result the model reads. The second part is the whole result, where that is an excerpt; the
    /// third names what failed when the turn has to end.
    fn take_outcome(
        &mut self,
        pending: &Pending,
        returned: &ToolReturned,
        output: &mut Vec<Output>,
    ) -> (ToolResult, Option<String>, Option<String>) {
        let call = pending.call();
        let name = call.map(|call| action_name(&call.action)).unwrap_or_default();
        let tool_use_id = returned.tool_use_id.clone();
        let mut whole = None;
        let (text, status, failed) = match &returned.outcome {
            // A read is bounded by what was asked.
            ToolOutcome::Succeeded(success) if pending.reads.is_some() => {
                (success.body.clone(), ToolResultStatus::Success, false)
            }
            ToolOutcome::Succeeded(success) => {
                self.take_attributes(success);
                let status = match (success.response_state, success.http_status) {
                    (ResponseState::Success, None | Some(..400)) => ToolResultStatus::Success,
                    _ => ToolResultStatus::Error,
                };
                let failed = success.response_state == ResponseState::Failure;
                let text = match self.limits.excerpt_bytes() {
                    Some(bytes_max) => {
                        let excerpt = self.excerpt(&success.body, bytes_max);
                        whole = excerpt.is_some().then(|| observed(&success.body));
                        excerpt.unwrap_or_else(|| success.body.clone())
                    }
                    None => self.bounded(&name, &success.body, returned, output),
                };
                (text, status, failed)
            }
            ToolOutcome::Failed(failure) => {
                let reason = failure_reason(&name, failure);
                self.trace(output, returned.at, |turn| {
                    trace::failure(turn, Phase::Orchestration, returned.started_at, returned.at, &reason)
                });
                (failure.message.clone(), ToolResultStatus::Error, false)
            }
        };
        let result = ToolResult { tool_use_id, content: vec![ToolResultContent::Text(text)], status };
        let resource = failed.then(|| call.map(|call| call.function_arn.to_string()).unwrap_or_default());
        (result, whole, resource)
    }

    fn take_attributes(&mut self, success: &ToolSuccess) {
        if let Some(attributes) = &success.session_attributes {
            self.session_attributes.clone_from(attributes);
        }
        if let Some(attributes) = &success.prompt_session_attributes {
            self.prompt_session_attributes.clone_from(attributes);
        }
    }

    /// Cuts a result that is too large, as was done before there were excerpts.
    fn bounded(&self, name: &str, body: &str, returned: &ToolReturned, output: &mut Vec<Output>) -> String {
        let limit = self.limits.tool_result_bytes_max;
        if body.len() <= limit {
            return body.to_owned();
        }
        let reason = format!("result of {name} is too large: {} bytes, {limit} are shown to the model", body.len());
        self.trace(output, returned.at, |turn| {
            trace::failure(turn, Phase::Orchestration, returned.started_at, returned.at, &reason)
        });
        let shown = &body[..body.floor_char_boundary(limit)];
        format!(
            "The result has {} bytes and is too large; only its first {} bytes follow. Ask for less if that is not enough.\n{shown}",
            body.len(),
            shown.len()
        )
    }

    /// All functions of the step have answered: the caller's part is next, or the model.
    pub(super) fn after_functions(
        &mut self,
        at: Timestamp,
        pending: Vec<Pending>,
        mut output: Vec<Output>,
    ) -> Decision {
        if pending.iter().any(|call| call.result.is_none()) {
            return self.return_control(at, pending, output);
        }
        let results = pending.into_iter().filter_map(|call| call.result).map(ContentBlock::ToolResult).collect();
        self.push(Message { role: Role::User, content: results });
        self.request.iteration += 1;
        let mut decision = self.ask_model(Phase::Orchestration, at, Vec::new());
        output.append(&mut decision.output);
        Decision { output, ..decision }
    }
}

/// Most bytes of a result in the trace: a frame of the stream has its limit.
const OBSERVED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A result as the trace shows it.
pub(super) fn observed(whole: &str) -> String {
    whole[..whole.floor_char_boundary(OBSERVED_BYTES_MAX)].to_owned()
}

pub(super) fn result_text(result: &ToolResult) -> String {
    result.content.iter().map(ToolResultContent::words).collect()
}

fn failure_reason(name: &str, failure: &ToolFailure) -> String {
    let mut reason = format!("{name}: {}", failure.message);
    if !failure.detail.is_empty() {
        reason.push('\n');
        reason.push_str(&failure.detail);
    }
    reason
}
