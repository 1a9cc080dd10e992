//! ListAgents: last changed first.

use super::paging;
use crate::agents::documents::{DRAFT, StoredAgent};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn list_agents(cx: OpContext, req: api::ListAgentsRequest) -> OpResult<api::ListAgentsResponse> {
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        paging::page::<StoredAgent>(tx, Kind::Agent, "", req.max_results, req.next_token.as_deref())
    };
    let (agents, next_token) = cx.store.read(work).await?;
    Ok(api::ListAgentsResponse { agent_summaries: agents.into_iter().map(summary).collect(), next_token })
}

fn summary(stored: StoredAgent) -> api::AgentSummary {
    let agent = stored.agent;
    let latest = if stored.latest_version == 0 { DRAFT.to_owned() } else { stored.latest_version.to_string() };
    api::AgentSummary {
        agent_id: agent.agent_id,
        agent_name: agent.agent_name,
        agent_status: agent.agent_status,
        description: agent.description,
        updated_at: agent.updated_at,
        latest_agent_version: Some(latest),
        guardrail_configuration: agent.guardrail_configuration,
    }
}
