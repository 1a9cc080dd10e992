//! ORCHESTRATION: tools, a question to the user, or the answer.

use super::thinking;
use crate::agent::ToolKind;
use crate::turn::answer_schema::NO_QUESTIONS;
use crate::turn::event::{Decision, ModelReplied, Output};
use crate::turn::parsers::{Act, ParsedAction, ParserReply};
use crate::turn::trace::{self, Ending};
use crate::turn::{Turn, calls_in_text, citations, payload, text};
use outcrop_api::bedrock_agent_runtime::Attribution;
use outcrop_ports::{ContentBlock, Message, ToolUse};
use serde_json::json;

/// What a reply comes down to.
enum Read {
    /// Tools, in `message`.
    Tools { message: Message },
    /// A question to the user.
    Question { text: String },
    /// The answer.
    Answer { message: Message, text: String, attribution: Option<Attribution> },
    /// Nothing that can be acted on; the model is told why.
    Nonsense { message: Message, problem: String },
}

impl Turn {
    pub(super) fn orchestrated(
        &mut self,
        replied: ModelReplied,
        parsed: Option<ParserReply>,
        mut output: Vec<Output>,
    ) -> Decision {
        let at = replied.at;
        let message = replied.reply.message;
        let original = self.answer_schema.as_ref().map(|_| message.clone());
        let is_parsed = parsed.is_some();
        let (rationale, read) = match parsed {
            Some(ParserReply::Orchestration { rationale, act }) => (rationale, self.read_act(message, act)),
            _ => self.read_message(message),
        };
        if let Some(rationale) = rationale.filter(|text| !text.is_empty()) {
            self.trace(&mut output, at, |turn| trace::rationale(turn, rationale));
        }
        let read = match original {
            Some(original) => self.under_schema(read, original, is_parsed),
            None => read,
        };
        match read {
            Read::Question { text } => {
                self.push(Message::assistant(text.as_str()));
                self.finish(at, text, output, Ending::AskUser)
            }
            Read::Tools { message } => {
                let pending = self.resolve(message.tool_uses());
                self.push(message);
                self.reprompt_or_work(at, pending, output)
            }
            Read::Answer { message, text, attribution } => {
                if !message.content.is_empty() {
                    self.push(message);
                }
                self.answer_found(at, text, attribution, output)
            }
            Read::Nonsense { message, problem } => self.reprompt(at, message, problem, output),
        }
    }

    /// What a reply comes down to where the answer has to fit a schema: the answer is the document and nothing else, and
    /// the program that waits for it cannot be asked.
    fn under_schema(&mut self, read: Read, original: Message, is_parsed: bool) -> Read {
        match read {
            Read::Question { .. } => Read::Nonsense { message: original, problem: NO_QUESTIONS.to_owned() },
            Read::Answer { message, text, attribution } => {
                // What the author's parser makes of it counts, not what it was made from.
                let said = if is_parsed { String::new() } else { original.text() };
                match self.document(&said, &text) {
                    Ok(text) => Read::Answer { message, text, attribution },
                    Err(problem) => Read::Nonsense { message, problem },
                }
            }
            read => read,
        }
    }

    fn read_message(&self, message: Message) -> (Option<String>, Read) {
        let message = self.with_calls_of_text(message);
        let parts = text::split(&message.text());
        let uses_tools = message.tool_uses().next().is_some();
        let rationale = rationale(&message, &parts, uses_tools);
        let read = match (self.question(&message), self.message_to_user(&message)) {
            (Some(text), _) => Read::Question { text },
            (None, Some(said)) => {
                let text = payload::plain(&said, &self.messages);
                Read::Answer { message: Message::assistant(text.as_str()), text, attribution: None }
            }
            (None, None) if uses_tools => Read::Tools { message },
            (None, None) => {
                // In parts, each with its sources: the user reads the texts. What a source is, only a knowledge base says.
                let answer = citations::read(&parts.answer).map_or(parts.answer, |parts| citations::joined(&parts));
                let text = payload::plain(&answer, &self.messages);
                Read::Answer { message, text, attribution: None }
            }
        };
        (rationale, read)
    }

