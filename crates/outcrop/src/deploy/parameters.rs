//! `Parameters`: declarations, defaults and the values given on the command line.

use super::template::{Entry, Kind, Node, Problem};
use std::collections::BTreeMap;

/// Longest value of a parameter, in bytes: CloudFormation's limit.
const VALUE_BYTES_MAX: usize = 4096;

/// Chooses each parameter's value and checks it. The result holds nodes that stand where the parameter is declared.
pub(crate) fn resolve(
    declared: &[Entry],
    given: &[(String, String)],
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Node> {
    for (name, _) in given {
        if !declared.iter().any(|entry| entry.key == *name) {
            let known = names(declared);
            problems.push(Problem {
                line: 1,
                column: 1,
                path: "Parameters".to_owned(),
                message: format!("--parameter {name}: the template has no such parameter ({known})"),
            });
        }
    }
    let value_of = |entry: &Entry| {
        // The last one wins, as with other flags.
        given.iter().rev().find(|(name, _)| *name == entry.key).map(|(_, value)| value.as_str())
    };
    declared.iter().map(|entry| (entry.key.clone(), parameter(entry, value_of(entry), problems))).collect()
}

fn names(declared: &[Entry]) -> String {
    match declared {
        [] => "it has none".to_owned(),
        some => format!("it has {}", some.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>().join(", ")),
    }
}

fn parameter(entry: &Entry, given: Option<&str>, problems: &mut Vec<Problem>) -> Node {
    let before = problems.len();
    let declaration = Declaration::read(entry, problems);
    let chosen = given.or(declaration.default.as_deref());
    let Some(text) = chosen else {
        if problems.len() == before {
            problems.push(entry.problem(format!("has no default: give it with --parameter {}=VALUE", entry.key)));
        }
        return entry.value.with(Kind::Unknown);
    };
    if problems.len() == before {
        declaration.check(entry, text, problems);
    }
    if problems.len() > before {
        // What follows from a wrong value is not worth a message of its own.
        return entry.value.with(Kind::Unknown);
    }
    let scalar = |text: &str| entry.value.with(Kind::Scalar { text: text.to_owned(), plain: declaration.is_number });
    if declaration.is_list {
        let items = if text.is_empty() { Vec::new() } else { text.split(',').map(str::trim).map(scalar).collect() };
        entry.value.with(Kind::List(items))
    } else {
        scalar(text)
    }
}

#[derive(Default)]
struct Declaration {
    is_list: bool,
    is_number: bool,
    default: Option<String>,
    allowed_values: Option<Vec<String>>,
    allowed_pattern: Option<fancy_regex::Regex>,
    length: (Option<f64>, Option<f64>),
    value: (Option<f64>, Option<f64>),
    constraint_description: Option<String>,
}

impl Declaration {
    fn read(entry: &Entry, problems: &mut Vec<Problem>) -> Self {
        let mut read = Self::default();
        let mut has_type = false;
        for part in entry.value.entries() {
            let node = &part.value;
            match part.key.as_str() {
                "Type" => {
                    has_type = true;
                    (read.is_list, read.is_number) = match node.text() {
                        Some("String") => (false, false),
                        Some("Number") => (false, true),
                        Some("CommaDelimitedList" | "List<String>") => (true, false),
                        Some("List<Number>") => (true, true),
                        _ => {
                            let known = "expected String, Number, CommaDelimitedList or List<Number>";
                            problems.push(node.problem(format!("unsupported type of parameter: {known}")));
                            continue;
                        }
                    };
                }
                "Default" => read.default = text_of(node, problems),
                "AllowedValues" => {
                    read.allowed_values =
                        Some(node.items().iter().filter_map(|item| text_of(item, problems)).collect());
                }
                "AllowedPattern" => read.allowed_pattern = pattern(node, problems),
                "MinLength" => read.length.0 = number(node, problems),
                "MaxLength" => read.length.1 = number(node, problems),
                "MinValue" => read.value.0 = number(node, problems),
                "MaxValue" => read.value.1 = number(node, problems),
                "ConstraintDescription" => read.constraint_description = node.text().map(str::to_owned),
                "Description" | "NoEcho" => {}
                _ => problems.push(part.problem("unsupported attribute of a parameter")),
            }
        }
        if !has_type {
            problems.push(entry.problem("a parameter needs a `Type`"));
        }
        read
    }

    fn check(&self, entry: &Entry, text: &str, problems: &mut Vec<Problem>) {
        if text.len() > VALUE_BYTES_MAX {
            problems.push(entry.problem(format!("value is longer than {VALUE_BYTES_MAX} bytes")));
            return;
        }
        let parts: Vec<&str> =
            if self.is_list && !text.is_empty() { text.split(',').map(str::trim).collect() } else { vec![text] };
        for part in parts.into_iter().filter(|_| !(self.is_list && text.is_empty())) {
            if let Some(complaint) = self.complaint(part) {
                let why = self.constraint_description.as_ref().map_or(String::new(), |why| format!(" ({why})"));
                problems.push(entry.problem(format!("value `{part}` {complaint}{why}")));
            }
        }
    }

    fn complaint(&self, text: &str) -> Option<String> {
        if let Some(allowed) = &self.allowed_values
            && !allowed.iter().any(|value| value == text)
        {
            return Some(format!("is not one of {}", allowed.join(", ")));
        }
        // A pattern that gives up (too much backtracking) has not matched.
        if let Some(pattern) = &self.allowed_pattern
            && !pattern.is_match(text).unwrap_or(false)
        {
            return Some("does not match AllowedPattern".to_owned());
        }
        if self.is_number {
            let Some(value) = text.parse::<f64>().ok().filter(|value| value.is_finite()) else {
                return Some("is not a number".to_owned());
            };
            return outside(value, self.value).map(|bound| format!("is {bound}"));
        }
        let length = text.chars().count() as f64;
        outside(length, self.length).map(|bound| format!("has a length {bound}"))
    }
}

fn outside(value: f64, (least, most): (Option<f64>, Option<f64>)) -> Option<String> {
    match (least, most) {
        (Some(least), _) if value < least => Some(format!("below {least}")),
        (_, Some(most)) if value > most => Some(format!("above {most}")),
        _ => None,
    }
}

fn text_of(node: &Node, problems: &mut Vec<Problem>) -> Option<String> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some(text.clone()),
        Kind::Null => Some(String::new()),
        _ => {
            problems.push(node.problem(format!("expected text or a number, found {}", node.noun())));
            None
        }
    }
}

fn number(node: &Node, problems: &mut Vec<Problem>) -> Option<f64> {
    let value = node.text().and_then(|text| text.parse().ok());
    if value.is_none() {
        problems.push(node.problem("expected a number"));
    }
    value
}

fn pattern(node: &Node, problems: &mut Vec<Problem>) -> Option<fancy_regex::Regex> {
    let Some(text) = node.text() else {
        problems.push(node.problem("expected a pattern"));
        return None;
    };
    match fancy_regex::Regex::new(&format!(r"\A(?:{text})\z")) {
        Ok(regex) => Some(regex),
        Err(error) => {
            problems.push(node.problem(format!("not a pattern: {error}")));
            None
        }
    }
}
