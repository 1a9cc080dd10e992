//! UpdateAgentKnowledgeBase: says anew what a knowledge base is for, or switches it. What is left out stays as it is: the
//! association cannot be without either.

use crate::agents::documents::{DRAFT, put_association, touch_draft, version_parent};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn update_agent_knowledge_base(
    cx: OpContext,
    req: api::UpdateAgentKnowledgeBaseRequest,
) -> OpResult<api::UpdateAgentKnowledgeBaseResponse> {
    let now = cx.clock.now().to_micros();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let parent = version_parent(&req.agent_id, DRAFT);
        let old: api::AgentKnowledgeBase =
            tx.get(Kind::AgentKnowledgeBase, &parent, &req.knowledge_base_id)?.ok_or_else(errors::not_found)?;
        let association = api::AgentKnowledgeBase {
            description: req.description.unwrap_or(old.description),
            knowledge_base_state: req.knowledge_base_state.unwrap_or(old.knowledge_base_state),
            updated_at: touch_draft(tx, &req.agent_id, now)?,
            ..old
        };
        put_association(tx, &association)?;
        Ok::<_, ApiError>(association)
    };
    let agent_knowledge_base = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::UpdateAgentKnowledgeBaseResponse { agent_knowledge_base })
}
