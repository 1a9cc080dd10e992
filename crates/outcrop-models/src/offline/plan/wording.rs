//! How the planner puts things to the user: questions, calls and what was left undone, in words.

use crate::offline::answer::{capital, joined};
use crate::offline::clauses::sentences;
use crate::offline::tool::{Parameter, Tool, Type};
use crate::offline::words::cut;
use serde_json::{Map, Value};

/// A tool's use in a few words.
pub(super) fn ability(tool: &Tool) -> String {
    let first = sentences(&tool.description).into_iter().next().unwrap_or_default();
    let text = if first.is_empty() { tool.label() } else { first.trim_end_matches('.').to_owned() };
    if text.len() <= 100 { text } else { format!("{}…", cut(&text, 100).trim_end()) }
}

/// One question for everything that is missing.
pub(super) fn question(missing: &[&Parameter]) -> String {
    let named: Vec<String> =
        missing.iter().take(6).map(|parameter| format!("the {}{}", parameter.label, example(parameter))).collect();
    let several = named.len() > 1 || missing.iter().any(|parameter| matches!(parameter.kind, Type::Array(_)));
    let verb = if several { "are" } else { "is" };
    format!("What {verb} {}?", joined(&named, "and"))
}

fn example(parameter: &Parameter) -> String {
    let options: Vec<String> = parameter.options.iter().filter_map(Value::as_str).map(str::to_owned).take(6).collect();
    if !options.is_empty() {
        return format!(" ({})", joined(&options, "or"));
    }
    parameter
        .hints
        .first()
        .filter(|hint| hint.len() <= 40)
        .map(|hint| format!(" (for example {hint})"))
        .unwrap_or_default()
}

/// " (order ID A-482, amount 20)".
pub(super) fn arguments(tool: &Tool, arguments: &Map<String, Value>) -> String {
    let shown = tool.parameters.iter().filter(|parameter| !parameter.is_consent()).filter_map(|parameter| {
        let value = arguments.get(&parameter.name)?;
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(format!("{} {}", parameter.label, cut(&value, 120)))
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) }
}

/// The user's own words for what was not done, as "I did not …" goes on.
pub(super) fn undone(deed: &str) -> String {
    let text = cut(deed.trim(), 200);
    let mut characters = text.chars();
    let lower: String =
        characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect());
    let lower = lower.strip_suffix(" me").map_or(lower.clone(), |start| format!("{start} you"));
    lower.replace(" my ", " your ").replace(" me ", " you ")
}

pub(super) fn with(known: &[String], question: String) -> String {
    let mut all: Vec<String> = known.iter().map(|sentence| capital(sentence)).collect();
    all.push(question);
    all.join(" ")
}
