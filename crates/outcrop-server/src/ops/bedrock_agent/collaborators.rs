//! What the collaborator operations share.

use crate::agents::documents::{DRAFT, version_parent};
use crate::errors::{self, OpResult};
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, ReadTx};

/// A collaborator of the draft, or the caller's error.
pub(super) fn of_draft(tx: &ReadTx<'_>, agent_id: &str, id: &str) -> OpResult<api::AgentCollaborator> {
    tx.get(Kind::Collaborator, &version_parent(agent_id, DRAFT), id)?.ok_or_else(errors::not_found)
}

/// The short form for lists.
pub(super) fn summary(one: api::AgentCollaborator) -> api::AgentCollaboratorSummary {
    api::AgentCollaboratorSummary {
        agent_id: one.agent_id,
        agent_version: one.agent_version,
        collaborator_id: one.collaborator_id,
        agent_descriptor: one.agent_descriptor,
        collaboration_instruction: one.collaboration_instruction,
        relay_conversation_history: one.relay_conversation_history.unwrap_or(api::RelayConversationHistory::Disabled),
        collaborator_name: one.collaborator_name,
        created_at: one.created_at,
        last_updated_at: one.last_updated_at,
    }
}
