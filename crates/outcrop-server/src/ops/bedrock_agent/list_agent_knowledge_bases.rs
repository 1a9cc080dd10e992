//! ListAgentKnowledgeBases: associations of the draft or of a version, last changed first.

use super::paging;
use crate::agents::documents::{check_version, version_parent};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn list_agent_knowledge_bases(
    cx: OpContext,
    req: api::ListAgentKnowledgeBasesRequest,
) -> OpResult<api::ListAgentKnowledgeBasesResponse> {
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        check_version(tx, &req.agent_id, &req.agent_version)?;
        let parent = version_parent(&req.agent_id, &req.agent_version);
        let (limit, token) = (req.max_results, req.next_token.as_deref());
        paging::page::<api::AgentKnowledgeBase>(tx, Kind::AgentKnowledgeBase, &parent, limit, token)
    };
    let (page, next_token) = cx.store.read(work).await?;
    let summaries = page.into_iter().map(|one| api::AgentKnowledgeBaseSummary {
        knowledge_base_id: one.knowledge_base_id,
        description: Some(one.description),
        knowledge_base_state: one.knowledge_base_state,
        updated_at: one.updated_at,
    });
    Ok(api::ListAgentKnowledgeBasesResponse { agent_knowledge_base_summaries: summaries.collect(), next_token })
}
