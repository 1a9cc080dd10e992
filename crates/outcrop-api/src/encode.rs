//! From typed values to HTTP: answers of a server, requests of a client.

mod xml;

use crate::decode::DEPTH_MAX;
use crate::model::{Kind, Location, Member, Operation, Protocol, Segment, Shape};
use outcrop_wire::Blob;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Map, Value};

/// Everything but RFC 3986's unreserved characters, as AWS's clients encode labels and queries.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const JSON: &str = "application/json";
const JSON_1_0: &str = "application/x-amz-json-1.0";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const XML: &str = "text/xml";

/// An answer of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedResponse {
    /// HTTP status.
    pub status: u16,
    /// Names in small letters. A content type is here only when output or protocol set it; otherwise a body is JSON.
    pub headers: Vec<(&'static str, String)>,
    /// Empty where there is none: status 204, or an event stream.
    pub body: Vec<u8>,
}

/// A request of a client, not yet signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedRequest {
    /// HTTP method in capitals.
    pub method: &'static str,
    /// Path with labels percent-encoded, then the query, if any.
    pub path_and_query: String,
    /// Names in small letters; with a content type when there is a body.
    pub headers: Vec<(&'static str, String)>,
    /// JSON, the raw payload, or nothing.
    pub body: Vec<u8>,
}

/// Why a request cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The input is no JSON, as when a number is infinite.
    #[error("input cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A part of the path is missing or empty: the path would be another operation's.
    #[error("`{0}` is missing or empty, and is part of the path")]
    Label(&'static str),
}

/// Encodes the output of an operation: members that travel as headers, status or raw payload leave the JSON body. The
/// id of the request stands in XML bodies only.
///
/// An output that JSON cannot hold gives status 500 without a body; generated outputs with finite numbers always can.
pub fn encode_response(operation: &Operation, output: &impl Serialize, request_id: &str) -> EncodedResponse {
    if let Protocol::Query { namespace, .. } = operation.service.service().protocol {
        let Ok(output) = serde_json::to_value(output) else {
            return EncodedResponse { status: 500, headers: Vec::new(), body: Vec::new() };
        };
        let body = xml::response(operation, namespace, &output, request_id).into_bytes();
        return EncodedResponse { status: operation.status, headers: vec![("content-type", XML.to_owned())], body };
    }
    let members = operation.output.map(Shape::members).unwrap_or_default();
    let encoded = if members.iter().all(|member| member.location == Location::Body) {
        serde_json::to_vec(output).map(|body| EncodedResponse { status: operation.status, headers: Vec::new(), body })
    } else {
        to_object(output).map(|output| split(operation, members, output))
    };
    let Ok(mut encoded) = encoded else {
        return EncodedResponse { status: 500, headers: Vec::new(), body: Vec::new() };
    };
    if let Protocol::Json { .. } = operation.service.service().protocol {
        encoded.headers.push(("content-type", JSON_1_0.to_owned()));
    }
    if encoded.status == 204 || operation.event_stream.is_some() {
        encoded.body.clear();
    }
    encoded
}

/// Encodes an error in the form of a protocol; `body` holds the members of a JSON body, `message` among them.
pub fn encode_error(
    protocol: Protocol,
    status: u16,
    code: &str,
    body: &Map<String, Value>,
    request_id: &str,
) -> EncodedResponse {
    let json = |body: &Map<String, Value>| serde_json::to_vec(body).unwrap_or_default();
    let (headers, body) = match protocol {
        Protocol::RestJson => (Vec::new(), json(body)),
        Protocol::Json { .. } => {
            let mut members = Map::from_iter([("__type".to_owned(), Value::from(code))]);
            members.extend(body.clone());
            (vec![("content-type", JSON_1_0.to_owned())], json(&members))
        }
        Protocol::Query { namespace, .. } => {
            let message = body.get("message").and_then(Value::as_str).unwrap_or_default();
            let body = xml::error(namespace, status < 500, code, message, request_id).into_bytes();
            (vec![("content-type", XML.to_owned())], body)
        }
    };
    EncodedResponse { status, headers, body }
}

fn split(operation: &Operation, members: &[Member], mut output: Map<String, Value>) -> EncodedResponse {
    let (mut status, mut headers, mut payload) = (operation.status, Vec::new(), None);
    for member in members {
        let take = |output: &mut Map<String, Value>| output.shift_remove(member.name);
        match member.location {
            Location::StatusCode => {
                status = take(&mut output).and_then(|value| value.as_u64()?.try_into().ok()).unwrap_or(status);
            }
            Location::Header(name) => headers.extend(take(&mut output).map(|value| (name, to_text(&value)))),
            Location::Payload => payload = Some(take(&mut output).map(|value| raw(&value)).unwrap_or_default()),
            Location::Body | Location::BodyJsonText | Location::Path(_) | Location::Query(_) => {}
        }
    }
    let body = payload.unwrap_or_else(|| Value::Object(output).to_string().into_bytes());
    EncodedResponse { status, headers, body }
}

