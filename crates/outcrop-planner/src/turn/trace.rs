//! Trace parts, as the service shapes them. One iteration shares one id: `<request id>-<iteration>`.

use super::calls::CallTimes;
use super::collaboration::{Ask, CollaboratorCall};
use super::event::{CollaboratorOutcome, CollaboratorReturned, ControlResult, ModelReplied, Output, Summarized};
use super::guard::{self, Assessed, Side};
use super::phases::Verdict;
use super::{Turn, raw};
use crate::phase::Phase;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_ports::{
    Action, ContentBlock, InferenceConfig, ModelReply, ModelRequest, Parameter, ResponseState, ToolCall, Usage,
};
use outcrop_wire::Timestamp;
use serde_json::json;

/// How a turn comes to its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With an answer.
    Finish,
    /// With a question.
    AskUser,
}

/// Who asks the model to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RepromptSource {
    /// The reply could not be understood.
    Parser,
    /// A function wants another try.
    ActionGroup,
}

fn trace_id(turn: &Turn) -> Option<String> {
    let phase = if turn.routed.is_some() { Phase::RoutingClassifier } else { Phase::Orchestration };
    phase_trace_id(turn, phase)
}

fn phase_trace_id(turn: &Turn, phase: Phase) -> Option<String> {
    let id = &turn.request.id;
    Some(match phase {
        Phase::PreProcessing => format!("{id}-pre-0"),
        Phase::PostProcessing => format!("{id}-post-0"),
        Phase::RoutingClassifier => format!("{id}-routing-0"),
        Phase::KnowledgeBaseResponseGeneration => format!("{id}-KB-null-0"),
        Phase::Orchestration | Phase::MemorySummarization => format!("{id}-{}", turn.request.iteration),
    })
}

fn orchestration(part: api::OrchestrationTrace) -> api::Trace {
    api::Trace::OrchestrationTrace(part)
}

fn metadata(started_at: Timestamp, at: Timestamp, client_request_id: &str) -> api::Metadata {
    api::Metadata {
        client_request_id: Some(client_request_id.to_owned()),
        start_time: Some(started_at),
        end_time: Some(at),
        total_time_ms: Some(at.millis_since(started_at)),
        ..api::Metadata::default()
    }
}

pub(super) fn model_invocation_input(turn: &Turn, phase: Phase, request: &ModelRequest) -> api::Trace {
    let text = json!({"system": request.system.join("\n"), "messages": request.messages}).to_string();
    let prompt = turn.agent.prompts.get(phase);
    let inference = &request.inference;
    // Recordings of inline agents have none, and those of the knowledge base step no model.
    let inference_configuration = (!turn.agent.is_inline()).then(|| match phase {
        Phase::RoutingClassifier if prompt.inference == InferenceConfig::default() => {
            api::InferenceConfiguration::default()
        }
        _ => api::InferenceConfiguration {
            maximum_length: inference.max_tokens.map(i64::from),
            stop_sequences: Some(inference.stop_sequences.clone()),
            temperature: inference.temperature,
            top_k: inference.top_k.map(i64::from),
            top_p: inference.top_p,
        },
    });
    // A custom orchestration writes its own requests: the agent's prompts and their parsers have no part in them.
    let overridden = |is: bool| (is && turn.custom.is_none()).then_some(api::CreationMode::Overridden);
    let input = api::ModelInvocationInput {
        foundation_model: (phase != Phase::KnowledgeBaseResponseGeneration).then(|| request.model_id.clone()),
        inference_configuration,
        override_lambda: prompt.parser.as_deref().filter(|_| turn.custom.is_none()).map(str::to_owned),
        parser_mode: overridden(prompt.parser.is_some()),
        prompt_creation_mode: overridden(prompt.is_overridden),
        text: Some(text),
        trace_id: phase_trace_id(turn, phase),
        r#type: Some(prompt_type(phase)),
    };
    match phase {
        Phase::PreProcessing => api::Trace::PreProcessingTrace(api::PreProcessingTrace::ModelInvocationInput(input)),
        Phase::PostProcessing => api::Trace::PostProcessingTrace(api::PostProcessingTrace::ModelInvocationInput(input)),
        Phase::RoutingClassifier => {
            api::Trace::RoutingClassifierTrace(api::RoutingClassifierTrace::ModelInvocationInput(input))
        }
        Phase::Orchestration | Phase::KnowledgeBaseResponseGeneration | Phase::MemorySummarization => {
            orchestration(api::OrchestrationTrace::ModelInvocationInput(input))
        }
    }
}

