//! The prepared agent: what a turn computes with, compiled once from a snapshot.

use outcrop_api::bedrock_agent as api;
use outcrop_ports::{Action, InferenceConfig, ToolSpec};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// What PrepareAgent keeps: the documents as they were, schemas by value. Immutable and content-addressed, so what was
/// tested in DRAFT is byte for byte what a version runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The agent.
    pub agent: api::Agent,
    /// All action groups of the draft, also the disabled ones. An `apiSchema` that named an object carries the object's
    /// text as `payload` instead.
    pub action_groups: Vec<api::AgentActionGroup>,
}

/// An agent ready to take turns.
#[derive(Debug)]
pub struct PreparedAgent {
    /// Ten characters.
    pub agent_id: Arc<str>,
    /// Its name.
    pub agent_name: Arc<str>,
    /// Model as the agent names it.
    pub model_id: Arc<str>,
    /// What the agent is for, in its author's words.
    pub instruction: Arc<str>,
    /// Sampling settings of the orchestration phase.
    pub inference: InferenceConfig,
    /// Members passed through to the provider.
    pub additional_model_request_fields: Option<serde_json::Map<String, serde_json::Value>>,
    /// Seconds after which an idle session is forgotten.
    pub idle_session_ttl_seconds: i64,
    /// Tools in the order of their groups.
    pub tools: Vec<Tool>,
    /// The same tools as the model sees them.
    pub specs: Arc<[ToolSpec]>,
    pub(crate) tool_by_name: HashMap<String, usize>,
}

impl PreparedAgent {
    /// The tool of a name the model used. A model that leaves the group's prefix off is understood when only one tool
    /// can be meant.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        if let Some(&index) = self.tool_by_name.get(name) {
            return self.tools.get(index);
        }
        let mut by_suffix =
            self.tools.iter().filter(|tool| tool.spec_name.rsplit("__").next().is_some_and(|last| last == name));
        match (by_suffix.next(), by_suffix.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }
}

/// A tool of a prepared agent.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Name the model uses.
    pub spec_name: String,
    /// How it is done.
    pub kind: ToolKind,
    /// Its arguments, in the order of the schema.
    pub arguments: Vec<Argument>,
}

/// How a tool is done.
#[derive(Clone, Debug)]
pub enum ToolKind {
    /// An action of an action group.
    Action {
        /// Name of the group.
        action_group: Arc<str>,
        /// What of it is called.
        action: Action,
        /// Who does it.
        executor: Executor,
        /// Whether the user is asked first.
        confirm: bool,
        /// Media type of the body, for operations that have one.
        media_type: Option<String>,
    },
    /// AMAZON.UserInput: the question becomes the turn's answer.
    AskUser,
}

/// Who does an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Executor {
    /// A function, by ARN.
    Lambda(Arc<str>),
    /// The caller.
    ReturnControl,
}

/// One argument of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Name in the tool's schema, as the model writes it.
    pub schema_name: String,
    /// Name in the action's own schema, as functions read it.
    pub name: String,
    /// `string`, `number`, `integer`, `boolean`, `array` or `object`.
    pub r#type: String,
    /// Where it goes.
    pub place: Place,
    /// Whether the action cannot do without.
    pub required: bool,
}

/// Where an argument goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// With the call: function parameters; path, query, header and cookie parameters of operations.
    Parameter,
    /// In the body of an operation.
    Body,
}
