//! DeleteAgent: an agent with all that hangs on it.

use crate::agents::documents::{DRAFT, StoredVersion, agent, groups_parent};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn delete_agent(cx: OpContext, req: api::DeleteAgentRequest) -> OpResult<api::DeleteAgentResponse> {
    let context = cx.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let stored = agent(tx, &req.agent_id)?;
        let id = &stored.agent.agent_id;
        let aliases: Vec<api::AgentAlias> = tx.list_all(Kind::AgentAlias, id)?;
        if !aliases.is_empty() && req.skip_resource_in_use_check != Some(true) {
            return Err(errors::conflict(format!("Could not delete Agent with ID {id}, since it has active aliases")));
        }
        for alias in &aliases {
            tx.delete_tags(&alias.agent_alias_arn)?;
        }
        tx.delete_children(Kind::AgentAlias, id)?;
        for version in tx.list_all::<StoredVersion>(Kind::AgentVersion, id)? {
            tx.delete_children(Kind::ActionGroup, &groups_parent(id, &version.version.version))?;
        }
        tx.delete_children(Kind::AgentVersion, id)?;
        tx.delete_children(Kind::ActionGroup, &groups_parent(id, DRAFT))?;
        tx.delete_tags(&context.agent_arn(id))?;
        tx.delete_tags(&context.alias_arn(id, crate::agents::documents::TEST_ALIAS_ID))?;
        tx.delete(Kind::Agent, "", id)?;
        Ok::<_, ApiError>(stored.agent.agent_id)
    };
    let agent_id = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::DeleteAgentResponse { agent_id, agent_status: api::AgentStatus::Deleting })
}
