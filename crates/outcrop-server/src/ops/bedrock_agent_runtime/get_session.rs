//! GetSession: a session without what is in it.

use super::sessions;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;

pub(super) async fn get_session(cx: OpContext, req: api::GetSessionRequest) -> OpResult<api::GetSessionResponse> {
    let id = sessions::id(&cx, &req.session_identifier)?;
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        let session = sessions::find(tx, &id)?;
        let attributes = tx.session_attributes(session.number)?.unwrap_or_default();
        Ok::<_, ApiError>((session, attributes))
    };
    let (session, attributes) = cx.store.read(work).await?;
    Ok(api::GetSessionResponse {
        created_at: session.created_at,
        last_updated_at: session.updated_at,
        session_arn: sessions::arn(&cx, &session.id),
        session_status: sessions::status(&cx, &session, cx.clock.now()),
        encryption_key_arn: attributes.encryption_key_arn,
        session_metadata: Some(attributes.metadata).filter(|metadata| !metadata.is_empty()),
        session_id: session.id,
    })
}
