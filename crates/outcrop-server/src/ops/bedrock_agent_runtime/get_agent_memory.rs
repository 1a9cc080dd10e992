//! GetAgentMemory: what an agent remembers under a memory id, through an alias. An id nobody has used is an empty memory.

use super::sessions;
use crate::agents::documents::{agent, alias};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use crate::ops::bedrock_agent::paging;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_store::MemorySummary;

const LIST: &str = "memory";

pub(super) async fn get_agent_memory(
    cx: OpContext,
    req: api::GetAgentMemoryRequest,
) -> OpResult<api::GetAgentMemoryResponse> {
    let api::GetAgentMemoryRequest { agent_id, agent_alias_id, memory_id, max_items, next_token, .. } = req;
    let of = format!("{agent_id}/{agent_alias_id}/{memory_id}");
    let after = sessions::place(LIST, &of, next_token.as_deref())?;
    let limit = paging::limit(max_items);
    let (arn, now) = (cx.alias_arn(&agent_id, &agent_alias_id), cx.clock.now());
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        alias(tx, &agent(tx, &agent_id)?, &agent_alias_id, arn)?;
        let page = tx.list_memory((&agent_id, &agent_alias_id, &memory_id), now, after, limit)?;
        Ok::<_, ApiError>((page, memory_id))
    };
    let ((page, next), memory_id) = cx.store.read(work).await?;
    let contents = page.into_iter().map(|summary| content(&memory_id, summary)).collect();
    Ok(api::GetAgentMemoryResponse {
        memory_contents: Some(contents),
        next_token: next.map(|next| next.to_token(LIST, &of)),
    })
}

fn content(memory_id: &str, summary: MemorySummary) -> api::Memory {
    api::Memory::SessionSummary(api::MemorySessionSummary {
        memory_id: Some(memory_id.to_owned()),
        session_id: Some(summary.session_id),
        session_start_time: Some(summary.started_at),
        session_expiry_time: Some(summary.expires_at),
        summary_text: Some(summary.summary),
    })
}
