//! The two ways to the planner: a server's API with return of control, or the planner's own function.

use crate::Failure;
use crate::server::{Server, ServerSession};
use outcrop_models::offline::OfflinePlanner;
use outcrop_ports::{
    ContentBlock, InferenceConfig, Message, ModelRequest, Role, ToolChoice, ToolResult, ToolResultContent,
    ToolResultStatus, ToolSpec,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A tool of an agent.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) description: String,
    /// JSON Schema of an object.
    pub(crate) schema: Value,
}

impl Function {
    /// The parameters with their schemas.
    pub(crate) fn properties(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.schema["properties"].as_object().into_iter().flatten()
    }

    /// Whether a parameter must be there.
    pub(crate) fn requires(&self, name: &str) -> bool {
        self.schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name))
    }

    /// Whether a function schema cannot say what a parameter is, so that it takes an OpenAPI document.
    pub(crate) fn is_nested(&self) -> bool {
        self.properties().any(|(_, property)| property["type"] == "object")
    }
}

/// A call that came back to the caller.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) input: Map<String, Value>,
    /// What the door needs to know it by.
    pub(crate) token: Value,
}

/// What a turn came to.
pub(crate) enum Reply {
    Calls(Vec<Call>),
    Text(String),
}

/// A way to the planner.
pub(crate) enum Door {
    Direct,
    Server(Box<Server>),
}

/// An agent that is ready.
pub(crate) enum Agent {
    Direct { instruction: String, tools: Arc<[ToolSpec]> },
    Server { id: String, functions: Vec<Function> },
}

/// A conversation.
pub(crate) enum Session<'a> {
    Direct { instruction: &'a str, tools: &'a Arc<[ToolSpec]>, messages: Vec<Arc<Message>> },
    Server(ServerSession<'a>),
}

const GROUP: &str = "Tools";

impl Door {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Direct => "asked directly",
            Self::Server(_) => "through the server, with return of control",
        }
    }

    /// Makes an agent ready.
    pub(crate) fn agent(&self, instruction: &str, functions: &[Function]) -> Result<Agent, Failure> {
        match self {
            Self::Direct => {
                Ok(Agent::Direct { instruction: instruction.to_owned(), tools: functions.iter().map(spec).collect() })
            }
            Self::Server(server) => {
                let id = server.deploy(GROUP, instruction, functions)?;
                Ok(Agent::Server { id, functions: functions.to_vec() })
            }
        }
    }

    /// Begins a conversation.
    pub(crate) fn session<'a>(&'a self, agent: &'a Agent) -> Result<Session<'a>, Failure> {
        match (self, agent) {
            (Self::Server(server), Agent::Server { id, functions }) => {
                Ok(Session::Server(server.session(id, functions)))
            }
            (_, Agent::Direct { instruction, tools }) => {
                Ok(Session::Direct { instruction, tools, messages: Vec::new() })
            }
            _ => Err("an agent of another door".into()),
        }
    }

    /// Lets an agent go.
    pub(crate) fn end(&self, agent: &Agent) -> Result<(), Failure> {
        match (self, agent) {
            (Self::Server(server), Agent::Server { id, .. }) => server.delete(id),
            _ => Ok(()),
        }
    }
}

impl Session<'_> {
    /// The user says something.
    pub(crate) fn say(&mut self, text: &str) -> Result<Reply, Failure> {
        match self {
            Self::Direct { instruction, tools, messages } => {
                messages.push(Arc::new(Message::user(text)));
                Ok(reply(instruction, tools, messages))
            }
            Self::Server(session) => session.say(text),
        }
    }

    /// The results of the calls that came back last.
    pub(crate) fn results(&mut self, results: &[(Call, String)]) -> Result<Reply, Failure> {
        match self {
            Self::Direct { instruction, tools, messages } => {
                let content = results.iter().map(|(call, text)| {
                    ContentBlock::ToolResult(ToolResult {
                        tool_use_id: call.token.as_str().unwrap_or_default().to_owned(),
                        content: vec![ToolResultContent::Text(text.clone())],
                        status: ToolResultStatus::Success,
                    })
                });
                messages.push(Arc::new(Message { role: Role::User, content: content.collect() }));
                Ok(reply(instruction, tools, messages))
            }
            Self::Server(session) => session.results(results),
        }
    }
}

fn reply(instruction: &str, tools: &Arc<[ToolSpec]>, messages: &mut Vec<Arc<Message>>) -> Reply {
    let request = ModelRequest {
        model_id: "offline".into(),
        system: vec![instruction.to_owned()],
        messages: messages.clone(),
        tools: tools.clone(),
        tool_choice: ToolChoice::Auto,
        inference: InferenceConfig::default(),
        additional_fields: None,
        caching: outcrop_ports::Caching::Automatic,
    };
    let reply = OfflinePlanner.reply(&request);
    let calls: Vec<Call> = reply
        .message
        .tool_uses()
        .map(|tool_use| Call {
            name: tool_use.name.rsplit("__").next().unwrap_or_default().to_owned(),
            input: tool_use.input.as_object().cloned().unwrap_or_default(),
            token: Value::from(tool_use.tool_use_id.as_str()),
        })
        .collect();
    let text = reply.message.text();
    messages.push(Arc::new(reply.message));
    if calls.is_empty() { Reply::Text(text) } else { Reply::Calls(calls) }
}

/// A tool as the server shows it to a model.
fn spec(function: &Function) -> ToolSpec {
    let verb = if function.is_nested() { "POST__" } else { "" };
    let input_schema = if function.is_nested() {
        function.schema.clone()
    } else {
        let properties: Map<String, Value> = function
            .properties()
            .map(|(name, property)| {
                let mut plain = json!({"type": property["type"], "description": property["description"]});
                if property["type"] == "array" {
                    plain["items"] = json!({});
                }
                (name.clone(), plain)
            })
            .collect();
        json!({"type": "object", "properties": properties, "required": function.schema["required"]})
    };
    ToolSpec {
        name: format!("{verb}{GROUP}__{}", function.name),
        description: function.description.clone(),
        input_schema,
    }
}
