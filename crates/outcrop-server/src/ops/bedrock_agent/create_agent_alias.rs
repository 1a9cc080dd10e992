//! CreateAgentAlias: gives a version a stable name; without routing, a version is cut from the prepared draft.

use super::aliases;
use crate::agents::documents::{agent, put_error, route_alias};
use crate::agents::tags;
use crate::agents::tokens::TokenUse;
use crate::agents::versions::resolve_routing;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, PutError, Resource};

pub(super) async fn create_agent_alias(
    cx: OpContext,
    req: api::CreateAgentAliasRequest,
) -> OpResult<api::CreateAgentAliasResponse> {
    aliases::check_name(&req.agent_alias_name)?;
    let tags = req.tags.clone().unwrap_or_default();
    tags::check(&tags)?;
    let token = TokenUse::new("CreateAgentAlias", req.client_token.as_ref(), &req);
    let (id, now) = (cx.ids.resource_id(), cx.clock.now().to_micros());
    let arn = cx.alias_arn(&req.agent_id, &id);
    let mut alias = api::AgentAlias {
        agent_id: req.agent_id,
        agent_alias_id: id,
        agent_alias_name: req.agent_alias_name,
        agent_alias_arn: arn,
        client_token: req.client_token,
        description: req.description,
        routing_configuration: Vec::new(),
        created_at: now,
        updated_at: now,
        agent_alias_history_events: None,
        agent_alias_status: api::AgentAliasStatus::Prepared,
        failure_reasons: None,
        alias_invocation_state: Some(api::AliasInvocationState::AcceptInvocations),
    };
    let wanted = req.routing_configuration;
    let quotas = cx.settings.quotas;
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut stored = agent(tx, &alias.agent_id)?;
        if let Some(earlier) = token.earlier(tx, now)?
            && let Some(alias) = tx.get(Kind::AgentAlias, &alias.agent_id, &earlier)?
        {
            return Ok(alias);
        }
        quotas.aliases_per_agent(tx.count(Kind::AgentAlias, &alias.agent_id)? + 1)?;
        let routing = resolve_routing(tx, &quotas, "Create", &mut stored, wanted, now)?;
        route_alias(&mut alias, routing, now);
        let resource = Resource {
            kind: Kind::AgentAlias,
            parent: &alias.agent_id,
            id: &alias.agent_alias_id,
            name: Some(&alias.agent_alias_name),
            created_at: now,
            updated_at: now,
        };
        tx.insert(&resource, &alias).map_err(|error| match error {
            PutError::NameTaken => errors::conflict(format!(
                "An alias with the name {} already exists for the agent.",
                alias.agent_alias_name
            )),
            other => put_error(other),
        })?;
        tags::set(tx, &quotas, &alias.agent_alias_arn, &tags)?;
        token.remember(tx, &alias.agent_alias_id, now)?;
        // What is stored is done already; the answer shows what the service shows first: no version yet.
        alias.agent_alias_status = api::AgentAliasStatus::Creating;
        alias.routing_configuration = vec![api::AgentAliasRoutingConfigurationListItem::default()];
        alias.agent_alias_history_events = None;
        Ok::<_, ApiError>(alias)
    };
    let agent_alias = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::CreateAgentAliasResponse { agent_alias })
}
