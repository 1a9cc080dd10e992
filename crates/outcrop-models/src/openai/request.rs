//! The neutral request as the endpoint's JSON, written straight into bytes.
//!
//! No points of a prompt cache are placed: these endpoints keep the beginning of a prompt by themselves, so all that is done
//! is to write what stays first and always the same.

use crate::families::{Family, Sampling};
use crate::{arguments, files};
use outcrop_ports::{
    ContentBlock, Message, ModelError, ModelErrorKind, ModelRequest, Role, ToolChoice, ToolResult, ToolResultStatus,
    ToolSpec,
};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;
use std::fmt;

/// Members that decide how the answer is read; `additional_fields` may not touch them.
const RESERVED: [&str; 5] = ["model", "messages", "stream", "stream_options", "n"];

/// What is not in the neutral request.
#[derive(Clone, Copy)]
pub(super) struct Options<'a> {
    /// Model sent upstream.
    pub(super) model: &'a str,
    /// What is known of it.
    pub(super) family: &'a Family,
    /// Whether the answer is to come in pieces.
    pub(super) stream: bool,
}

/// The JSON of a request. Members of `additional_fields` stand at the top level and take the place of ours; one that
/// would change how the answer is read is [`ModelErrorKind::Invalid`].
pub(super) fn encode(request: &ModelRequest, options: Options<'_>) -> Result<Vec<u8>, ModelError> {
    let taken = |name: &&&str| request.additional_fields.as_ref().is_some_and(|fields| fields.contains_key(**name));
    if let Some(name) = RESERVED.iter().find(taken) {
        let message = format!("additional request fields cannot set `{name}`");
        return Err(ModelError::new(ModelErrorKind::Invalid, message));
    }
    files::check(request)?;
    let mut bytes = Vec::with_capacity(4 * 1024);
    serde_json::to_writer(&mut bytes, &Body { request, options })
        .map_err(|error| ModelError::new(ModelErrorKind::Invalid, format!("cannot write the request: {error}")))?;
    Ok(bytes)
}

struct Body<'a> {
    request: &'a ModelRequest,
    options: Options<'a>,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { request, options } = self;
        let additional = request.additional_fields.as_ref();
        let ours = |name: &str| additional.is_none_or(|fields| !fields.contains_key(name));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", options.model)?;
        map.serialize_entry("messages", &Messages(self))?;
        if !request.tools.is_empty() {
            if ours("tools") {
                map.serialize_entry("tools", &Tools(&request.tools))?;
            }
            if ours("tool_choice") {
                match &request.tool_choice {
                    _ if !options.family.forced_tools => {}
                    ToolChoice::Auto => {}
                    ToolChoice::Any => map.serialize_entry("tool_choice", "required")?,
                    ToolChoice::Tool(name) => map.serialize_entry("tool_choice", &Function(&Named { name }))?,
                }
            }
        }
        let inference = &request.inference;
        // Newer models of OpenAI want `max_completion_tokens` and refuse both.
        if let Some(max_tokens) = inference.max_tokens
            && ours("max_tokens")
            && ours("max_completion_tokens")
        {
            let name = if options.family.completion_tokens { "max_completion_tokens" } else { "max_tokens" };
            map.serialize_entry(name, &max_tokens)?;
        }
        let sampling = options.family.sampling;
        if let Some(temperature) = inference.temperature.filter(|_| sampling != Sampling::None)
            && ours("temperature")
        {
            map.serialize_entry("temperature", &temperature)?;
        }
        let takes_top_p = match sampling {
            Sampling::All => true,
            Sampling::One => inference.temperature.is_none(),
            Sampling::None => false,
        };
        if let Some(top_p) = inference.top_p.filter(|_| takes_top_p)
            && ours("top_p")
        {
            map.serialize_entry("top_p", &top_p)?;
        }
        // Models that take no sampling settings take no stop sequences either.
        if !inference.stop_sequences.is_empty() && sampling != Sampling::None && ours("stop") {
            map.serialize_entry("stop", &inference.stop_sequences)?;
        }
        if let Some(schema) = &inference.answer_schema
            && options.family.schema.holds(!request.tools.is_empty())
            && ours("response_format")
        {
            map.serialize_entry("response_format", &AnswerFormat::new(schema))?;
        }
        if options.stream {
            map.serialize_entry("stream", &true)?;
            map.serialize_entry("stream_options", &IncludeUsage { include_usage: true })?;
        }
        for (name, value) in additional.into_iter().flatten() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The schema without `strict`, which allows a part of JSON Schema only; who asks checks the answer.
#[derive(serde::Serialize)]
struct AnswerFormat<'a> {
    r#type: &'static str,
    json_schema: NamedSchema<'a>,
}

#[derive(serde::Serialize)]
struct NamedSchema<'a> {
    name: &'static str,
    schema: &'a Value,
}

