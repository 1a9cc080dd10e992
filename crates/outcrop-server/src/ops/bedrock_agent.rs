//! `bedrock-agent`: the control plane of agents and prompts.

pub(crate) mod action_groups;
pub(crate) mod agents;
mod aliases;
mod associate_agent_collaborator;
mod associate_agent_knowledge_base;
mod collaborators;
mod create_agent;
mod create_agent_action_group;
mod create_agent_alias;
mod create_prompt;
mod create_prompt_version;
mod delete_agent;
mod delete_agent_action_group;
mod delete_agent_alias;
mod delete_agent_version;
mod delete_prompt;
mod delete_resource_policy;
mod disassociate_agent_collaborator;
mod disassociate_agent_knowledge_base;
mod get_agent;
mod get_agent_action_group;
mod get_agent_alias;
mod get_agent_collaborator;
mod get_agent_knowledge_base;
mod get_agent_version;
mod get_prompt;
mod get_resource_policy;
pub(super) mod import;
mod list_agent_action_groups;
mod list_agent_aliases;
mod list_agent_collaborators;
mod list_agent_knowledge_bases;
mod list_agent_versions;
mod list_agents;
mod list_prompts;
pub(in crate::ops) mod paging;
mod prepare_agent;
mod prompts;
mod put_resource_policy;
pub mod resource_policies;
mod tags;
mod update_agent;
mod update_agent_action_group;
mod update_agent_alias;
mod update_agent_collaborator;
mod update_agent_knowledge_base;
mod update_prompt;

use super::OperationTable;
pub(crate) use action_groups::{Written as ActionGroupMembers, check as check_action_group, read_schema};
pub(crate) use agents::{IDLE_SESSION_TTL_SECONDS, Written as AgentMembers, check as check_agent, shown_prompts};
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
    table.unary::<api::AssociateAgentCollaborator, _, _>(associate_agent_collaborator::associate_agent_collaborator);
    table.unary::<api::GetAgentCollaborator, _, _>(get_agent_collaborator::get_agent_collaborator);
    table.unary::<api::UpdateAgentCollaborator, _, _>(update_agent_collaborator::update_agent_collaborator);
    table.unary::<api::ListAgentCollaborators, _, _>(list_agent_collaborators::list_agent_collaborators);
    table.unary::<api::DisassociateAgentCollaborator, _, _>(
        disassociate_agent_collaborator::disassociate_agent_collaborator,
    );
    table.unary::<api::AssociateAgentKnowledgeBase, _, _>(
        associate_agent_knowledge_base::associate_agent_knowledge_base,
    );
    table.unary::<api::GetAgentKnowledgeBase, _, _>(get_agent_knowledge_base::get_agent_knowledge_base);
    table.unary::<api::UpdateAgentKnowledgeBase, _, _>(update_agent_knowledge_base::update_agent_knowledge_base);
    table.unary::<api::ListAgentKnowledgeBases, _, _>(list_agent_knowledge_bases::list_agent_knowledge_bases);
    table.unary::<api::DisassociateAgentKnowledgeBase, _, _>(
        disassociate_agent_knowledge_base::disassociate_agent_knowledge_base,
    );
    table.unary::<api::CreatePrompt, _, _>(create_prompt::create_prompt);
    table.unary::<api::GetPrompt, _, _>(get_prompt::get_prompt);
    table.unary::<api::UpdatePrompt, _, _>(update_prompt::update_prompt);
    table.unary::<api::ListPrompts, _, _>(list_prompts::list_prompts);
    table.unary::<api::DeletePrompt, _, _>(delete_prompt::delete_prompt);
    table.unary::<api::CreatePromptVersion, _, _>(create_prompt_version::create_prompt_version);
    table.unary::<api::PutResourcePolicy, _, _>(put_resource_policy::put_resource_policy);
    table.unary::<api::GetResourcePolicy, _, _>(get_resource_policy::get_resource_policy);
    table.unary::<api::DeleteResourcePolicy, _, _>(delete_resource_policy::delete_resource_policy);
    table.unary::<api::TagResource, _, _>(tags::tag_resource);
    table.unary::<api::UntagResource, _, _>(tags::untag_resource);
    table.unary::<api::ListTagsForResource, _, _>(tags::list_tags_for_resource);
}
