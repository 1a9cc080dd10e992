//! ListInvocations: those of a session, last made first.

use super::sessions;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use crate::ops::bedrock_agent::paging;
use outcrop_api::bedrock_agent_runtime as api;

const LIST: &str = "invocations";

pub(super) async fn list_invocations(
    cx: OpContext,
    req: api::ListInvocationsRequest,
) -> OpResult<api::ListInvocationsResponse> {
    let session_id = sessions::id(&cx, &req.session_identifier)?;
    let after = sessions::place(LIST, &session_id, req.next_token.as_deref())?;
    let limit = paging::limit(req.max_results);
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        let session = sessions::find(tx, &session_id)?;
        Ok::<_, ApiError>((tx.list_invocations(session.number, after, limit)?, session_id))
    };
    let ((page, next), session_id) = cx.store.read(work).await?;
    let summaries = page.into_iter().map(|invocation| api::InvocationSummary {
        created_at: invocation.created_at,
        invocation_id: invocation.id,
        session_id: session_id.clone(),
    });
    Ok(api::ListInvocationsResponse {
        invocation_summaries: summaries.collect(),
        next_token: next.map(|next| next.to_token(LIST, &session_id)),
    })
}
