//! From templates and what the turn knows to model requests.
//!
//! The orchestration keeps the conversation as messages, whatever the template's form: history, the user's words, tool
//! uses and their results stand where the template has places for them. Only a template that has such a place in the
//! midst of other text gets it as text.

use super::{Turn, answer_schema, calls_in_text};
use crate::agent::{PreparedAgent, ToolKind};
use crate::phase::Phase;
use crate::template::{Placeholder, Template, TemplateMessage, Text};
use outcrop_ports::{ContentBlock, InferenceConfig, Message, ModelRequest, Role, ToolChoice, ToolSpec};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

impl Turn {
    /// The model that a phase asks.
    pub(super) fn model_of(&self, phase: Phase) -> &str {
        if let Some(asked) = self.custom.as_ref().and_then(|custom| custom.model_id()) {
            return asked;
        }
        let own = || self.agent.prompts.get(phase).foundation_model.as_ref();
        self.models.of_phase(phase).or_else(own).unwrap_or(&self.agent.model_id)
    }

    /// What a phase asks the model now.
    pub(super) fn request_of(&self, phase: Phase) -> ModelRequest {
        let prompt = self.agent.prompts.get(phase);
        let (mut system, messages, tools) = match phase {
            // The user's words to the model, without template or tools.
            Phase::Orchestration if !prompt.enabled => {
                let files = self.view.at(self.question.0).content.iter().filter(|block| block.file().is_some());
                let content = files.cloned().chain([ContentBlock::Text(self.input_text.to_string())]).collect();
                (Vec::new(), vec![Arc::new(Message { role: Role::User, content })], no_tools())
            }
            Phase::Orchestration => {
                let (mut system, messages) = self.orchestration(&prompt.template);
                if let Some(conversation) = &self.relayed_conversation {
                    system.push(format!("What user and supervisor said before:\n{conversation}"));
                }
                (system, messages, self.specs.clone())
            }
            _ => {
                let (system, messages) = self.single(&prompt.template);
                (system, messages, no_tools())
            }
        };
        let answer_schema = self.answer_schema.clone().filter(|_| phase == Phase::Orchestration);
        // It is the same in every step, so a provider's prompt cache keeps it; the relayed conversation is, too.
        system.extend(answer_schema.as_deref().map(answer_schema::instruction));
        ModelRequest {
            model_id: self.model_of(phase).to_owned(),
            system,
            messages,
            tools,
            tool_choice: ToolChoice::Auto,
            inference: InferenceConfig { latency: self.latency, answer_schema, ..prompt.inference.clone() },
            additional_fields: prompt.additional_fields.clone(),
            caching: outcrop_ports::Caching::Automatic,
        }
    }

    fn orchestration(&self, template: &Template) -> (Vec<String>, Vec<Arc<Message>>) {
        let places = Places::of(template);
        let mut messages = Vec::with_capacity(self.history().len() + self.scratchpad().len() + template.messages.len());
        let (at, block) = self.question;
        let mut asked = false;
        for one in &template.messages {
            match one.content.iter().find_map(Text::only) {
                Some(Placeholder::ConversationHistory) => messages.extend(self.history().iter().cloned()),
                Some(Placeholder::AgentScratchpad) if one.role == Role::Assistant => {}
                _ if places.question.is_some_and(|message| std::ptr::eq(message, one)) => {
                    if !places.history {
                        messages.extend(self.history().iter().cloned());
                    }
                    // What stands beside the question in its message, such as the end of seeded history, stays.
                    let mut question = self.view.at(at).as_ref().clone();
                    let words: Vec<ContentBlock> = self.texts(one);
                    if !words.is_empty() {
                        question.content.splice(block..=block, words);
                    }
                    messages.push(Arc::new(question));
                    asked = true;
                }
                // The beginning of the model's own answer: few providers let it be given.
                _ if one.role == Role::Assistant && asked => {}
                _ => {
                    let content = self.texts(one);
                    if !content.is_empty() {
                        messages.push(Arc::new(Message { role: one.role, content }));
                    }
                }
            }
            if asked && places.scratchpad_follows(one) {
                messages.extend(self.scratchpad().iter().cloned());
            }
        }
        if !asked {
            if !places.history {
                messages.extend(self.history().iter().cloned());
            }
            messages.push(self.view.at(at).clone());
        }
        if places.scratchpad.is_none() && !places.scratchpad_in_text {
            messages.extend(self.scratchpad().iter().cloned());
        }
        let system = template.system.iter().map(|text| self.fill(text));
        (system.filter(|text| !text.trim().is_empty()).collect(), alternating(messages))
    }

