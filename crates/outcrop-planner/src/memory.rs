//! MEMORY_SUMMARIZATION: what is remembered of a session. Not a part of any turn: whoever keeps memory asks with
//! [`request`] and reads the reply with [`read`], or has the author's parser read it.

use crate::agent::PreparedAgent;
use crate::phase::Phase;
use crate::template::Placeholder;
use crate::turn::text::tagged;
use crate::turn::{ParserCall, parsers, prompt};
use outcrop_ports::{AgentIdentity, Message, ModelReply, ModelRequest};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What is remembered under one heading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// A few words.
    pub topic: String,
    /// What to remember.
    pub summary: String,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.topic.as_str() {
            "" => f.write_str(&self.summary),
            topic => write!(f, "{topic}: {}", self.summary),
        }
    }
}

/// What the model is asked for a session; `None` when the agent's author has turned the phase off. `past` is what was
/// remembered before, `conversation` what was said.
pub fn request(agent: &PreparedAgent, past: &str, conversation: &[Arc<Message>]) -> Option<ModelRequest> {
    let prompt = agent.prompts.get(Phase::MemorySummarization);
    if !prompt.enabled {
        return None;
    }
    let said = prompt::conversation_text(conversation);
    let (system, messages) = prompt.template.fill(|place| match place {
        Placeholder::Instruction | Placeholder::Instructions => Cow::Borrowed(&*agent.instruction),
        Placeholder::PastConversationSummary => Cow::Borrowed(past),
        Placeholder::Conversation | Placeholder::ConversationHistory => Cow::Borrowed(said.as_str()),
        _ => Cow::Borrowed(""),
    });
    Some(ModelRequest {
        model_id: prompt.foundation_model.as_deref().unwrap_or(&agent.model_id).to_owned(),
        system,
        messages: prompt::alternating(messages.into_iter().map(Arc::new).collect()),
        tools: Arc::from([]),
        tool_choice: outcrop_ports::ToolChoice::Auto,
        inference: prompt.inference.clone(),
        additional_fields: prompt.additional_fields.clone(),
    })
}

/// Reads `<topic name="…">…</topic>`s; a reply without any is one topic without a name. Empty when nothing is said.
pub fn read(reply: &Message) -> Vec<Topic> {
    let said = reply.text();
    let answer = crate::turn::text::split(&said).answer;
    let body = tagged(&answer, "summary").unwrap_or(&answer);
    let mut topics = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.find("<topic") {
        let after = &rest[at + "<topic".len()..];
        let Some(open_end) = after.find('>') else { break };
        let name =
            after[..open_end].split_once("name=").map_or("", |(_, value)| value.trim().trim_matches(['"', '\'']));
        let inside = &after[open_end + 1..];
        let end = inside.find("</topic>").unwrap_or(inside.len());
        let summary = inside[..end].trim();
        if !summary.is_empty() {
            topics.push(Topic { topic: name.to_owned(), summary: summary.to_owned() });
        }
        rest = &inside[end..];
    }
    if topics.is_empty() && !body.trim().is_empty() {
        topics.push(Topic { topic: String::new(), summary: body.trim().to_owned() });
    }
    topics
}

/// The call of the author's parser, when there is one.
pub fn parser_call(agent: &PreparedAgent, identity: &AgentIdentity, reply: &ModelReply) -> Option<ParserCall> {
    let prompt = agent.prompts.get(Phase::MemorySummarization);
    let model_id = prompt.foundation_model.as_deref().unwrap_or(&agent.model_id);
    Some(parsers::call(identity, Phase::MemorySummarization, model_id, prompt.parser.clone()?, reply))
}

/// Reads a parser's answer, `{"topicwiseSummaries": [{"topic", "summary"}]}`; the error says what is wrong with it.
pub fn read_parsed(answer: &str) -> Result<Vec<Topic>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        topicwise_summaries: Vec<Topic>,
    }
    let document: Document =
        serde_json::from_str(answer).map_err(|error| format!("its answer is no parser response: {error}"))?;
    Ok(document.topicwise_summaries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, expected: &[&str]) {
        let topics: Vec<String> = read(&Message::assistant(said)).iter().map(Topic::to_string).collect();
        assert_eq!(topics, expected, "{said}");
    }

    #[test]
    fn reads_topics() {
        check(
            "<thinking>x</thinking><summary>\n<topic name=\"trip\">Boston to New York.</topic><topic name='likes'>\nTrains.\n</topic></summary>",
            &["trip: Boston to New York.", "likes: Trains."],
        );
        check("<summary><topic name=\"cut\">off", &["cut: off"]);
        check("They like trains.", &["They like trains."]);
        check("<summary></summary>", &[]);
        check("<topic", &["<topic"]);
        let parsed =
            read_parsed(r#"{"topicwiseSummaries": [{"topic": "trip", "summary": "Boston"}]}"#).expect("is read");
        assert_eq!(parsed, [Topic { topic: "trip".into(), summary: "Boston".into() }]);
        assert!(read_parsed("{}").expect_err("is broken").contains("topicwiseSummaries"));
    }
}
