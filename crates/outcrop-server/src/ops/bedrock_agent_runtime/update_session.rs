//! UpdateSession: replaces a session's metadata. Without metadata in the request it stays: there is nothing else to change.

use super::sessions;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_store::SessionAttributes;

pub(super) async fn update_session(
    cx: OpContext,
    req: api::UpdateSessionRequest,
) -> OpResult<api::UpdateSessionResponse> {
    let id = sessions::id(&cx, &req.session_identifier)?;
    let now = cx.clock.now().to_micros();
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut session = sessions::writable(&app, tx, &id, now)?;
        if let Some(metadata) = req.session_metadata {
            let attributes = tx.session_attributes(session.number)?.unwrap_or_default();
            tx.set_session_attributes(session.number, &SessionAttributes { metadata, ..attributes })?;
        }
        session.updated_at = now;
        tx.update_stored_session(&session)?;
        Ok::<_, ApiError>(session)
    };
    let session = cx.store.write(work).await?;
    Ok(api::UpdateSessionResponse {
        created_at: session.created_at,
        last_updated_at: session.updated_at,
        session_arn: sessions::arn(&cx, &session.id),
        session_id: session.id,
        session_status: api::SessionStatus::Active,
    })
}
