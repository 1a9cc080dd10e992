//! GetAgentKnowledgeBase: an association of the draft or of a version.

use crate::agents::documents::version_parent;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn get_agent_knowledge_base(
    cx: OpContext,
    req: api::GetAgentKnowledgeBaseRequest,
) -> OpResult<api::GetAgentKnowledgeBaseResponse> {
    let parent = version_parent(&req.agent_id, &req.agent_version);
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        Ok::<_, ApiError>(tx.get(Kind::AgentKnowledgeBase, &parent, &req.knowledge_base_id)?)
    };
    let agent_knowledge_base = cx.store.read(work).await?.ok_or_else(errors::not_found)?;
    Ok(api::GetAgentKnowledgeBaseResponse { agent_knowledge_base })
}
