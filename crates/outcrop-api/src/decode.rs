//! From a routed request to a typed input, or to what is wrong with it.
//!
//! First every member is brought together into one JSON object, wherever it travelled: path, query, headers, body. Types
//! are checked on the way; unknown members and nulls are dropped, so that newer clients pass. Then every limit is checked,
//! and the answer names all that are broken. Typed reading comes last and has nothing left to complain about.

mod check;
pub(crate) mod form;
mod json;
mod print;

use crate::ApiOperation;
use crate::model::{Kind, Location, Member, Operation, Protocol, Shape};
use check::Checker;
use outcrop_wire::Blob;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::fmt;

/// A request after routing.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Labels by name, percent-decoded.
    pub labels: &'a [(&'static str, String)],
    /// Query as sent, without the question mark.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a http::HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// Why a request cannot be answered. Both are status 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Not readable: malformed JSON or a value of another type. AWS's code is `SerializationException`.
    Serialization(String),
    /// Readable but against the model. AWS's code is `ValidationException`. Never empty, and cut at a hundred.
    Validation(Vec<Violation>),
}

/// One broken constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where: `functionSchema.functions.1.member.name`.
    pub path: String,
    /// AWS's sentence about it, with value and path.
    pub message: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serialization(text) => f.write_str(text),
            Self::Validation(violations) => f.write_str(&message(violations)),
        }
    }
}

impl std::error::Error for Rejection {}

/// The message of a `ValidationException`.
pub fn message(violations: &[Violation]) -> String {
    let sentences: Vec<&str> = violations.iter().map(|violation| violation.message.as_str()).collect();
    let errors = if violations.len() == 1 { "error" } else { "errors" };
    format!("{} validation {errors} detected: {}", violations.len(), sentences.join("; "))
}

/// Reads the input of an operation.
///
/// # Errors
/// When the request is not readable or breaks a constraint.
pub fn decode<O: ApiOperation>(parts: Parts<'_>) -> Result<O::Input, Rejection> {
    let value = decode_value(O::OPERATION, parts)?;
    serde_json::from_value(value).map_err(|error| Rejection::Serialization(error.to_string()))
}

/// Reads and checks the input of an operation as one JSON object with the members of its input structure. Blobs are
/// base64 text in it, also those that travel raw.
///
/// # Errors
/// When the request is not readable or breaks a constraint.
pub fn decode_value(operation: &Operation, parts: Parts<'_>) -> Result<Value, Rejection> {
    if let Protocol::Query { .. } = operation.service.service().protocol {
        return decode_form(operation, parts);
    }
    let members = operation.input.map(Shape::members).unwrap_or_default();
    let has_body = members.iter().any(|m| matches!(m.location, Location::Body | Location::BodyJsonText));
    let mut body = if has_body { read_body(parts.body)? } else { Map::new() };
    let query = read_query(parts.query);
    let mut checker = Checker::default();
    let mut input = Map::new();
    for member in members {
        let value = match member.location {
            Location::Body | Location::BodyJsonText => body.swap_remove(member.name),
            Location::Path(label) => {
                let label = parts.labels.iter().find(|(name, _)| *name == label);
                label.map(|(_, text)| from_text(member.shape, member.name, text)).transpose()?
            }
            Location::Query(name) => from_query(member, name, &query)?,
            Location::Header(name) => {
                let text = parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
                text.map(|text| from_text(member.shape, member.name, &text)).transpose()?
            }
            Location::Payload => {
                let given = member.required || !parts.body.is_empty();
                given.then(|| checker.payload(member, parts.body));
                // Not through the checker: the bytes need not be turned to text and back to be counted.
                if given {
                    input.insert(member.name.to_owned(), payload(parts.body));
                }
                continue;
            }
            // Only outputs have one.
            Location::StatusCode => None,
        };
        if let Some(value) = checker.member(member, value)? {
            input.insert(member.name.to_owned(), value);
        }
    }
    checker.finish()?;
    Ok(Value::Object(input))
}

/// The Query protocol: a form in the body, or in the query of a request without one.
fn decode_form(operation: &Operation, parts: Parts<'_>) -> Result<Value, Rejection> {
    let Some(shape) = operation.input else { return Ok(Value::Object(Map::new())) };
    let form = if parts.body.is_empty() { parts.query.as_bytes() } else { parts.body };
    let mut given = form::read(form, shape)?;
    let mut checker = Checker::default();
    let mut input = Map::new();
    for member in shape.members() {
        if let Some(value) = checker.member(member, given.swap_remove(member.name))? {
            input.insert(member.name.to_owned(), value);
        }
    }
    checker.finish()?;
    Ok(Value::Object(input))
}

fn payload(body: &[u8]) -> Value {
    // Base64 of bytes: nothing can go wrong in it.
    serde_json::to_value(Blob::new(body.to_vec())).unwrap_or_default()
}

/// Deepest nesting of a body. What is accepted is stored inside other documents and must stay readable: JSON readers,
/// our own among them, stop at 128.
pub const DEPTH_MAX: usize = 64;

/// Whether no value is nested deeper than so many levels. Looks no deeper than that itself.
fn depth_within<'a>(values: impl IntoIterator<Item = &'a Value>, levels: usize) -> bool {
    values.into_iter().all(|value| match value {
        Value::Array(items) => levels > 0 && depth_within(items, levels - 1),
        Value::Object(members) => levels > 0 && depth_within(members.values(), levels - 1),
        _ => true,
    })
}

/// The members of a JSON body. No body counts as an empty object.
fn read_body(body: &[u8]) -> Result<Map<String, Value>, Rejection> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    let text =
        std::str::from_utf8(body).map_err(|_| Rejection::Serialization("The request body is not UTF-8.".to_owned()))?;
    match json::parse(text) {
        Ok(Value::Object(members)) if depth_within(members.values(), DEPTH_MAX - 1) => Ok(members),
        Ok(Value::Object(_)) => {
            Err(Rejection::Serialization(format!("The request body is nested more than {DEPTH_MAX} levels deep.")))
        }
        Ok(other) => {
            Err(Rejection::Serialization(format!("Expected an object as the request body, found {}.", kind_of(&other))))
        }
        Err(error) => Err(Rejection::Serialization(format!("The request body is not valid JSON: {error}"))),
    }
}

fn read_query(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn from_query(member: &Member, name: &str, query: &[(String, String)]) -> Result<Option<Value>, Rejection> {
    let mut values = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).peekable();
    if let Kind::List { member: element, .. } = member.shape.kind
        && values.peek().is_some()
    {
        return values
            .map(|text| from_text(element, member.name, text))
            .collect::<Result<_, _>>()
            .map(|list| Some(Value::Array(list)));
    }
    values.next().map(|text| from_text(member.shape, member.name, text)).transpose()
}

/// A value that travelled as text, as the JSON of its type.
fn from_text(shape: &Shape, path: &str, text: &str) -> Result<Value, Rejection> {
    let value = match shape.kind {
        Kind::Integer { .. } | Kind::Long { .. } => text.parse::<i64>().ok().map(Value::from),
        Kind::Float { .. } | Kind::Double { .. } => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from),
        Kind::Boolean => match text {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => Some(Value::from(text)),
    };
    value.ok_or_else(|| check::wrong_type(shape, &check::shown(path), "text that is none"))
}

/// What a JSON value is, for messages.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
