//! GetInvocationStep: a step with its payload.

use super::sessions;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;

pub(super) async fn get_invocation_step(
    cx: OpContext,
    req: api::GetInvocationStepRequest,
) -> OpResult<api::GetInvocationStepResponse> {
    let session_id = sessions::id(&cx, &req.session_identifier)?;
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        let session = sessions::find(tx, &session_id)?;
        let invocation = sessions::invocation(tx, &session, &req.invocation_identifier)?;
        let (step, payload) =
            tx.invocation_step(invocation.number, &req.invocation_step_id)?.ok_or_else(errors::not_found)?;
        Ok::<_, ApiError>(api::InvocationStep {
            invocation_id: step.invocation_id,
            invocation_step_id: step.id,
            invocation_step_time: step.at,
            payload,
            session_id,
        })
    };
    Ok(api::GetInvocationStepResponse { invocation_step: cx.store.read(work).await? })
}
