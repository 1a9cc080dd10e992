//! The offline planner: answers like a model without being one.
//!
//! No network, no key, no clock, no randomness: the same request always gives the same reply, worked out anew from the
//! whole conversation. What it does, in order:
//!
//! 1. [`clauses`] takes the user's words apart: what is asked, what is to be done, under which condition.
//! 2. [`choose`] finds the tool for each clause by names, descriptions and parameters. A tool that changes something is
//!    only used when the user tells to, never because words overlap.
//! 3. [`entities`] and [`fill`] find the arguments; [`facts`] knows what earlier turns, results and the session say.
//! 4. [`rules`] keeps the instruction's thresholds and consents; [`condition`] judges "if it hasn't shipped" by results.
//!    [`files`] quotes what the user's files say.
//! 5. [`chain`] adds the tools whose results bring what another one needs; [`periods`] and [`bounds`] read quarters and
//!    limits; [`colleagues`] hands what other agents are for to them, and joins what they answer.
//! 6. [`plan`] decides what comes next: calls, a question for what is missing, or the [`answer`] in plain sentences.
//!
//! Two requests are none of a user's: [`memory`] sums up a conversation, and tells of earlier ones when the user asks.
//!
//! It understands words, not meaning. It says so by asking, or by naming what it can do, rather than by guessing.

mod answer;
mod bounds;
mod chain;
mod choose;
mod clauses;
mod colleagues;
mod condition;
mod dates;
mod document;
mod entities;
mod facts;
mod files;
mod fill;
mod memory;
mod periods;
mod plan;
mod python;
mod rules;
mod steps;
mod talk;
#[cfg(test)]
mod tests;
mod tool;
mod words;

use outcrop_ports::{
    BoxFuture, ContentBlock, Delta, DeltaSink, Message, Model, ModelError, ModelReply, ModelRequest, Reasoning, Role,
    StopReason, ToolUse, Usage,
};
use plan::Next;
use serde_json::{Value, json};

/// A model that plans by words alone. Never fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfflinePlanner;

impl OfflinePlanner {
    /// The reply to a request: a plain function of it.
    pub fn reply(&self, request: &ModelRequest) -> ModelReply {
        let (content, stop_reason) = content(request);
        let output_tokens = content.iter().map(tokens).sum();
        let input_tokens = request.system.iter().map(|text| words_in(text)).sum::<u64>()
            + request.messages.iter().flat_map(|message| &message.content).map(tokens).sum::<u64>()
            + request.tools.iter().map(|tool| words_in(&tool.description) + 1).sum::<u64>();
        let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
        ModelReply::new(Message { role: Role::Assistant, content }, stop_reason, usage)
    }
}

impl Model for OfflinePlanner {
    fn converse<'a>(
        &'a self,
        request: &'a ModelRequest,
        deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, ModelError>> {
        Box::pin(async move {
            let reply = self.reply(request);
            if let Some(sink) = deltas {
                for block in &reply.message.content {
                    stream(sink, block).await;
                }
            }
            Ok(reply)
        })
    }

    fn is_language_model(&self) -> bool {
        false
    }
}

async fn stream(sink: &dyn DeltaSink, block: &ContentBlock) {
    match block {
        ContentBlock::Text(text) => {
            for word in text.split_inclusive(' ') {
                sink.send(Delta::Text(word.to_owned())).await;
            }
        }
        other => {
            for delta in Delta::of_block(other) {
                sink.send(delta).await;
            }
        }
    }
}

fn content(request: &ModelRequest) -> (Vec<ContentBlock>, StopReason) {
    if let Some(summary) = memory::summary(request) {
        return text(request, summary, "The conversation is summed up in its own words.".to_owned());
    }
    match &request.inference.answer_schema {
        None => content_for(request, &|said| said),
        Some(schema) => {
            // The prompt says the schema too, whose words are neither rules nor facts.
            let written = schema.to_string();
            let mut plain = request.clone();
            plain.system.retain(|text| !text.contains(&written));
            let asked = talk::exchanges(&request.messages).pop();
            content_for(&plain, &|said| document::write(schema, asked.as_ref(), &said))
        }
    }
}

