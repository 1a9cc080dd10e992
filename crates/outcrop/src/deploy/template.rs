//! Reads YAML and JSON templates into a tree in which every node knows its line.
//!
//! The tree is built from parser events rather than from a YAML value: a value would already have turned `012345678901`
//! into a number and lost the tags. Scalars stay text until something knows the type that is wanted. Short-form
//! functions (`!Ref X`) become their long form (`{Ref: X}`), so that everything later sees one spelling.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use std::borrow::Cow;
use std::fmt;

/// Largest template that is read, in bytes: what CloudFormation takes from S3.
pub(crate) const TEMPLATE_BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting. Everything that walks the tree recurses, so this bounds the stack.
const DEPTH_MAX: usize = 64;
/// Longest path that is kept for messages, in bytes.
const PATH_BYTES_MAX: usize = 400;

/// One value of a template and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The value.
    pub kind: Kind,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// The way from the root, such as `Resources.Agent.Properties.Tags`.
    pub path: String,
}

/// The value of a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Nothing was written.
    Null,
    /// Text as written. `plain` when it had no quotes, so that it may stand for a number or a boolean.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, without repeated keys.
    Map(Vec<Entry>),
    /// Known only once other resources exist, or in error already. Never comes out of the parser.
    Unknown,
    /// `AWS::NoValue`: as if not written. Never comes out of the parser.
    Absent,
}

/// One key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub key: String,
    /// Line of the key, from 1.
    pub line: usize,
    /// Column of the key, from 1.
    pub column: usize,
    /// The value.
    pub value: Node,
}

/// Something wrong with the template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// Path of the node; empty for the file as a whole.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Equality of content; position does not count.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Node {
    /// The same place with another value.
    pub(crate) fn with(&self, kind: Kind) -> Self {
        Self { kind, line: self.line, column: self.column, path: self.path.clone() }
    }

    /// The same place with quoted text as its value.
    pub(crate) fn with_text(&self, text: impl Into<String>) -> Self {
        self.with(Kind::Scalar { text: text.into(), plain: false })
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a key of a mapping.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// True for a value that only other resources decide.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.kind, Kind::Unknown)
    }

    /// What the value is, for messages: `a list`.
    pub(crate) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null | Kind::Absent => "nothing",
            Kind::Scalar { .. } => "a plain value",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Unknown => "a reference",
        }
    }

    /// A problem at this place.
    pub(crate) fn problem(&self, message: impl fmt::Display) -> Problem {
        Problem { line: self.line, column: self.column, path: self.path.clone(), message: message.to_string() }
    }
}

impl Entry {
    /// A problem at the key.
    pub(crate) fn problem(&self, message: impl fmt::Display) -> Problem {
        let path = self.value.path.clone();
        Problem { line: self.line, column: self.column, path, message: message.to_string() }
    }
}

/// Reads a template. All problems of its form are reported at once, except that a syntax error ends the reading.
pub(crate) fn parse(source: &str) -> Result<Node, Vec<Problem>> {
    if source.len() > TEMPLATE_BYTES_MAX {
        return Err(vec![whole(format!("template is larger than {TEMPLATE_BYTES_MAX} bytes"))]);
    }
    let source = for_yaml(source);
    let mut reader = Reader { parser: Parser::new_from_str(&source), problems: Vec::new() };
    match reader.document() {
        Ok(node) if reader.problems.is_empty() => Ok(node),
        Ok(_) => Err(reader.problems),
        Err(problem) => {
            reader.problems.push(problem);
            Err(reader.problems)
        }
    }
}

