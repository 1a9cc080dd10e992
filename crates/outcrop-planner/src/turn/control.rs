//! Return of control: giving the caller its part, and taking it back.

use super::calls::{Asks, Pending, RETURNED_ACTIONS_MAX, Work, action_name};
use super::event::{ControlResult, ControlReturned, Decision, FailureKind, Output, Step};
use super::reply::FAILED_RESPONSE;
use super::{State, Turn, trace};
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_ports::{Action, ResponseState, ToolCall, ToolResult, ToolResultContent, ToolResultStatus};
use outcrop_wire::Timestamp;

impl Turn {
    /// The invocation id the caller has to answer with, while the turn is with the caller.
    pub fn awaited_invocation(&self) -> Option<&str> {
        match &self.state {
            State::WithCaller { invocation_id, .. } | State::Stalled { invocation_id } => Some(invocation_id),
            _ => None,
        }
    }

    /// Says what is wrong with the caller's results before they are taken: each action given out needs its result, and
    /// each result an action.
    pub fn check_results(&self, results: &[ControlResult]) -> Result<(), String> {
        if let State::Stalled { .. } = &self.state {
            return Ok(());
        }
        let State::WithCaller { pending, .. } = &self.state else {
            return Err("No action of this session waits for a result.".to_owned());
        };
        let open: Vec<&Pending> = pending.iter().filter(|call| call.result.is_none()).collect();
        let awaited: Vec<&ToolCall> = open.iter().filter_map(|call| call.call()).collect();
        let assigned = assign(&awaited, results);
        for (call, result) in awaited.iter().zip(&assigned) {
            if result.is_none() {
                return Err(format!(
                    "The result of {}.{} is missing in returnControlInvocationResults.",
                    call.action_group,
                    action_name(&call.action)
                ));
            }
        }
        for (call, result) in open.iter().zip(&assigned) {
            if let Some(result) = result
                && call.asks_consent()
                && result.confirmed.is_none()
            {
                return Err(format!("The result of {} needs confirmationState: CONFIRM or DENY.", result.action_group));
            }
        }
        if results.len() > awaited.len() {
            return Err(format!(
                "returnControlInvocationResults has {} results for {} actions.",
                results.len(),
                awaited.len()
            ));
        }
        Ok(())
    }

    pub(super) fn return_control(&mut self, at: Timestamp, pending: Vec<Pending>, mut output: Vec<Output>) -> Decision {
        // Derived, not random: the same events give the same id again.
        let invocation_id = invocation_id(&self.request.id, self.request.iteration);
        let open: Vec<(&ToolCall, Asks)> = pending
            .iter()
            .filter(|call| call.result.is_none())
            .filter_map(|call| match &call.work {
                Work::Caller { call, asks } => Some((call, *asks)),
                _ => None,
            })
            .take(RETURNED_ACTIONS_MAX)
            .collect();
        for (call, _) in &open {
            self.trace(&mut output, at, |turn| trace::invocation_input(turn, call, Some(&invocation_id)));
        }
        let invocation_inputs = open.iter().map(|(call, asks)| self.invocation_input(call, *asks)).collect();
        let payload = api::ReturnControlPayload {
            invocation_id: Some(invocation_id.clone()),
            invocation_inputs: Some(invocation_inputs),
        };
        self.state = State::WithCaller { invocation_id, pending };
        Decision { step: Step::ReturnControl(payload), output }
    }

    fn invocation_input(&self, call: &ToolCall, asks: Asks) -> api::InvocationInputMember {
        let asks = match asks {
            Asks::Result => api::ActionInvocationType::Result,
            Asks::Confirmation => api::ActionInvocationType::UserConfirmation,
            Asks::ConfirmationAndResult => api::ActionInvocationType::UserConfirmationAndResult,
        };
        let agent_id = Some(self.agent.agent_id.to_string());
        match &call.action {
            Action::Function(name) => {
                let parameters = call.parameters.iter().map(|parameter| api::FunctionParameter {
                    name: Some(parameter.name.clone()),
                    r#type: Some(parameter.r#type.clone()),
                    value: Some(parameter.value.clone()),
                });
                api::InvocationInputMember::FunctionInvocationInput(api::FunctionInvocationInput {
                    action_group: call.action_group.to_string(),
                    action_invocation_type: Some(asks),
                    agent_id,
                    collaborator_name: None,
                    function: Some(name.to_string()),
                    parameters: Some(parameters.collect()),
                })
            }
            Action::ApiOperation { api_path, http_method } => {
                let parameters = call.parameters.iter().map(|parameter| api::ApiParameter {
                    name: Some(parameter.name.clone()),
                    r#type: Some(parameter.r#type.clone()),
                    value: Some(parameter.value.clone()),
                });
                let request_body = call.request_body.as_ref().map(|body| api::ApiRequestBody {
                    content: Some(
                        [(
                            body.media_type.clone(),
                            api::PropertyParameters { properties: Some(trace::parameters(&body.properties)) },
                        )]
                        .into(),
                    ),
                });
                api::InvocationInputMember::ApiInvocationInput(api::ApiInvocationInput {
                    action_group: call.action_group.to_string(),
                    action_invocation_type: Some(asks),
                    agent_id,
                    api_path: Some(api_path.to_string()),
                    collaborator_name: None,
                    http_method: Some(http_method.to_string()),
                    parameters: Some(parameters.collect()),
                    request_body,
                })
            }
        }
    }

