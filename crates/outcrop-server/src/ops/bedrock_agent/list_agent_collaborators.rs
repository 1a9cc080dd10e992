//! ListAgentCollaborators: collaborators of the draft or of a version, last changed first.

use super::{collaborators, paging};
use crate::agents::documents::{check_version, version_parent};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn list_agent_collaborators(
    cx: OpContext,
    req: api::ListAgentCollaboratorsRequest,
) -> OpResult<api::ListAgentCollaboratorsResponse> {
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        check_version(tx, &req.agent_id, &req.agent_version)?;
        let parent = version_parent(&req.agent_id, &req.agent_version);
        paging::page(tx, Kind::Collaborator, &parent, req.max_results, req.next_token.as_deref())
    };
    let (page, next_token) = cx.store.read(work).await?;
    Ok(api::ListAgentCollaboratorsResponse {
        agent_collaborator_summaries: page.into_iter().map(collaborators::summary).collect(),
        next_token,
    })
}
