//! ListAgentActionGroups: groups of the draft or of a version, last changed first.

use super::paging;
use crate::agents::documents::{check_version, version_parent};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn list_agent_action_groups(
    cx: OpContext,
    req: api::ListAgentActionGroupsRequest,
) -> OpResult<api::ListAgentActionGroupsResponse> {
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        check_version(tx, &req.agent_id, &req.agent_version)?;
        let parent = version_parent(&req.agent_id, &req.agent_version);
        paging::page::<api::AgentActionGroup>(
            tx,
            Kind::ActionGroup,
            &parent,
            req.max_results,
            req.next_token.as_deref(),
        )
    };
    let (groups, next_token) = cx.store.read(work).await?;
    let summaries = groups.into_iter().map(|group| api::ActionGroupSummary {
        action_group_id: group.action_group_id,
        action_group_name: group.action_group_name,
        action_group_state: group.action_group_state,
        description: group.description,
        updated_at: group.updated_at,
    });
    Ok(api::ListAgentActionGroupsResponse { action_group_summaries: summaries.collect(), next_token })
}
