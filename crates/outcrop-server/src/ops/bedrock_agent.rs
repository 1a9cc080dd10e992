//! `bedrock-agent`: the control plane of agents.

mod action_groups;
mod agents;
mod aliases;
mod create_agent;
mod create_agent_action_group;
mod create_agent_alias;
mod delete_agent;
mod delete_agent_action_group;
mod delete_agent_alias;
mod delete_agent_version;
mod get_agent;
mod get_agent_action_group;
mod get_agent_alias;
mod get_agent_version;
mod list_agent_action_groups;
mod list_agent_aliases;
mod list_agent_versions;
mod list_agents;
mod paging;
mod prepare_agent;
mod tags;
mod update_agent;
mod update_agent_action_group;
mod update_agent_alias;

use super::OperationTable;
use outcrop_api::bedrock_agent as api;

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    table.unary::<api::CreateAgent, _, _>(create_agent::create_agent);
    table.unary::<api::GetAgent, _, _>(get_agent::get_agent);
    table.unary::<api::UpdateAgent, _, _>(update_agent::update_agent);
    table.unary::<api::ListAgents, _, _>(list_agents::list_agents);
    table.unary::<api::DeleteAgent, _, _>(delete_agent::delete_agent);
    table.unary::<api::PrepareAgent, _, _>(prepare_agent::prepare_agent);
    table.unary::<api::CreateAgentActionGroup, _, _>(create_agent_action_group::create_agent_action_group);
    table.unary::<api::GetAgentActionGroup, _, _>(get_agent_action_group::get_agent_action_group);
    table.unary::<api::UpdateAgentActionGroup, _, _>(update_agent_action_group::update_agent_action_group);
    table.unary::<api::ListAgentActionGroups, _, _>(list_agent_action_groups::list_agent_action_groups);
    table.unary::<api::DeleteAgentActionGroup, _, _>(delete_agent_action_group::delete_agent_action_group);
    table.unary::<api::CreateAgentAlias, _, _>(create_agent_alias::create_agent_alias);
    table.unary::<api::GetAgentAlias, _, _>(get_agent_alias::get_agent_alias);
    table.unary::<api::UpdateAgentAlias, _, _>(update_agent_alias::update_agent_alias);
    table.unary::<api::ListAgentAliases, _, _>(list_agent_aliases::list_agent_aliases);
    table.unary::<api::DeleteAgentAlias, _, _>(delete_agent_alias::delete_agent_alias);
    table.unary::<api::GetAgentVersion, _, _>(get_agent_version::get_agent_version);
    table.unary::<api::ListAgentVersions, _, _>(list_agent_versions::list_agent_versions);
    table.unary::<api::DeleteAgentVersion, _, _>(delete_agent_version::delete_agent_version);
    table.unary::<api::TagResource, _, _>(tags::tag_resource);
    table.unary::<api::UntagResource, _, _>(tags::untag_resource);
    table.unary::<api::ListTagsForResource, _, _>(tags::list_tags_for_resource);
}
