//! AssociateAgentCollaborator: adds an agent that a supervisor may ask to its draft.

use crate::agents::collaboration;
use crate::agents::documents::{DRAFT, agent, put_collaborator, touch_draft, version_parent};
use crate::agents::tokens::TokenUse;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn associate_agent_collaborator(
    cx: OpContext,
    req: api::AssociateAgentCollaboratorRequest,
) -> OpResult<api::AssociateAgentCollaboratorResponse> {
    let token = TokenUse::new("AssociateAgentCollaborator", req.client_token.as_ref(), &req);
    let (id, now) = (cx.ids.resource_id(), cx.clock.now().to_micros());
    let (app, quotas) = (cx.app.clone(), cx.settings.quotas);
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let stored = agent(tx, &req.agent_id)?;
        let parent = version_parent(&req.agent_id, DRAFT);
        if let Some(earlier) = token.earlier(tx, now)?
            && let Some(collaborator) = tx.get(Kind::Collaborator, &parent, &earlier)?
        {
            return Ok(collaborator);
        }
        collaboration::check(tx, &app, &stored, req.agent_descriptor.alias_arn.as_deref())?;
        quotas.collaborators_per_agent(tx.count(Kind::Collaborator, &parent)? + 1)?;
        let at = touch_draft(tx, &req.agent_id, now)?;
        let collaborator = api::AgentCollaborator {
            agent_id: req.agent_id,
            agent_version: req.agent_version,
            agent_descriptor: req.agent_descriptor,
            collaborator_id: id,
            collaboration_instruction: req.collaboration_instruction,
            collaborator_name: req.collaborator_name,
            created_at: at,
            last_updated_at: at,
            relay_conversation_history: Some(
                req.relay_conversation_history.unwrap_or(api::RelayConversationHistory::Disabled),
            ),
            client_token: req.client_token,
        };
        put_collaborator(tx, &collaborator)?;
        collaboration::hold(tx, &collaborator)?;
        token.remember(tx, &collaborator.collaborator_id, now)?;
        Ok::<_, ApiError>(collaborator)
    };
    let agent_collaborator = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::AssociateAgentCollaboratorResponse { agent_collaborator })
}
