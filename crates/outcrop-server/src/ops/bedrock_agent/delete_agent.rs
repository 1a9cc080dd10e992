//! DeleteAgent: an agent with all that hangs on it.

use crate::App;
use crate::agents::collaboration;
use crate::agents::documents::{DRAFT, StoredAgent, TEST_ALIAS_ID, agent};
use crate::agents::versions::delete_parts;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, Remembered, Tx};

pub(super) async fn delete_agent(cx: OpContext, req: api::DeleteAgentRequest) -> OpResult<api::DeleteAgentResponse> {
    let context = cx.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut stored = agent(tx, &req.agent_id)?;
        let id = &stored.agent.agent_id.clone();
        let aliases: Vec<api::AgentAlias> = tx.list_all(Kind::AgentAlias, id)?;
        if req.skip_resource_in_use_check != Some(true) {
            if !aliases.is_empty() {
                let message = format!("Could not delete Agent with ID {id}, since it has active aliases");
                return Err(errors::conflict(message));
            }
            let users = collaboration::users(tx, id, None)?;
            if !users.is_empty() {
                let users = Vec::from_iter(users).join(", ");
                return Err(errors::conflict(format!(
                    "Could not delete Agent with ID {id}, since it is a collaborator of the agents {users}"
                )));
            }
        }
        delete_everything(tx, &context, &mut stored)?;
        // Supervisors that name it find it gone when they are prepared or ask it.
        tx.delete_children(Kind::AliasUse, id)?;
        tx.delete(Kind::Agent, "", id)?;
        Ok::<_, ApiError>(stored.agent.agent_id)
    };
    let agent_id = cx.store.write(work).await?;
    cx.prepared.deleted(&agent_id);
    cx.store.delete_memory(Remembered { agent_id: agent_id.clone(), ..Remembered::default() }).await?;
    Ok(api::DeleteAgentResponse { agent_id, agent_status: api::AgentStatus::Deleting })
}

/// Deletes everything that hangs on an agent: aliases, versions, parts and tags. What others note of it stays.
pub(super) fn delete_everything(tx: &mut Tx<'_>, app: &App, stored: &mut StoredAgent) -> OpResult<()> {
    let id = &stored.agent.agent_id.clone();
    for alias in tx.list_all::<api::AgentAlias>(Kind::AgentAlias, id)? {
        tx.delete_tags(&alias.agent_alias_arn)?;
    }
    tx.delete_children(Kind::AgentAlias, id)?;
    collaboration::hold_prepared(tx, stored, &[])?;
    for version in tx.ids(Kind::AgentVersion, id)? {
        delete_parts(tx, id, &version)?;
    }
    delete_parts(tx, id, DRAFT)?;
    tx.delete_children(Kind::AgentVersion, id)?;
    tx.delete_tags(&app.agent_arn(id))?;
    tx.delete_tags(&app.alias_arn(id, TEST_ALIAS_ID))?;
    Ok(())
}