    /// The request of a phase that asks once and has no tools.
    fn single(&self, template: &Template) -> (Vec<String>, Vec<Arc<Message>>) {
        let mut messages = Vec::new();
        for one in &template.messages {
            if one.content.iter().all(|text| text.only() == Some(Placeholder::ConversationHistory)) {
                messages.extend(words_only(self.history()));
                continue;
            }
            let content = self.texts(one);
            if !content.is_empty() {
                messages.push(Arc::new(Message { role: one.role, content }));
            }
        }
        // The beginning of the model's own answer: few providers let it be given.
        while messages.last().is_some_and(|last| last.role == Role::Assistant) {
            messages.pop();
        }
        if messages.is_empty() {
            messages.push(Arc::new(Message::user(self.input_text.as_ref())));
        }
        let system = template.system.iter().map(|text| self.fill(text));
        (system.filter(|text| !text.trim().is_empty()).collect(), alternating(messages))
    }

    /// What was said before the user's words of this turn.
    fn history(&self) -> &[Arc<Message>] {
        self.view.before(self.question.0)
    }

    /// What came after them.
    fn scratchpad(&self) -> &[Arc<Message>] {
        self.view.from(self.question.0 + 1)
    }

    fn texts(&self, message: &TemplateMessage) -> Vec<ContentBlock> {
        let filled = message.content.iter().map(|text| self.fill(text));
        filled.filter(|text| !text.trim().is_empty()).map(ContentBlock::Text).collect()
    }

    fn fill(&self, text: &Text) -> String {
        text.fill(|place| self.content(place))
    }

    /// What stands in a place.
    fn content(&self, place: Placeholder) -> Cow<'_, str> {
        use Placeholder as P;
        let agent = &self.agent;
        let asks = agent.ask_user_tool();
        match place {
            P::Instruction | P::Instructions | P::ModelInstruction => (&*agent.instruction).into(),
            P::Question | P::Query | P::LastUserRequest => (&*self.input_text).into(),
            P::Functions | P::Tools => tool_list(&self.specs).into(),
            P::AgentScratchpad => scratchpad_text(self.scratchpad()).into(),
            P::ConversationHistory | P::Conversation => conversation_text(self.history()).into(),
            P::AnyFunctionName => any_tool_name(agent).into(),
            P::PromptSessionAttributes => attributes_text(&self.prompt_session_attributes).into(),
            P::OutputFormatGuideline | P::OutputFormatInstructions => OUTPUT_FORMAT.into(),
            P::FinalAnswerGuideline => "inside <answer></answer>".into(),
            P::CannotAnswerGuideline => "that you cannot answer".into(),
            P::ActionKbGuideline => TOOLS_GUIDELINE.into(),
            P::AskUserMissingParameters => asks.map_or("".into(), |tool| format!("If a parameter that a tool requires is missing, ask the user for it with {tool}.").into()),
            P::AskUserMissingInformation => asks.map_or("".into(), |tool| format!("If you cannot go on without something only the user knows, ask for it with {tool}.").into()),
            P::AskUserConfirmParameters => asks.map_or("".into(), |tool| format!("If you are not sure of a parameter's value, have the user confirm it with {tool}.").into()),
            P::AskUserFunction => asks.unwrap_or_default().into(),
            P::AskUserFunctionFormat => asks.map_or("".into(), |tool| format!("<invoke>\n<tool_name>{tool}</tool_name>\n<parameters>\n<question>the question</question>\n</parameters>\n</invoke>").into()),
            P::AskUserInputExamples => asks.map_or("".into(), |_| "<question>Which order do you mean?</question>\n<question>For which day shall I book it?</question>".into()),
            P::LatestResponse | P::BotResponse => self.answer.as_deref().unwrap_or_default().into(),
            P::Responses => results_text(self.scratchpad()).into(),
            P::MultiAgentCollaboration if agent.collaborators.is_empty() => "".into(),
            P::MultiAgentCollaboration => {
                format!("{COLLABORATION} {PAYLOAD_REFERENCES} The agents:\n{}", agents_text(agent)).into()
            }
            P::MultiAgentCollaborationGuideline if agent.collaborators.is_empty() => "".into(),
            P::MultiAgentCollaborationGuideline => COLLABORATION.into(),
            P::MultiAgentPayloadReferenceGuideline if agent.collaborators.is_empty() => "".into(),
            P::MultiAgentPayloadReferenceGuideline => PAYLOAD_REFERENCES.into(),
            P::AgentCollaborators | P::ReachableAgents => agents_text(agent).into(),
            P::ActionRouting | P::ToolsForRouting => tool_list_without_messages(agent).into(),
            P::LastMostSpecializedAgentGuideline => self.last_agent.as_deref().map_or("".into(), |name| {
                format!("The request before went to {name}. If this one goes on with it, write <a>keep_previous_agent</a>.").into()
            }),
            P::MemoryContent | P::LongTermMemory => self.memory.as_deref().map_or("".into(), |memory| {
                format!("What is remembered of earlier conversations with this user:\n<memory>\n{memory}\n</memory>").into()
            }),
            P::MemoryGuideline if self.memory.is_some() => MEMORY_GUIDELINE.into(),
            P::MemoryActionGuideline if self.memory.is_some() => MEMORY_ACTION_GUIDELINE.into(),
            // What agents cannot have yet: knowledge bases, a code interpreter. Titan's thought is the model's to begin.
            P::KnowledgeBaseGuideline
            | P::KnowledgeBaseAdditionalGuideline
            | P::SearchResults
            | P::KnowledgeBaseRouting
            | P::KnowledgeBaseRoutingGuideline
            | P::KnowledgeBasesForRouting
            | P::AgentCollaborationKbGuideline
            | P::RespondToUserGuideline
            | P::RespondToUserFinalAnswerGuideline
            | P::RespondToUserCannotAnswerGuideline
            | P::RespondToUserKnowledgeBaseGuideline
            | P::RespondToUserKnowledgeBaseAdditionalGuideline
            | P::MemoryGuideline
            | P::MemoryActionGuideline
            | P::PastConversationSummary
            | P::CodeInterpreterGuideline
            | P::CodeInterpreterFiles
            | P::ActionRoutingGuideline
            | P::Thought => "".into(),
        }
    }
}

