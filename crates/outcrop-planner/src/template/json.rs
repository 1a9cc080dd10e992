//! Templates of messages, read as authors write them: with line breaks inside of strings, which JSON forbids and the
//! templates in circulation have.

use super::{Template, TemplateError, TemplateMessage, Text, position};
use outcrop_ports::Role;
use serde::Deserialize;
use std::borrow::Cow;

/// What is read; other members, such as `anthropic_version`, are passed over.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    system: Option<Content>,
    messages: Vec<MessageForm>,
}

#[derive(Deserialize)]
struct MessageForm {
    role: Role,
    content: Content,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, or a list of texts and of {\"text\": …}")]
enum Content {
    One(String),
    Many(Vec<Block>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or {\"text\": …}")]
enum Block {
    Bare(String),
    Named { text: String },
}

impl Content {
    fn texts(self) -> Vec<Text> {
        match self {
            Self::One(text) => vec![Text::parse(&text)],
            Self::Many(blocks) => blocks
                .into_iter()
                .map(|block| match block {
                    Block::Bare(text) | Block::Named { text } => Text::parse(&text),
                })
                .collect(),
        }
    }
}

pub(super) fn parse(source: &str) -> Result<Template, TemplateError> {
    let (readable, inserted) = escape_controls(source);
    let document: Document =
        serde_json::from_str(&readable).map_err(|error| refusal(source, &readable, &inserted, &error))?;
    let messages: Vec<TemplateMessage> = document
        .messages
        .into_iter()
        .map(|message| TemplateMessage { role: message.role, content: message.content.texts() })
        .collect();
    if messages.is_empty() {
        return Err(TemplateError { line: 1, column: 1, message: "`messages` is empty".to_owned() });
    }
    Ok(Template { system: document.system.map(Content::texts).unwrap_or_default(), messages, is_text: false })
}

/// Escapes line breaks, tabs and other control characters inside of strings. Gives the text, and for each insertion
/// where it ends and how many bytes longer the text is from there on.
fn escape_controls(source: &str) -> (Cow<'_, str>, Vec<(usize, usize)>) {
    if !source.chars().any(char::is_control) {
        return (Cow::Borrowed(source), Vec::new());
    }
    let mut text = String::with_capacity(source.len() + 64);
    let mut inserted = Vec::new();
    let (mut inside, mut escaped) = (false, false);
    for (at, character) in source.char_indices() {
        if inside && character < ' ' {
            // A backslash before a line break: the break itself is meant.
            if escaped {
                text.pop();
                escaped = false;
            }
            text.push_str(&format!("\\u{:04x}", u32::from(character)));
            inserted.push((text.len(), at + 1));
            continue;
        }
        match character {
            '"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = inside && character == '\\' && !escaped;
        text.push(character);
    }
    (Cow::Owned(text), inserted)
}

fn refusal(source: &str, readable: &str, inserted: &[(usize, usize)], error: &serde_json::Error) -> TemplateError {
    let line_start = readable.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let at = (line_start + error.column().saturating_sub(1)).min(readable.len());
    let before = inserted.iter().rev().find(|(end, _)| *end <= at);
    let offset = before.map_or(at, |(end, original)| original + (at - end)).min(source.len());
    let (line, column) = position(source, source.floor_char_boundary(offset));
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    TemplateError { line, column, message: format!("the template is not valid JSON for a prompt: {message}") }
}
