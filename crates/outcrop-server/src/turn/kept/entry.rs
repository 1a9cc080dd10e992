//! One entry of a kept trace.

use crate::bill::cost;
use outcrop_api::bedrock_agent_runtime::TracePart;
use outcrop_planner::Phase;
use outcrop_planner::turn::collaboration::{Ask, CollaboratorCall};
use outcrop_planner::turn::results::ReadResult;
use outcrop_planner::turn::{
    Call, CancelledBy, CollaboratorOutcome, CollaboratorReturned, ControlReturned, Forked, Limit, ModelFailed,
    ModelReplied, ParserOutcome, ParserReturned, Started, Summarized, ToolReturned,
};
use outcrop_ports::{Action, ModelReply, PriceList, ToolCall, ToolOutcome, Usage};
use outcrop_wire::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Something a turn did.
#[derive(Debug)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// How many supervisors are above.
    pub depth: u32,
    /// The root's collaborator that it is or works for.
    pub who: Option<Arc<str>>,
    /// The member of the entry that tells what: `trace`, `modelCall`, …
    pub kind: &'static str,
    /// What that member holds.
    pub value: Value,
}

impl Entry {
    /// The entry as it is served.
    pub fn into_json(self) -> Value {
        let mut entry = Map::new();
        entry.insert("at".to_owned(), json!(self.at));
        entry.insert("depth".to_owned(), json!(self.depth));
        if let Some(who) = self.who {
            entry.insert("collaboratorName".to_owned(), json!(&*who));
        }
        entry.insert(self.kind.to_owned(), self.value);
        Value::Object(entry)
    }
}

/// The model's work that was asked for and is not done.
#[derive(Clone, Debug)]
pub(super) struct AskedModel {
    pub(super) at: Timestamp,
    pub(super) phase: Phase,
    pub(super) model_id: String,
    /// Which model call of the turn it is, from 1; collaborators' have none.
    pub(super) step: Option<u32>,
}

impl AskedModel {
    fn begin(&self) -> Value {
        let mut call = json!({"phase": self.phase.name(), "modelId": self.model_id, "askedAt": self.at});
        if let Some(step) = self.step {
            call["step"] = json!(step);
        }
        call
    }

    pub(super) fn replied(&self, replied: &ModelReplied, prices: &dyn PriceList) -> Value {
        let mut call = timed(self.begin(), replied.started_at, replied.at);
        call["clientRequestId"] = json!(replied.call_id);
        call["stopReason"] = json!(replied.reply.stop_reason);
        answered(&mut call, &replied.reply, replied.at, prices);
        call
    }

    pub(super) fn failed(&self, failed: &ModelFailed) -> Value {
        let mut call = timed(self.begin(), failed.started_at, failed.at);
        call["error"] = json!(failed.error);
        call
    }

    /// What became of it is not known.
    pub(super) fn lost(&self) -> Value {
        unknown(self.begin())
    }
}

/// What an answer took, who made it, and what it cost where that is known.
fn answered(call: &mut Value, reply: &ModelReply, at: Timestamp, prices: &dyn PriceList) {
    call["usage"] = usage(&reply.usage);
    if let Some(by) = &reply.answered_by {
        call["answeredBy"] = json!(by);
    }
    if let Some(cost) = cost(reply, at, prices) {
        call["costUsd"] = json!(cost.dollars());
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "inputTokens": usage.input_tokens,
        "outputTokens": usage.output_tokens,
        "cacheReadInputTokens": usage.cache_read_input_tokens,
        "cacheWriteInputTokens": usage.cache_write_input_tokens,
    })
}

/// Earlier turns were summed up to make room; `model_id` is missing when the wish for it cannot be found.
pub(super) fn summary(model_id: Option<&str>, summarized: &Summarized, prices: &dyn PriceList) -> Value {
    let mut call = timed(json!({ "modelId": model_id }), summarized.started_at, summarized.at);
    call["clientRequestId"] = json!(summarized.call_id);
    match &summarized.outcome {
        Ok(reply) => answered(&mut call, reply, summarized.at, prices),
        Err(error) => call["error"] = json!(error),
    }
    call
}

pub(super) fn words(started: &Started) -> Value {
    let mut request = json!({
        "type": "WORDS", "requestId": started.request_id, "agentAliasId": started.alias_id,
        "agentVersion": started.version, "inputText": started.input_text,
    });
    if let Some(attributes) = &started.session_attributes {
        request["sessionAttributes"] = json!(attributes);
    }
    if !started.prompt_session_attributes.is_empty() {
        request["promptSessionAttributes"] = json!(started.prompt_session_attributes);
    }
    request
}

pub(super) fn results(returned: &ControlReturned) -> Value {
    let mut request = json!({"type": "RESULTS", "requestId": returned.request_id, "results": returned.results});
    if let Some(attributes) = &returned.session_attributes {
        request["sessionAttributes"] = json!(attributes);
    }
    request
}

pub(super) fn forked(forked: &Forked) -> Value {
    json!({
        "type": "FORK", "requestId": forked.request_id, "sessionId": forked.session_id,
        "agentAliasId": forked.alias_id, "agentVersion": forked.version,
    })
}

pub(super) fn limit(limit: Limit) -> Value {
    let name = match limit {
        Limit::Iterations => "ITERATIONS",
        Limit::Tokens => "TOKENS",
        Limit::WallTime => "WALL_TIME",
        Limit::Reprompts => "REPROMPTS",
        Limit::OrchestrationEvents => "ORCHESTRATION_EVENTS",
    };
    json!({ "type": name })
}

