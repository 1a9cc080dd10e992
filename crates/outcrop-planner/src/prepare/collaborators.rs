//! From collaborators as they are saved to agents that can be asked, and to the tool that asks them.

use super::{Tools, arguments};
use crate::agent::{CollaboratingAgent, Collaborator, INLINE_AGENT, Snapshot, ToolKind};
use outcrop_api::bedrock_agent as api;
use serde_json::json;
use std::sync::Arc;

/// The collaborators of a supervisor; none of any other agent.
pub(super) fn of(snapshot: &Snapshot) -> Result<Vec<Arc<Collaborator>>, String> {
    match snapshot.agent.agent_collaboration {
        None | Some(api::AgentCollaboration::Disabled) => return Ok(Vec::new()),
        Some(_) if snapshot.collaborators.is_empty() => {
            return Err("The AgentCollaboration attribute is set to SUPERVISOR but no agent collaborators are added."
                .to_owned());
        }
        Some(_) => {}
    }
    snapshot.collaborators.iter().map(|one| collaborator(snapshot, one).map(Arc::new)).collect()
}

fn collaborator(snapshot: &Snapshot, saved: &api::AgentCollaborator) -> Result<Collaborator, String> {
    let name = saved.collaborator_name.as_str();
    let alias_arn = saved.agent_descriptor.alias_arn.as_deref().unwrap_or_default();
    let agent = match snapshot.inline_collaborators.get(name) {
        Some(hash) => CollaboratingAgent::Inline { snapshot: hash.as_str().into() },
        None => {
            let (agent_id, alias_id) = ids_of(alias_arn)
                .ok_or_else(|| format!("collaborator {name}: {alias_arn:?} is no ARN of an agent's alias"))?;
            CollaboratingAgent::Alias { agent_id: agent_id.into(), alias_id: alias_id.into() }
        }
    };
    Ok(Collaborator {
        name: name.into(),
        instruction: saved.collaboration_instruction.as_str().into(),
        relays_conversation: saved.relay_conversation_history == Some(api::RelayConversationHistory::ToCollaborator),
        alias_arn: alias_arn.into(),
        agent,
    })
}

/// `…:agent-alias/AGENT/ALIAS` → AGENT, ALIAS.
fn ids_of(alias_arn: &str) -> Option<(&str, &str)> {
    let (_, ids) = alias_arn.split_once(":agent-alias/")?;
    ids.split_once('/').filter(|(agent_id, _)| *agent_id != INLINE_AGENT)
}

/// One tool for all of them, as on the service. The schema names each with the words that say when to ask it, so that
/// whoever reads only schemas can choose.
pub(super) fn add_tool(tools: &mut Tools, collaborators: &[Arc<Collaborator>]) {
    if collaborators.is_empty() {
        return;
    }
    let recipients: Vec<_> = collaborators
        .iter()
        .map(|one| json!({"const": one.name.as_ref(), "description": one.instruction.as_ref()}))
        .collect();
    let names: Vec<&str> = collaborators.iter().map(|one| one.name.as_ref()).collect();
    let schema = json!({
        "type": "object",
        "properties": {
            "recipient": {"type": "string", "description": "Name of the agent", "enum": names, "oneOf": recipients},
            "content": {"type": "string", "description": "What the agent is to do, with all it needs to know"},
        },
        "required": ["recipient", "content"],
    });
    let description = "Send a message to another agent and get its answer.".to_owned();
    let arguments = arguments([("recipient", "string"), ("content", "string")]);
    tools.add(&["AgentCommunication", "sendMessage"], description, schema, ToolKind::Message, arguments);
}