/// The summary of earlier turns that no longer fit is asked for in the midst of the orchestration, so it stands there; of
/// the service's kinds of prompt it is nearest to that of memory.
pub(super) fn summary_input(turn: &Turn, request: &ModelRequest) -> api::Trace {
    let text = json!({"system": request.system.join("\n"), "messages": request.messages}).to_string();
    orchestration(api::OrchestrationTrace::ModelInvocationInput(api::ModelInvocationInput {
        foundation_model: Some(request.model_id.clone()),
        inference_configuration: None,
        override_lambda: None,
        parser_mode: None,
        prompt_creation_mode: None,
        text: Some(text),
        trace_id: trace_id(turn),
        r#type: Some(api::PromptType::MemorySummarization),
    }))
}

pub(super) fn summary_output(turn: &Turn, summarized: &Summarized, reply: &ModelReply) -> api::Trace {
    orchestration(api::OrchestrationTrace::ModelInvocationOutput(api::OrchestrationModelInvocationOutput {
        metadata: Some(usage_metadata(&reply.usage, summarized.started_at, summarized.at, &summarized.call_id)),
        raw_response: Some(api::RawResponse {
            content: Some(raw::response(turn.model_of(Phase::Orchestration), reply)),
        }),
        reasoning_content: None,
        trace_id: trace_id(turn),
    }))
}

/// What was shortened in the conversation. The service has no part for it; this one takes a text and names no step that
/// did not happen, so no reader of orchestration traces is misled.
pub(super) fn shortened(turn: &Turn, text: String) -> api::Trace {
    api::Trace::CustomOrchestrationTrace(api::CustomOrchestrationTrace {
        event: Some(api::CustomOrchestrationTraceEvent { text: Some(text) }),
        trace_id: trace_id(turn),
    })
}

fn prompt_type(phase: Phase) -> api::PromptType {
    match phase {
        Phase::PreProcessing => api::PromptType::PreProcessing,
        Phase::Orchestration => api::PromptType::Orchestration,
        Phase::KnowledgeBaseResponseGeneration => api::PromptType::KnowledgeBaseResponseGeneration,
        Phase::PostProcessing => api::PromptType::PostProcessing,
        Phase::RoutingClassifier => api::PromptType::RoutingClassifier,
        Phase::MemorySummarization => api::PromptType::MemorySummarization,
    }
}

pub(super) fn orchestration_output(turn: &Turn, replied: &ModelReplied) -> api::Trace {
    output_of(turn, Phase::Orchestration, replied)
}

pub(super) fn knowledge_base_output(turn: &Turn, replied: &ModelReplied) -> api::Trace {
    output_of(turn, Phase::KnowledgeBaseResponseGeneration, replied)
}

fn output_of(turn: &Turn, phase: Phase, replied: &ModelReplied) -> api::Trace {
    orchestration(api::OrchestrationTrace::ModelInvocationOutput(api::OrchestrationModelInvocationOutput {
        metadata: Some(reply_metadata(replied)),
        raw_response: Some(raw_response(turn, phase, replied)),
        reasoning_content: reasoning_content(replied),
        trace_id: phase_trace_id(turn, phase),
    }))
}

/// `verdict` is missing when the reply could not be read.
pub(super) fn pre_processing_output(turn: &Turn, replied: &ModelReplied, verdict: Option<&Verdict>) -> api::Trace {
    let parsed = verdict.map(|verdict| api::PreProcessingParsedResponse {
        is_valid: Some(verdict.is_valid),
        rationale: verdict.rationale.clone(),
    });
    let output = api::PreProcessingModelInvocationOutput {
        metadata: Some(reply_metadata(replied)),
        parsed_response: parsed,
        raw_response: Some(raw_response(turn, Phase::PreProcessing, replied)),
        reasoning_content: reasoning_content(replied),
        trace_id: phase_trace_id(turn, Phase::PreProcessing),
    };
    api::Trace::PreProcessingTrace(api::PreProcessingTrace::ModelInvocationOutput(output))
}

pub(super) fn routing_output(turn: &Turn, replied: &ModelReplied) -> api::Trace {
    api::Trace::RoutingClassifierTrace(api::RoutingClassifierTrace::ModelInvocationOutput(
        api::RoutingClassifierModelInvocationOutput {
            metadata: Some(reply_metadata(replied)),
            raw_response: Some(raw_response(turn, Phase::RoutingClassifier, replied)),
            trace_id: phase_trace_id(turn, Phase::RoutingClassifier),
        },
    ))
}

