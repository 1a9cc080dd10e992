//! `bedrock-agent-runtime`: agents at work.

mod create_invocation;
mod create_session;
mod delete_agent_memory;
mod delete_session;
mod end_session;
mod get_agent_memory;
mod get_invocation_step;
mod get_session;
mod input_files;
pub(in crate::ops) mod invocation;
mod invoke_agent;
mod invoke_inline_agent;
mod list_invocation_steps;
mod list_invocations;
mod list_sessions;
mod optimize_prompt;
mod put_invocation_step;
mod sessions;
mod tags;
mod update_session;

pub use delete_session::purge as purge_deleted_sessions;

use super::OperationTable;
use outcrop_api::bedrock_agent_runtime as api;

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    table.raw::<api::InvokeAgent, _, _>(invoke_agent::invoke_agent);
    table.raw::<api::InvokeInlineAgent, _, _>(invoke_inline_agent::invoke_inline_agent);
    table.raw::<api::OptimizePrompt, _, _>(optimize_prompt::optimize_prompt);
    table.unary::<api::GetAgentMemory, _, _>(get_agent_memory::get_agent_memory);
    table.unary::<api::DeleteAgentMemory, _, _>(delete_agent_memory::delete_agent_memory);
    table.unary::<api::CreateSession, _, _>(create_session::create_session);
    table.unary::<api::GetSession, _, _>(get_session::get_session);
    table.unary::<api::UpdateSession, _, _>(update_session::update_session);
    table.unary::<api::EndSession, _, _>(end_session::end_session);
    table.unary::<api::DeleteSession, _, _>(delete_session::delete_session);
    table.unary::<api::ListSessions, _, _>(list_sessions::list_sessions);
    table.unary::<api::CreateInvocation, _, _>(create_invocation::create_invocation);
    table.unary::<api::ListInvocations, _, _>(list_invocations::list_invocations);
    table.unary::<api::PutInvocationStep, _, _>(put_invocation_step::put_invocation_step);
    table.unary::<api::GetInvocationStep, _, _>(get_invocation_step::get_invocation_step);
    table.unary::<api::ListInvocationSteps, _, _>(list_invocation_steps::list_invocation_steps);
    table.unary::<api::TagResource, _, _>(tags::tag_resource);
    table.unary::<api::UntagResource, _, _>(tags::untag_resource);
    table.unary::<api::ListTagsForResource, _, _>(tags::list_tags_for_resource);
}
