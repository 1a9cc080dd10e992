//! CreateSession: a session to keep the state of a conversation in.

use super::sessions;
use crate::agents::tags;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_store::{SessionAttributes, StoredSession};

pub(super) async fn create_session(
    cx: OpContext,
    req: api::CreateSessionRequest,
) -> OpResult<api::CreateSessionResponse> {
    let tags = req.tags.unwrap_or_default();
    tags::check(&tags)?;
    let now = cx.clock.now().to_micros();
    let session = StoredSession {
        number: 0,
        id: cx.ids.uuid(),
        created_at: now,
        updated_at: now,
        ended: false,
        invocations: 0,
        steps: 0,
    };
    let attributes = SessionAttributes {
        metadata: req.session_metadata.unwrap_or_default(),
        encryption_key_arn: req.encryption_key_arn,
    };
    let arn = sessions::arn(&cx, &session.id);
    let quotas = cx.settings.quotas;
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        tx.insert_stored_session(&session, &attributes)?;
        tags::set(tx, &quotas, &arn, &tags)?;
        Ok::<_, ApiError>((session.id, arn))
    };
    let (session_id, session_arn) = cx.store.write(work).await?;
    let session_status = api::SessionStatus::Active;
    Ok(api::CreateSessionResponse { created_at: now, session_arn, session_id, session_status })
}
