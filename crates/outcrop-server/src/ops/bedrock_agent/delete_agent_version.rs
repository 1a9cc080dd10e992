//! DeleteAgentVersion: a version no alias leads to; with insistence also one that is in use, which leaves its aliases
//! without a version.

use crate::agents::documents::{StoredVersion, agent, end_period, put_agent, put_alias};
use crate::agents::versions::{delete_parts, version_number};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn delete_agent_version(
    cx: OpContext,
    req: api::DeleteAgentVersionRequest,
) -> OpResult<api::DeleteAgentVersionResponse> {
    let now = cx.clock.now().to_micros();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut owner = agent(tx, &req.agent_id)?;
        let version = &req.agent_version;
        let stored: StoredVersion =
            tx.get(Kind::AgentVersion, &req.agent_id, version)?.ok_or_else(errors::not_found)?;
        let leads_here = |alias: &api::AgentAlias| {
            alias.routing_configuration.iter().any(|item| item.agent_version.as_ref() == Some(version))
        };
        let aliases: Vec<api::AgentAlias> = tx.list_all(Kind::AgentAlias, &req.agent_id)?;
        let in_use: Vec<api::AgentAlias> = aliases.into_iter().filter(leads_here).collect();
        if !in_use.is_empty() && req.skip_resource_in_use_check != Some(true) {
            let names: Vec<&str> = in_use.iter().map(|alias| alias.agent_alias_name.as_str()).collect();
            return Err(errors::conflict(format!(
                "Could not delete version {version} of Agent with ID {}, since it is used by the aliases {}",
                req.agent_id,
                names.join(", ")
            )));
        }
        for mut alias in in_use {
            alias.agent_alias_status = api::AgentAliasStatus::Dissociated;
            end_period(&mut alias, now);
            alias.routing_configuration = Vec::new();
            alias.updated_at = now;
            put_alias(tx, &alias)?;
        }
        delete_parts(tx, &req.agent_id, version)?;
        tx.delete(Kind::AgentVersion, &req.agent_id, version)?;
        let left = tx.ids(Kind::AgentVersion, &req.agent_id)?;
        owner.latest_version = left.iter().map(|number| version_number(number)).max().unwrap_or(0);
        put_agent(tx, &owner)?;
        Ok::<_, ApiError>(stored.version)
    };
    let version = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::DeleteAgentVersionResponse {
        agent_id: version.agent_id,
        agent_version: version.version,
        agent_status: api::AgentStatus::Deleting,
    })
}