/// `text` is missing when the reply could not be read.
pub(super) fn post_processing_output(turn: &Turn, replied: &ModelReplied, text: Option<&str>) -> api::Trace {
    let output = api::PostProcessingModelInvocationOutput {
        metadata: Some(reply_metadata(replied)),
        parsed_response: text.map(|text| api::PostProcessingParsedResponse { text: Some(text.to_owned()) }),
        raw_response: Some(raw_response(turn, Phase::PostProcessing, replied)),
        reasoning_content: reasoning_content(replied),
        trace_id: phase_trace_id(turn, Phase::PostProcessing),
    };
    api::Trace::PostProcessingTrace(api::PostProcessingTrace::ModelInvocationOutput(output))
}

fn reply_metadata(replied: &ModelReplied) -> api::Metadata {
    usage_metadata(&replied.reply.usage, replied.started_at, replied.at, &replied.call_id)
}

fn usage_metadata(usage: &Usage, started_at: Timestamp, at: Timestamp, call_id: &str) -> api::Metadata {
    let usage = api::Usage {
        input_tokens: i64::try_from(usage.input_tokens).ok(),
        output_tokens: i64::try_from(usage.output_tokens).ok(),
    };
    api::Metadata { usage: Some(usage), ..metadata(started_at, at, call_id) }
}

fn raw_response(turn: &Turn, phase: Phase, replied: &ModelReplied) -> api::RawResponse {
    api::RawResponse { content: Some(raw::response(turn.model_of(phase), &replied.reply)) }
}

fn reasoning_content(replied: &ModelReplied) -> Option<api::ReasoningContentBlock> {
    replied.reply.message.content.iter().find_map(|block| match block {
        ContentBlock::ReasoningContent(reasoning) if !reasoning.text.is_empty() => {
            Some(api::ReasoningContentBlock::ReasoningText(api::ReasoningTextBlock {
                text: reasoning.text.clone(),
                signature: reasoning.signature.clone(),
            }))
        }
        _ => None,
    })
}

/// What the author's orchestration wants to be seen of its step.
pub(super) fn custom_orchestration(turn: &Turn, text: String) -> api::Trace {
    api::Trace::CustomOrchestrationTrace(api::CustomOrchestrationTrace {
        event: Some(api::CustomOrchestrationTraceEvent { text: Some(text) }),
        trace_id: trace_id(turn),
    })
}

pub(super) fn rationale(turn: &Turn, text: String) -> api::Trace {
    orchestration(api::OrchestrationTrace::Rationale(api::Rationale { text: Some(text), trace_id: trace_id(turn) }))
}

pub(super) fn parameters(parameters: &[Parameter]) -> Vec<api::Parameter> {
    parameters
        .iter()
        .map(|parameter| api::Parameter {
            name: Some(parameter.name.clone()),
            r#type: Some(parameter.r#type.clone()),
            value: Some(parameter.value.clone()),
        })
        .collect()
}

/// `invocation_id` is there when control returns to the caller.
pub(super) fn invocation_input(turn: &Turn, call: &ToolCall, invocation_id: Option<&str>) -> api::Trace {
    let (function, api_path, verb) = match &call.action {
        Action::Function(name) => (Some(name.to_string()), None, None),
        Action::ApiOperation { api_path, http_method } => {
            (None, Some(api_path.to_string()), Some(http_method.to_string()))
        }
    };
    let execution_type =
        if invocation_id.is_some() { api::ExecutionType::ReturnControl } else { api::ExecutionType::Lambda };
    let request_body = call.request_body.as_ref().map(|body| api::RequestBody {
        content: Some([(body.media_type.clone(), parameters(&body.properties))].into()),
    });
    let input = api::ActionGroupInvocationInput {
        action_group_name: Some(call.action_group.to_string()),
        execution_type: Some(execution_type),
        invocation_id: invocation_id.map(str::to_owned),
        function,
        api_path,
        verb,
        parameters: (!call.parameters.is_empty()).then(|| parameters(&call.parameters)),
        request_body,
    };
    invocation(
        turn,
        api::InvocationInput {
            invocation_type: Some(api::InvocationType::ActionGroup),
            action_group_invocation_input: Some(input),
            ..api::InvocationInput::default()
        },
    )
}

/// Under the classifier's trace while a request is routed whole, else under the orchestration's.
fn invocation(turn: &Turn, input: api::InvocationInput) -> api::Trace {
    let input = api::InvocationInput { trace_id: trace_id(turn), ..input };
    match turn.routed.is_some() {
        true => api::Trace::RoutingClassifierTrace(api::RoutingClassifierTrace::InvocationInput(input)),
        false => orchestration(api::OrchestrationTrace::InvocationInput(input)),
    }
}