/// Encodes the input of an operation as a client sends it.
///
/// # Errors
/// When a label of the path is missing, or the input is no JSON.
pub fn encode_request(operation: &Operation, input: &impl Serialize) -> Result<EncodedRequest, EncodeError> {
    let members = operation.input.map(Shape::members).unwrap_or_default();
    let mut input = to_object(input)?;
    match operation.service.service().protocol {
        Protocol::RestJson => {}
        Protocol::Json { target_prefix } => {
            let target = format!("{target_prefix}.{}", operation.name);
            let headers = vec![("content-type", JSON_1_0.to_owned()), ("x-amz-target", target)];
            return Ok(to_root(headers, Value::Object(input).to_string()));
        }
        Protocol::Query { version, .. } => {
            let mut form = format!("Action={}&Version={version}", operation.name);
            for member in members {
                if let Some(value) = input.get(member.name) {
                    add_to_form(&mut form, member.name, member.shape, value, DEPTH_MAX);
                }
            }
            return Ok(to_root(vec![("content-type", FORM.to_owned())], form));
        }
    }
    let (mut query, mut headers, mut payload, mut labels) = (Vec::new(), Vec::new(), None, Vec::new());
    let mut has_json = false;
    for member in members {
        if matches!(member.location, Location::Body | Location::BodyJsonText) {
            has_json = true;
            continue;
        }
        let value = input.shift_remove(member.name);
        match (member.location, value) {
            (Location::Path(label), Some(value)) => labels.push((label, to_text(&value))),
            (Location::Query(name), Some(Value::Array(values))) => {
                query.extend(values.iter().map(|value| (name, to_text(value))));
            }
            (Location::Query(name), Some(value)) => query.push((name, to_text(&value))),
            (Location::Header(name), Some(value)) => headers.push((name, to_text(&value))),
            (Location::Payload, value) => payload = Some(value.map(|value| raw(&value)).unwrap_or_default()),
            _ => {}
        }
    }
    let body = match payload {
        Some(payload) => payload,
        None if has_json => Value::Object(input).to_string().into_bytes(),
        None => Vec::new(),
    };
    if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
        headers.push(("content-type", if has_json { JSON } else { "application/octet-stream" }.to_owned()));
    }
    Ok(EncodedRequest { method: operation.method, path_and_query: target(operation, &labels, &query)?, headers, body })
}

fn to_root(headers: Vec<(&'static str, String)>, body: String) -> EncodedRequest {
    EncodedRequest { method: "POST", path_and_query: "/".to_owned(), headers, body: body.into_bytes() }
}

/// Writes a value under a name; an empty list or map is the name alone.
fn add_to_form(form: &mut String, name: &str, shape: &Shape, value: &Value, levels: usize) {
    if levels == 0 {
        return;
    }
    match (&shape.kind, value) {
        (Kind::Structure { members, .. }, Value::Object(values)) => {
            for member in *members {
                if let Some(value) = values.get(member.name) {
                    add_to_form(form, &format!("{name}.{}", member.name), member.shape, value, levels - 1);
                }
            }
        }
        (Kind::List { member, .. }, Value::Array(values)) if !values.is_empty() => {
            for (at, value) in values.iter().enumerate() {
                add_to_form(form, &format!("{name}.member.{}", at + 1), member, value, levels - 1);
            }
        }
        (Kind::Map { key, value: shape, .. }, Value::Object(values)) if !values.is_empty() => {
            for (at, (entry, value)) in values.iter().enumerate() {
                let name = format!("{name}.entry.{}", at + 1);
                add_to_form(form, &format!("{name}.key"), key, &Value::from(entry.as_str()), levels - 1);
                add_to_form(form, &format!("{name}.value"), shape, value, levels - 1);
            }
        }
        (_, value) => {
            form.push('&');
            form.extend(utf8_percent_encode(name, ENCODED));
            form.push('=');
            if !matches!(value, Value::Array(_) | Value::Object(_)) {
                form.extend(utf8_percent_encode(&to_text(value), ENCODED));
            }
        }
    }
}

fn target(operation: &Operation, labels: &[(&str, String)], query: &[(&str, String)]) -> Result<String, EncodeError> {
    let mut target = String::new();
    for segment in operation.segments {
        target.push('/');
        match segment {
            Segment::Literal(text) => target.push_str(text),
            Segment::Label(name) => {
                let label = labels.iter().find(|(label, text)| label == name && !text.is_empty());
                let (_, text) = label.ok_or(EncodeError::Label(name))?;
                target.extend(utf8_percent_encode(text, ENCODED));
            }
        }
    }
    if operation.uri.ends_with('/') {
        target.push('/');
    }
    for (at, (name, value)) in query.iter().enumerate() {
        target.push(if at == 0 { '?' } else { '&' });
        target.extend(utf8_percent_encode(name, ENCODED));
        target.push('=');
        target.extend(utf8_percent_encode(value, ENCODED));
    }
    Ok(target)
}

fn to_object(value: &impl Serialize) -> serde_json::Result<Map<String, Value>> {
    match serde_json::to_value(value)? {
        Value::Object(members) => Ok(members),
        // Inputs and outputs are structures; a unit has no members.
        _ => Ok(Map::new()),
    }
}

/// A scalar as it stands in a path, query or header.
fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The bytes of a blob that was made JSON.
fn raw(value: &Value) -> Vec<u8> {
    value.as_str().and_then(Blob::from_base64).map(|blob| blob.0.to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