impl<'a> AnswerFormat<'a> {
    fn new(schema: &'a Value) -> Self {
        Self { r#type: "json_schema", json_schema: NamedSchema { name: "answer", schema } }
    }
}

#[derive(serde::Serialize)]
struct IncludeUsage {
    include_usage: bool,
}

struct Messages<'a>(&'a Body<'a>);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Body { request, options } = self.0;
        let mut list = serializer.serialize_seq(None)?;
        if request.system.iter().any(|block| !block.is_empty()) {
            // One message, since templates of local models take no more.
            let content = Joined { separator: "\n\n", parts: || request.system.iter().map(String::as_str) };
            list.serialize_element(&Said { role: "system", content })?;
        }
        // Thinking goes back within the turn that it belongs to, where it goes back at all.
        let asked = |message: &Message| message.role == Role::User && texts(message).next().is_some();
        let turn = request.messages.iter().rposition(|message| asked(message)).unwrap_or(0);
        for (index, message) in request.messages.iter().enumerate() {
            match message.role {
                Role::User => write_user(&mut list, message)?,
                Role::Assistant => {
                    let send_reasoning = options.family.thinking_back && index > turn;
                    list.serialize_element(&Assistant { message, send_reasoning })?;
                }
            }
        }
        list.end()
    }
}

/// Results first, as they must follow the calls, then the words.
fn write_user<S: SerializeSeq>(list: &mut S, message: &Message) -> Result<(), S::Error> {
    for block in &message.content {
        if let ContentBlock::ToolResult(result) = block {
            list.serialize_element(&Answered(result))?;
        }
    }
    if let Some(parts) = super::files::parts(&message.content) {
        return list.serialize_element(&Said { role: "user", content: parts });
    }
    if message.content.iter().any(|block| block.as_text().is_some()) {
        let content = Joined { separator: "\n", parts: || texts(message) };
        list.serialize_element(&Said { role: "user", content })?;
    }
    Ok(())
}

fn texts(message: &Message) -> impl Iterator<Item = &str> {
    message.content.iter().filter_map(ContentBlock::as_text)
}

#[derive(serde::Serialize)]
struct Said<C> {
    role: &'static str,
    content: C,
}

/// Parts written one after the other without being copied together.
struct Joined<F> {
    separator: &'static str,
    parts: F,
}

impl<'a, I: Iterator<Item = &'a str>, F: Fn() -> I> fmt::Display for Joined<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in (self.parts)().filter(|part| !part.is_empty()).enumerate() {
            if index > 0 {
                f.write_str(self.separator)?;
            }
            f.write_str(part)?;
        }
        Ok(())
    }
}

impl<'a, I: Iterator<Item = &'a str>, F: Fn() -> I> Serialize for Joined<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct Assistant<'a> {
    message: &'a Message,
    send_reasoning: bool,
}

impl Serialize for Assistant<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let message = self.message;
        let calls = message.tool_uses().next().is_some();
        let words = texts(message).any(|text| !text.is_empty());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", "assistant")?;
        if words || !calls {
            map.serialize_entry("content", &Joined { separator: "\n", parts: || texts(message) })?;
        } else {
            map.serialize_entry("content", &())?;
        }
        if self.send_reasoning && reasoning(message).any(|text| !text.is_empty()) {
            map.serialize_entry("reasoning_content", &Joined { separator: "\n", parts: || reasoning(message) })?;
        }
        if calls {
            map.serialize_entry("tool_calls", &Calls(message))?;
        }
        map.end()
    }
}

fn reasoning(message: &Message) -> impl Iterator<Item = &str> {
    message.content.iter().filter_map(|block| match block {
        ContentBlock::ReasoningContent(reasoning) => Some(reasoning.text.as_str()),
        _ => None,
    })
}

struct Calls<'a>(&'a Message);

impl Serialize for Calls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for tool_use in self.0.tool_uses() {
            list.serialize_element(&Call {
                id: &tool_use.tool_use_id,
                r#type: "function",
                function: CallFunction {
                    name: &tool_use.name,
                    arguments: arguments::object(&tool_use.input).to_string(),
                },
            })?;
        }
        list.end()
    }
}

#[derive(serde::Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: CallFunction<'a>,
}

#[derive(serde::Serialize)]
struct CallFunction<'a> {
    name: &'a str,
    arguments: String,
}

struct Answered<'a>(&'a ToolResult);

impl Serialize for Answered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("role", "tool")?;
        map.serialize_entry("tool_call_id", &self.0.tool_use_id)?;
        map.serialize_entry("content", &ResultText(self.0))?;
        map.end()
    }
}

/// The texts of a result; the protocol has no place for its status, so a failed one says so in words.
struct ResultText<'a>(&'a ToolResult);

impl fmt::Display for ResultText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.status == ToolResultStatus::Error {
            f.write_str("Error: ")?;
        }
        for (index, content) in self.0.content.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&content.words())?;
        }
        Ok(())
    }
}

impl Serialize for ResultText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct Tools<'a>(&'a [ToolSpec]);

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|tool| {
            Function(Declared { name: &tool.name, description: &tool.description, parameters: &tool.input_schema })
        }))
    }
}

#[derive(serde::Serialize)]
struct Declared<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    parameters: &'a Value,
}

#[derive(serde::Serialize)]
struct Named<'a> {
    name: &'a str,
}

struct Function<T>(T);

impl<T: Serialize> Serialize for Function<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", "function")?;
        map.serialize_entry("function", &self.0)?;
        map.end()
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
