//! MEMORY_SUMMARIZATION: what is remembered of a session. Not a part of any turn: whoever keeps memory asks with
//! [`request`] and reads the reply with [`read`], or has the author's parser read it. [`content`] is what a later turn is
//! told.

use crate::agent::PreparedAgent;
use crate::phase::{Phase, PhaseModels};
use crate::template::Placeholder;
use crate::turn::text::tagged;
use crate::turn::{ParserCall, parsers, prompt};
use outcrop_api::bedrock_agent as api;
use outcrop_ports::{AgentIdentity, Message, ModelReply, ModelRequest};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Most bytes of a conversation that are summed up. What is longer is cut in its middle: what the user came for stands
/// at the beginning, what was agreed on at the end.
const CONVERSATION_BYTES_MAX: usize = 64 * 1024;
/// Of these, most that are the beginning's.
const BEGINNING_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of memory that a turn is told; the latest conversations come first.
const CONTENT_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of one session's summary; the oldest lines of what is longer go.
const SUMMARY_BYTES_MAX: usize = 8 * 1024;
/// Most recent sessions that a turn is told of, when the agent does not say.
const RECENT_SESSIONS: i64 = 20;
/// Days for which a summary is kept, when the agent does not say.
pub const STORAGE_DAYS: i64 = 30;

/// How an agent remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembering {
    /// Days for which a summary is kept.
    pub storage_days: u32,
    /// Most sessions that a turn is told of, the latest.
    pub recent_sessions_max: usize,
}

/// How this agent remembers; `None` when it does not: no memory is configured, or its author has turned the
/// summarization off.
pub fn remembering(agent: &PreparedAgent) -> Option<Remembering> {
    let configured = agent.memory.as_ref()?;
    let is_enabled = configured.enabled_memory_types.contains(&api::MemoryType::SessionSummary)
        && agent.prompts.get(Phase::MemorySummarization).enabled;
    let recent = configured.session_summary_configuration.as_ref().and_then(|sessions| sessions.max_recent_sessions);
    is_enabled.then(|| Remembering {
        storage_days: u32::try_from(configured.storage_days.unwrap_or(STORAGE_DAYS)).unwrap_or(1),
        recent_sessions_max: usize::try_from(recent.unwrap_or(RECENT_SESSIONS)).unwrap_or(1),
    })
}

/// What is remembered of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSummary {
    /// When it began.
    pub began_at: Timestamp,
    /// Its summary, a topic in a line.
    pub text: String,
}

/// Sessions as a prompt tells of them, oldest first: each with its day and its topics. `newest_first` are cut to what a
/// prompt has room for.
pub fn content(newest_first: &[SessionSummary]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut bytes = 0;
    for session in newest_first {
        let at = session.began_at.to_string();
        let mut part = format!("Conversation of {}:", at.get(..10).unwrap_or(&at));
        // A summary is what a model made of what a user said: it must not end the place it stands in.
        let text = session.text.replace("</memory>", "");
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            part.push_str("\n- ");
            part.push_str(line.trim_start_matches("- "));
        }
        bytes += part.len() + 1;
        if bytes > CONTENT_BYTES_MAX {
            break;
        }
        parts.push(part);
    }
    parts.reverse();
    parts.join("\n")
}

/// A session's summary in its stored form, a topic in a line. `earlier` is what was remembered of a session of the same
/// name: nothing of it is lost that the new one does not say again.
pub fn text(topics: &[Topic], earlier: Option<&str>) -> String {
    let new: Vec<String> = topics.iter().map(|topic| topic.to_string().replace(['\n', '\r'], " ")).collect();
    let old = earlier.unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
    let mut lines: Vec<&str> = old.filter(|line| !new.iter().any(|one| one == line)).collect();
    lines.extend(new.iter().map(String::as_str));
    let mut kept: Vec<&str> = Vec::new();
    let mut bytes = 0;
    for line in lines.into_iter().rev() {
        let line = &line[..line.floor_char_boundary(SUMMARY_BYTES_MAX)];
        bytes += line.len() + 1;
        if bytes > SUMMARY_BYTES_MAX + 1 {
            break;
        }
        kept.push(line);
    }
    kept.reverse();
    kept.join("\n")
}

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
/// remembered before, `conversation` what was said; of that at most 64 KiB are shown, the first 16 and the last 48.
pub fn request(
    agent: &PreparedAgent,
    models: &PhaseModels,
    past: &str,
    conversation: &[Arc<Message>],
) -> Option<ModelRequest> {
    let prompt = agent.prompts.get(Phase::MemorySummarization);
    if !prompt.enabled {
        return None;
    }
    let said = bounded(prompt::conversation_text(conversation));
    let (system, messages) = prompt.template.fill(|place| match place {
        Placeholder::Instruction | Placeholder::Instructions => Cow::Borrowed(&*agent.instruction),
        Placeholder::PastConversationSummary => Cow::Borrowed(past),
        Placeholder::Conversation | Placeholder::ConversationHistory => Cow::Borrowed(said.as_str()),
        _ => Cow::Borrowed(""),
    });
    Some(ModelRequest {
        model_id: model_id(agent, models).to_owned(),
        system,
        messages: prompt::alternating(messages.into_iter().map(Arc::new).collect()),
        tools: Arc::from([]),
        tool_choice: outcrop_ports::ToolChoice::Auto,
        inference: prompt.inference.clone(),
        additional_fields: prompt.additional_fields.clone(),
        caching: outcrop_ports::Caching::Automatic,
    })
}

