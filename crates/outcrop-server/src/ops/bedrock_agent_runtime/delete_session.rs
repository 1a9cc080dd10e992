//! DeleteSession: a session that is over, with all that is in it.

use super::sessions;
use crate::App;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;
use std::sync::Arc;

pub(super) async fn delete_session(
    cx: OpContext,
    req: api::DeleteSessionRequest,
) -> OpResult<api::DeleteSessionResponse> {
    let id = sessions::id(&cx, &req.session_identifier)?;
    let now = cx.clock.now();
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let session = sessions::find(tx, &id)?;
        if sessions::status(&app, &session, now) == api::SessionStatus::Active {
            return Err(errors::conflict(format!(
                "The session {id} has the status ACTIVE and cannot be deleted. End it with EndSession first."
            )));
        }
        tx.delete_tags(&sessions::arn(&app, &id))?;
        tx.delete_stored_session(session.number)?;
        Ok::<_, ApiError>(())
    };
    cx.store.write(work).await?;
    purge(&cx.app);
    Ok(api::DeleteSessionResponse {})
}

/// Removes what deleted sessions hold, beside the requests. What a stop interrupts is removed by the next purge.
pub fn purge(app: &Arc<App>) {
    let (store, stopping) = (app.store.clone(), app.stopping.clone());
    app.turns.spawn(async move {
        let purged = tokio::select! {
            purged = store.purge_stored_sessions() => purged,
            () = stopping.cancelled() => return,
        };
        if let Err(error) = purged {
            tracing::error!(error = &error as &dyn std::error::Error, "deleted sessions were not purged");
        }
    });
}
