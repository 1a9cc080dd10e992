//! PutInvocationStep: a step into an invocation; one with the same id is replaced. Images in S3 are kept as references.

use super::sessions;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_store::InvocationStep;

pub(super) async fn put_invocation_step(
    cx: OpContext,
    req: api::PutInvocationStepRequest,
) -> OpResult<api::PutInvocationStepResponse> {
    let session_id = sessions::id(&cx, &req.session_identifier)?;
    let now = cx.clock.now().to_micros();
    let step = InvocationStep {
        invocation_id: req.invocation_identifier,
        id: req.invocation_step_id.unwrap_or_else(|| cx.ids.uuid()),
        at: req.invocation_step_time,
    };
    let payload = req.payload;
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let session = sessions::writable(&app, tx, &session_id, now)?;
        let invocation = sessions::invocation(tx, &session, &step.invocation_id)?;
        let is_new = tx.put_invocation_step(&session, invocation.number, &step, &payload, now)?;
        if is_new {
            app.settings.quotas.steps_per_session(sessions::one_more(session.steps))?;
        }
        Ok::<_, ApiError>(step.id)
    };
    let invocation_step_id = cx.store.write(work).await?;
    Ok(api::PutInvocationStepResponse { invocation_step_id })
}
