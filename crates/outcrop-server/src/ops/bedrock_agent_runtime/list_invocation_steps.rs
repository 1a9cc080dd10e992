//! ListInvocationSteps: those of a session or of one of its invocations, latest first: programs ask for one step and take
//! it for the newest.

use super::sessions;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use crate::ops::bedrock_agent::paging;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_store::Within;

const LIST: &str = "steps";

pub(super) async fn list_invocation_steps(
    cx: OpContext,
    req: api::ListInvocationStepsRequest,
) -> OpResult<api::ListInvocationStepsResponse> {
    let session_id = sessions::id(&cx, &req.session_identifier)?;
    let of = format!("{session_id}/{}", req.invocation_identifier.as_deref().unwrap_or_default());
    let after = sessions::place(LIST, &of, req.next_token.as_deref())?;
    let limit = paging::limit(req.max_results);
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        let session = sessions::find(tx, &session_id)?;
        let within = match req.invocation_identifier {
            Some(id) => Within::Invocation(sessions::invocation(tx, &session, &id)?.number),
            None => Within::Session(session.number),
        };
        Ok::<_, ApiError>((tx.list_invocation_steps(within, after, limit)?, session_id))
    };
    let ((page, next), session_id) = cx.store.read(work).await?;
    let summaries = page.into_iter().map(|step| api::InvocationStepSummary {
        invocation_id: step.invocation_id,
        invocation_step_id: step.id,
        invocation_step_time: step.at,
        session_id: session_id.clone(),
    });
    Ok(api::ListInvocationStepsResponse {
        invocation_step_summaries: summaries.collect(),
        next_token: next.map(|next| next.to_token(LIST, &of)),
    })
}
