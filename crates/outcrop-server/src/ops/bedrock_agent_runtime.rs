//! `bedrock-agent-runtime`: agents at work.

mod invoke_agent;

use super::OperationTable;
use outcrop_api::bedrock_agent_runtime as api;

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    table.raw::<api::InvokeAgent, _, _>(invoke_agent::invoke_agent);
}