const COLLABORATION: &str = "You work with other agents. Send each what is its business, all that it needs to know included: they see nothing of this conversation. Ask agents that do not need each other's answers at the same time. Answer the user yourself, from what the agents said.";

const PAYLOAD_REFERENCES: &str = "A text inside <br:payload id=\"X\"> can be passed on word for word by writing <br:share_payload id=\"X\"/> in its place.";

const MEMORY_GUIDELINE: &str = "Use what is remembered where it helps, and do not speak of it unasked.";

const MEMORY_ACTION_GUIDELINE: &str =
    "Values from what is remembered may be used for parameters when the user means them; ask when that is not clear.";

const OUTPUT_FORMAT: &str =
    "Think inside <thinking></thinking> if you need to, and write what the user is to read inside <answer></answer>.";

const TOOLS_GUIDELINE: &str = "Take the values of parameters from the conversation or from tool results and never make one up. Call tools that do not depend on each other at the same time.";

/// Where an orchestration template has its places.
struct Places<'a> {
    /// The message that holds the user's words.
    question: Option<&'a TemplateMessage>,
    /// The model's message that stands for the turn so far.
    scratchpad: Option<&'a TemplateMessage>,
    /// Whether the turn so far stands in other text.
    scratchpad_in_text: bool,
    /// Whether earlier turns have a place anywhere.
    history: bool,
}

impl<'a> Places<'a> {
    fn of(template: &'a Template) -> Self {
        let has = |message: &TemplateMessage, place| message.content.iter().any(|text| text.has(place));
        let question = template.messages.iter().find(|one| one.role == Role::User && has(one, Placeholder::Question));
        // An assistant's message with other words around the place: the beginning of an answer, which goes.
        let scratchpad =
            template.messages.iter().find(|one| one.role == Role::Assistant && has(one, Placeholder::AgentScratchpad));
        let in_system = template.system.iter().any(|text| text.has(Placeholder::AgentScratchpad));
        let in_user =
            template.messages.iter().any(|one| one.role == Role::User && has(one, Placeholder::AgentScratchpad));
        Self {
            question,
            scratchpad,
            scratchpad_in_text: scratchpad.is_none() && (in_system || in_user),
            history: template.has(Placeholder::ConversationHistory),
        }
    }

    fn scratchpad_follows(&self, message: &TemplateMessage) -> bool {
        self.scratchpad.is_some_and(|one| std::ptr::eq(one, message))
    }
}

fn no_tools() -> Arc<[ToolSpec]> {
    Arc::from([])
}

/// Stands before a conversation that the model began, as seeded ones may: providers want the user to speak first.
const BEGINNING: &str = "(The conversation begins.)";

