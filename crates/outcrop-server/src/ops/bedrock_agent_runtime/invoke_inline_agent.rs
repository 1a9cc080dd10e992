//! InvokeInlineAgent: one turn of a conversation with an agent that comes with the request.
//!
//! The configuration may change from call to call of one session; the session's history stays. Failures are frames, as
//! for InvokeAgent.

use super::invocation::{self, CallerState, Invocation};
use crate::agents::inline;
use crate::agents::prepared::Target;
use crate::edge::respond::Body;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use crate::turn;
use http::Response;
use outcrop_api::bedrock_agent_runtime as api;

pub(super) async fn invoke_inline_agent(
    cx: OpContext,
    req: api::InvokeInlineAgentRequest,
) -> Result<Response<Body>, ApiError> {
    let context = cx.clone();
    let session_id = req.session_id.clone();
    Ok(invocation::stream(&cx, &session_id, move |frames| async move {
        let target = inline::target(&context, &req).await?;
        check_key(&context, &target, &req).await?;
        invocation::run(&context, target, asked(req), frames).await
    }))
}

fn asked(req: api::InvokeInlineAgentRequest) -> Invocation {
    let state = req.inline_session_state.unwrap_or_default();
    Invocation {
        session_id: req.session_id,
        input_text: req.input_text,
        end_session: req.end_session == Some(true),
        memory_id: None,
        enable_trace: req.enable_trace == Some(true),
        guardrail_interval: invocation::guardrail_interval(req.streaming_configurations.as_ref()),
        stream: req.streaming_configurations.is_some_and(|streaming| streaming.stream_final_response == Some(true)),
        prompt_creation: req.prompt_creation_configurations,
        performance: req.bedrock_model_configurations.and_then(|configured| configured.performance_config),
        state: CallerState {
            session_attributes: state.session_attributes,
            prompt_session_attributes: state.prompt_session_attributes,
            invocation_id: state.invocation_id,
            results: state.return_control_invocation_results,
            files: state.files,
            conversation_history: state.conversation_history,
        },
    }
}

/// What a session holds is encrypted with one key on the service: a call that names another one is refused there.
async fn check_key(cx: &OpContext, target: &Target, req: &api::InvokeInlineAgentRequest) -> OpResult<()> {
    let Some(earlier) = turn::last_snapshot(&cx.app, target, &req.session_id).await? else { return Ok(()) };
    if earlier.agent.customer_encryption_key_arn == req.customer_encryption_key_arn {
        return Ok(());
    }
    Err(errors::validation(
        "The customerEncryptionKeyArn differs from the one that the session began with. Use the same key in all calls of a session.",
    ))
}
