//! The prepared agent: what a turn computes with, compiled once from a snapshot.

use crate::phase::PhasePrompts;
use outcrop_api::bedrock_agent as api;
use outcrop_ports::{Action, ToolSpec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Stands for the id of an agent that came with its request and has none.
pub const INLINE_AGENT: &str = "INLINE_AGENT";

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
    /// Agents that this one may ask, in the order in which they were added. Left out when there is none, so that what was
    /// prepared before there were any keeps its address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collaborators: Vec<api::AgentCollaborator>,
    /// Hashes of the snapshots of those collaborators that came with the request, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inline_collaborators: BTreeMap<String, String>,
    /// Knowledge bases that this agent may search, also the disabled ones, in the order in which they were added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub knowledge_bases: Vec<api::AgentKnowledgeBase>,
}

impl Snapshot {
    /// Its bytes as JSON.
    pub fn source_bytes(&self) -> usize {
        let mut counted = Counted(0);
        // Shapes have string keys, and counting cannot fail.
        let _ = serde_json::to_writer(&mut counted, self);
        counted.0
    }
}

/// Counts what is written to it.
struct Counted(usize);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An agent ready to take turns.
#[derive(Clone, Debug)]
pub struct PreparedAgent {
    /// Bytes of the snapshot it was compiled from, as JSON: how much memory to reckon with.
    pub source_bytes: usize,
    /// Ten characters.
    pub agent_id: Arc<str>,
    /// Its name.
    pub agent_name: Arc<str>,
    /// Model as the agent names it.
    pub model_id: Arc<str>,
    /// What the agent is for, in its author's words.
    pub instruction: Arc<str>,
    /// What each phase asks the model with.
    pub prompts: PhasePrompts,
    /// Whether the orchestration's template teaches the grammar of calls in text (`<function_calls>`), so that such calls
    /// are looked for.
    pub calls_in_text: bool,
    /// Whether arguments are checked against their schemas; not in turns that began before they were.
    pub(crate) checks_arguments: bool,
    /// Seconds after which an idle session is forgotten.
    pub idle_session_ttl_seconds: i64,
    /// Whether and how it works with other agents.
    pub collaboration: api::AgentCollaboration,
    /// The agents it can ask; empty unless it is a supervisor.
    pub collaborators: Vec<Arc<Collaborator>>,
    /// The knowledge bases it may search: the enabled ones.
    pub knowledge_bases: Vec<api::AgentKnowledgeBase>,
    /// What it remembers from session to session.
    pub memory: Option<api::MemoryConfiguration>,
    /// What is applied to its input and output.
    pub guardrail: Option<api::GuardrailConfiguration>,
    /// Function that decides its steps in place of the orchestration.
    pub custom_orchestration: Option<Arc<str>>,
    /// Tools in the order of their groups.
    pub tools: Vec<Tool>,
    /// The same tools as the model sees them.
    pub specs: Arc<[ToolSpec]>,
    pub(crate) tool_by_name: HashMap<String, usize>,
}

impl PreparedAgent {
    /// Why turns of this agent cannot be taken by this version, though it can be prepared and versioned. Better no answer
    /// than one from an agent without half of its parts.
    pub fn cannot_run(&self) -> Option<&'static str> {
        (!self.knowledge_bases.is_empty()).then_some("it has knowledge bases")
    }

    /// Whether the agent came with its request.
    pub fn is_inline(&self) -> bool {
        self.agent_id.as_ref() == INLINE_AGENT
    }

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

/// An agent that a supervisor can ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collaborator {
    /// Name the supervisor uses.
    pub name: Arc<str>,
    /// When to ask it, in the words of the supervisor's author.
    pub instruction: Arc<str>,
    /// Whether it is told what user and supervisor said before.
    pub relays_conversation: bool,
    /// ARN of its alias, as traces show it.
    pub alias_arn: Arc<str>,
    /// Who it is.
    pub agent: CollaboratingAgent,
}

/// Who a collaborator is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CollaboratingAgent {
    /// An agent of its own, through an alias.
    Alias {
        /// The agent.
        agent_id: Arc<str>,
        /// The alias.
        alias_id: Arc<str>,
    },
    /// One that came with the request.
    Inline {
        /// Hash of its snapshot.
        snapshot: Arc<str>,
    },
}

impl PreparedAgent {
    /// The agent as it was run before there were phases: see [`Rules`](crate::turn::Rules).
    pub(crate) fn under_first_rules(&self) -> Self {
        let mut agent = self.clone();
        agent.prompts = self.prompts.under_first_rules();
        agent.calls_in_text = false;
        agent.checks_arguments = false;
        agent
    }

    /// A tool as the model sees it.
    pub fn spec(&self, tool: &Tool) -> Option<&ToolSpec> {
        self.specs.iter().find(|spec| spec.name == tool.spec_name)
    }

    /// Name of the tool that asks the user, when the agent has it.
    pub fn ask_user_tool(&self) -> Option<&str> {
        let asks = self.tools.iter().find(|tool| matches!(tool.kind, ToolKind::AskUser));
        asks.map(|tool| tool.spec_name.as_str())
    }

    /// The tool of an action as parsers name it: by group and function, or by group and the path or id of an operation,
    /// with its verb where it is given.
    pub fn tool_of(&self, group: &str, name: &str, verb: Option<&str>) -> Option<&Tool> {
        self.tools.iter().find(|tool| match &tool.kind {
            ToolKind::Action { action_group, action: Action::Function(function), .. } => {
                **action_group == *group && **function == *name
            }
            ToolKind::Action { action_group, action: Action::ApiOperation { api_path, http_method }, .. } => {
                let is_operation = **api_path == *name || tool.spec_name.rsplit("__").next() == Some(name);
                **action_group == *group
                    && is_operation
                    && verb.is_none_or(|verb| verb.eq_ignore_ascii_case(http_method))
            }
            ToolKind::AskUser | ToolKind::Message => false,
        })
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
        /// Whether its schema says that it may be called again when nobody knows whether it was.
        repeatable: bool,
    },
    /// AMAZON.UserInput: the question becomes the turn's answer.
    AskUser,
    /// A message to a collaborator.
    Message,
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
