//! CreateInvocation: a group for steps in a session, under an id of the client's if it has one.

use super::sessions;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_store::Invocation;

pub(super) async fn create_invocation(
    cx: OpContext,
    req: api::CreateInvocationRequest,
) -> OpResult<api::CreateInvocationResponse> {
    let session_id = sessions::id(&cx, &req.session_identifier)?;
    let now = cx.clock.now().to_micros();
    let invocation = Invocation {
        number: 0,
        id: req.invocation_id.unwrap_or_else(|| cx.ids.uuid()),
        created_at: now,
        description: req.description,
    };
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let session = sessions::writable(&app, tx, &session_id, now)?;
        if !tx.insert_invocation(&session, &invocation)? {
            return Err(errors::conflict(format!(
                "The session {session_id} has an invocation with the id {} already.",
                invocation.id
            )));
        }
        app.settings.quotas.invocations_per_session(sessions::one_more(session.invocations))?;
        Ok::<_, ApiError>((session_id, invocation.id))
    };
    let (session_id, invocation_id) = cx.store.write(work).await?;
    Ok(api::CreateInvocationResponse { created_at: now, invocation_id, session_id })
}
