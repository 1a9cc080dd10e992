//! DisassociateAgentKnowledgeBase: takes a knowledge base off the draft.

use crate::agents::documents::{DRAFT, touch_draft, version_parent};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn disassociate_agent_knowledge_base(
    cx: OpContext,
    req: api::DisassociateAgentKnowledgeBaseRequest,
) -> OpResult<api::DisassociateAgentKnowledgeBaseResponse> {
    let now = cx.clock.now().to_micros();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let parent = version_parent(&req.agent_id, DRAFT);
        if !tx.delete(Kind::AgentKnowledgeBase, &parent, &req.knowledge_base_id)? {
            return Err(errors::not_found());
        }
        touch_draft(tx, &req.agent_id, now)
    };
    cx.store.write::<_, ApiError, _>(work).await?;
    cx.prepared.changed();
    Ok(api::DisassociateAgentKnowledgeBaseResponse::default())
}
