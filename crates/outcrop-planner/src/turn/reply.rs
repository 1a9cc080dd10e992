//! What comes back: the model's reply and the tools' results.

use super::calls::{CallTimes, Pending, Work, action_name};
use super::event::{Decision, FailureKind, Limit, ModelReplied, Output, Step, ToolReturned};
use super::trace::{self, Ending};
use super::{State, Turn, text};
use crate::agent::ToolKind;
use outcrop_ports::{
    ContentBlock, Message, ResponseState, Role, ToolFailure, ToolOutcome, ToolResult, ToolResultContent,
    ToolResultStatus, ToolSuccess,
};
use outcrop_wire::Timestamp;

/// What the service says when a function reports `FAILURE`.
pub(super) const FAILED_RESPONSE: &str = "Received failed response from API execution. Retry the request later.";

impl Turn {
    pub(super) fn model_replied(&mut self, replied: ModelReplied) -> Decision {
        let mut output = Vec::new();
        let at = replied.at;
        self.trace(&mut output, at, |turn| trace::model_invocation_output(turn, &replied));
        let message = replied.reply.message;
        let parts = text::split(&message.text());
        let uses_tools = message.tool_uses().next().is_some();
        if let Some(rationale) = rationale(&message, &parts, uses_tools) {
            self.trace(&mut output, at, |turn| trace::rationale(turn, rationale));
        }
        if let Some(question) = self.question(&message) {
            self.push(Message::assistant(question.as_str()));
            return self.finish(at, question, output, Ending::AskUser);
        }
        let pending = self.resolve(message.tool_uses());
        if !message.content.is_empty() {
            self.push(message);
        }
        if !uses_tools {
            return self.finish(at, parts.answer, output, Ending::Finish);
        }
        self.reprompt_or_work(at, pending, output)
    }

    /// The question of an ask-the-user tool, when it was used.
    fn question(&self, message: &Message) -> Option<String> {
        let asks = |name: &str| self.agent.tool(name).is_some_and(|tool| matches!(tool.kind, ToolKind::AskUser));
        let tool_use = message.tool_uses().find(|tool_use| asks(&tool_use.name))?;
        Some(tool_use.input.get("question")?.as_str()?.to_owned())
    }

    fn reprompt_or_work(&mut self, at: Timestamp, pending: Vec<Pending>, mut output: Vec<Output>) -> Decision {
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
        let calls = pending.iter().filter_map(|call| match &call.work {
            Work::Function(call) => Some(call.clone()),
            _ => None,
        });
        let calls: Vec<_> = calls.collect();
        if calls.is_empty() {
            return self.after_functions(at, pending, output);
        }
        self.announce_next(at, &pending, &mut output);
        self.state = State::WithTools(pending);
        Decision { step: Step::CallTools(calls), output }
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
        let first_open =
            pending.iter().position(|call| call.result.is_none() && matches!(call.work, Work::Function(_)));
        let (result, failure) = self.take_outcome(&pending[index], &returned, &mut output);
        pending[index].result = Some(result);
        if let Some(resource) = failure {
            let reason = format!(
                "{resource}: the function reports FAILURE: {}",
                pending[index].result.as_ref().map(result_text).unwrap_or_default()
            );
            self.trace(&mut output, at, |turn| trace::failure(turn, returned.started_at, at, &reason));
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
        if pending.iter().any(|call| call.result.is_none() && matches!(call.work, Work::Function(_))) {
            self.state = State::WithTools(pending);
            return Decision { step: Step::Wait, output };
        }
        self.after_functions(at, pending, output)
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
            self.trace(output, at, |turn| match call.reprompts {
                true => trace::reprompt(turn, result_text(result), trace::RepromptSource::ActionGroup),
                false => trace::action_group_output(turn, call.times.as_ref(), result_text(result)),
            });
            call.observed = true;
        }
    }

    /// Turns an outcome into the result the model reads. The second part names what failed when the turn has to end.
    fn take_outcome(
        &mut self,
        pending: &Pending,
        returned: &ToolReturned,
        output: &mut Vec<Output>,
    ) -> (ToolResult, Option<String>) {
        let call = pending.call();
        let name = call.map(|call| action_name(&call.action)).unwrap_or_default();
        let tool_use_id = returned.tool_use_id.clone();
        let (text, status, failed) = match &returned.outcome {
            ToolOutcome::Succeeded(success) => {
                self.take_attributes(success);
                let status = match (success.response_state, success.http_status) {
                    (ResponseState::Success, None | Some(..400)) => ToolResultStatus::Success,
                    _ => ToolResultStatus::Error,
                };
                let failed = success.response_state == ResponseState::Failure;
                (self.bounded(&name, &success.body, returned, output), status, failed)
            }
            ToolOutcome::Failed(failure) => {
                let reason = failure_reason(&name, failure);
                self.trace(output, returned.at, |turn| trace::failure(turn, returned.started_at, returned.at, &reason));
                (failure.message.clone(), ToolResultStatus::Error, false)
            }
        };
        let result = ToolResult { tool_use_id, content: vec![ToolResultContent::Text(text)], status };
        let resource = failed.then(|| call.map(|call| call.function_arn.to_string()).unwrap_or_default());
        (result, resource)
    }

    fn take_attributes(&mut self, success: &ToolSuccess) {
        if let Some(attributes) = &success.session_attributes {
            self.session_attributes.clone_from(attributes);
        }
        if let Some(attributes) = &success.prompt_session_attributes {
            self.prompt_session_attributes.clone_from(attributes);
            self.system = super::prompt::system(&self.agent, attributes);
        }
    }

    /// Cuts a result that is too large for the conversation and tells the model and the trace.
    fn bounded(&self, name: &str, body: &str, returned: &ToolReturned, output: &mut Vec<Output>) -> String {
        let limit = self.limits.tool_result_bytes_max;
        if body.len() <= limit {
            return body.to_owned();
        }
        let reason = format!("result of {name} is too large: {} bytes, {limit} are shown to the model", body.len());
        self.trace(output, returned.at, |turn| trace::failure(turn, returned.started_at, returned.at, &reason));
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
        let mut decision = self.ask_model(at, Vec::new());
        output.append(&mut decision.output);
        Decision { output, ..decision }
    }
}

/// Why the model does what it does, in its own words.
fn rationale(message: &Message, parts: &text::Parts, uses_tools: bool) -> Option<String> {
    let reasoning: Vec<&str> = message
        .content
        .iter()
        .filter_map(|block| match block {
            ContentBlock::ReasoningContent(reasoning) => Some(reasoning.text.trim()),
            _ => None,
        })
        .chain([parts.thinking.as_str()])
        .filter(|text| !text.is_empty())
        .collect();
    match (reasoning.is_empty(), uses_tools && !parts.answer.is_empty()) {
        (false, _) => Some(reasoning.join("\n")),
        (true, true) => Some(parts.answer.clone()),
        (true, false) => None,
    }
}

pub(super) fn result_text(result: &ToolResult) -> String {
    result
        .content
        .iter()
        .map(|content| match content {
            ToolResultContent::Text(text) => text.as_str(),
        })
        .collect()
}

fn failure_reason(name: &str, failure: &ToolFailure) -> String {
    let mut reason = format!("{name}: {}", failure.message);
    if !failure.detail.is_empty() {
        reason.push('\n');
        reason.push_str(&failure.detail);
    }
    reason
}
