//! A whole answer, and what it has in common with a streamed one.

use crate::tool_use_ids::ToolUseIds;
use crate::{arguments, failure};
use outcrop_ports::{
    ContentBlock, Message, ModelError, ModelErrorKind, ModelReply, ModelRequest, Reasoning, Role, StopReason, ToolUse,
    Usage,
};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Reads the JSON of a whole answer.
pub(super) fn decode(bytes: &[u8], request: &ModelRequest) -> Result<ModelReply, ModelError> {
    let completion: Completion = serde_json::from_slice(bytes)
        .map_err(|error| ModelError::new(ModelErrorKind::BadReply, format!("cannot read the answer: {error}")))?;
    if let Some(error) = &completion.error {
        return Err(failure::from_error_member(error));
    }
    let Some(choice) = completion.choices.unwrap_or_default().into_iter().next() else {
        return Err(ModelError::new(ModelErrorKind::BadReply, "the answer holds no choice"));
    };
    let said = choice.message.unwrap_or_default();
    let mut answer = Answer { finish: choice.finish_reason, usage: completion.usage, ..Answer::new(request) };
    answer.stopped_at_text = choice.stop_reason.is_some_and(|at| !at.0.is_empty());
    answer.reasoning = said.thinking().unwrap_or_default();
    answer.text = said.content.map(|words| words.0).unwrap_or_default();
    if answer.text.is_empty() {
        answer.text = said.refusal.map(|words| words.0).unwrap_or_default();
    }
    for call in said.tool_calls.unwrap_or_default() {
        let function = call.function.unwrap_or_default();
        let id = call.id.unwrap_or_default();
        let tool_use_id = answer.next_id(&id);
        answer.calls.push(Call {
            id,
            tool_use_id,
            name: function.name.unwrap_or_default(),
            arguments: function.arguments.map(|words| words.0).unwrap_or_default(),
        });
    }
    answer.into_reply()
}

#[derive(Deserialize)]
struct Completion {
    choices: Option<Vec<Choice>>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Said>,
    finish_reason: Option<String>,
    /// vLLM's: the stop sequence that was met, or a token number.
    stop_reason: Option<Words>,
}

/// What was said: a message, or the piece of one in a stream.
#[derive(Default, Deserialize)]
pub(super) struct Said {
    pub(super) content: Option<Words>,
    pub(super) refusal: Option<Words>,
    reasoning_content: Option<Words>,
    reasoning: Option<Words>,
    pub(super) tool_calls: Option<Vec<WireCall>>,
}

impl Said {
    /// The thinking. Endpoints name it in two ways, and some in both ways at once.
    pub(super) fn thinking(&self) -> Option<String> {
        let named = [&self.reasoning_content, &self.reasoning];
        named.into_iter().flatten().map(|words| &words.0).find(|words| !words.is_empty()).cloned()
    }
}

#[derive(Deserialize)]
pub(super) struct WireCall {
    pub(super) index: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) function: Option<WireFunction>,
}

#[derive(Default, Deserialize)]
pub(super) struct WireFunction {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<Words>,
}

#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptTokensDetails>,
    /// DeepSeek's.
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct PromptTokensDetails {
    cached_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    /// The endpoint counts cached tokens among those of the prompt; here they are apart.
    fn from(wire: WireUsage) -> Self {
        let cached = wire.prompt_tokens_details.and_then(|details| details.cached_tokens);
        let cached = cached.or(wire.prompt_cache_hit_tokens).unwrap_or_default();
        let prompt = wire.prompt_tokens.unwrap_or_default();
        let made = wire.completion_tokens.unwrap_or_default();
        Self {
            input_tokens: prompt.saturating_sub(cached),
            // Some leave the thinking out of the completion (xAI); the sum has it.
            output_tokens: wire.total_tokens.map_or(made, |total| total.saturating_sub(prompt).max(made)),
            cache_read_input_tokens: cached,
            ..Self::default()
        }
    }
}

/// Text in the forms that occur: a string, a list of parts with `text`, an object (arguments that some servers do not
/// write as text), or something else, which is no text.
#[derive(Debug, Default)]
pub(super) struct Words(pub(super) String);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Words, E> {
        Ok(Words(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Words, E> {
        Ok(Words(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Words, A::Error> {
        let mut text = String::new();
        while let Some(part) = parts.next_element::<Value>()? {
            text.push_str(part.get("text").and_then(Value::as_str).unwrap_or_default());
        }
        Ok(Words(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Words, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            object.insert(name, value);
        }
        Ok(Words(Value::Object(object).to_string()))
    }

    fn visit_unit<E>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Words, E> {
        Ok(Words::default())
    }
}

/// An answer with its pieces put together.
pub(super) struct Answer<'a> {
    request: &'a ModelRequest,
    ids: Option<ToolUseIds>,
    pub(super) reasoning: String,
    pub(super) text: String,
    pub(super) calls: Vec<Call>,
    pub(super) finish: Option<String>,
    pub(super) stopped_at_text: bool,
    pub(super) usage: Option<WireUsage>,
}

/// A tool call as the endpoint wrote it.
#[derive(Default)]
pub(super) struct Call {
    /// The endpoint's, maybe none.
    pub(super) id: String,
    /// Unique in the conversation.
    pub(super) tool_use_id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

impl<'a> Answer<'a> {
    /// Nothing yet.
    pub(super) fn new(request: &'a ModelRequest) -> Self {
        Self {
            request,
            ids: None,
            reasoning: String::new(),
            text: String::new(),
            calls: Vec::new(),
            finish: None,
            stopped_at_text: false,
            usage: None,
        }
    }

    /// An id for the next call, which came with this one or none.
    pub(super) fn next_id(&mut self, given: &str) -> String {
        self.ids.get_or_insert_with(|| ToolUseIds::new("call_", &self.request.messages)).next(given)
    }

    pub(super) fn into_reply(self) -> Result<ModelReply, ModelError> {
        let stop_reason = match self.finish.as_deref() {
            Some("error") => {
                return Err(ModelError::new(ModelErrorKind::Unavailable, "the endpoint ended with an error"));
            }
            Some("length" | "model_length") => StopReason::MaxTokens,
            Some("content_filter") => StopReason::ContentFiltered,
            // Not every server says `tool_calls` when there are some.
            _ if !self.calls.is_empty() => StopReason::ToolUse,
            _ if self.stopped_at_text => StopReason::StopSequence,
            _ => StopReason::EndTurn,
        };
        let mut content = Vec::with_capacity(self.calls.len() + 2);
        if !self.reasoning.is_empty() {
            content.push(ContentBlock::ReasoningContent(Reasoning::plain(self.reasoning)));
        }
        // Blank text before tool calls is common, says nothing, and other providers refuse it in a history.
        if !self.text.trim().is_empty() {
            content.push(ContentBlock::Text(self.text));
        }
        content.extend(self.calls.into_iter().map(Call::into_tool_use).map(ContentBlock::ToolUse));
        let message = Message { role: Role::Assistant, content };
        Ok(ModelReply::new(message, stop_reason, self.usage.unwrap_or_default().into()))
    }
}

impl Call {
    fn into_tool_use(self) -> ToolUse {
        // An empty name could not be sent back later; this one is refused by the planner in words the model can read.
        let name = if self.name.is_empty() { "unnamed".to_owned() } else { self.name };
        ToolUse { tool_use_id: self.tool_use_id, name, input: arguments::read(self.arguments) }
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
pub(super) mod tests;
