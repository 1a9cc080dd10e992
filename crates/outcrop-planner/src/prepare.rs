//! From documents to a prepared agent.

mod collaborators;
mod functions;
mod names;
pub mod openapi;
pub mod prompts;

use crate::agent::{Argument, Executor, Place, PreparedAgent, Snapshot, Tool, ToolKind};
use crate::phase::Phase;
use names::ToolNames;
use outcrop_api::bedrock_agent as api;
use outcrop_ports::ToolSpec;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// What keeps an agent from being prepared; each is a sentence for `failureReasons`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct PrepareError(pub Vec<String>);

/// Compiles a snapshot. All problems are reported at once.
pub fn prepare(snapshot: &Snapshot) -> Result<PreparedAgent, PrepareError> {
    let agent = &snapshot.agent;
    let mut problems = Vec::new();
    let instruction = agent.instruction.as_deref().unwrap_or_default();
    if instruction.is_empty() {
        problems.push("Agent Instruction cannot be null".to_owned());
    }
    let model_id = agent.foundation_model.as_deref().unwrap_or_default();
    if model_id.is_empty() {
        problems.push("Agent foundation model cannot be null".to_owned());
    }
    let mut tools = Tools::default();
    for group in &snapshot.action_groups {
        if group.action_group_state == api::ActionGroupState::Disabled {
            continue;
        }
        if let Err(problem) = add_group(&mut tools, group) {
            problems.push(problem);
        }
    }
    let collaborators = collaborators::of(snapshot).unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    });
    let custom_orchestration = custom_orchestration(agent).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    let prompts = prompts::compile(agent.prompt_override_configuration.as_ref(), &mut problems);
    if !problems.is_empty() {
        return Err(PrepareError(problems));
    }
    collaborators::add_tool(&mut tools, &collaborators);
    let collaboration = agent.agent_collaboration.unwrap_or(api::AgentCollaboration::Disabled);
    let is_enabled = |base: &&api::AgentKnowledgeBase| base.knowledge_base_state == api::KnowledgeBaseState::Enabled;
    Ok(PreparedAgent {
        source_bytes: snapshot.source_bytes(),
        collaboration,
        collaborators,
        knowledge_bases: snapshot.knowledge_bases.iter().filter(is_enabled).cloned().collect(),
        memory: agent.memory_configuration.clone(),
        guardrail: agent.guardrail_configuration.clone(),
        custom_orchestration,
        agent_id: agent.agent_id.as_str().into(),
        agent_name: agent.agent_name.as_str().into(),
        model_id: model_id.into(),
        instruction: instruction.into(),
        calls_in_text: prompts.get(Phase::Orchestration).template.says("<function_calls>"),
        checks_arguments: true,
        prompts,
        idle_session_ttl_seconds: agent.idle_session_ttl_in_seconds,
        tool_by_name: tools.by_name(),
        specs: tools.specs.into(),
        tools: tools.tools,
    })
}

/// The function that decides an agent's steps, if it is to.
fn custom_orchestration(agent: &api::Agent) -> Result<Option<Arc<str>>, String> {
    if agent.orchestration_type != Some(api::OrchestrationType::CustomOrchestration) {
        return Ok(None);
    }
    match agent.custom_orchestration.as_ref().and_then(|custom| custom.executor.as_ref()) {
        Some(api::OrchestrationExecutor::Lambda(arn)) => Ok(Some(arn.as_str().into())),
        None => Err("Agent custom orchestration executor cannot be null".to_owned()),
    }
}

/// Tools in the making: what the planner needs and what the model sees, side by side.
#[derive(Default)]
struct Tools {
    names: ToolNames,
    tools: Vec<Tool>,
    specs: Vec<ToolSpec>,
}

impl Tools {
    fn add(
        &mut self,
        parts: &[&str],
        description: String,
        schema: serde_json::Value,
        kind: ToolKind,
        arguments: Vec<Argument>,
    ) {
        let name = self.names.make(parts);
        self.specs.push(ToolSpec { name: name.clone(), description, input_schema: schema });
        self.tools.push(Tool { spec_name: name, kind, arguments });
    }

    fn by_name(&self) -> HashMap<String, usize> {
        self.tools.iter().enumerate().map(|(index, tool)| (tool.spec_name.clone(), index)).collect()
    }
}

fn add_group(tools: &mut Tools, group: &api::AgentActionGroup) -> Result<(), String> {
    let name = &group.action_group_name;
    if let Some(signature) = &group.parent_action_signature {
        return match signature {
            api::ActionGroupSignature::AmazonUserInput => {
                add_ask_user(tools);
                Ok(())
            }
            other => Err(format!("action group {name}: the built-in group {other} is not available in this version")),
        };
    }
    let executor = match &group.action_group_executor {
        Some(api::ActionGroupExecutor::Lambda(arn)) => Executor::Lambda(arn.as_str().into()),
        Some(api::ActionGroupExecutor::CustomControl(_)) => Executor::ReturnControl,
        None => {
            return Err(format!("action group {name} has no executor: give it a Lambda function or RETURN_CONTROL"));
        }
    };
    match (&group.function_schema, &group.api_schema) {
        (Some(api::FunctionSchema::Functions(functions)), None) => {
            functions::add(tools, group, functions, &executor);
            Ok(())
        }
        (None, Some(api::APISchema::Payload(text))) => openapi::add(tools, group, text, &executor),
        (None, Some(api::APISchema::S3(_))) => {
            Err(format!("action group {name}: its API schema was not read from the object store"))
        }
        (None, None) => Err(format!("action group {name} has neither a function schema nor an API schema")),
        (Some(_), Some(_)) => Err(format!("action group {name} has both a function schema and an API schema")),
    }
}

/// AMAZON.UserInput: a tool whose argument is the question.
fn add_ask_user(tools: &mut Tools) {
    let schema = json!({
        "type": "object",
        "properties": {"question": {"type": "string", "description": "The question to the user"}},
        "required": ["question"],
    });
    let description =
        "Ask the user for information that a tool needs and that is nowhere in the conversation.".to_owned();
    tools.add(&["user", "askuser"], description, schema, ToolKind::AskUser, arguments([("question", "string")]));
}

/// Required parameters of a built-in tool, by name and type.
fn arguments<const N: usize>(named: [(&str, &str); N]) -> Vec<Argument> {
    let argument = |(name, kind): (&str, &str)| Argument {
        schema_name: name.to_owned(),
        name: name.to_owned(),
        r#type: kind.to_owned(),
        place: Place::Parameter,
        required: true,
    };
    named.into_iter().map(argument).collect()
}

/// The text of `value` as functions get it: strings as they are, everything else as compact JSON.
pub(crate) fn value_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Shared by schemas: name → tool of an action group.
fn action_kind(
    group: &api::AgentActionGroup,
    action: outcrop_ports::Action,
    executor: &Executor,
    confirm: bool,
) -> ToolKind {
    ToolKind::Action {
        action_group: Arc::from(group.action_group_name.as_str()),
        action,
        executor: executor.clone(),
        confirm,
        media_type: None,
    }
}
