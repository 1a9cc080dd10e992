//! Answers of the Query protocol.

use crate::model::{Kind, Operation, Shape};
use serde_json::Value;

/// The answer of an operation: `<XResponse><XResult>…</XResult><ResponseMetadata>…`.
pub(super) fn response(operation: &Operation, namespace: &str, output: &Value, request_id: &str) -> String {
    let mut out = String::with_capacity(512);
    out += &format!("<{}Response xmlns=\"{namespace}\">", operation.name);
    if let Some(shape) = operation.output {
        element(&mut out, &format!("{}Result", operation.name), shape, output);
    }
    out += "<ResponseMetadata><RequestId>";
    text(&mut out, request_id);
    out += &format!("</RequestId></ResponseMetadata></{}Response>", operation.name);
    out
}

/// An error. `sender` says that it is the caller's.
pub(super) fn error(namespace: &str, sender: bool, code: &str, message: &str, request_id: &str) -> String {
    let mut out = format!(
        "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{}</Type><Code>{code}</Code><Message>",
        if sender { "Sender" } else { "Receiver" }
    );
    text(&mut out, message);
    out += "</Message></Error><RequestId>";
    text(&mut out, request_id);
    out += "</RequestId></ErrorResponse>";
    out
}

fn element(out: &mut String, name: &str, shape: &Shape, value: &Value) {
    if value.is_null() {
        return;
    }
    *out += &format!("<{name}>");
    match (&shape.kind, value) {
        (Kind::Structure { members, .. }, Value::Object(values)) => {
            for member in *members {
                if let Some(value) = values.get(member.name) {
                    element(out, member.name, member.shape, value);
                }
            }
        }
        (Kind::List { member, .. }, Value::Array(values)) => {
            values.iter().for_each(|value| element(out, "member", member, value));
        }
        (Kind::Map { key, value: shape, .. }, Value::Object(values)) => {
            for (name, value) in values {
                *out += "<entry>";
                element(out, "key", key, &Value::from(name.as_str()));
                element(out, "value", shape, value);
                *out += "</entry>";
            }
        }
        (_, Value::String(value)) => text(out, value),
        (_, other) => text(out, &other.to_string()),
    }
    *out += &format!("</{name}>");
}

/// Text as XML holds it. A carriage return would be read as a line feed if it stood there itself; what XML cannot hold
/// at all becomes a replacement character.
fn text(out: &mut String, value: &str) {
    for letter in value.chars() {
        match letter {
            '&' => *out += "&amp;",
            '<' => *out += "&lt;",
            '>' => *out += "&gt;",
            '"' => *out += "&quot;",
            '\r' => *out += "&#13;",
            '\t' | '\n' => out.push(letter),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
}
