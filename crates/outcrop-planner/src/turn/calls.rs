//! From tool uses to calls: what the model asked for is looked up, its arguments are put where they belong.

use super::collaboration::{CollaboratorCall, Waiting};
use super::event::Call;
use super::results::ReadResult;
use super::{Turn, arguments, error_result};
use crate::agent::{Executor, Place, PreparedAgent, Tool, ToolKind};
use crate::prepare::value_text;
use outcrop_ports::{Action, Parameter, RequestBody, ToolCall, ToolResult, ToolUse};
use outcrop_wire::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// Most actions given to the caller at once: the wire's own limit.
pub(super) const RETURNED_ACTIONS_MAX: usize = 5;

/// A tool use on its way to its result.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) tool_use_id: String,
    pub(super) work: Work,
    pub(super) result: Option<ToolResult>,
    /// When our call for it ran, and its id.
    pub(super) times: Option<CallTimes>,
    /// Whether its observation is in the trace already.
    pub(super) observed: bool,
    /// Whether the function wants the model to try again.
    pub(super) reprompts: bool,
    /// What is read of a kept result, when that is the work.
    pub(super) reads: Option<ReadResult>,
    /// The whole result for the trace, where the model sees an excerpt.
    pub(super) whole: Option<String>,
    /// Its answer comes later, at most until then.
    pub(super) asleep_until: Option<Timestamp>,
}

/// When a call ran, and its id.
#[derive(Clone, Debug)]
pub(super) struct CallTimes {
    pub(super) started_at: Timestamp,
    pub(super) at: Timestamp,
    pub(super) call_id: String,
}

/// What is to be done for it.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// Ours: a function is called.
    Function(ToolCall),
    /// The caller's.
    Caller { call: ToolCall, asks: Asks },
    /// Another agent is asked.
    Collaborator(CollaboratorCall),
    /// That agent has returned control: the caller's part, then the agent's again.
    Waiting(Waiting),
    /// Nothing: the use could not be understood, the result says why.
    Refused,
}

/// What the caller is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// The result.
    Result,
    /// Whether the user agrees; the function is then ours to call.
    Confirmation,
    /// Whether the user agrees, and the result.
    ConfirmationAndResult,
}

impl Pending {
    pub(super) fn call(&self) -> Option<&ToolCall> {
        match &self.work {
            Work::Function(call) | Work::Caller { call, .. } => Some(call),
            Work::Collaborator(_) | Work::Waiting(_) | Work::Refused => None,
        }
    }

    /// The collaborator that waits for the caller.
    pub(super) fn waiting(&self) -> Option<&Waiting> {
        match &self.work {
            Work::Waiting(waiting) if self.result.is_none() => Some(waiting),
            _ => None,
        }
    }

    /// Whether we do it and it is not done.
    pub(super) fn is_under_way(&self) -> bool {
        self.result.is_none() && matches!(self.work, Work::Function(_) | Work::Collaborator(_))
    }

    /// Whether it is a function's and has no result.
    pub(super) fn is_open_function(&self) -> bool {
        self.result.is_none() && matches!(self.work, Work::Function(_))
    }

    /// The call that is to be made for it.
    pub(super) fn to_make(&self) -> Option<Call> {
        match (&self.work, &self.reads) {
            (Work::Function(_), Some(read)) => Some(Call::Read(read.clone())),
            (Work::Function(function), None) => Some(Call::Tool(function.clone())),
            (Work::Collaborator(call), _) => Some(Call::Collaborator(call.clone())),
            (Work::Caller { .. } | Work::Waiting(_) | Work::Refused, _) => None,
        }
    }

    /// Work that has not begun.
    pub(super) fn new(tool_use_id: String, work: Work) -> Self {
        Self {
            tool_use_id,
            work,
            result: None,
            times: None,
            observed: false,
            reprompts: false,
            reads: None,
            whole: None,
            asleep_until: None,
        }
    }

    /// Whether the user has to agree before it is done.
    pub(super) fn asks_consent(&self) -> bool {
        matches!(self.work, Work::Caller { asks: Asks::Confirmation | Asks::ConfirmationAndResult, .. })
    }

    pub(super) fn refused(tool_use_id: &str, text: String) -> Self {
        let result = Some(error_result(tool_use_id.to_owned(), text));
        Self { result, ..Self::new(tool_use_id.to_owned(), Work::Refused) }
    }
}