/// JSON differs from YAML's flow style in two things: tabs as white space, and characters beyond the first plane as
/// pairs of `\u` escapes. Neither moves a line.
fn for_yaml(source: &str) -> Cow<'_, str> {
    let is_json = source.trim_start().starts_with('{');
    if !is_json {
        return Cow::Borrowed(source);
    }
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find(['\\', '\t']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(character) = surrogate_pair(rest) {
            out.push_str(&format!("\\U{:08X}", u32::from(character)));
            rest = &rest[12..];
        } else if let Some(after) = rest.strip_prefix('\t') {
            out.push(' ');
            rest = after;
        } else {
            // An escape of two characters, so that the second backslash of `\\u` is not taken for an escape.
            let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn surrogate_pair(text: &str) -> Option<char> {
    let pair = text.get(..12)?;
    let (high, low) = (pair.strip_prefix("\\u")?.get(..4)?, pair.get(6..)?.strip_prefix("\\u")?);
    let units = [u16::from_str_radix(high, 16).ok()?, u16::from_str_radix(low, 16).ok()?];
    let is_pair = (0xD800..0xDC00).contains(&units[0]);
    is_pair.then(|| char::decode_utf16(units).next()?.ok()).flatten()
}

fn whole(message: String) -> Problem {
    Problem { line: 1, column: 1, path: String::new(), message }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd => return Err(whole("template is empty".to_owned())),
                event => {
                    let node = self.node(event, span, String::new(), 0)?;
                    return self.end().map(|()| node);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Problem> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(_) => return Err(at(span, "", "a template is one YAML document")),
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => {
                let marker = error.marker();
                let (line, column) = (marker.line(), marker.col() + 1);
                Err(Problem { line, column, path: String::new(), message: format!("not valid YAML: {}", error.info()) })
            }
            None => Err(whole("template ends too early".to_owned())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, path: String, depth: usize) -> Result<Node, Problem> {
        if depth > DEPTH_MAX {
            return Err(at(span, &path, format!("nested more than {DEPTH_MAX} levels deep")));
        }
        let (tag, kind) = match event {
            Event::Scalar(text, style, _, tag) => {
                let plain = style == ScalarStyle::Plain && tag.as_deref().is_none_or(|tag| tag.suffix != "str");
                let is_null = plain && matches!(text.as_ref(), "" | "~" | "null");
                let kind = if is_null { Kind::Null } else { Kind::Scalar { text: text.into_owned(), plain } };
                (tag, kind)
            }
            Event::SequenceStart(_, tag) => (tag, self.list(&path, depth)?),
            Event::MappingStart(_, tag) => (tag, self.map(&path, depth)?),
            Event::Alias(_) => {
                return Err(at(span, &path, "YAML aliases are not part of templates: write the value out"));
            }
            _ => return Err(at(span, &path, "unexpected end")),
        };
        let node = Node { kind, line: span.start.line(), column: span.start.col() + 1, path };
        Ok(self.long_form(tag.as_deref(), node))
    }

    fn list(&mut self, path: &str, depth: usize) -> Result<Kind, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Kind::List(items));
            }
            let item_path = extend(path, format_args!("[{}]", items.len()));
            items.push(self.node(event, span, item_path, depth + 1)?);
        }
    }

    fn map(&mut self, path: &str, depth: usize) -> Result<Kind, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut keys = std::collections::HashSet::new();
        loop {
            let (event, span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(Kind::Map(entries)),
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(at(span, path, "a key must be plain text")),
            };
            let dot = if path.is_empty() { "" } else { "." };
            let entry_path = extend(path, format_args!("{dot}{key}"));
            if !keys.insert(key.clone()) {
                self.problems.push(at(span, &entry_path, "written twice"));
            }
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, entry_path, depth + 1)?;
            entries.push(Entry { key, line: span.start.line(), column: span.start.col() + 1, value });
        }
    }

    fn long_form(&mut self, tag: Option<&Tag>, node: Node) -> Node {
        let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) else { return node };
        let key = match tag.suffix.as_str() {
            "Ref" | "Condition" if tag.handle == "!" => tag.suffix.clone(),
            name if tag.handle == "!" && FUNCTIONS.contains(&name) => format!("Fn::{name}"),
            name => {
                self.problems.push(node.problem(format!("unknown function `{}{name}`", tag.handle)));
                return node;
            }
        };
        let (line, column, outer) = (node.line, node.column, node.with(Kind::Null));
        outer.with(Kind::Map(vec![Entry { key, line, column, value: node }]))
    }
}

/// The functions that have a short form, whether they are supported or not: evaluation tells which are.
const FUNCTIONS: [&str; 18] = [
    "And",
    "Base64",
    "Cidr",
    "Equals",
    "FindInMap",
    "ForEach",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "Transform",
];

fn at(span: Span, path: &str, message: impl fmt::Display) -> Problem {
    let (line, column) = (span.start.line(), span.start.col() + 1);
    Problem { line, column, path: path.to_owned(), message: message.to_string() }
}

/// Long paths are not extended: they are for reading, and keys may be of any length.
fn extend(path: &str, step: fmt::Arguments<'_>) -> String {
    if path.len() > PATH_BYTES_MAX {
        return path.to_owned();
    }
    let mut longer = format!("{path}{step}");
    if longer.len() > PATH_BYTES_MAX {
        longer.truncate(longer.floor_char_boundary(PATH_BYTES_MAX));
        longer.push('…');
    }
    longer
}

#[cfg(test)]
mod tests;
