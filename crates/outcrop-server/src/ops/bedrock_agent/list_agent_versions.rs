//! ListAgentVersions: the draft, then numbers, newest first.

use super::paging;
use crate::agents::documents::{DRAFT, StoredVersion, agent};
use crate::agents::versions::version_number;
use crate::errors::{self, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, ReadTx};
use std::cmp::Reverse;

pub(super) async fn list_agent_versions(
    cx: OpContext,
    req: api::ListAgentVersionsRequest,
) -> OpResult<api::ListAgentVersionsResponse> {
    // A page goes on below the last number shown, so versions that come and go meanwhile disturb nothing.
    let after = match req.next_token.as_deref() {
        Some(token) => {
            Some(token.strip_prefix('v').and_then(|text| text.parse::<u32>().ok()).ok_or_else(errors::bad_token)?)
        }
        None => None,
    };
    let limit = paging::limit(req.max_results);
    let work = move |tx: &ReadTx<'_>| page(tx, &req.agent_id, after, limit);
    let (agent_version_summaries, next_token) = cx.store.read(work).await?;
    Ok(api::ListAgentVersionsResponse { agent_version_summaries, next_token })
}

/// Versions below a number, of which only those shown are read: an agent may have very many.
fn page(
    tx: &ReadTx<'_>,
    agent_id: &str,
    after: Option<u32>,
    limit: usize,
) -> OpResult<(Vec<api::AgentVersionSummary>, Option<String>)> {
    let stored = agent(tx, agent_id)?;
    let mut versions = tx.ids(Kind::AgentVersion, agent_id)?;
    versions.push(DRAFT.to_owned());
    versions.retain(|version| after.is_none_or(|after| version_number(version) < after));
    versions.sort_by_key(|version| Reverse(version_number(version)));
    let has_more = versions.len() > limit;
    versions.truncate(limit);
    let next = versions.last().filter(|_| has_more).map(|version| format!("v{}", version_number(version)));
    let mut summaries = Vec::with_capacity(versions.len());
    for version in &versions {
        if version == DRAFT {
            summaries.push(draft_summary(stored.agent.clone()));
        } else if let Some(stored) = tx.get::<StoredVersion>(Kind::AgentVersion, agent_id, version)? {
            summaries.push(summary(stored.version));
        }
    }
    Ok((summaries, next))
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