    /// What the author's parser read, with the model's own message made to fit: a tool use for each action and no other,
    /// since each needs its result.
    fn read_act(&self, message: Message, act: Act) -> Read {
        match act {
            Act::Reprompt(problem) => Read::Nonsense { message, problem },
            Act::AskUser(text) => Read::Question { text },
            Act::Actions(actions) => Read::Tools { message: self.with_actions(message, actions) },
            Act::Search(searches) => {
                let ids: Vec<&str> = searches.iter().map(|one| one.knowledge_base_id.as_str()).collect();
                Read::Nonsense { message, problem: format!("There is no knowledge base {}.", ids.join(", ")) }
            }
            Act::Collaborate { name, text } => match self.messaging_tool() {
                Some(tool) => Read::Tools { message: self.with_message(message, tool, &name, &text) },
                None => Read::Nonsense { message, problem: format!("There is no collaborator {name}.") },
            },
            Act::Finish { text, attribution } => {
                Read::Answer { message: without_tool_uses(message), text, attribution }
            }
        }
    }

    /// A message to a collaborator that the author's parser read, as the tool use it stands for.
    fn with_message(&self, message: Message, tool: String, recipient: &str, content: &str) -> Message {
        let own_id = message.tool_uses().next().map(|one| one.tool_use_id.clone());
        let tool_use_id = own_id.unwrap_or_else(|| self.made_up_id(0));
        let mut message = without_tool_uses(message);
        let input = json!({"recipient": recipient, "content": content});
        message.content.push(ContentBlock::ToolUse(ToolUse { tool_use_id, name: tool, input }));
        message
    }

    fn with_actions(&self, message: Message, actions: Vec<ParsedAction>) -> Message {
        let own_ids: Vec<String> = message.tool_uses().map(|one| one.tool_use_id.clone()).collect();
        let mut message = without_tool_uses(message);
        let mut taken: Vec<String> = Vec::new();
        for (index, action) in actions.into_iter().enumerate() {
            let known = action.id.filter(|id| own_ids.contains(id) && !taken.contains(id));
            let tool_use_id = known.unwrap_or_else(|| self.made_up_id(index));
            taken.push(tool_use_id.clone());
            let name = self.agent.tool_of(&action.action_group, &action.action, action.verb.as_deref());
            let name = name
                .map_or_else(|| format!("{}__{}", action.action_group, action.action), |tool| tool.spec_name.clone());
            let input = action.input.into_iter().collect();
            message.content.push(ContentBlock::ToolUse(ToolUse { tool_use_id, name, input }));
        }
        message
    }

    /// Calls that the model wrote out in text, as tool uses: where the author's template teaches that grammar.
    fn with_calls_of_text(&self, message: Message) -> Message {
        if !self.agent.calls_in_text || message.tool_uses().next().is_some() {
            return message;
        }
        let Some(found) = calls_in_text::read(&message.text()) else { return message };
        let mut content: Vec<ContentBlock> =
            message.content.into_iter().filter(|block| matches!(block, ContentBlock::ReasoningContent(_))).collect();
        if !found.before.trim().is_empty() {
            content.push(ContentBlock::Text(found.before));
        }
        for (index, (name, input)) in found.calls.into_iter().enumerate() {
            // `verb::group::name` is how the service writes names in this grammar.
            let name = name.replace("::", "__");
            content.push(ContentBlock::ToolUse(ToolUse { tool_use_id: self.made_up_id(index), name, input }));
        }
        Message { role: message.role, content }
    }

    /// An id for a tool use that came without one: unique in the session, the same at every replay, and short enough for
    /// every provider.
    pub(in crate::turn) fn made_up_id(&self, index: usize) -> String {
        let request = self.request.id.rsplit('-').next().unwrap_or_default();
        format!("call_{request}_{}_{index}", self.request.iteration)
    }

    /// The question of an ask-the-user tool, when it was used.
    pub(in crate::turn) fn question(&self, message: &Message) -> Option<String> {
        let asks = |name: &str| self.agent.tool(name).is_some_and(|tool| matches!(tool.kind, ToolKind::AskUser));
        let tool_use = message.tool_uses().find(|tool_use| asks(&tool_use.name))?;
        Some(tool_use.input.get("question")?.as_str()?.to_owned())
    }
}

fn without_tool_uses(mut message: Message) -> Message {
    message.content.retain(|block| !matches!(block, ContentBlock::ToolUse(_)));
    message
}

/// Why the model does what it does, in its own words: its thinking, else what it says before its tools or its answer.
fn rationale(message: &Message, parts: &text::Parts, uses_tools: bool) -> Option<String> {
    let said = if uses_tools { &parts.answer } else { &parts.remark };
    thinking(message, &parts.thinking).or_else(|| (!said.is_empty()).then(|| said.clone()))
}
