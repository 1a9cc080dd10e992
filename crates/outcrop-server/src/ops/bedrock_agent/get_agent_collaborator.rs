//! GetAgentCollaborator: a collaborator of the draft or of a version.

use crate::agents::documents::version_parent;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn get_agent_collaborator(
    cx: OpContext,
    req: api::GetAgentCollaboratorRequest,
) -> OpResult<api::GetAgentCollaboratorResponse> {
    let parent = version_parent(&req.agent_id, &req.agent_version);
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        Ok::<_, ApiError>(tx.get(Kind::Collaborator, &parent, &req.collaborator_id)?)
    };
    let agent_collaborator = cx.store.read(work).await?.ok_or_else(errors::not_found)?;
    Ok(api::GetAgentCollaboratorResponse { agent_collaborator })
}