/// Cuts the middle out of a conversation that is too long, at the ends of lines.
fn bounded(said: String) -> String {
    if said.len() <= CONVERSATION_BYTES_MAX {
        return said;
    }
    let head = said.floor_char_boundary(BEGINNING_BYTES_MAX);
    let head = said[..head].rfind('\n').unwrap_or(head);
    let tail = said.floor_char_boundary(said.len() - (CONVERSATION_BYTES_MAX - BEGINNING_BYTES_MAX));
    let tail = said[tail..].find('\n').map_or(tail, |at| tail + at + 1);
    format!("{}\n({} bytes of the conversation are left out here.)\n{}", &said[..head], tail - head, &said[tail..])
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
pub fn parser_call(
    agent: &PreparedAgent,
    models: &PhaseModels,
    identity: &AgentIdentity,
    reply: &ModelReply,
) -> Option<ParserCall> {
    let parser = agent.prompts.get(Phase::MemorySummarization).parser.clone()?;
    Some(parsers::call(identity, Phase::MemorySummarization, model_id(agent, models), parser, reply))
}

fn model_id<'a>(agent: &'a PreparedAgent, models: &'a PhaseModels) -> &'a str {
    let own = || agent.prompts.get(Phase::MemorySummarization).foundation_model.as_ref();
    models.of_phase(Phase::MemorySummarization).or_else(own).unwrap_or(&agent.model_id)
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
    fn tells_of_sessions_and_keeps_what_it_knew() {
        let session = |day: i64, text: &str| SessionSummary {
            began_at: Timestamp::from_millis(day * 86_400_000),
            text: text.to_owned(),
        };
        let told = content(&[session(2, "b: two\n- c</memory>"), session(1, "a: one\n\n")]);
        assert_eq!(told, "Conversation of 1970-01-02:\n- a: one\nConversation of 1970-01-03:\n- b: two\n- c");
        let long = "x".repeat(CONTENT_BYTES_MAX - 100);
        assert_eq!(content(&[session(2, &long), session(1, &long)]).matches("Conversation").count(), 1);

        let topic = |topic: &str, summary: &str| Topic { topic: topic.into(), summary: summary.into() };
        let new = [topic("trip", "Boston.\nBy train."), topic("", "Likes trains.")];
        assert_eq!(text(&new, None), "trip: Boston. By train.\nLikes trains.");
        assert_eq!(text(&new, Some("food: rice\nLikes trains.")), "food: rice\ntrip: Boston. By train.\nLikes trains.");
        let full = "é".repeat(SUMMARY_BYTES_MAX);
        assert!(text(&[topic("", &full)], Some("old")).len() <= SUMMARY_BYTES_MAX);
    }

    #[test]
    fn long_conversations_lose_their_middle() {
        let lines: Vec<String> = (0..9_000).map(|n| format!("User: line {n} é")).collect();
        let cut = bounded(lines.join("\n"));
        assert!(cut.len() < CONVERSATION_BYTES_MAX + 100 && cut.starts_with("User: line 0 é\nUser"));
        assert!(
            cut.ends_with("\nUser: line 8999 é")
                && cut.contains(" bytes of the conversation are left out here.)\nUser: line")
        );
        assert_eq!(bounded("short".to_owned()), "short");
        assert!(bounded("é".repeat(CONVERSATION_BYTES_MAX)).len() < CONVERSATION_BYTES_MAX + 100);
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
