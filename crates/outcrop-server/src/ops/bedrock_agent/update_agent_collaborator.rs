//! UpdateAgentCollaborator: replaces a collaborator of the draft whole.

use super::collaborators;
use crate::agents::collaboration;
use crate::agents::documents::{agent, put_collaborator, touch_draft};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;

pub(super) async fn update_agent_collaborator(
    cx: OpContext,
    req: api::UpdateAgentCollaboratorRequest,
) -> OpResult<api::UpdateAgentCollaboratorResponse> {
    let now = cx.clock.now().to_micros();
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let stored = agent(tx, &req.agent_id)?;
        let old = collaborators::of_draft(tx, &req.agent_id, &req.collaborator_id)?;
        collaboration::check(tx, &app, &stored, req.agent_descriptor.alias_arn.as_deref())?;
        let collaborator = api::AgentCollaborator {
            agent_descriptor: req.agent_descriptor,
            collaboration_instruction: req.collaboration_instruction,
            collaborator_name: req.collaborator_name,
            last_updated_at: touch_draft(tx, &req.agent_id, now)?,
            relay_conversation_history: Some(
                req.relay_conversation_history.unwrap_or(api::RelayConversationHistory::Disabled),
            ),
            ..old.clone()
        };
        put_collaborator(tx, &collaborator)?;
        collaboration::release(tx, &old)?;
        collaboration::hold(tx, &collaborator)?;
        Ok::<_, ApiError>(collaborator)
    };
    let agent_collaborator = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::UpdateAgentCollaboratorResponse { agent_collaborator })
}