/// `times` are those of our call; what the caller did has none.
///
/// Observations tell how long something took, not from when to when as the service's do: programs print them with
/// `json.dumps`, which stops at the times that botocore makes of those. The event's own time is the end.
pub(super) fn action_group_output(turn: &Turn, times: Option<&CallTimes>, text: String) -> api::Trace {
    let metadata = times.map(|times| api::Metadata {
        client_request_id: Some(times.call_id.clone()),
        total_time_ms: Some(times.at.millis_since(times.started_at)),
        ..api::Metadata::default()
    });
    observation(turn, api::Type::ActionGroup, |observation| {
        observation.action_group_invocation_output =
            Some(api::ActionGroupInvocationOutput { metadata, text: Some(text) });
    })
}

/// A message to a collaborator, or the caller's results for it.
pub(super) fn collaborator_input(turn: &Turn, call: &CollaboratorCall) -> api::Trace {
    let input = match &call.ask {
        Ask::Text(text) => api::AgentCollaboratorInputPayload {
            r#type: Some(api::PayloadType::Text),
            text: Some(text.clone()),
            return_control_results: None,
        },
        Ask::Results { invocation_id, results } => api::AgentCollaboratorInputPayload {
            r#type: Some(api::PayloadType::ReturnControl),
            text: None,
            return_control_results: Some(api::ReturnControlResults {
                invocation_id: Some(invocation_id.clone()),
                return_control_invocation_results: Some(results.iter().map(result_member).collect()),
            }),
        },
    };
    invocation(
        turn,
        api::InvocationInput {
            invocation_type: Some(api::InvocationType::AgentCollaborator),
            agent_collaborator_invocation_input: Some(api::AgentCollaboratorInvocationInput {
                agent_collaborator_alias_arn: Some(call.collaborator.alias_arn.to_string()),
                agent_collaborator_name: Some(call.collaborator.name.to_string()),
                input: Some(input),
            }),
            ..api::InvocationInput::default()
        },
    )
}

/// A result of the caller's as the wire has it.
fn result_member(result: &ControlResult) -> api::InvocationResultMember {
    let state =
        |confirmed: bool| if confirmed { api::ConfirmationState::Confirm } else { api::ConfirmationState::Deny };
    let confirmation_state = result.confirmed.map(state);
    let response_state = match result.response_state {
        ResponseState::Success => None,
        ResponseState::Failure => Some(api::ResponseState::Failure),
        ResponseState::Reprompt => Some(api::ResponseState::Reprompt),
    };
    let body = |key: &str| {
        let body = api::ContentBody { body: result.body.clone(), ..api::ContentBody::default() };
        result.body.is_some().then(|| [(key.to_owned(), body)].into())
    };
    match &result.api_path {
        None => api::InvocationResultMember::FunctionResult(api::FunctionResult {
            action_group: result.action_group.clone(),
            agent_id: result.agent_id.clone(),
            confirmation_state,
            function: result.function.clone(),
            response_body: body("TEXT"),
            response_state,
        }),
        Some(path) => api::InvocationResultMember::ApiResult(api::ApiResult {
            action_group: result.action_group.clone(),
            agent_id: result.agent_id.clone(),
            api_path: Some(path.clone()),
            confirmation_state,
            http_method: result.http_method.clone(),
            http_status_code: result.http_status,
            response_body: body("application/json"),
            response_state,
        }),
    }
}

/// What a collaborator answered, or what it wants of the caller. As for other observations, without start and end.
pub(super) fn collaborator_output(turn: &Turn, call: &CollaboratorCall, returned: &CollaboratorReturned) -> api::Trace {
    let output = match &returned.outcome {
        CollaboratorOutcome::Answered { text, .. } | CollaboratorOutcome::Failed { message: text } => {
            api::AgentCollaboratorOutputPayload {
                r#type: Some(api::PayloadType::Text),
                text: Some(text.clone()),
                return_control_payload: None,
            }
        }
        CollaboratorOutcome::ReturnedControl { payload, .. } => api::AgentCollaboratorOutputPayload {
            r#type: Some(api::PayloadType::ReturnControl),
            text: None,
            return_control_payload: Some(payload.clone()),
        },
    };
    let metadata = api::Metadata {
        client_request_id: Some(returned.request_id.clone()),
        total_time_ms: Some(returned.at.millis_since(returned.started_at)),
        ..api::Metadata::default()
    };
    observation(turn, api::Type::AgentCollaborator, |observation| {
        observation.agent_collaborator_invocation_output = Some(api::AgentCollaboratorInvocationOutput {
            agent_collaborator_alias_arn: Some(call.collaborator.alias_arn.to_string()),
            agent_collaborator_name: Some(call.collaborator.name.to_string()),
            metadata: Some(metadata),
            output: Some(output),
        });
    })
}

