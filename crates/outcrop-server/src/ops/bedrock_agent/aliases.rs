//! What the alias operations share.

use crate::errors::{self, OpResult};
use outcrop_api::bedrock_agent as api;

/// Checks rules that the model does not state.
pub(super) fn check_name(name: &str) -> OpResult<()> {
    if name == crate::agents::documents::TEST_ALIAS_NAME {
        return Err(errors::conflict(format!("An alias with the name {name} already exists for the agent.")));
    }
    Ok(())
}

/// The short form for lists.
pub(super) fn summary(alias: api::AgentAlias) -> api::AgentAliasSummary {
    api::AgentAliasSummary {
        agent_alias_id: alias.agent_alias_id,
        agent_alias_name: alias.agent_alias_name,
        description: alias.description,
        routing_configuration: Some(alias.routing_configuration),
        agent_alias_status: alias.agent_alias_status,
        created_at: alias.created_at,
        updated_at: alias.updated_at,
        alias_invocation_state: alias.alias_invocation_state,
    }
}
