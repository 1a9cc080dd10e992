//! Earlier conversations: summing one up, and telling of them when the user asks.
//!
//! A summary is put together from the conversation's own words, since there is no model to find others: what the user
//! said, what the user answered to a question, and what came of it.

use super::words::{cut, is_generic, stem, words};
use outcrop_ports::{ContentBlock, ModelRequest, Role};
use regex::Regex;
use std::sync::LazyLock;

/// Most topics of a summary, the latest.
const TOPICS_MAX: usize = 12;
/// Longest piece of the conversation in a summary, in bytes.
const PIECE_BYTES_MAX: usize = 300;
/// Most words of a topic's name.
const NAME_WORDS_MAX: usize = 5;
/// Most lines of memory in an answer.
const LINES_MAX: usize = 8;
/// Most of a prompt that is read, in bytes.
const PROMPT_BYTES_MAX: usize = 256 * 1024;

/// The summary that a request asks for; `None` when it asks for something else. One that does shows topics to be written
/// and holds a conversation; how it says so is its author's.
pub(super) fn summary(request: &ModelRequest) -> Option<String> {
    if !request.tools.is_empty() {
        return None;
    }
    let prompt = prompt(request);
    if !prompt.contains("<topic name=") {
        return None;
    }
    let inside = between(&prompt, "<conversation>", "</conversation>")?;
    let topics: Vec<String> = chains(&said(inside)).iter().map(|chain| topic(chain)).collect();
    let from = topics.len().saturating_sub(TOPICS_MAX);
    Some(format!("<summary>\n{}</summary>", topics[from..].concat()))
}

fn prompt(request: &ModelRequest) -> String {
    let said = request.messages.iter().filter(|message| message.role == Role::User);
    let texts = said.flat_map(|message| message.content.iter().filter_map(ContentBlock::as_text));
    let mut prompt = String::new();
    for text in request.system.iter().map(String::as_str).chain(texts) {
        prompt.push_str(cut(text, PROMPT_BYTES_MAX.saturating_sub(prompt.len())));
        prompt.push('\n');
    }
    prompt
}

/// From the first opening to the last closing: what is said inside may speak of either.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let end = text.rfind(close)?;
    let start = text[..end].find(open)? + open.len();
    Some(text[start..end].trim())
}

/// What one side said.
#[derive(Debug)]
struct Said {
    user: bool,
    text: String,
}

fn said(conversation: &str) -> Vec<Said> {
    let mut all: Vec<Said> = Vec::new();
    for line in conversation.lines() {
        let speaker = line.split_once(':').and_then(|(who, text)| match who.trim().to_lowercase().as_str() {
            "user" | "human" => Some((true, text)),
            "assistant" | "agent" => Some((false, text)),
            _ => None,
        });
        match (speaker, all.last_mut()) {
            (Some((user, text)), _) => all.push(Said { user, text: text.trim().to_owned() }),
            (None, Some(last)) => {
                last.text.push(' ');
                last.text.push_str(line.trim());
            }
            (None, None) => {}
        }
    }
    all
}

/// What belongs together: a request, the questions it led to with their answers, and what came of it.
#[derive(Debug, Default)]
struct Chain<'a> {
    request: &'a str,
    /// Question and answer.
    answers: Vec<(&'a str, &'a str)>,
    outcome: &'a str,
}

fn chains(said: &[Said]) -> Vec<Chain<'_>> {
    let mut all: Vec<Chain<'_>> = Vec::new();
    for one in said {
        match (one.user, all.last_mut()) {
            (true, Some(last)) if last.outcome.trim_end().ends_with('?') => {
                last.answers.push((std::mem::take(&mut last.outcome), &one.text));
            }
            (true, _) if words(&one.text).iter().any(super::words::Word::is_content) => {
                all.push(Chain { request: &one.text, ..Chain::default() });
            }
            (false, Some(last)) => last.outcome = &one.text,
            // A greeting, or words without a request before them.
            _ => {}
        }
    }
    all
}

fn topic(chain: &Chain<'_>) -> String {
    let content = words(chain.request).into_iter().filter(super::words::Word::is_content);
    let name: Vec<&str> = content.take(NAME_WORDS_MAX).map(|word| &chain.request[word.start..word.end]).collect();
    let mut text = format!("The user said: \"{}\".", piece(chain.request));
    for (question, answer) in &chain.answers {
        text.push_str(&format!(" Asked \"{}\", the user said: \"{}\".", last_sentence(question), piece(answer)));
    }
    let outcome = piece(chain.outcome);
    if outcome.ends_with('?') {
        text.push_str(&format!(" Left open: \"{}\"", last_sentence(chain.outcome)));
    } else if !outcome.is_empty() {
        text.push_str(&format!(" The answer was: {outcome}."));
    }
    format!("<topic name=\"{}\">{text}</topic>\n", name.join(" ").replace('"', ""))
}