pub(super) fn cancelled(by: CancelledBy) -> Value {
    json!({ "by": by })
}

pub(super) fn parser(function_arn: Option<&str>, returned: &ParserReturned) -> Value {
    let mut call = timed(json!({"functionArn": function_arn}), returned.started_at, returned.at);
    call["clientRequestId"] = json!(returned.call_id);
    call["outcome"] = match &returned.outcome {
        ParserOutcome::Answered(answer) => json!({"status": "SUCCESS", "body": answer}),
        ParserOutcome::Failed(failure) => json!({
            "status": "FAILED", "cause": failure.cause, "message": failure.message, "detail": failure.detail,
        }),
    };
    call
}

/// What became of a tool call; `asked` is missing when the model's wish cannot be found.
pub(super) fn tool(asked: Option<&(Call, Timestamp)>, returned: &ToolReturned) -> Value {
    let begin = match asked {
        Some((Call::Tool(call), at)) => tool_asked(call, *at),
        Some((Call::Read(read), at)) => read_asked(read, *at),
        _ => json!({"toolUseId": returned.tool_use_id}),
    };
    let mut call = timed(begin, returned.started_at, returned.at);
    call["clientRequestId"] = json!(returned.call_id);
    call["outcome"] = match &returned.outcome {
        ToolOutcome::Succeeded(success) => {
            let mut outcome =
                json!({"status": "SUCCESS", "responseState": success.response_state, "body": success.body});
            if let Some(status) = success.http_status {
                outcome["httpStatusCode"] = json!(status);
            }
            if let Some(attributes) = &success.session_attributes {
                outcome["sessionAttributes"] = json!(attributes);
            }
            if let Some(attributes) = &success.prompt_session_attributes {
                outcome["promptSessionAttributes"] = json!(attributes);
            }
            outcome
        }
        ToolOutcome::Failed(failure) => json!({
            "status": "FAILED", "cause": failure.cause, "message": failure.message, "detail": failure.detail,
        }),
    };
    call
}

fn tool_asked(call: &ToolCall, at: Timestamp) -> Value {
    let mut asked = json!({
        "toolUseId": call.tool_use_id, "actionGroupName": &*call.action_group, "functionArn": &*call.function_arn,
        "askedAt": at,
    });
    match &call.action {
        Action::Function(name) => asked["function"] = json!(&**name),
        Action::ApiOperation { api_path, http_method } => {
            asked["apiPath"] = json!(&**api_path);
            asked["verb"] = json!(&**http_method);
        }
    }
    if !call.parameters.is_empty() {
        asked["parameters"] = json!(call.parameters);
    }
    if let Some(body) = &call.request_body {
        asked["requestBody"] = json!({"content": {&*body.media_type: body.properties}});
    }
    asked
}

/// The model reads on in a large result.
fn read_asked(read: &ReadResult, at: Timestamp) -> Value {
    let mut asked = json!({
        "toolUseId": read.tool_use_id, "reference": read.reference, "offset": read.offset, "length": read.length,
        "askedAt": at,
    });
    if let Some(search) = &read.search {
        asked["search"] = json!(search);
    }
    asked
}

/// `is_left_out`: the collaborator's own turn is not part of this trace.
pub(super) fn collaborator(
    asked: Option<&(Call, Timestamp)>,
    returned: &CollaboratorReturned,
    is_left_out: bool,
) -> Value {
    let begin = match asked {
        Some((Call::Collaborator(call), at)) => collaborator_asked(call, *at),
        _ => json!({"toolUseId": returned.tool_use_id}),
    };
    let mut call = timed(begin, returned.started_at, returned.at);
    call["requestId"] = json!(returned.request_id);
    call["outcome"] = match &returned.outcome {
        CollaboratorOutcome::Answered { text, .. } => json!({"status": "SUCCESS", "text": text}),
        CollaboratorOutcome::ReturnedControl { payload, .. } => {
            json!({"status": "RETURNED_CONTROL", "returnControl": payload})
        }
        CollaboratorOutcome::Failed { message } => json!({"status": "FAILED", "message": message}),
    };
    if is_left_out {
        call["isLeftOut"] = json!(true);
    }
    call
}

fn collaborator_asked(call: &CollaboratorCall, at: Timestamp) -> Value {
    let ask = match &call.ask {
        Ask::Text(text) => json!({ "text": text }),
        Ask::Results { invocation_id, results } => json!({"invocationId": invocation_id, "results": results}),
    };
    json!({
        "toolUseId": call.tool_use_id, "agentCollaboratorName": &*call.collaborator.name,
        "agentCollaboratorAliasArn": &*call.collaborator.alias_arn, "input": ask, "askedAt": at,
    })
}

/// A call without a recorded result, and the entry it makes.
pub(super) fn lost(call: &Call, at: Timestamp) -> (&'static str, Value) {
    match call {
        Call::Tool(call) => ("toolCall", unknown(tool_asked(call, at))),
        Call::Collaborator(call) => ("collaboratorCall", unknown(collaborator_asked(call, at))),
        Call::Read(read) => ("toolCall", unknown(read_asked(read, at))),
    }
}

fn unknown(mut call: Value) -> Value {
    call["outcome"] = json!({"status": "UNKNOWN"});
    call
}

fn timed(mut call: Value, started_at: Timestamp, at: Timestamp) -> Value {
    call["startTime"] = json!(started_at);
    call["endTime"] = json!(at);
    call["totalTimeMs"] = json!(at.millis_since(started_at));
    call
}

pub(super) fn part(part: &TracePart) -> Value {
    serde_json::to_value(part).expect("shapes have string keys and no failing members")
}
