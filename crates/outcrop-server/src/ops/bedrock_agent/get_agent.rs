//! GetAgent: the draft of an agent.

use crate::agents::documents::agent;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;

pub(super) async fn get_agent(cx: OpContext, req: api::GetAgentRequest) -> OpResult<api::GetAgentResponse> {
    let stored = cx.store.read(move |tx| agent(tx, &req.agent_id)).await?;
    Ok(api::GetAgentResponse { agent: stored.agent })
}
