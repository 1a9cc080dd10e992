//! What an OpenAPI document must have, said with the place of whatever has it not.
//!
//! The service's rules, with leave: any 3.x; a `summary` in place of an operation's `description`; no `operationId`, or
//! one of any length or alphabet (the tool's name is made from it); parameters without `description` or `required`;
//! responses without `content`; `enum` and `additionalProperties`. Published documents are so, and nothing is lost.

use super::document::{METHODS, parse, resolve, target, text_of};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt;

/// Problems that are told of one document.
const PROBLEMS_MAX: usize = 20;
/// Problems that the message itself names.
const MESSAGE_PROBLEMS_MAX: usize = 3;
/// Longest piece of a document that is repeated in a message, in characters.
const SHOWN_MAX: usize = 120;
/// Places of a parameter.
const PARAMETER_PLACES: [&str; 4] = ["path", "query", "header", "cookie"];

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    group_name: String,
    /// Never empty, and cut at twenty.
    pub problems: Vec<SchemaProblem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaProblem {
    /// Where, such as `paths./orders/{id}.get.parameters[0]`; empty for the document as a whole.
    pub place: String,
    /// What.
    pub message: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut details: Vec<String> =
            self.problems.iter().take(MESSAGE_PROBLEMS_MAX).map(ToString::to_string).collect();
        if self.problems.len() > MESSAGE_PROBLEMS_MAX {
            details.push("and more".to_owned());
        }
        f.write_str(&refusal(&self.group_name, &details.join("; ")))
    }
}

impl std::error::Error for SchemaError {}

impl fmt::Display for SchemaProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.message),
            place => write!(f, "{} (at {place})", self.message),
        }
    }
}

/// The service's words for a document that is refused.
pub(super) fn refusal(group_name: &str, detail: &str) -> String {
    format!(
        "Failed to create OpenAPI 3 model from the JSON/YAML object that you provided for action: {group_name}: {detail}"
    )
}

/// Checks a document as the service does when the group is saved; gives the number of its operations.
///
/// # Errors
/// Everything that is wrong, up to twenty problems.
pub fn check(group_name: &str, text: &str) -> Result<usize, SchemaError> {
    let mut problems = Problems::default();
    let operations = match parse(text) {
        Ok(document) => {
            let checker = Checker { document: &document };
            checker.document(&mut problems)
        }
        Err(message) => {
            problems.add("", message);
            0
        }
    };
    if problems.0.is_empty() {
        Ok(operations)
    } else {
        Err(SchemaError { group_name: group_name.to_owned(), problems: problems.0 })
    }
}

#[derive(Default)]
struct Problems(Vec<SchemaProblem>);

impl Problems {
    fn add(&mut self, place: &str, message: impl Into<String>) {
        if !self.is_full() {
            self.0.push(SchemaProblem { place: place.to_owned(), message: message.into() });
        }
    }

    fn is_full(&self) -> bool {
        self.0.len() >= PROBLEMS_MAX
    }
}

struct Checker<'a> {
    document: &'a Value,
}

