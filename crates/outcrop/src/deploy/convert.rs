//! From properties as CloudFormation spells them to members as the API spells them, led by the API's own shapes.
//!
//! The shapes say which properties exist, which are required and what their values may be, so a mistake is found with
//! its line before anything is changed. Keys of maps (names of parameters, tags, environment variables) are the user's
//! own and stay as they are; only names of members change their first letter.

use super::template::{Entry, Kind as Value_, Node, Problem};
use outcrop_api::model::{Kind, Member, Shape};
use serde_json::{Map, Number, Value};

/// Members of a request that are no properties: places in the path, tokens.
pub(crate) type Hidden<'a> = &'a [&'a str];

/// Converts a mapping to the members of a structure. Unknown values become null; problems are collected.
pub(crate) fn structure(
    node: &Node,
    shape: &Shape,
    hidden: Hidden<'_>,
    problems: &mut Vec<Problem>,
) -> Map<String, Value> {
    Converter { problems }.structure(node, shape, hidden)
}

/// Converts a value to the form of a shape.
pub(crate) fn value(node: &Node, shape: &Shape, problems: &mut Vec<Problem>) -> Value {
    Converter { problems }.value(node, shape)
}

/// Converts a value of no particular shape: plain scalars become what JSON would make of them.
pub(crate) fn document(node: &Node) -> Value {
    match &node.kind {
        Value_::Null | Value_::Unknown | Value_::Absent => Value::Null,
        Value_::Scalar { text, plain } => match text.as_str() {
            "true" if *plain => Value::Bool(true),
            "false" if *plain => Value::Bool(false),
            // `012` is no JSON number and stays text.
            text if *plain => text.parse::<Number>().map_or_else(|_| Value::from(text), Value::Number),
            text => Value::from(text),
        },
        Value_::List(items) => items.iter().map(document).collect(),
        Value_::Map(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.clone(), document(&entry.value))).collect())
        }
    }
}

/// The API's spelling of a property: a small first letter.
pub(crate) fn member_name(property: &str) -> String {
    change_first(property, |first| first.to_ascii_lowercase())
}

/// CloudFormation's spelling of a member: a capital first letter.
fn property_name(member: &str) -> String {
    change_first(member, |first| first.to_ascii_uppercase())
}

fn change_first(name: &str, change: impl Fn(char) -> char) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| change(first).to_string() + letters.as_str()).unwrap_or_default()
}

struct Converter<'a> {
    problems: &'a mut Vec<Problem>,
}

