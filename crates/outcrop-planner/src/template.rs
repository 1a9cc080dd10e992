//! Prompt templates: what authors write, compiled once, filled at every call.
//!
//! Two forms. A template whose first character is `{` is JSON with `system` and `messages`, as newer models have it; any
//! other is plain text. Placeholders are `$name$` with a name of small letters and underscores, four at least
//! (`\$[a-z_]{4,}\$`), so that `$5$`, `$x$` and `$TOOL_NAME$` are text. A placeholder of that form which is not one of
//! [`Placeholder::ALL`] is refused here, with its line and column, rather than sent to a model.
//!
//! Filling is one pass: what is put in is never searched for placeholders. JSON is taken apart before it is filled, so
//! nothing that is put in can break it.

mod json;
mod placeholder;

pub use placeholder::Placeholder;

use crate::phase::Phase;
use outcrop_ports::{ContentBlock, Message, Role};
use std::borrow::Cow;

/// A compiled template. A plain text is the one message of the user, or, for an orchestration without `$question$` in
/// it, the system prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// System prompt in blocks.
    pub system: Vec<Text>,
    /// The messages, in order.
    pub messages: Vec<TemplateMessage>,
    /// Whether it was written as plain text.
    pub is_text: bool,
}

/// A message of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateMessage {
    /// Who speaks.
    pub role: Role,
    /// Its texts, in order.
    pub content: Vec<Text>,
}

/// A text with places to fill.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal(String),
    Place(Placeholder),
}

/// Why a template cannot be used. Lines and columns count from one; columns count bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} column {column}: {message}")]
pub struct TemplateError {
    /// Where.
    pub line: usize,
    /// Where in the line.
    pub column: usize,
    /// What is wrong, without the place.
    pub message: String,
}

impl Template {
    /// Compiles the template of a phase.
    pub fn compile(phase: Phase, source: &str) -> Result<Self, TemplateError> {
        check_placeholders(phase, source)?;
        if source.trim_start().starts_with('{') {
            return json::parse(source);
        }
        let message = |role, text| TemplateMessage { role, content: vec![text] };
        let text = Text::parse(source);
        // A system prompt and nothing else, as many write it: the rest is as in our own template.
        let is_system = phase == Phase::Orchestration && !text.has(Placeholder::Question);
        let (system, first) =
            if is_system { (vec![text], Text::of(Placeholder::Question)) } else { (Vec::new(), text) };
        Ok(Self { system, messages: vec![message(Role::User, first)], is_text: true })
    }

    /// System prompt and messages with their places filled; what is then empty is left out, and so is what the model
    /// would have begun to say.
    pub fn fill<'a>(&self, mut content: impl FnMut(Placeholder) -> Cow<'a, str>) -> (Vec<String>, Vec<Message>) {
        let mut filled = |text: &Text| Some(text.fill(&mut content)).filter(|text| !text.trim().is_empty());
        let system = self.system.iter().filter_map(&mut filled).collect();
        let mut messages: Vec<Message> = Vec::new();
        for message in &self.messages {
            let content: Vec<ContentBlock> =
                message.content.iter().filter_map(&mut filled).map(ContentBlock::Text).collect();
            if !content.is_empty() {
                messages.push(Message { role: message.role, content });
            }
        }
        while messages.last().is_some_and(|last| last.role == Role::Assistant) {
            messages.pop();
        }
        (system, messages)
    }

    /// Whether a placeholder occurs anywhere in it.
    pub fn has(&self, place: Placeholder) -> bool {
        self.texts().any(|text| text.has(place))
    }

    /// Whether its own words contain `words`.
    pub fn says(&self, words: &str) -> bool {
        self.texts().any(|text| {
            text.pieces.iter().any(|piece| matches!(piece, Piece::Literal(literal) if literal.contains(words)))
        })
    }

    fn texts(&self) -> impl Iterator<Item = &Text> {
        self.system.iter().chain(self.messages.iter().flat_map(|message| &message.content))
    }
}

impl Text {
    /// A text that is one place.
    fn of(place: Placeholder) -> Self {
        Self { pieces: vec![Piece::Place(place)] }
    }

    /// Finds the places in a text. What has the form of a placeholder and is none stays as it is.
    pub fn parse(source: &str) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = source;
        while let Some((at, name)) = next_place(rest) {
            let after = at + name.len() + 2;
            match Placeholder::parse(name) {
                Some(place) => {
                    literal.push_str(&rest[..at]);
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Place(place));
                }
                None => literal.push_str(&rest[..after]),
            }
            rest = &rest[after..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Self { pieces }
    }

    /// Whether a placeholder occurs in it.
    pub fn has(&self, place: Placeholder) -> bool {
        self.pieces.contains(&Piece::Place(place))
    }

    /// The placeholder it consists of, when there is nothing else but white space.
    pub fn only(&self) -> Option<Placeholder> {
        let mut only = None;
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) if literal.trim().is_empty() => {}
                Piece::Literal(_) => return None,
                Piece::Place(place) if only.is_none() => only = Some(*place),
                Piece::Place(_) => return None,
            }
        }
        only
    }

    /// The placeholders in it, in order.
    pub fn places(&self) -> impl Iterator<Item = Placeholder> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(*place),
            Piece::Literal(_) => None,
        })
    }

    /// The text with its places filled.
    pub fn fill<'a>(&self, mut content: impl FnMut(Placeholder) -> Cow<'a, str>) -> String {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => filled.push_str(literal),
                Piece::Place(place) => filled.push_str(&content(*place)),
            }
        }
        filled
    }
}

/// Fewest letters of a placeholder's name.
const NAME_CHARS_MIN: usize = 4;

/// The next text of the form of a placeholder: where its first `$` is, and its name.
fn next_place(text: &str) -> Option<(usize, &str)> {
    let mut from = 0;
    while let Some(found) = text[from..].find('$') {
        let at = from + found;
        let tail = &text[at + 1..];
        let length = tail.bytes().take_while(|byte| byte.is_ascii_lowercase() || *byte == b'_').count();
        if length >= NAME_CHARS_MIN && tail.as_bytes().get(length) == Some(&b'$') {
            return Some((at, &tail[..length]));
        }
        from = at + 1;
    }
    None
}

fn check_placeholders(phase: Phase, source: &str) -> Result<(), TemplateError> {
    let mut offset = 0;
    while let Some((at, name)) = next_place(&source[offset..]) {
        let problem = match Placeholder::parse(name) {
            None if placeholder::is_word(name) => None,
            None => Some(format!("${name}$ is not a known placeholder")),
            Some(place) if !place.is_of(phase) => Some(format!("${name}$ is not a placeholder of {}", phase.name())),
            Some(_) => None,
        };
        if let Some(message) = problem {
            let (line, column) = position(source, offset + at);
            return Err(TemplateError { line, column, message });
        }
        offset += at + name.len() + 2;
    }
    Ok(())
}

fn position(source: &str, offset: usize) -> (usize, usize) {
    let before = &source.as_bytes()[..offset];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests;
