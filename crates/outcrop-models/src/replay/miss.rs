//! What is told when a request is not on the cassette: the nearest recording, and where the two part.

use super::cassette::Recording;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Characters of a value that are shown from where it differs.
const GLIMPSE_CHARS: usize = 60;
/// Characters before the difference that are shown with it.
const BEFORE_CHARS: usize = 20;

/// The recording that has most in common with a request.
pub(super) fn nearest(asked: &Value, all: Vec<(String, Arc<Recording>)>) -> Option<(String, Arc<Recording>)> {
    let asked: HashMap<String, String> = leaves(asked).into_iter().collect();
    let likeness = |recording: &Recording| {
        let recorded = leaves(&recording.request);
        let same = recorded.iter().filter(|(path, value)| asked.get(path) == Some(value)).count();
        // Of two that have as much in common the shorter one is nearer.
        (same, usize::MAX - recorded.len())
    };
    all.into_iter().max_by_key(|(key, recording)| (likeness(recording), std::cmp::Reverse(key.clone())))
}

/// The words of a miss.
pub(super) fn told(folder: &Path, key: &str, asked: &Value, nearest: Option<(String, Arc<Recording>)>) -> String {
    let folder = folder.display();
    let Some((near, recording)) = nearest else {
        return format!(
            "the cassette {folder} is empty, so there is no answer to this request ({key}); record it with record = true"
        );
    };
    let difference = first_difference("", &recording.request, asked)
        .unwrap_or_else(|| "they differ in nothing that is compared; the file was changed by hand".to_owned());
    format!(
        "the cassette {folder} has no answer to this request ({key}); nearest is {near}.json: {difference}; record it with record = true"
    )
}

/// Where two documents first part, in the order in which a reader goes through a request.
fn first_difference(path: &str, recorded: &Value, asked: &Value) -> Option<String> {
    match (recorded, asked) {
        (Value::Object(one), Value::Object(other)) => {
            let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
            names.sort_by_key(|name| (rank(name), name.as_str()));
            names.dedup();
            names.into_iter().find_map(|name| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => first_difference(&path, one, other),
                    (Some(one), None) => Some(format!("{path} was {} and is not there now", glimpse(one))),
                    (None, Some(other)) => Some(format!("{path} was not there and is {} now", glimpse(other))),
                    (None, None) => None,
                }
            })
        }
        (Value::Array(one), Value::Array(other)) => {
            let inner = one
                .iter()
                .zip(other)
                .enumerate()
                .find_map(|(index, (one, other))| first_difference(&format!("{path}[{index}]"), one, other));
            inner.or_else(|| {
                (one.len() != other.len()).then(|| format!("{path} had {} and has {} now", items(one), items(other)))
            })
        }
        (one, other) if one == other => None,
        (Value::String(one), Value::String(other)) => {
            let (one, other) = parted(one, other);
            Some(format!("{path} was {one} and is {other} now"))
        }
        (one, other) => Some(format!("{path} was {} and is {} now", glimpse(one), glimpse(other))),
    }
}

fn items(list: &[Value]) -> String {
    match list.len() {
        1 => "1 item".to_owned(),
        count => format!("{count} items"),
    }
}

/// What a request is about comes first.
fn rank(name: &str) -> usize {
    let order = ["model", "role", "system", "tools", "toolChoice", "messages", "inference"];
    order.iter().position(|known| *known == name).unwrap_or(order.len())
}

/// Two texts from a little before the character in which they differ.
fn parted(one: &str, other: &str) -> (String, String) {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let from = same.saturating_sub(BEFORE_CHARS);
    let shown = |text: &str| {
        let begin = if from > 0 { "…" } else { "" };
        let piece: String = text.chars().skip(from).take(GLIMPSE_CHARS).collect();
        let end = if text.chars().count() > from + GLIMPSE_CHARS { "…" } else { "" };
        format!("{:?}", format!("{begin}{piece}{end}"))
    };
    (shown(one), shown(other))
}

fn glimpse(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(GLIMPSE_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Every value that is no list or object, with its path.
fn leaves(value: &Value) -> Vec<(String, String)> {
    fn walk(path: String, value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    walk(format!("{path}.{name}"), member, found);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(format!("{path}[{index}]"), item, found);
                }
            }
            scalar => found.push((path, scalar.to_string())),
        }
    }
    let mut found = Vec::new();
    walk(String::new(), value, &mut found);
    found
}
