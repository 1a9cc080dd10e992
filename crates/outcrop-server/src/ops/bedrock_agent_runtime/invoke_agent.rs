//! InvokeAgent: one turn of a conversation, as an event stream.
//!
//! Only a malformed request fails as HTTP. Everything else, an unknown agent included, is a frame in the stream, as on
//! the service.

use crate::agents::prepared::Target;
use crate::edge::event_stream::{self, FrameSender};
use crate::edge::respond::Body;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use crate::turn::emit::{Emitter, Speaker};
use crate::turn::{self, TurnInput, TurnRequest};
use http::{HeaderValue, Response};
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_planner::turn::{ControlResult, ControlReturned, Started};
use outcrop_ports::{Message, ResponseState};
use std::sync::Arc;

/// What the stream says when a session was ended on request.
const SESSION_ENDED: &str = "Session is terminated as 'endSession' flag is set in request.";

pub(super) async fn invoke_agent(cx: OpContext, req: api::InvokeAgentRequest) -> Result<Response<Body>, ApiError> {
    let (frames, body) = event_stream::channel();
    let response = head(&req, body);
    // The turn outlives the connection: a caller that hangs up does not lose it.
    let turns = cx.turns.clone();
    turns.spawn(async move {
        if let Err(error) = invoke(&cx, req, &frames).await {
            tracing::info!(request_id = cx.request_id, code = error.code, reason = error.message, "turn refused");
            frames.exception(&error.stream_member(), &error.body()).await;
        }
    });
    Ok(response)
}

fn head(req: &api::InvokeAgentRequest, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.amazon.eventstream"));
    headers.insert("x-amzn-bedrock-agent-content-type", HeaderValue::from_static("application/json"));
    if let Ok(session_id) = HeaderValue::from_str(&req.session_id) {
        headers.insert("x-amz-bedrock-agent-session-id", session_id);
    }
    if let Some(Ok(memory_id)) = req.memory_id.as_deref().map(HeaderValue::from_str) {
        headers.insert("x-amz-bedrock-agent-memory-id", memory_id);
    }
    response
}

async fn invoke(cx: &OpContext, req: api::InvokeAgentRequest, frames: &FrameSender) -> OpResult<()> {
    let target = cx.prepared.target(cx, &req.agent_id, &req.agent_alias_id).await?;
    let session_id: Arc<str> = req.session_id.as_str().into();
    let speaker = Speaker {
        agent_id: target.agent_id.clone(),
        alias_id: target.alias_id.clone(),
        alias_arn: target.alias_arn.clone(),
        version: target.version.clone(),
        session_id: session_id.clone(),
    };
    let emitter = Emitter::new(frames.clone(), speaker);
    let name = (target.agent_id.clone(), target.alias_id.clone(), session_id.clone());
    let Some(_guard) = cx.sessions.lock(name, cx.settings.session_wait).await else {
        return Err(errors::conflict(format!(
            "Another request is being answered in session {session_id}. Wait for its end and retry."
        )));
    };
    if req.end_session == Some(true) {
        return end_session(cx, &target, &session_id, &emitter).await;
    }
    let stream =
        req.streaming_configurations.as_ref().and_then(|streaming| streaming.stream_final_response) == Some(true);
    let input = turn_input(cx, &target, req)?;
    turn::run(cx.app.clone(), TurnRequest { target, session_id, input, stream }, emitter).await;
    Ok(())
}

async fn end_session(cx: &OpContext, target: &Target, session_id: &str, emitter: &Emitter) -> OpResult<()> {
    let (agent_id, alias_id, session_id) =
        (target.agent_id.to_string(), target.alias_id.to_string(), session_id.to_owned());
    let now = cx.clock.now();
    cx.store.write::<_, ApiError, _>(move |tx| Ok(tx.end_session(&agent_id, &alias_id, &session_id, now)?)).await?;
    emitter.text(SESSION_ENDED).await;
    Ok(())
}

