//! EndSession: closes a session to writing; what is in it can still be read.

use super::sessions;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;

pub(super) async fn end_session(cx: OpContext, req: api::EndSessionRequest) -> OpResult<api::EndSessionResponse> {
    let id = sessions::id(&cx, &req.session_identifier)?;
    let now = cx.clock.now().to_micros();
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut session = sessions::writable(&app, tx, &id, now)?;
        session.ended = true;
        session.updated_at = now;
        tx.update_stored_session(&session)?;
        Ok::<_, ApiError>(session.id)
    };
    let session_id = cx.store.write(work).await?;
    let session_arn = sessions::arn(&cx, &session_id);
    Ok(api::EndSessionResponse { session_arn, session_id, session_status: api::SessionStatus::Ended })
}
