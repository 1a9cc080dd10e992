//! What `POST /outcrop/import` takes and answers: whole agents, with their versions and aliases.
//!
//! The service has no call that makes a version: one is cut from a draft that was prepared. Replaying an agent's past
//! through such calls would refuse what cannot be prepared here, would need a cut for every number that was ever deleted,
//! and would leave half an agent behind when it is interrupted. So agents come in whole, in one write.
//!
//! Contents are members of the requests that AWS's clients send (`CreateAgent` and so on), and are held to the same
//! constraints. What they refer to need not exist.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Members of a request, as JSON.
pub type Members = Map<String, Value>;

/// Agents to be brought in; all of them or none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportRequest {
    /// The agents. They may refer to each other in any order.
    pub agents: Vec<ImportedAgent>,
    /// Whether all ids are made here. Otherwise ids that are wanted and free are kept.
    #[serde(default)]
    pub new_ids: bool,
    /// Whether an agent that has the name of one of these is replaced by it. It keeps its id, and its aliases keep theirs
    /// by name. Otherwise a name that is taken is a ConflictException.
    #[serde(default)]
    pub replace: bool,
}

/// An agent with its past.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedAgent {
    /// The id it would like to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// What can be changed.
    pub draft: ImportedContent,
    /// Whether the draft is to be prepared.
    #[serde(default)]
    pub prepared: bool,
    /// Versions by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<u32, ImportedContent>,
    /// Aliases other than the test alias.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<ImportedAlias>,
    /// Tags of the agent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Tags of the test alias.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub test_alias_tags: BTreeMap<String, String>,
}

/// What a draft or a version holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedContent {
    /// Members of CreateAgent; no `clientToken`, no `tags`.
    pub agent: Members,
    /// Action groups in the order in which they were made: the order in which a model sees their tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub action_groups: Vec<ImportedGroup>,
    /// Members of AssociateAgentKnowledgeBase.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub knowledge_bases: Vec<Members>,
    /// Collaborators in the order in which they were associated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collaborators: Vec<ImportedCollaborator>,
}

/// An action group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedGroup {
    /// The id it would like to have; the same group in several versions has the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_group_id: Option<String>,
    /// Members of CreateAgentActionGroup.
    pub members: Members,
    /// Text of a schema that is named in the object store; what versions run even if the object is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_text: Option<String>,
}

/// A collaborator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedCollaborator {
    /// The id it would like to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collaborator_id: Option<String>,
    /// `AGENT/ALIAS` by name, when it is one of the agents of this request; takes the place of `agentDescriptor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Members of AssociateAgentCollaborator.
    pub members: Members,
}

/// An alias.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedAlias {
    /// The id it would like to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_alias_id: Option<String>,
    /// Members of UpdateAgentAlias. Without routing it is an alias whose version was deleted.
    pub members: Members,
    /// Where it led before, last first; members of a `routingConfiguration`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Vec<Members>>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportResponse {
    /// In the order of the request.
    pub agents: Vec<AgentImport>,
}

/// One agent that came in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentImport {
    /// Its id here.
    pub agent_id: String,
    /// Its name.
    pub agent_name: String,
    /// Whether it took the place of one with its name.
    pub replaced: bool,
    /// `PREPARED`, `NOT_PREPARED` or, when it cannot run here as it is, `FAILED`.
    pub agent_status: String,
    /// Ids of its aliases by name.
    pub aliases: BTreeMap<String, String>,
    /// What one should know: what was kept but cannot run here.
    pub notes: Vec<String>,
}
