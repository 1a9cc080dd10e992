//! Return of control: giving the caller its part, and taking it back.

use super::calls::{Asks, Pending, RETURNED_ACTIONS_MAX, Work};
use super::collaboration::Ask;
use super::event::{ControlResult, ControlReturned, Decision, FailureKind, Output, Step};
use super::reply::FAILED_RESPONSE;
use super::{State, Turn, trace};
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_ports::{Action, ResponseState, ToolCall, ToolResult, ToolResultContent, ToolResultStatus};
use outcrop_wire::Timestamp;
use std::collections::BTreeMap;

impl Turn {
    /// The invocation id the caller has to answer with, while the turn is with the caller.
    pub fn awaited_invocation(&self) -> Option<&str> {
        match &self.state {
            State::WithCaller { invocation_id, .. } | State::Stalled { invocation_id, .. } => Some(invocation_id),
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
        let given = given_out(pending);
        let assigned = assign(&given, results);
        for (action, result) in given.iter().zip(&assigned) {
            let Some(result) = result else {
                return Err(format!("The result of {} is missing in returnControlInvocationResults.", action.name()));
            };
            if action.asks_consent && result.confirmed.is_none() {
                return Err(format!("The result of {} needs confirmationState: CONFIRM or DENY.", result.action_group));
            }
        }
        if results.len() > given.len() {
            return Err(format!(
                "returnControlInvocationResults has {} results for {} actions.",
                results.len(),
                given.len()
            ));
        }
        Ok(())
    }

    pub(super) fn return_control(&mut self, at: Timestamp, pending: Vec<Pending>, mut output: Vec<Output>) -> Decision {
        // Derived, not random: the same events give the same id again.
        let invocation_id = invocation_id(&self.request.id, self.request.iteration);
        let own: Vec<(&ToolCall, Asks)> = pending.iter().filter_map(own_action).take(RETURNED_ACTIONS_MAX).collect();
        for (call, _) in &own {
            self.trace(&mut output, at, |turn| trace::invocation_input(turn, call, Some(&invocation_id)));
        }
        let mut invocation_inputs: Vec<_> = own.iter().map(|(call, asks)| self.invocation_input(call, *asks)).collect();
        invocation_inputs.extend(self.waiting_inputs(&pending, RETURNED_ACTIONS_MAX - own.len()));
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
            self.prompt_session_attributes = attributes;
        }
        let mut output = Vec::new();
        let mut failed = None;
        let mut for_collaborators: BTreeMap<usize, Vec<ControlResult>> = BTreeMap::new();
        let given = given_out(&pending);
        let assigned = assign(&given, &returned.results);
        let taken: Vec<_> = given.iter().map(|action| (action.pending, action.is_own)).zip(assigned).collect();
        for ((index, is_own), result) in taken {
            let call = &mut pending[index];
            let Some(result) = result else {
                call.result = Some(super::error_result(call.tool_use_id.clone(), "The user gave no result."));
                continue;
            };
            if !is_own {
                for_collaborators.entry(index).or_default().push(result.clone());
                continue;
            }
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
                    let mut tool_result = control_result(&call.tool_use_id, result, denied);
                    let text = super::reply::result_text(&tool_result);
                    // What a user says to a refusal is no result that could be read on.
                    let excerpt = match (self.limits.excerpt_bytes(), denied) {
                        (Some(bytes_max), false) => self.excerpt(&text, bytes_max),
                        (Some(bytes_max), true) => Some(text[..text.floor_char_boundary(bytes_max)].to_owned()),
                        (None, _) => None,
                    };
                    if let Some(excerpt) = excerpt {
                        tool_result.content = vec![ToolResultContent::Text(excerpt)];
                    }
                    let text = super::reply::observed(&text);
                    self.trace(&mut output, at, |turn| trace::action_group_output(turn, None, text));
                    call.result = Some(tool_result);
                }
            }
        }
        if let Some(group) = failed {
            self.give_up(pending, "Given up: another action of the same step failed.");
            return self.fail(FailureKind::Dependency, FAILED_RESPONSE.to_owned(), Some(group), output);
        }
        for (index, results) in for_collaborators {
            let Some(waiting) = pending[index].waiting().cloned() else { continue };
            let invocation_id = waiting.payload.invocation_id.unwrap_or_default();
            let tool_use_id = pending[index].tool_use_id.clone();
            let ask = Ask::Results { invocation_id, results };
            let call = self.call_of(tool_use_id, waiting.call.collaborator, ask);
            pending[index].work = Work::Collaborator(call);
        }
        self.call_or_go_on(at, pending, output)
    }
}