/// The conversation as models want it: the user begins, and sides take turns also where history and new messages meet (a
/// turn without an answer leaves two messages of the user side by side).
pub(crate) fn alternating(mut messages: Vec<Arc<Message>>) -> Vec<Arc<Message>> {
    if messages.first().is_some_and(|first| first.role == Role::Assistant) {
        messages.insert(0, Arc::new(Message::user(BEGINNING)));
    }
    // In place: a long session's list is built once in each step.
    messages.dedup_by(|message, last| {
        let is_same = last.role == message.role;
        if is_same {
            Arc::make_mut(last).content.extend(message.content.iter().cloned());
        }
        is_same
    });
    messages
}

/// Messages without tool uses and results, for a request without tools; what is then empty is left out.
fn words_only(messages: &[Arc<Message>]) -> impl Iterator<Item = Arc<Message>> + '_ {
    messages.iter().filter_map(|message| {
        let text = message.text();
        (!text.trim().is_empty())
            .then(|| Arc::new(Message { role: message.role, content: vec![ContentBlock::Text(text)] }))
    })
}

/// The tools as text, one in a line.
fn tool_list(specs: &[ToolSpec]) -> String {
    let mut list = String::new();
    for spec in specs {
        let line =
            serde_json::json!({"name": spec.name, "description": spec.description, "input_schema": spec.input_schema});
        let _ = write!(list, "{}{line}", if list.is_empty() { "" } else { "\n" });
    }
    list
}

/// The supervisor's own tools, for a classifier that has to know what the supervisor can do itself.
fn tool_list_without_messages(agent: &PreparedAgent) -> String {
    let own = agent.tools.iter().zip(agent.specs.iter()).filter(|(tool, _)| !matches!(tool.kind, ToolKind::Message));
    let own: Vec<ToolSpec> = own.map(|(_, spec)| spec.clone()).collect();
    match own.is_empty() {
        true => String::new(),
        false => format!("The supervisor itself has tools; a request for them is undecidable:\n{}", tool_list(&own)),
    }
}

/// The agents that can be asked, one in a line.
fn agents_text(agent: &PreparedAgent) -> String {
    let lines: Vec<String> =
        agent.collaborators.iter().map(|one| format!("{}: {}", one.name, one.instruction)).collect();
    lines.join("\n")
}

fn any_tool_name(agent: &PreparedAgent) -> &str {
    let action = agent.tools.iter().find(|tool| matches!(tool.kind, ToolKind::Action { .. }));
    action.map(|tool| tool.spec_name.as_str()).unwrap_or_default()
}

/// What is known in this session, for the prompt; empty when nothing is.
fn attributes_text(attributes: &BTreeMap<String, String>) -> String {
    if attributes.is_empty() {
        return String::new();
    }
    let mut text = "What is known in this session:".to_owned();
    for (name, value) in attributes {
        let _ = write!(text, "\n{name}: {value}");
    }
    text
}

/// What was said, without tools.
pub(crate) fn conversation_text(messages: &[Arc<Message>]) -> String {
    let mut text = String::new();
    for message in words_only(messages) {
        let who = if message.role == Role::User { "User" } else { "Assistant" };
        let said = match message.role {
            Role::User => message.text(),
            Role::Assistant => super::text::split(&message.text()).answer,
        };
        if !said.is_empty() {
            let _ = write!(text, "{}{who}: {said}", if text.is_empty() { "" } else { "\n" });
        }
    }
    text
}

/// Tool calls and results of the turn in the grammar of text prompts.
fn scratchpad_text(messages: &[Arc<Message>]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for message in messages {
        for block in &message.content {
            match block {
                ContentBlock::Text(text) => parts.push(text.clone()),
                ContentBlock::ToolUse(tool_use) => parts.push(calls_in_text::write(tool_use)),
                ContentBlock::ToolResult(result) => {
                    parts.push(calls_in_text::write_result(name_of_use(messages, &result.tool_use_id), result));
                }
                ContentBlock::ReasoningContent(_) | ContentBlock::Document(_) | ContentBlock::Image(_) => {}
            }
        }
    }
    parts.join("\n")
}

/// Results of the turn's tools, each with the tool's name.
fn results_text(messages: &[Arc<Message>]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for block in messages.iter().flat_map(|message| &message.content) {
        if let ContentBlock::ToolResult(result) = block {
            let name = name_of_use(messages, &result.tool_use_id);
            parts.push(format!("{name}: {}", super::reply::result_text(result)));
        }
    }
    parts.join("\n")
}

fn name_of_use<'a>(messages: &'a [Arc<Message>], tool_use_id: &str) -> &'a str {
    let mut uses = messages.iter().flat_map(|message| message.tool_uses());
    uses.find(|one| one.tool_use_id == tool_use_id).map(|one| one.name.as_str()).unwrap_or_default()
}
