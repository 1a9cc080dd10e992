//! ListAgents: last changed first.

use super::paging;
use crate::agents::documents::DRAFT;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;
use serde::Deserialize;

pub(super) async fn list_agents(cx: OpContext, req: api::ListAgentsRequest) -> OpResult<api::ListAgentsResponse> {
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        paging::page::<Listed>(tx, Kind::Agent, "", req.max_results, req.next_token.as_deref())
    };
    let (agents, next_token) = cx.store.read(work).await?;
    Ok(api::ListAgentsResponse { agent_summaries: agents.into_iter().map(summary).collect(), next_token })
}

/// What a list shows of a stored agent. Reading only that costs a fifth of reading all of it: most of an agent is prompts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    agent: api::AgentSummary,
    #[serde(default)]
    latest_version: u32,
}

fn summary(stored: Listed) -> api::AgentSummary {
    let latest = if stored.latest_version == 0 { DRAFT.to_owned() } else { stored.latest_version.to_string() };
    api::AgentSummary { latest_agent_version: Some(latest), ..stored.agent }
}