/// What was given to the caller: in this order, in one event.
struct GivenOut<'a> {
    /// Whose of the step's pending work it is.
    pending: usize,
    /// Whether this agent asked, rather than one of its collaborators.
    is_own: bool,
    asks_consent: bool,
    agent_id: Option<&'a str>,
    action_group: &'a str,
    function: Option<&'a str>,
    api_path: Option<&'a str>,
    http_method: Option<&'a str>,
}

impl GivenOut<'_> {
    fn name(&self) -> String {
        let action = match self.function {
            Some(function) => function.to_owned(),
            None => {
                let method = self.http_method.unwrap_or_default().to_ascii_uppercase();
                format!("{method} {}", self.api_path.unwrap_or_default())
            }
        };
        format!("{}.{action}", self.action_group)
    }

    fn answered_by(&self, result: &ControlResult) -> bool {
        let same = |asked: Option<&str>, given: Option<&str>| given.is_none() || given == asked;
        let is_api = self.function.is_none();
        *self.action_group == *result.action_group
            && same(self.agent_id, result.agent_id.as_deref().filter(|_| self.agent_id.is_some()))
            && match is_api {
                true => {
                    result.function.is_none()
                        && same(self.api_path, result.api_path.as_deref())
                        && result.http_method.as_deref().is_none_or(|method| {
                            self.http_method.is_some_and(|asked| method.eq_ignore_ascii_case(asked))
                        })
                }
                false => same(self.function, result.function.as_deref()) && result.api_path.is_none(),
            }
    }
}

fn own_action(pending: &Pending) -> Option<(&ToolCall, Asks)> {
    match &pending.work {
        Work::Caller { call, asks } if pending.result.is_none() => Some((call, *asks)),
        _ => None,
    }
}

fn given_out(pending: &[Pending]) -> Vec<GivenOut<'_>> {
    let mut given = Vec::new();
    for (index, one) in pending.iter().enumerate() {
        let Some((call, asks)) = own_action(one) else { continue };
        let (function, api_path, http_method) = match &call.action {
            Action::Function(name) => (Some(&**name), None, None),
            Action::ApiOperation { api_path, http_method } => (None, Some(&**api_path), Some(&**http_method)),
        };
        given.push(GivenOut {
            pending: index,
            is_own: true,
            asks_consent: asks != Asks::Result,
            agent_id: None,
            action_group: &call.action_group,
            function,
            api_path,
            http_method,
        });
    }
    given.truncate(RETURNED_ACTIONS_MAX);
    for (index, one) in pending.iter().enumerate() {
        let Some(waiting) = one.waiting() else { continue };
        if given.len() + waiting.inputs().len() > RETURNED_ACTIONS_MAX {
            break;
        }
        given.extend(waiting.inputs().iter().map(|input| collaborators_action(index, input)));
    }
    given
}

fn collaborators_action(pending: usize, input: &api::InvocationInputMember) -> GivenOut<'_> {
    let (action_group, asks, agent_id, function, api_path, http_method) = match input {
        api::InvocationInputMember::FunctionInvocationInput(input) => {
            (&input.action_group, input.action_invocation_type, &input.agent_id, input.function.as_deref(), None, None)
        }
        api::InvocationInputMember::ApiInvocationInput(input) => (
            &input.action_group,
            input.action_invocation_type,
            &input.agent_id,
            None,
            input.api_path.as_deref(),
            input.http_method.as_deref(),
        ),
    };
    GivenOut {
        pending,
        is_own: false,
        asks_consent: asks.is_some_and(|asks| asks != api::ActionInvocationType::Result),
        agent_id: agent_id.as_deref(),
        action_group,
        function,
        api_path,
        http_method,
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

/// Gives each action its result: by agent, group and action, in order where the same action was asked for twice.
fn assign<'a>(given: &[GivenOut<'_>], results: &'a [ControlResult]) -> Vec<Option<&'a ControlResult>> {
    let mut free: Vec<&ControlResult> = results.iter().collect();
    let take = |action: &GivenOut<'_>| {
        let at = free.iter().position(|result| action.answered_by(result))?;
        Some(free.remove(at))
    };
    given.iter().map(take).collect()
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
