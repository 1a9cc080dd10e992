//! Trace parts, as the service shapes them. One iteration shares one id: `<request id>-<iteration>`.

use super::Turn;
use super::calls::CallTimes;
use super::event::ModelReplied;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_ports::{Action, ContentBlock, ModelRequest, Parameter, ToolCall, Usage};
use outcrop_wire::Timestamp;
use serde_json::{Value, json};

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
    Some(format!("{}-{}", turn.request.id, turn.request.iteration))
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

pub(super) fn model_invocation_input(turn: &Turn, request: &ModelRequest) -> api::Trace {
    let text = json!({"system": request.system.join("\n"), "messages": request.messages}).to_string();
    let inference = &request.inference;
    orchestration(api::OrchestrationTrace::ModelInvocationInput(api::ModelInvocationInput {
        foundation_model: Some(request.model_id.clone()),
        inference_configuration: Some(api::InferenceConfiguration {
            maximum_length: inference.max_tokens.map(i64::from),
            stop_sequences: Some(inference.stop_sequences.clone()),
            temperature: inference.temperature,
            top_k: inference.top_k.map(i64::from),
            top_p: inference.top_p,
        }),
        text: Some(text),
        trace_id: trace_id(turn),
        r#type: Some(api::PromptType::Orchestration),
        ..api::ModelInvocationInput::default()
    }))
}

pub(super) fn model_invocation_output(turn: &Turn, replied: &ModelReplied) -> api::Trace {
    let reply = &replied.reply;
    let usage = api::Usage {
        input_tokens: i64::try_from(reply.usage.input_tokens).ok(),
        output_tokens: i64::try_from(reply.usage.output_tokens).ok(),
    };
    let reasoning_content = reply.message.content.iter().find_map(|block| match block {
        ContentBlock::ReasoningContent(reasoning) => {
            Some(api::ReasoningContentBlock::ReasoningText(api::ReasoningTextBlock {
                text: reasoning.text.clone(),
                signature: reasoning.signature.clone(),
            }))
        }
        _ => None,
    });
    let content = json!({"output": {"message": reply.message}, "stopReason": reply.stop_reason, "usage": usage_form(&reply.usage)});
    orchestration(api::OrchestrationTrace::ModelInvocationOutput(api::OrchestrationModelInvocationOutput {
        metadata: Some(api::Metadata {
            usage: Some(usage),
            ..metadata(replied.started_at, replied.at, &replied.call_id)
        }),
        raw_response: Some(api::RawResponse { content: Some(content.to_string()) }),
        reasoning_content,
        trace_id: trace_id(turn),
    }))
}

/// Converse's form, which also has the sum.
fn usage_form(usage: &Usage) -> Value {
    let mut form = json!(usage);
    form["totalTokens"] = json!(usage.input_tokens + usage.output_tokens);
    form
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
    orchestration(api::OrchestrationTrace::InvocationInput(api::InvocationInput {
        invocation_type: Some(api::InvocationType::ActionGroup),
        action_group_invocation_input: Some(input),
        trace_id: trace_id(turn),
        ..api::InvocationInput::default()
    }))
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
    orchestration(api::OrchestrationTrace::Observation(observation))
}

pub(super) fn failure(turn: &Turn, started_at: Timestamp, at: Timestamp, reason: &str) -> api::Trace {
    api::Trace::FailureTrace(api::FailureTrace {
        failure_code: None,
        failure_reason: Some(reason.to_owned()),
        metadata: Some(api::Metadata {
            start_time: Some(started_at),
            end_time: Some(at),
            total_time_ms: Some(at.millis_since(started_at)),
            ..api::Metadata::default()
        }),
        trace_id: trace_id(turn),
    })
}