/// The beginning of a text, in whole sentences where there is one, without what would end a topic or a quotation.
fn piece(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !matches!(c, '<' | '>')).collect();
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "'");
    let short = cut(&clean, PIECE_BYTES_MAX);
    let whole = match short.len() < clean.len() {
        true => short.rfind(". ").map_or(short, |end| &short[..end]),
        false => short,
    };
    whole.trim_end_matches(['.', ' ']).to_owned()
}

fn last_sentence(text: &str) -> String {
    let all = piece(text);
    let from = all.rfind(". ").map_or(0, |at| at + 2);
    all[from..].to_owned()
}

/// What the prompt tells of earlier conversations.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Latest last.
    conversations: Vec<Conversation>,
}

#[derive(Debug)]
struct Conversation {
    day: String,
    lines: Vec<String>,
}

/// Takes what is remembered out of a system prompt: it is neither the author's rule nor a fact of this session.
pub(super) fn split(system: &[String]) -> (Vec<String>, Memory) {
    let mut memory = Memory::default();
    let mut rest = Vec::with_capacity(system.len());
    for block in system {
        let Some(inside) = between(block, "<memory>", "</memory>") else {
            rest.push(block.clone());
            continue;
        };
        for line in inside.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match (line.strip_prefix("Conversation of "), memory.conversations.last_mut()) {
                (Some(day), _) => memory
                    .conversations
                    .push(Conversation { day: day.trim_end_matches(':').to_owned(), lines: Vec::new() }),
                (None, Some(last)) => last.lines.push(line.trim_start_matches("- ").to_owned()),
                (None, None) => {
                    memory.conversations.push(Conversation { day: String::new(), lines: vec![line.to_owned()] });
                }
            }
        }
        let start = block.find("<memory>").unwrap_or_default();
        let end = block.rfind("</memory>").map_or(block.len(), |at| at + "</memory>".len());
        rest.push(format!("{}{}", &block[..start], &block[end..]));
    }
    (rest, memory)
}

/// Questions about what was said: "What did we agree on?", "Do you remember …?", "What was it last time?".
static ABOUT_EARLIER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        \b(?:did|have|had)\s+(?:we|i|you)\b[^.?!]{0,60}?\b(?:agree|agreed|discuss|discussed|talk|talked|say|said|decide|decided|settle|settled|arrange|arranged|tell|told|mention|mentioned|speak|spoken)\b
        | \bwhat\s+(?:we|i|you)\s+(?:had\s+)?(?:agreed|discussed|talked|said|decided|settled|arranged|told|mentioned)\b
        | \bdo\s+you\s+(?:still\s+)?remember\b
        | \bremind\s+me\s+(?:what|of|about|which|when|where|how)\b
        | \bwhat\s+do\s+you\s+(?:remember|know)\s+about\s+me\b
        | ^\W*(?:what|which|when|where|who|how)\b[^.?!]*\b(?:last|previous|earlier|prior)\s+(?:time|session|conversation|chat|talk|meeting)\b",
    )
    .expect("the pattern is written here and tested")
});

/// Words of such questions that say nothing about what is meant.
const ASKING: &[&str] = &[
    "agree",
    "discuss",
    "talk",
    "say",
    "said",
    "decide",
    "settle",
    "arrange",
    "tell",
    "told",
    "mention",
    "remember",
    "remind",
    "last",
    "previous",
    "earlier",
    "prior",
    "time",
    "session",
    "conversation",
    "chat",
    "meeting",
    "speak",
    "spoken",
    "still",
];

impl Memory {
    /// The answer to a question about earlier conversations; `None` when the words ask for something else, or when
    /// nothing is remembered and this conversation may be meant.
    pub(super) fn answer(&self, asked: &str, is_first: bool) -> Option<String> {
        if !ABOUT_EARLIER.is_match(asked) {
            return None;
        }
        if self.conversations.is_empty() {
            return is_first.then(|| "I remember nothing of earlier conversations.".to_owned());
        }
        let asking: Vec<String> = ASKING.iter().map(|word| stem(word)).collect();
        let about: Vec<String> = words(asked)
            .into_iter()
            .filter(|word| word.is_content() && !is_generic(&word.stem) && !asking.contains(&word.stem))
            .map(|word| word.stem)
            .collect();
        let found = self.told(|line| words(line).iter().any(|word| about.contains(&word.stem)), usize::MAX);
        let told = if found.is_empty() { self.told(|_| true, 1) } else { found };
        Some(told.join("\n"))
    }