pub(super) fn reprompt(turn: &Turn, text: String, source: RepromptSource) -> api::Trace {
    let source = match source {
        RepromptSource::Parser => api::Source::Parser,
        RepromptSource::ActionGroup => api::Source::ActionGroup,
    };
    observation(turn, api::Type::Reprompt, |observation| {
        observation.reprompt_response = Some(api::RepromptResponse { source: Some(source), text: Some(text) });
    })
}

/// The last part of a turn. Its metadata has no total of its own but that of the whole request.
pub(super) fn final_response(turn: &Turn, at: Timestamp, text: &str, ending: Ending) -> api::Trace {
    let kind = match ending {
        Ending::Finish => api::Type::Finish,
        Ending::AskUser => api::Type::AskUser,
    };
    let began_at = turn.request.began_at;
    let metadata =
        api::Metadata { operation_total_time_ms: Some(at.millis_since(began_at)), ..api::Metadata::default() };
    observation(turn, kind, |observation| {
        observation.final_response = Some(api::FinalResponse { metadata: Some(metadata), text: Some(text.to_owned()) });
    })
}

fn observation(turn: &Turn, kind: api::Type, fill: impl FnOnce(&mut api::Observation)) -> api::Trace {
    let mut observation =
        api::Observation { trace_id: trace_id(turn), r#type: Some(kind), ..api::Observation::default() };
    fill(&mut observation);
    match turn.routed.is_some() {
        true => api::Trace::RoutingClassifierTrace(api::RoutingClassifierTrace::Observation(observation)),
        false => orchestration(api::OrchestrationTrace::Observation(observation)),
    }
}

/// What guardrails said of a text. The service has no place for results of tools: they are inputs of the model.
pub(super) fn guardrail(turn: &Turn, side: Side, assessed: &Assessed) -> api::Trace {
    let id = &turn.request.id;
    let (place, inputs, outputs) = match side {
        Side::Input => ("pre-0".to_owned(), Some(assessed.assessments.clone()), None),
        Side::Output => ("post-0".to_owned(), None, Some(assessed.assessments.clone())),
        Side::Tool => (format!("tool-{}", turn.request.iteration), Some(assessed.assessments.clone()), None),
    };
    api::Trace::GuardrailTrace(api::GuardrailTrace {
        action: Some(match assessed.verdict {
            guard::Verdict::Passed => api::GuardrailAction::None,
            guard::Verdict::Masked | guard::Verdict::Blocked => api::GuardrailAction::Intervened,
        }),
        input_assessments: inputs,
        metadata: Some(metadata(assessed.started_at, assessed.at, &assessed.call_id)),
        output_assessments: outputs,
        trace_id: Some(format!("{id}-guardrail-{place}")),
    })
}

/// Puts another answer in place of the one that a part shows.
pub(super) fn replace_answer(part: &mut Output, text: &str) {
    let Output::Trace { trace, .. } = part;
    let observation = match trace.as_mut() {
        api::Trace::RoutingClassifierTrace(api::RoutingClassifierTrace::Observation(observation))
        | api::Trace::OrchestrationTrace(api::OrchestrationTrace::Observation(observation)) => observation,
        api::Trace::PostProcessingTrace(api::PostProcessingTrace::ModelInvocationOutput(output)) => {
            if let Some(parsed) = &mut output.parsed_response {
                parsed.text = Some(text.to_owned());
            }
            return;
        }
        _ => return,
    };
    if let Some(response) = &mut observation.final_response {
        response.text = Some(text.to_owned());
    }
}

pub(super) fn failure(turn: &Turn, phase: Phase, started_at: Timestamp, at: Timestamp, reason: &str) -> api::Trace {
    api::Trace::FailureTrace(api::FailureTrace {
        failure_code: None,
        failure_reason: Some(reason.to_owned()),
        metadata: Some(api::Metadata {
            start_time: Some(started_at),
            end_time: Some(at),
            total_time_ms: Some(at.millis_since(started_at)),
            ..api::Metadata::default()
        }),
        trace_id: phase_trace_id(turn, phase),
    })
}