impl<'a> Checker<'a> {
    /// Counts the operations on the way.
    fn document(&self, problems: &mut Problems) -> usize {
        if let Some(version) = self.document.get("swagger") {
            let version = shown(&text_of(version));
            let advice = "convert the document to OpenAPI 3.0";
            problems.add("swagger", format!("swagger {version} is not supported: {advice}"));
            return 0;
        }
        match self.document.get("openapi") {
            // Unquoted in YAML, 3.0 is a number.
            Some(version @ (Value::String(_) | Value::Number(_))) if text_of(version).starts_with("3.") => {}
            Some(version) => {
                let version = shown(&text_of(version));
                problems.add("openapi", format!("openapi {version} is not supported: use 3.0"));
                return 0;
            }
            None => {
                problems.add("", "'openapi' is missing: the first members are openapi, info and paths");
                return 0;
            }
        }
        self.info(problems);
        let Some(paths) = self.document.get("paths").and_then(Value::as_object) else {
            // Version 3.1 allows documents of webhooks only; they declare nothing an agent can call.
            problems.add("", "'paths' is missing: it declares the operations");
            return 0;
        };
        self.references(problems);
        let mut ids = HashMap::new();
        let mut count = 0;
        for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
            count += self.path(path, item, &mut ids, problems);
            if problems.is_full() {
                break;
            }
        }
        count
    }

    fn info(&self, problems: &mut Problems) {
        let Some(info) = self.document.get("info").and_then(Value::as_object) else {
            problems.add("", "'info' is missing: it has title and version");
            return;
        };
        for key in ["title", "version"] {
            if !info.get(key).is_some_and(|value| value.is_string() || value.is_number()) {
                problems.add("info", format!("'{key}' is missing"));
            }
        }
    }

    fn path(
        &self,
        path: &'a str,
        item: &'a Value,
        ids: &mut HashMap<&'a str, String>,
        problems: &mut Problems,
    ) -> usize {
        let place = format!("paths.{}", shown(path));
        if !path.starts_with('/') {
            problems.add(&place, format!("path {} does not begin with /", shown(path)));
            return 0;
        }
        let Some(item) = resolve(self.document, item).as_object() else {
            problems.add(&place, format!("path {} is not an object", shown(path)));
            return 0;
        };
        self.parameters(item.get("parameters"), &place, problems);
        let mut count = 0;
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let place = format!("{place}.{method}");
            let Some(operation) = operation.as_object() else {
                problems.add(&place, format!("'{method}' is not an object for path: {}", shown(path)));
                continue;
            };
            count += 1;
            self.operation(path, method, operation, &place, problems);
            self.operation_id(operation, &place, ids, problems);
        }
        count
    }

    fn operation(
        &self,
        path: &str,
        method: &str,
        operation: &'a Map<String, Value>,
        place: &str,
        problems: &mut Problems,
    ) {
        let has_text =
            |key: &str| operation.get(key).and_then(Value::as_str).is_some_and(|text| !text.trim().is_empty());
        if !has_text("description") && !has_text("summary") {
            problems.add(place, format!("'description' is missing for path: {} ({method})", shown(path)));
        }
        match operation.get("responses").and_then(Value::as_object) {
            Some(responses) => self.responses(responses, place, problems),
            None => problems.add(place, format!("'responses' is missing for path: {} ({method})", shown(path))),
        }
        self.parameters(operation.get("parameters"), place, problems);
        if let Some(body) = operation.get("requestBody") {
            let place = format!("{place}.requestBody");
            if matches!(method, "get" | "delete") {
                problems.add(&place, format!("'requestBody' is not supported for {method}"));
            }
            match resolve(self.document, body).get("content").and_then(Value::as_object) {
                Some(content) if !content.is_empty() => self.content(content, &place, problems),
                _ => problems.add(&place, "'content' is missing"),
            }
        }
        if let Some(confirmation) = operation.get("x-requireConfirmation")
            && !matches!(confirmation.as_str(), Some("ENABLED" | "DISABLED"))
        {
            let place = format!("{place}.x-requireConfirmation");
            problems.add(&place, "'x-requireConfirmation' is either ENABLED or DISABLED");
        }
    }

    fn operation_id(
        &self,
        operation: &'a Map<String, Value>,
        place: &str,
        ids: &mut HashMap<&'a str, String>,
        problems: &mut Problems,
    ) {
        let Some(id) = operation.get("operationId") else { return };
        let place = format!("{place}.operationId");
        let Some(id) = id.as_str().filter(|id| !id.is_empty()) else {
            problems.add(&place, "'operationId' is not a text");
            return;
        };
        if let Some(first) = ids.insert(id, place.clone()) {
            problems.add(&place, format!("the operationId {} is used twice: also at {first}", shown(id)));
        }
    }

    fn responses(&self, responses: &'a Map<String, Value>, place: &str, problems: &mut Problems) {
        for (status, response) in responses.iter().filter(|(status, _)| !status.starts_with("x-")) {
            let place = format!("{place}.responses.{}", shown(status));
            let Some(response) = resolve(self.document, response).as_object() else {
                problems.add(&place, "it is not an object");
                continue;
            };
            if response.contains_key("$ref") {
                // Where it leads is told once, by the walk over the references.
                continue;
            }
            if !response.get("description").is_some_and(Value::is_string) {
                problems.add(&place, "'description' is missing");
            }
            if let Some(content) = response.get("content").and_then(Value::as_object) {
                self.content(content, &place, problems);
            }
        }
    }

    fn content(&self, content: &'a Map<String, Value>, place: &str, problems: &mut Problems) {
        for (media_type, media) in content.iter().filter(|(media_type, _)| !media_type.starts_with("x-")) {
            if !media.get("schema").is_some_and(|schema| schema.is_object() || schema.is_boolean()) {
                problems.add(&format!("{place}.content.{}", shown(media_type)), "'schema' is missing");
            }
        }
    }

    fn parameters(&self, parameters: Option<&'a Value>, place: &str, problems: &mut Problems) {
        let parameters = match parameters {
            Some(Value::Array(parameters)) => parameters,
            None | Some(Value::Null) => return,
            Some(_) => {
                problems.add(&format!("{place}.parameters"), "it is not a list");
                return;
            }
        };
        for (index, parameter) in parameters.iter().enumerate() {
            let place = format!("{place}.parameters[{index}]");
            let Some(parameter) = resolve(self.document, parameter).as_object() else {
                problems.add(&place, "it is not an object");
                continue;
            };
            if parameter.contains_key("$ref") {
                continue;
            }
            if parameter.get("name").and_then(Value::as_str).is_none_or(str::is_empty) {
                problems.add(&place, "'name' is missing");
            }
            match parameter.get("in").and_then(Value::as_str) {
                Some(known) if PARAMETER_PLACES.contains(&known) => {}
                Some(other) => {
                    let places = PARAMETER_PLACES.join(", ");
                    problems.add(&place, format!("'in' is {}; it is one of {places}", shown(other)));
                }
                None => problems.add(&place, "'in' is missing"),
            }
            if !parameter.contains_key("schema") && !parameter.contains_key("content") {
                problems.add(&place, "'schema' is missing");
            }
        }
    }

    /// References lead to something within the document. Goes over it without recursion, whatever its depth.
    fn references(&self, problems: &mut Problems) {
        let mut left: Vec<(&Value, String)> = vec![(self.document, String::new())];
        while let Some((value, place)) = left.pop() {
            let below = |step: &str| if place.is_empty() { step.to_owned() } else { format!("{place}.{step}") };
            match value {
                Value::Object(members) => {
                    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                        self.reference(reference, &place, problems);
                    }
                    let members = members.iter().filter(|(key, value)| {
                        // Those hold data, not references.
                        let is_data = ["example", "examples", "default", "enum", "const"].contains(&key.as_str());
                        !is_data && !key.starts_with("x-") && (value.is_object() || value.is_array())
                    });
                    left.extend(members.map(|(key, value)| (value, below(&shown(key)))));
                }
                Value::Array(items) => {
                    let items = items.iter().enumerate().filter(|(_, item)| item.is_object() || item.is_array());
                    left.extend(items.map(|(index, item)| (item, format!("{place}[{index}]"))));
                }
                _ => {}
            }
            if problems.is_full() {
                return;
            }
        }
    }

    fn reference(&self, reference: &str, place: &str, problems: &mut Problems) {
        if !reference.starts_with('#') {
            let advice = "references are followed within the document only";
            problems.add(place, format!("the reference {} leads to another document: {advice}", shown(reference)));
        } else if target(self.document, reference).is_none() {
            problems.add(place, format!("the reference {} leads nowhere", shown(reference)));
        }
    }
}

/// A piece of the document as messages repeat it.
fn shown(text: &str) -> String {
    if text.chars().nth(SHOWN_MAX).is_none() {
        return text.to_owned();
    }
    text.chars().take(SHOWN_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
