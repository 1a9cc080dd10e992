//! DeleteAgentAlias: takes a name away; the version stays.

use crate::agents::collaboration;
use crate::agents::documents::{TEST_ALIAS_ID, agent};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, Remembered};

pub(super) async fn delete_agent_alias(
    cx: OpContext,
    req: api::DeleteAgentAliasRequest,
) -> OpResult<api::DeleteAgentAliasResponse> {
    if req.agent_alias_id == TEST_ALIAS_ID {
        // The service refuses it by a pattern of this one operation.
        return Err(errors::invalid_field(
            "agentAliasId",
            format!(
                "1 validation error detected: Value '{TEST_ALIAS_ID}' at 'agentAliasId' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!\\bTSTALIASID\\b)[0-9a-zA-Z]+"
            ),
        ));
    }
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        agent(tx, &req.agent_id)?;
        let alias: api::AgentAlias =
            tx.get(Kind::AgentAlias, &req.agent_id, &req.agent_alias_id)?.ok_or_else(errors::not_found)?;
        let users = collaboration::users(tx, &req.agent_id, Some(&req.agent_alias_id))?;
        if !users.is_empty() {
            // The operation has no ConflictException.
            return Err(errors::validation(format!(
                "Could not delete alias {} of Agent with ID {}, since it is a collaborator of the agents {}. Disassociate it there, then prepare those agents and delete the aliases of their versions that use it.",
                req.agent_alias_id,
                req.agent_id,
                Vec::from_iter(users).join(", ")
            )));
        }
        tx.delete_tags(&alias.agent_alias_arn)?;
        tx.delete(Kind::AgentAlias, &req.agent_id, &req.agent_alias_id)?;
        Ok::<_, ApiError>(alias)
    };
    let alias = cx.store.write(work).await?;
    cx.prepared.changed();
    let learned = Remembered {
        agent_id: alias.agent_id.clone(),
        alias_id: Some(alias.agent_alias_id.clone()),
        ..Remembered::default()
    };
    cx.store.delete_memory(learned).await?;
    Ok(api::DeleteAgentAliasResponse {
        agent_id: alias.agent_id,
        agent_alias_id: alias.agent_alias_id,
        agent_alias_status: api::AgentAliasStatus::Deleting,
    })
}
