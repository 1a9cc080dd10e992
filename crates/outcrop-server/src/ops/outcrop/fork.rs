//! `POST /outcrop/sessions/ID/fork`: a new session from a point of another.
//!
//! At the end of a turn the answer is JSON. Within a turn, `{"turn": 2, "step": 3}`, the turn goes on from there and the
//! answer is an event stream like InvokeAgent's, whose head names the new session. What is wrong with the request is an
//! HTTP error in both cases; from then on errors are frames.

use super::query::Query;
use super::sessions;
use crate::agents::names;
use crate::edge::respond::{self, Body};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use crate::ops::bedrock_agent_runtime::invocation;
use crate::turn;
use crate::turn::emit::{Emitter, Speaker, SpeakingAgent};
use crate::turn::fork::{self, ForkRequest, Made};
use bytes::Bytes;
use http::{HeaderValue, Response};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// Longest session id: AWS's.
const SESSION_ID_CHARS_MAX: usize = 100;
/// Longest instruction: AWS's.
const INSTRUCTION_CHARS_MAX: usize = 20_000;
/// Longest model id: AWS's.
const MODEL_CHARS_MAX: usize = 2_048;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ForkBody {
    turn: Option<u32>,
    step: Option<u32>,
    new_session_id: Option<String>,
    agent_alias_id: Option<String>,
    agent_version: Option<String>,
    foundation_model: Option<String>,
    instruction: Option<String>,
    #[serde(default)]
    enable_trace: bool,
    #[serde(default)]
    stream_final_response: bool,
}

/// Forks, and runs on a turn that is forked within.
pub(super) async fn fork(cx: &OpContext, id: &str, query: &str, body: &Bytes) -> OpResult<Response<Body>> {
    let query: Query = sessions::which(query)?;
    let body = read(body)?;
    let parent = sessions::find(cx, id, &query).await?;
    let alias_id = match body.agent_alias_id.clone() {
        Some(alias) => {
            let agent_id = parent.agent_id.clone();
            cx.store.read(move |tx| names::ids(tx, Some(&agent_id), Some(&alias))).await?.1
        }
        None => None,
    };
    let session_id = body.new_session_id.unwrap_or_else(|| cx.ids.uuid());
    let lock_alias = alias_id.clone().unwrap_or_else(|| parent.alias_id.clone());
    let name = (parent.agent_id.as_str().into(), lock_alias.as_str().into(), session_id.as_str().into());
    let Some(guard) = cx.sessions.lock(name, Duration::ZERO).await else {
        return Err(errors::conflict(format!("Another request is being answered in session {session_id}.")));
    };
    let (parent_id, step) = (parent.session_id.clone(), body.step);
    let request = ForkRequest {
        parent,
        turn: body.turn,
        step,
        session_id: session_id.clone(),
        alias_id,
        version: body.agent_version,
        model: body.foundation_model,
        instruction: body.instruction,
        enable_trace: body.enable_trace,
        request_id: cx.request_id.clone(),
    };
    let Made { target, turn: number, run } = fork::fork(&cx.app, &request).await?;
    tracing::debug!(session_id, parent_id, turn = number, step, "session forked");
    let Some(mut run) = run else {
        let answer = json!({
            "sessionId": session_id, "agentId": &*target.agent_id, "agentAliasId": &*target.alias_id,
            "agentVersion": &*target.version, "turns": number, "forkOf": {"sessionId": parent_id, "turns": number},
        });
        return Ok(respond::json(200, &cx.request_id, answer.to_string()));
    };
    run.stream = body.stream_final_response;
    let speaker = Speaker {
        agent: (!target.prepared.is_inline()).then(|| SpeakingAgent {
            agent_id: target.agent_id.clone(),
            alias_id: target.alias_id.clone(),
            version: target.version.clone(),
        }),
        caller_chain: vec![target.alias_arn.clone()],
        collaborator_name: None,
        session_id: session_id.as_str().into(),
    };
    let context = cx.clone();
    let mut response = invocation::stream(cx, &session_id, move |frames| async move {
        turn::run(context.app.clone(), run, guard, Emitter::new(frames, speaker)).await;
        Ok(())
    });
    respond::set_request_id(&mut response, &cx.request_id);
    let headers = [("x-outcrop-agent-id", &target.agent_id), ("x-outcrop-agent-alias-id", &target.alias_id)];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

fn read(body: &Bytes) -> OpResult<ForkBody> {
    let read = if body.is_empty() { Ok(ForkBody::default()) } else { serde_json::from_slice::<ForkBody>(body) };
    let body = read.map_err(|error| match error.is_data() {
        true => errors::validation(error.to_string()),
        false => ApiError::new("SerializationException", error.to_string()),
    })?;
    let is_id = |id: &String| {
        (2..=SESSION_ID_CHARS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
    };
    let chars = |text: &Option<String>| text.as_ref().map_or(1, |text| text.trim().chars().count());
    let problem = if body.new_session_id.as_ref().is_some_and(|id| !is_id(id)) {
        Some(("newSessionId", "A session id has 2 to 100 letters, digits and the signs . _ : -".to_owned()))
    } else if body.step.is_some() && body.turn.is_none() {
        Some(("step", "A step is a step of a turn: give turn, too.".to_owned()))
    } else if !(1..=INSTRUCTION_CHARS_MAX).contains(&chars(&body.instruction)) {
        Some(("instruction", format!("An instruction has 1 to {INSTRUCTION_CHARS_MAX} characters.")))
    } else if !(1..=MODEL_CHARS_MAX).contains(&chars(&body.foundation_model)) {
        Some(("foundationModel", format!("A model id has 1 to {MODEL_CHARS_MAX} characters.")))
    } else {
        None
    };
    match problem {
        Some((member, message)) => Err(errors::invalid_field(member, message)),
        None => Ok(body),
    }
}
