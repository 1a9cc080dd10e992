//! UpdateAgentAlias: points an alias elsewhere; without routing, to a version cut from the prepared draft.

use super::aliases;
use crate::agents::documents::{TEST_ALIAS_ID, agent, put_alias, route_alias};
use crate::agents::versions::resolve_routing;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn update_agent_alias(
    cx: OpContext,
    req: api::UpdateAgentAliasRequest,
) -> OpResult<api::UpdateAgentAliasResponse> {
    if req.agent_alias_id == TEST_ALIAS_ID {
        return Err(errors::invalid_field(
            "agentAliasId",
            "The test alias TSTALIASID always leads to DRAFT and cannot be changed.",
        ));
    }
    aliases::check_name(&req.agent_alias_name)?;
    let now = cx.clock.now().to_micros();
    let quotas = cx.settings.quotas;
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut stored = agent(tx, &req.agent_id)?;
        let mut alias: api::AgentAlias =
            tx.get(Kind::AgentAlias, &req.agent_id, &req.agent_alias_id)?.ok_or_else(errors::not_found)?;
        let routing = resolve_routing(tx, &quotas, "Update", &mut stored, req.routing_configuration, now)?;
        if routing != alias.routing_configuration {
            route_alias(&mut alias, routing, now);
        }
        alias.agent_alias_name = req.agent_alias_name;
        alias.description = req.description;
        alias.alias_invocation_state = req.alias_invocation_state.or(alias.alias_invocation_state);
        alias.agent_alias_status = api::AgentAliasStatus::Prepared;
        alias.updated_at = now;
        put_alias(tx, &alias)?;
        alias.agent_alias_status = api::AgentAliasStatus::Updating;
        Ok::<_, ApiError>(alias)
    };
    let agent_alias = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::UpdateAgentAliasResponse { agent_alias })
}
