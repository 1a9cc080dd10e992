//! The collaborators of a supervisor as they stand in the template.

use super::convert::structure;
use super::template::{Entry, Kind, Node};
use super::wanted::{Workshop, input_shape};
use outcrop_api::bedrock_agent::AssociateAgentCollaborator;
use serde_json::Value;

impl Workshop<'_> {
    /// Checks and converts `AgentCollaborators` of an agent.
    pub(super) fn collaborators(&mut self, agent: &Node, entry: &Entry) -> Value {
        let Kind::List(collaborators) = &entry.value.kind else {
            self.problems.push(entry.value.problem(format!("expected a list, found {}", entry.value.noun())));
            return Value::Null;
        };
        let mode = agent.get("AgentCollaboration");
        let is_supervisor = mode.is_some_and(|mode| mode.is_unknown() || mode.text() != Some("DISABLED"));
        if !collaborators.is_empty() && !is_supervisor {
            let message = "an agent with collaborators needs `AgentCollaboration: SUPERVISOR` or `SUPERVISOR_ROUTER`";
            self.problems.push(entry.problem(message));
        }
        self.no_doubles("collaborators", collaborators.iter().filter_map(|one| one.get("CollaboratorName")));
        let shape = input_shape::<AssociateAgentCollaborator>();
        let hidden = ["agentId", "agentVersion", "clientToken"];
        let converted =
            collaborators.iter().map(|one| Value::Object(structure(one, shape, &hidden, &mut self.problems)));
        Value::Array(converted.collect())
    }
}
