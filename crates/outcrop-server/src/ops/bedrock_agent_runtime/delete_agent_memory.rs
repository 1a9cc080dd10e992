//! DeleteAgentMemory: forgets a session, a memory id, or all that was learned through an alias.

use crate::agents::documents::{agent, alias};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_store::Remembered;

pub(super) async fn delete_agent_memory(
    cx: OpContext,
    req: api::DeleteAgentMemoryRequest,
) -> OpResult<api::DeleteAgentMemoryResponse> {
    let (agent_id, alias_id) = (req.agent_id.clone(), req.agent_alias_id.clone());
    let arn = cx.alias_arn(&agent_id, &alias_id);
    cx.store.read(move |tx| alias(tx, &agent(tx, &agent_id)?, &alias_id, arn)).await?;
    let which = Remembered {
        agent_id: req.agent_id,
        alias_id: Some(req.agent_alias_id),
        memory_id: req.memory_id,
        session_id: req.session_id,
    };
    cx.store.delete_memory(which).await?;
    Ok(api::DeleteAgentMemoryResponse {})
}