/// `form` gives an answer in words the form that is wanted.
fn content_for(request: &ModelRequest, form: &dyn Fn(String) -> String) -> (Vec<ContentBlock>, StopReason) {
    match plan::decide(request) {
        Next::Calls { rationale, calls } => {
            let mut content = vec![ContentBlock::Text(rationale)];
            let mut ids = Ids::new(request);
            content.extend(calls.into_iter().map(|(name, input)| {
                ContentBlock::ToolUse(ToolUse { tool_use_id: ids.next(), name, input: Value::Object(input) })
            }));
            (content, StopReason::ToolUse)
        }
        Next::Ask { question, why } => match asking_tool(request) {
            Some(name) => {
                let input = json!({"question": question});
                let tool_use = ToolUse { tool_use_id: Ids::new(request).next(), name, input };
                (vec![ContentBlock::Text(why), ContentBlock::ToolUse(tool_use)], StopReason::ToolUse)
            }
            None => text(request, form(question), why),
        },
        Next::Say { text: said, why } => text(request, form(said), why),
    }
}

fn asking_tool(request: &ModelRequest) -> Option<String> {
    let mut tools = request.tools.iter();
    let tool = tools
        .find(|tool| words::name_parts(tool.name.rsplit("__").next().unwrap_or_default()).concat() == "askuser")?;
    tool.input_schema.pointer("/properties/question").map(|_| tool.name.clone())
}

/// An answer within the limits of the request, with the thinking behind it.
fn text(request: &ModelRequest, mut text: String, why: String) -> (Vec<ContentBlock>, StopReason) {
    let mut stop_reason = StopReason::EndTurn;
    let stops = request.inference.stop_sequences.iter().filter(|stop| !stop.is_empty());
    if let Some(at) = stops.filter_map(|stop| text.find(stop.as_str())).min() {
        text.truncate(at);
        stop_reason = StopReason::StopSequence;
    }
    if let Some(most) = request.inference.max_tokens.and_then(|most| usize::try_from(most).ok())
        && let Some((at, _)) = text.match_indices(char::is_whitespace).nth(most.saturating_sub(1))
    {
        text.truncate(at);
        stop_reason = StopReason::MaxTokens;
    }
    let reasoning = ContentBlock::ReasoningContent(Reasoning::plain(why));
    (vec![reasoning, ContentBlock::Text(text)], stop_reason)
}

/// Ids of tool uses: counted, so that the same request gives the same ids, and free in the conversation.
struct Ids<'a> {
    request: &'a ModelRequest,
    count: usize,
}

impl<'a> Ids<'a> {
    fn new(request: &'a ModelRequest) -> Self {
        Self { request, count: request.messages.iter().map(|message| message.tool_uses().count()).sum() }
    }

    fn next(&mut self) -> String {
        loop {
            self.count += 1;
            let id = format!("tooluse_offline_{}", self.count);
            let mut used = self.request.messages.iter().flat_map(|message| message.tool_uses());
            if !used.any(|tool_use| tool_use.tool_use_id == id) {
                return id;
            }
        }
    }
}

/// Words stand in for tokens: there is no tokeniser here.
fn tokens(block: &ContentBlock) -> u64 {
    match block {
        ContentBlock::Text(text) => words_in(text),
        ContentBlock::ToolUse(tool_use) => words_in(&tool_use.name) + words_in(&tool_use.input.to_string()),
        ContentBlock::ToolResult(result) => result.content.iter().map(|content| words_in(&content.words())).sum(),
        ContentBlock::ReasoningContent(reasoning) => words_in(&reasoning.text),
        ContentBlock::Document(file) | ContentBlock::Image(file) => file.text().map_or(0, words_in),
    }
}

fn words_in(text: &str) -> u64 {
    text.split_whitespace().count().try_into().unwrap_or(u64::MAX)
}
