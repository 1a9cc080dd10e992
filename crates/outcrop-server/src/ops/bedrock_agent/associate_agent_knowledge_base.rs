//! AssociateAgentKnowledgeBase: lets the draft search a knowledge base.

use crate::agents::documents::{DRAFT, agent, put_association, touch_draft, version_parent};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn associate_agent_knowledge_base(
    cx: OpContext,
    req: api::AssociateAgentKnowledgeBaseRequest,
) -> OpResult<api::AssociateAgentKnowledgeBaseResponse> {
    let now = cx.clock.now().to_micros();
    let quotas = cx.settings.quotas;
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        agent(tx, &req.agent_id)?;
        if !tx.exists(Kind::KnowledgeBase, "", &req.knowledge_base_id)? {
            return Err(errors::not_found());
        }
        let parent = version_parent(&req.agent_id, DRAFT);
        if tx.exists(Kind::AgentKnowledgeBase, &parent, &req.knowledge_base_id)? {
            return Err(errors::conflict(format!(
                "The knowledge base {} is already associated with the agent.",
                req.knowledge_base_id
            )));
        }
        quotas.knowledge_bases_per_agent(tx.count(Kind::AgentKnowledgeBase, &parent)? + 1)?;
        let at = touch_draft(tx, &req.agent_id, now)?;
        let association = api::AgentKnowledgeBase {
            agent_id: req.agent_id,
            agent_version: req.agent_version,
            knowledge_base_id: req.knowledge_base_id,
            description: req.description,
            created_at: at,
            updated_at: at,
            knowledge_base_state: req.knowledge_base_state.unwrap_or(api::KnowledgeBaseState::Enabled),
        };
        put_association(tx, &association)?;
        Ok::<_, ApiError>(association)
    };
    let agent_knowledge_base = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::AssociateAgentKnowledgeBaseResponse { agent_knowledge_base })
}