impl Converter<'_> {
    fn value(&mut self, node: &Node, shape: &Shape) -> Value {
        if node.is_unknown() {
            return Value::Null;
        }
        match &shape.kind {
            Kind::Structure { .. } => Value::Object(self.structure(node, shape, &[])),
            Kind::List { member, min, max } => {
                let Value_::List(items) = &node.kind else { return self.mismatch(node, "a list") };
                self.check_length(node, "items", items.len(), (*min, *max));
                items.iter().map(|item| self.value(item, member)).collect()
            }
            Kind::Map { key, value, min, max } => {
                let Value_::Map(entries) = &node.kind else { return self.mismatch(node, "a mapping") };
                self.check_length(node, "entries", entries.len(), (*min, *max));
                for entry in entries {
                    let place = Node { line: entry.line, column: entry.column, ..entry.value.clone() };
                    self.text(&place.with_text(entry.key.as_str()), key);
                }
                let values = entries.iter().map(|entry| (entry.key.clone(), self.value(&entry.value, value)));
                Value::Object(values.collect())
            }
            Kind::String { .. } => self.text(node, shape),
            Kind::Integer { .. } | Kind::Long { .. } | Kind::Float { .. } | Kind::Double { .. } => {
                self.number(node, &shape.kind)
            }
            Kind::Boolean => match node.text() {
                Some("true" | "True") => Value::Bool(true),
                Some("false" | "False") => Value::Bool(false),
                _ => self.mismatch(node, "true or false"),
            },
            Kind::Blob { .. } | Kind::Timestamp => match node.text() {
                Some(text) => Value::from(text),
                None => self.mismatch(node, "text"),
            },
            Kind::Document => document(node),
        }
    }

    fn structure(&mut self, node: &Node, shape: &Shape, hidden: Hidden<'_>) -> Map<String, Value> {
        let mut out = Map::new();
        let (Kind::Structure { members, union }, Value_::Map(entries)) = (&shape.kind, &node.kind) else {
            self.mismatch(node, "a mapping");
            return out;
        };
        let known = |member: &&&Member| !hidden.contains(&member.name);
        for entry in entries {
            match members.iter().filter(|member| known(&member)).find(|member| is_named(entry, member)) {
                Some(member) => {
                    out.insert(member.name.to_owned(), self.value(&entry.value, member.shape));
                }
                None => {
                    let names = members.iter().filter(|member| known(&member)).map(|member| property_name(member.name));
                    self.problems.push(unsupported(entry, names));
                }
            }
        }
        for member in members.iter().filter(|member| known(&member)) {
            if member.required && !entries.iter().any(|entry| is_named(entry, member)) {
                self.problems.push(node.problem(format!("property `{}` is missing", property_name(member.name))));
            }
        }
        if *union && entries.len() != 1 {
            let names: Vec<String> = members.iter().map(|member| property_name(member.name)).collect();
            self.problems.push(node.problem(format!("expected exactly one of {}", names.join(", "))));
        }
        out
    }

    fn text(&mut self, node: &Node, shape: &Shape) -> Value {
        let Kind::String { min, max, pattern, values } = &shape.kind else { return Value::Null };
        let text = match &node.kind {
            Value_::Scalar { text, .. } => text.as_str(),
            Value_::Null => "",
            _ => return self.mismatch(node, "text"),
        };
        if !values.is_empty() && !values.contains(&text) {
            self.problems.push(node.problem(format!("`{text}` is not one of {}", values.join(", "))));
        }
        self.check_length(node, "characters", text.chars().count(), (*min, *max));
        if let Some(pattern) = pattern
            && !pattern.matches(text)
        {
            self.problems.push(node.problem(format!("`{text}` does not match the pattern {}", pattern.source())));
        }
        Value::from(text)
    }

    fn number(&mut self, node: &Node, kind: &Kind) -> Value {
        let text = node.text().unwrap_or_default();
        let (value, range) = match kind {
            Kind::Integer { min, max } | Kind::Long { min, max } => {
                let Ok(whole) = text.parse::<i64>() else { return self.mismatch(node, "a whole number") };
                (Value::from(whole), (min.is_some_and(|min| whole < min), max.is_some_and(|max| whole > max)))
            }
            Kind::Float { min, max } | Kind::Double { min, max } => {
                let Some(real) = text.parse::<f64>().ok().filter(|real| real.is_finite()) else {
                    return self.mismatch(node, "a number");
                };
                (Value::from(real), (min.is_some_and(|min| real < min), max.is_some_and(|max| real > max)))
            }
            _ => return Value::Null,
        };
        if range != (false, false) {
            let (low, high) = bounds(kind);
            self.problems.push(node.problem(format!("{text} is not between {low} and {high}")));
        }
        value
    }

    fn check_length(&mut self, node: &Node, what: &str, length: usize, (min, max): (usize, usize)) {
        if length < min {
            self.problems.push(node.problem(format!("has {length} {what}, fewer than {min}")));
        } else if length > max {
            self.problems.push(node.problem(format!("has {length} {what}, more than {max}")));
        }
    }

    fn mismatch(&mut self, node: &Node, wanted: &str) -> Value {
        let found = node.text().map_or_else(|| node.noun().to_owned(), |text| format!("`{text}`"));
        self.problems.push(node.problem(format!("expected {wanted}, found {found}")));
        Value::Null
    }
}

/// An unsupported property, with the property that may have been meant.
pub(crate) fn unsupported(entry: &Entry, known: impl Iterator<Item = String>) -> Problem {
    let meant = known.into_iter().find(|name| name.eq_ignore_ascii_case(&entry.key));
    let hint = meant.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
    entry.problem(format!("unsupported property{hint}"))
}

fn is_named(entry: &Entry, member: &Member) -> bool {
    let capital = entry.key.starts_with(|first: char| first.is_ascii_uppercase());
    capital && (member.name == entry.key || member.name == member_name(&entry.key))
}

fn bounds(kind: &Kind) -> (String, String) {
    let open = |bound: Option<String>| bound.unwrap_or_else(|| "any".to_owned());
    match kind {
        Kind::Integer { min, max } | Kind::Long { min, max } => {
            (open(min.map(|n| n.to_string())), open(max.map(|n| n.to_string())))
        }
        Kind::Float { min, max } | Kind::Double { min, max } => {
            (open(min.map(|n| n.to_string())), open(max.map(|n| n.to_string())))
        }
        _ => (String::new(), String::new()),
    }
}