impl Turn {
    /// Looks up what was asked for. A use that cannot be understood gets a result that says what would be.
    pub(super) fn resolve<'a>(&self, uses: impl Iterator<Item = &'a ToolUse>) -> Vec<Pending> {
        let mut for_caller = 0;
        let mut all = Vec::new();
        for tool_use in uses {
            let mut pending = match (self.is_messaging(&tool_use.name), self.is_reading(&tool_use.name)) {
                (true, _) => self.message_to(tool_use),
                (false, true) => self.read_of(tool_use),
                (false, false) => resolve_one(&self.agent, tool_use),
            };
            if matches!(pending.work, Work::Caller { .. }) {
                for_caller += 1;
                if for_caller > RETURNED_ACTIONS_MAX {
                    let text = format!(
                        "At most {RETURNED_ACTIONS_MAX} actions can be given to the user at once; ask for this one again afterwards."
                    );
                    pending = Pending::refused(&tool_use.tool_use_id, text);
                }
            }
            all.push(pending);
        }
        all
    }
}

fn resolve_one(agent: &PreparedAgent, tool_use: &ToolUse) -> Pending {
    let refuse = |text: String| Pending::refused(&tool_use.tool_use_id, text);
    let Some(tool) = agent.tool(&tool_use.name) else {
        let names: Vec<&str> = agent.tools.iter().map(|tool| tool.spec_name.as_str()).collect();
        return refuse(format!("There is no tool {}. The tools are: {}.", tool_use.name, names.join(", ")));
    };
    let ToolKind::Action { action_group, action, executor, confirm, media_type, .. } = &tool.kind else {
        return refuse("Ask the user first, without other tools.".to_owned());
    };
    let read = match &tool_use.input {
        Value::String(text) if agent.checks_arguments => serde_json::from_str(text).ok(),
        other => Some(other.clone()),
    };
    let arguments = match read {
        Some(Value::Object(members)) => members,
        Some(Value::Null) => serde_json::Map::new(),
        _ => {
            return refuse(format!(
                "The arguments of {} must be a JSON object with: {}.",
                tool.spec_name,
                argument_names(tool)
            ));
        }
    };
    let missing: Vec<&str> = tool
        .arguments
        .iter()
        .filter(|argument| argument.required && arguments.get(&argument.schema_name).is_none_or(Value::is_null))
        .map(|argument| argument.schema_name.as_str())
        .collect();
    if !missing.is_empty() {
        return refuse(format!("{} needs {}, which was not given.", tool.spec_name, missing.join(", ")));
    }
    let spec = agent.spec(tool).filter(|_| agent.checks_arguments);
    let checked = match spec {
        Some(spec) => arguments::check(&spec.input_schema, arguments),
        None => Ok(arguments),
    };
    let arguments = match checked {
        Ok(arguments) => arguments,
        Err(problems) => {
            return refuse(format!("The arguments of {} do not fit: {}.", tool.spec_name, problems.join("; ")));
        }
    };
    let mut parameters = Vec::new();
    let mut properties = Vec::new();
    for argument in &tool.arguments {
        let Some(value) = arguments.get(&argument.schema_name).filter(|value| !value.is_null()) else { continue };
        let parameter =
            Parameter { name: argument.name.clone(), r#type: argument.r#type.clone(), value: value_text(value) };
        match argument.place {
            Place::Parameter => parameters.push(parameter),
            Place::Body => properties.push(parameter),
        }
    }
    let request_body = media_type.clone().map(|media_type| RequestBody { media_type, properties });
    let call = |function_arn: &Arc<str>| ToolCall {
        tool_use_id: tool_use.tool_use_id.clone(),
        function_arn: function_arn.clone(),
        action_group: action_group.clone(),
        action: action.clone(),
        parameters,
        request_body,
    };
    let work = match (executor, confirm) {
        (Executor::Lambda(arn), false) => Work::Function(call(arn)),
        (Executor::Lambda(arn), true) => Work::Caller { call: call(arn), asks: Asks::Confirmation },
        (Executor::ReturnControl, false) => Work::Caller { call: call(&Arc::from("")), asks: Asks::Result },
        (Executor::ReturnControl, true) => {
            Work::Caller { call: call(&Arc::from("")), asks: Asks::ConfirmationAndResult }
        }
    };
    Pending::new(tool_use.tool_use_id.clone(), work)
}

fn argument_names(tool: &Tool) -> String {
    let names: Vec<&str> = tool.arguments.iter().map(|argument| argument.schema_name.as_str()).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// The action's name as people say it: a function's name, or method and path.
pub(super) fn action_name(action: &Action) -> String {
    match action {
        Action::Function(name) => name.to_string(),
        Action::ApiOperation { api_path, http_method } => format!("{} {api_path}", http_method.to_ascii_uppercase()),
    }
}