    pub(super) fn control_returned(&mut self, returned: ControlReturned, mut pending: Vec<Pending>) -> Decision {
        let at = returned.at;
        self.begin_request(at, returned.request_id, returned.enable_trace);
        if let Some(attributes) = returned.session_attributes {
            self.session_attributes = attributes;
        }
        if let Some(attributes) = returned.prompt_session_attributes {
            self.system = super::prompt::system(&self.agent, &attributes);
            self.prompt_session_attributes = attributes;
        }
        let mut output = Vec::new();
        let awaited: Vec<usize> = (0..pending.len()).filter(|&index| pending[index].result.is_none()).collect();
        let calls: Vec<&ToolCall> = awaited.iter().filter_map(|&index| pending[index].call()).collect();
        let assigned = assign(&calls, &returned.results);
        let mut failed = None;
        for (&index, result) in awaited.iter().zip(assigned) {
            let call = &mut pending[index];
            let Some(result) = result else {
                call.result = Some(super::error_result(call.tool_use_id.clone(), "The user gave no result."));
                continue;
            };
            if result.response_state == ResponseState::Failure {
                failed = Some(result.action_group.clone());
            }
            // Consent is given or it is not there.
            let denied = result.confirmed == Some(false) || (call.asks_consent() && result.confirmed != Some(true));
            match (&mut call.work, denied) {
                (work @ Work::Caller { asks: Asks::Confirmation, .. }, false) => {
                    if let Work::Caller { call, .. } = std::mem::replace(work, Work::Refused) {
                        *work = Work::Function(call);
                    }
                }
                _ => {
                    let tool_result = control_result(&call.tool_use_id, result, denied);
                    let text = super::reply::result_text(&tool_result);
                    self.trace(&mut output, at, |turn| trace::action_group_output(turn, None, text));
                    call.result = Some(tool_result);
                }
            }
        }
        if let Some(group) = failed {
            self.give_up(pending, "Given up: another action of the same step failed.");
            return self.fail(FailureKind::Dependency, FAILED_RESPONSE.to_owned(), Some(group), output);
        }
        let confirmed: Vec<ToolCall> = pending
            .iter()
            .filter(|call| call.result.is_none())
            .filter_map(|call| match &call.work {
                Work::Function(call) => Some(call.clone()),
                _ => None,
            })
            .collect();
        if confirmed.is_empty() {
            return self.after_functions(at, pending, output);
        }
        self.announce_next(at, &pending, &mut output);
        self.state = State::WithTools(pending);
        Decision { step: Step::CallTools(confirmed), output }
    }
}

fn control_result(tool_use_id: &str, result: &ControlResult, denied: bool) -> ToolResult {
    let body = result.body.as_deref().unwrap_or_default();
    let (text, status) = if denied {
        let said = if body.is_empty() { String::new() } else { format!(" They said: {body}") };
        (format!("The user declined this action; it was not run.{said}"), ToolResultStatus::Error)
    } else {
        let is_error =
            result.response_state == ResponseState::Reprompt || result.http_status.is_some_and(|status| status >= 400);
        (body.to_owned(), if is_error { ToolResultStatus::Error } else { ToolResultStatus::Success })
    };
    ToolResult { tool_use_id: tool_use_id.to_owned(), content: vec![ToolResultContent::Text(text)], status }
}

/// Gives each call its result: by group and action, in order where the same action was asked for twice.
fn assign<'a>(calls: &[&ToolCall], results: &'a [ControlResult]) -> Vec<Option<&'a ControlResult>> {
    let mut free: Vec<&ControlResult> = results.iter().collect();
    let mut take = |call: &ToolCall| {
        let at = free.iter().position(|result| answers(call, result))?;
        Some(free.remove(at))
    };
    calls.iter().map(|call| take(call)).collect()
}

fn answers(call: &ToolCall, result: &ControlResult) -> bool {
    if *call.action_group != *result.action_group {
        return false;
    }
    match &call.action {
        Action::Function(name) => {
            result.function.as_deref().is_none_or(|function| function == &**name) && result.api_path.is_none()
        }
        Action::ApiOperation { api_path, http_method } => {
            result.function.is_none()
                && result.api_path.as_deref().is_none_or(|path| path == &**api_path)
                && result.http_method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(http_method))
        }
    }
}

/// A UUID-shaped id made from the request's: unique as that is, and the same at every replay.
fn invocation_id(request_id: &str, iteration: u32) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ u64::from(iteration);
    let mut words = [0_u64; 2];
    for word in &mut words {
        for byte in request_id.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        *word = hash;
    }
    let digits = format!("{:016x}{:016x}", words[0], words[1]);
    format!("{}-{}-4{}-8{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}
