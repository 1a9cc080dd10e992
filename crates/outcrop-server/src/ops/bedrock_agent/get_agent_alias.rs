//! GetAgentAlias: where an alias leads and has led.

use crate::agents::documents::{agent, alias};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;

pub(super) async fn get_agent_alias(
    cx: OpContext,
    req: api::GetAgentAliasRequest,
) -> OpResult<api::GetAgentAliasResponse> {
    let arn = cx.alias_arn(&req.agent_id, &req.agent_alias_id);
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        let stored = agent(tx, &req.agent_id)?;
        alias(tx, &stored, &req.agent_alias_id, arn)
    };
    let agent_alias = cx.store.read(work).await?;
    Ok(api::GetAgentAliasResponse { agent_alias })
}
