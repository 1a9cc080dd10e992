//! DisassociateAgentCollaborator: takes an agent off the draft. What was prepared works with it until it is prepared again.

use super::collaborators;
use crate::agents::collaboration;
use crate::agents::documents::{DRAFT, touch_draft, version_parent};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn disassociate_agent_collaborator(
    cx: OpContext,
    req: api::DisassociateAgentCollaboratorRequest,
) -> OpResult<api::DisassociateAgentCollaboratorResponse> {
    let now = cx.clock.now().to_micros();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let collaborator = collaborators::of_draft(tx, &req.agent_id, &req.collaborator_id)?;
        tx.delete(Kind::Collaborator, &version_parent(&req.agent_id, DRAFT), &req.collaborator_id)?;
        collaboration::release(tx, &collaborator)?;
        touch_draft(tx, &req.agent_id, now)
    };
    cx.store.write::<_, ApiError, _>(work).await?;
    cx.prepared.changed();
    Ok(api::DisassociateAgentCollaboratorResponse::default())
}