/// What the request begins or continues.
fn turn_input(cx: &OpContext, target: &Target, req: api::InvokeAgentRequest) -> OpResult<TurnInput> {
    let state = req.session_state.unwrap_or_default();
    let enable_trace = req.enable_trace == Some(true);
    let at = cx.clock.now();
    // Nothing is passed over in silence: what would change the answer and is not built yet is refused.
    if state.files.is_some_and(|files| !files.is_empty()) {
        return Err(errors::validation("sessionState.files is not supported by this version of Outcrop."));
    }
    if let Some(base) = state.knowledge_base_configurations.iter().flatten().next() {
        return Err(errors::validation(format!(
            "The knowledge base {} is not attached to the agent.",
            base.knowledge_base_id
        )));
    }
    if let Some(results) = state.return_control_invocation_results {
        let Some(invocation_id) = state.invocation_id else {
            return Err(errors::validation(
                "returnControlInvocationResults needs the invocationId of the returnControl event it answers.",
            ));
        };
        let returned = ControlReturned {
            at,
            request_id: cx.request_id.clone(),
            enable_trace,
            results: results.into_iter().map(control_result).collect(),
            session_attributes: state.session_attributes,
            prompt_session_attributes: state.prompt_session_attributes,
        };
        return Ok(TurnInput::Results { invocation_id, returned });
    }
    let Some(input_text) = req.input_text else {
        return Err(errors::validation(
            "inputText is missing. It may be left out only with returnControlInvocationResults or endSession.",
        ));
    };
    Ok(TurnInput::Words(Started {
        at,
        request_id: cx.request_id.clone(),
        snapshot: target.snapshot.to_string(),
        alias_id: target.alias_id.to_string(),
        version: target.version.to_string(),
        session_id: req.session_id,
        input_text,
        session_attributes: state.session_attributes,
        prompt_session_attributes: state.prompt_session_attributes.unwrap_or_default(),
        conversation_history: state.conversation_history.map(conversation).unwrap_or_default(),
        enable_trace,
        limits: cx.settings.turn,
    }))
}

/// Seeded history, in the order given, which is taken as the order in which it was said.
fn conversation(history: api::ConversationHistory) -> Vec<Message> {
    let messages = history.messages.unwrap_or_default().into_iter().map(|message| {
        let text: String = message
            .content
            .into_iter()
            .map(|block| match block {
                api::ContentBlock::Text(text) => text,
            })
            .collect();
        match message.role {
            api::ConversationRole::Assistant => Message::assistant(text),
            api::ConversationRole::User => Message::user(text),
        }
    });
    // Models refuse messages without words.
    messages.filter(|message| !message.text().trim().is_empty()).collect()
}

fn control_result(member: api::InvocationResultMember) -> ControlResult {
    match member {
        api::InvocationResultMember::FunctionResult(result) => ControlResult {
            action_group: result.action_group,
            function: result.function,
            confirmed: result.confirmation_state.map(confirmed),
            response_state: result.response_state.map(response_state).unwrap_or_default(),
            body: result.response_body.and_then(first_body),
            ..ControlResult::default()
        },
        api::InvocationResultMember::ApiResult(result) => ControlResult {
            action_group: result.action_group,
            api_path: result.api_path,
            http_method: result.http_method,
            confirmed: result.confirmation_state.map(confirmed),
            response_state: result.response_state.map(response_state).unwrap_or_default(),
            http_status: result.http_status_code,
            body: result.response_body.and_then(first_body),
            ..ControlResult::default()
        },
    }
}

fn confirmed(state: api::ConfirmationState) -> bool {
    state == api::ConfirmationState::Confirm
}

fn response_state(state: api::ResponseState) -> ResponseState {
    match state {
        api::ResponseState::Failure => ResponseState::Failure,
        api::ResponseState::Reprompt => ResponseState::Reprompt,
    }
}

/// Whatever its key: callers write `TEXT` as well as media types.
fn first_body(bodies: std::collections::BTreeMap<String, api::ContentBody>) -> Option<String> {
    bodies.into_values().find_map(|content| content.body)
}
