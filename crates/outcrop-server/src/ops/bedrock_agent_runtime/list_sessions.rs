//! ListSessions: last made first.

use super::sessions;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use crate::ops::bedrock_agent::paging;
use outcrop_api::bedrock_agent_runtime as api;

const LIST: &str = "sessions";

pub(super) async fn list_sessions(cx: OpContext, req: api::ListSessionsRequest) -> OpResult<api::ListSessionsResponse> {
    let after = sessions::place(LIST, "", req.next_token.as_deref())?;
    let limit = paging::limit(req.max_results);
    let work = move |tx: &outcrop_store::ReadTx<'_>| Ok::<_, ApiError>(tx.list_stored_sessions(after, limit)?);
    let (page, next) = cx.store.read(work).await?;
    let now = cx.clock.now();
    let summaries = page.into_iter().map(|session| api::SessionSummary {
        created_at: session.created_at,
        last_updated_at: session.updated_at,
        session_arn: sessions::arn(&cx, &session.id),
        session_status: sessions::status(&cx, &session, now),
        session_id: session.id,
    });
    Ok(api::ListSessionsResponse {
        session_summaries: summaries.collect(),
        next_token: next.map(|next| next.to_token(LIST, "")),
    })
}