    /// A line for each conversation with what fits of it, the latest first.
    fn told(&self, fits: impl Fn(&str) -> bool, conversations_max: usize) -> Vec<String> {
        let mut left = LINES_MAX;
        let mut told = Vec::new();
        for conversation in self.conversations.iter().rev().take(conversations_max) {
            let lines: Vec<String> =
                conversation.lines.iter().filter(|line| fits(line)).take(left).map(|line| to_user(line)).collect();
            left -= lines.len();
            if !lines.is_empty() {
                let when =
                    if conversation.day.is_empty() { String::new() } else { format!(" of {}", conversation.day) };
                told.push(format!("From our conversation{when}: {}", lines.join(" ")));
            }
        }
        told
    }
}

/// What was written down about the user, said to the user.
fn to_user(line: &str) -> String {
    line.replace("The user said:", "You said:").replace("the user said:", "you said:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_ports::{InferenceConfig, Message, ToolChoice};
    use std::sync::Arc;

    fn asked(system: &str, text: &str) -> ModelRequest {
        ModelRequest {
            model_id: "m".into(),
            system: vec![system.into()],
            messages: vec![Arc::new(Message::user(text))],
            tools: Arc::from([]),
            tool_choice: ToolChoice::Auto,
            inference: InferenceConfig::default(),
            additional_fields: None,
            caching: outcrop_ports::Caching::Automatic,
        }
    }

    const TASK: &str = "Write <summary><topic name=\"a few words\">what</topic></summary>";

    fn check(conversation: &str, expected: &[&str]) {
        let prompt = format!("Before:\n<past>\nx\n</past>\n<conversation>\n{conversation}\n</conversation>");
        let summary = summary(&asked(TASK, &prompt)).expect("is a summary");
        let topics: Vec<&str> = summary.lines().filter(|line| line.starts_with("<topic")).collect();
        assert_eq!(topics, expected, "{conversation}");
    }

    #[test]
    fn sums_up_in_the_conversations_own_words() {
        check(
            "User: Hello!\nAssistant: How can I help you?\nUser: Rent the red van for two days.\nAssistant: The red van is rented.\nIt waits at gate <5>.",
            &[
                "<topic name=\"Rent red van two days\">The user said: \"Rent the red van for two days\". The answer was: The red van is rented. It waits at gate 5.</topic>",
            ],
        );
        check(
            "User: Send my \"lamp\" back.\nAssistant: It costs 4 euros. Shall I go ahead?\nUser: Yes, please.\nAssistant: The lamp is on its way.\nUser: Thanks\nAssistant: Anything else?",
            &[
                "<topic name=\"Send lamp back\">The user said: \"Send my 'lamp' back\". Asked \"Shall I go ahead?\", the user said: \"Yes, please\". Left open: \"Anything else?\"</topic>",
            ],
        );
        check("User: Hi\nAssistant: Hello.", &[]);
        assert_eq!(summary(&asked("Be kind.", "<conversation>User: x</conversation>")), None);
        assert_eq!(summary(&asked(TASK, "no conversation")), None);
    }

    fn remembers(question: &str, expected: Option<&str>) {
        let block = "Known:\n<memory>\nConversation of 2026-01-02:\n- van: You rented the red van.\nConversation of 2026-01-05:\n- lamp: The user said: \"Send it back\".\n- tea: Green.\n</memory>";
        let (rest, memory) = split(&["Be kind.".to_owned(), block.to_owned()]);
        assert_eq!(rest, ["Be kind.", "Known:\n"]);
        assert_eq!(memory.answer(question, true).as_deref(), expected, "{question}");
    }

    #[test]
    fn tells_of_earlier_conversations_when_asked() {
        let latest = Some("From our conversation of 2026-01-05: lamp: You said: \"Send it back\". tea: Green.");
        remembers("What did we agree on last time?", latest);
        remembers("Do you remember what we talked about?", latest);
        remembers(
            "What had we decided about the van?",
            Some("From our conversation of 2026-01-02: van: You rented the red van."),
        );
        remembers("Which tea was it last time?", Some("From our conversation of 2026-01-05: tea: Green."));
        remembers("Can you rent the same van as last time?", None);
        remembers("Remind me to buy tea.", None);
        remembers("What is the price of the van?", None);
        let nothing = split(&["Be kind.".to_owned()]).1;
        assert_eq!(nothing.answer("What did we agree on?", false), None);
        assert!(nothing.answer("What did we agree on?", true).is_some());
    }
}
