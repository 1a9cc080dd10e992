//! ListAgentVersions: the draft, then numbers, newest first.

use super::paging;
use crate::agents::documents::{StoredVersion, agent, version_number};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn list_agent_versions(
    cx: OpContext,
    req: api::ListAgentVersionsRequest,
) -> OpResult<api::ListAgentVersionsResponse> {
    let agent_id = req.agent_id;
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        let stored = agent(tx, &agent_id)?;
        let versions = tx.list_all::<StoredVersion>(Kind::AgentVersion, &agent_id)?;
        let mut all: Vec<api::AgentVersionSummary> =
            versions.into_iter().map(|stored| summary(stored.version)).collect();
        all.push(draft_summary(stored.agent));
        all.sort_by_key(|one| std::cmp::Reverse(version_number(&one.agent_version)));
        Ok::<_, ApiError>(all)
    };
    let all = cx.store.read(work).await?;
    // A page goes on below the last number shown, so versions that come and go meanwhile disturb nothing.
    let after = match req.next_token.as_deref() {
        Some(token) => {
            Some(token.strip_prefix('v').and_then(|text| text.parse::<u32>().ok()).ok_or_else(errors::bad_token)?)
        }
        None => None,
    };
    let mut rest = all.into_iter().filter(|one| after.is_none_or(|after| version_number(&one.agent_version) < after));
    let agent_version_summaries: Vec<_> = rest.by_ref().take(paging::limit(req.max_results)).collect();
    let last = agent_version_summaries.last().map(|one| version_number(&one.agent_version));
    let next_token = rest.next().and(last).map(|number| format!("v{number}"));
    Ok(api::ListAgentVersionsResponse { agent_version_summaries, next_token })
}

fn summary(version: api::AgentVersion) -> api::AgentVersionSummary {
    api::AgentVersionSummary {
        agent_name: version.agent_name,
        agent_status: version.agent_status,
        agent_version: version.version,
        created_at: version.created_at,
        updated_at: version.updated_at,
        description: version.description,
        guardrail_configuration: version.guardrail_configuration,
    }
}

fn draft_summary(agent: api::Agent) -> api::AgentVersionSummary {
    api::AgentVersionSummary {
        agent_name: agent.agent_name,
        agent_status: agent.agent_status,
        agent_version: agent.agent_version,
        created_at: agent.created_at,
        updated_at: agent.updated_at,
        description: agent.description,
        guardrail_configuration: agent.guardrail_configuration,
    }
}
