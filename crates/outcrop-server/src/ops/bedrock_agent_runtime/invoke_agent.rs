//! InvokeAgent: one turn of a conversation, as an event stream.
//!
//! Only a malformed request fails as HTTP. Everything else, an unknown agent included, is a frame in the stream, as on
//! the service.

use super::invocation::{self, CallerState, Invocation};
use crate::edge::respond::Body;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use http::{HeaderValue, Response};
use outcrop_api::bedrock_agent_runtime as api;

pub(super) async fn invoke_agent(cx: OpContext, req: api::InvokeAgentRequest) -> Result<Response<Body>, ApiError> {
    let memory_id = req.memory_id.clone();
    let context = cx.clone();
    let session_id = req.session_id.clone();
    let mut response = invocation::stream(&cx, &session_id, move |frames| async move {
        let target = context.prepared.target(&context, &req.agent_id, &req.agent_alias_id).await?;
        invocation::run(&context, target, asked(req)?, frames).await
    });
    if let Some(Ok(memory_id)) = memory_id.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert("x-amz-bedrock-agent-memory-id", memory_id);
    }
    Ok(response)
}

fn asked(req: api::InvokeAgentRequest) -> OpResult<Invocation> {
    let state = req.session_state.unwrap_or_default();
    if let Some(base) = state.knowledge_base_configurations.iter().flatten().next() {
        return Err(errors::validation(format!(
            "The knowledge base {} is not attached to the agent.",
            base.knowledge_base_id
        )));
    }
    Ok(Invocation {
        session_id: req.session_id,
        input_text: req.input_text,
        end_session: req.end_session == Some(true),
        memory_id: req.memory_id,
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
    })
}
