//! Writes a service's tables: shapes with their limits, errors, operations.

use super::model::{Kind, Location, Member, Operation, Protocol, ServiceModel, Shape};
use super::names::screaming;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The module of tables.
pub(super) fn write(model: &ServiceModel, first_index: usize) -> Result<String, String> {
    let patterns = Patterns::of(model);
    let mut out = format!("//! Tables of `{}`.\n\nuse crate::model::*;\n\n", model.spec.name);
    out += &format!(
        "pub(crate) static SERVICE: Service = Service {{ id: ServiceId::{}, name: {:?}, signing_name: {:?}, protocol: {}, operations: &OPERATIONS }};\n\n",
        model.spec.variant,
        model.spec.name,
        model.signing_name,
        protocol(&model.protocol)
    );
    out += &format!("pub(crate) static OPERATIONS: [Operation; {}] = [\n", model.operations.len());
    for (at, one) in model.operations.iter().enumerate() {
        out += &operation(model, one, first_index + at)?;
    }
    out += "];\n\nmod error {\n";
    if !model.errors.is_empty() {
        out += "use crate::model::ErrorShape;\n";
    }
    for (name, error) in &model.errors {
        out += &format!(
            "pub(super) static {}: ErrorShape = ErrorShape {{ name: {:?}, status: {}, members: &{:?} }};\n",
            screaming(name),
            error.code,
            error.status,
            error.members
        );
    }
    out += "}\n\nmod pattern { use crate::pattern::Pattern;\n";
    for (at, text) in patterns.all.iter().enumerate() {
        out += &format!("pub(super) static P{at}: Pattern = Pattern::new({text:?});\n");
    }
    out += "}\n\nmod shape { use super::pattern; use crate::model::*;\n";
    let mut taken = BTreeSet::new();
    for (name, one) in &model.shapes {
        if !taken.insert(screaming(name)) {
            return Err(format!("{}: two shapes are called {}", model.spec.name, screaming(name)));
        }
        out += &shape(name, one, &patterns)?;
    }
    Ok(out + "}\n")
}

fn protocol(protocol: &Protocol) -> String {
    match protocol {
        Protocol::RestJson => "Protocol::RestJson".to_owned(),
        Protocol::Json { target_prefix } => format!("Protocol::Json {{ target_prefix: {target_prefix:?} }}"),
        Protocol::Query { version, namespace } => {
            format!("Protocol::Query {{ version: {version:?}, namespace: {namespace:?} }}")
        }
    }
}

fn operation(model: &ServiceModel, operation: &Operation, index: usize) -> Result<String, String> {
    let reference = |shape: &Option<String>| match shape {
        Some(shape) => format!("Some(&shape::{})", screaming(shape)),
        None => "None".to_owned(),
    };
    let errors: Vec<String> = operation.errors.iter().map(|error| format!("&error::{}", screaming(error))).collect();
    let event_stream = match &operation.event_stream {
        Some((member, shape)) => {
            format!("Some(EventStream {{ member: {member:?}, shape: &shape::{} }})", screaming(shape))
        }
        None => "None".to_owned(),
    };
    Ok(format!(
        "Operation {{ index: {index}, service: ServiceId::{}, name: {:?}, method: {:?}, uri: {:?}, segments: &[{}], status: {}, input: {}, output: {}, errors: &[{}], event_stream: {event_stream}, idempotency_token: {:?} }},\n",
        model.spec.variant,
        operation.name,
        operation.method,
        operation.uri,
        match model.protocol {
            Protocol::RestJson => segments(&operation.uri)?,
            // The path says nothing.
            _ => String::new(),
        },
        operation.status,
        reference(&operation.input),
        reference(&operation.output),
        errors.join(", "),
        operation.idempotency_token,
    ))
}

fn segments(uri: &str) -> Result<String, String> {
    if uri.contains('?') {
        return Err(format!("{uri}: a query in a route is not known yet"));
    }
    let path = uri.trim_start_matches('/');
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut out = Vec::new();
    for segment in path.split('/') {
        let label = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        out.push(match label {
            Some(label) if label.ends_with('+') => {
                return Err(format!("{uri}: a label of several parts is not known yet"));
            }
            Some(label) => format!("Segment::Label({label:?})"),
            None if segment.contains(['{', '}']) => return Err(format!("{uri}: a label in the middle of a segment")),
            None => format!("Segment::Literal({segment:?})"),
        });
    }
    Ok(out.join(", "))
}

fn shape(name: &str, shape: &Shape, patterns: &Patterns) -> Result<String, String> {
    let length = || -> Result<String, String> {
        let number = |limit: &Option<Value>, otherwise: &str| match limit {
            None => Ok(otherwise.to_owned()),
            Some(value) => value.as_u64().map(|n| n.to_string()).ok_or_else(|| format!("{name}: limit {value}")),
        };
        Ok(format!("min: {}, max: {}", number(&shape.min, "0")?, number(&shape.max, "NO_MAX")?))
    };
    let range = |float: bool| {
        let number = |limit: &Option<Value>| match limit.as_ref().and_then(Value::as_f64) {
            None => "None".to_owned(),
            Some(value) if float => format!("Some({value:?})"),
            Some(value) => format!("Some({})", value as i64),
        };
        format!("min: {}, max: {}", number(&shape.min), number(&shape.max))
    };
    let kind = match &shape.kind {
        Kind::Structure { members, union, .. } => {
            let members: Vec<String> = members.iter().filter(|one| !one.event_stream).map(member).collect();
            format!("Kind::Structure {{ union: {union}, members: &[{}] }}", members.join(", "))
        }
        Kind::List(member) => format!("Kind::List {{ member: &{}, {} }}", screaming(member), length()?),
        Kind::Map { key, value } => {
            format!("Kind::Map {{ key: &{}, value: &{}, {} }}", screaming(key), screaming(value), length()?)
        }
        Kind::String { values } => {
            let pattern = match &shape.pattern {
                Some(text) => format!("Some(&pattern::P{})", patterns.number(text)),
                None => "None".to_owned(),
            };
            format!("Kind::String {{ {}, pattern: {pattern}, values: &{values:?} }}", length()?)
        }
        Kind::Integer => format!("Kind::Integer {{ {} }}", range(false)),
        Kind::Long => format!("Kind::Long {{ {} }}", range(false)),
        Kind::Float => format!("Kind::Float {{ {} }}", range(true)),
        Kind::Double => format!("Kind::Double {{ {} }}", range(true)),
        Kind::Boolean => "Kind::Boolean".to_owned(),
        Kind::Blob => format!("Kind::Blob {{ {} }}", length()?),
        Kind::Timestamp => "Kind::Timestamp".to_owned(),
        Kind::Document => "Kind::Document".to_owned(),
    };
    Ok(format!(
        "pub(super) static {}: Shape = Shape {{ name: {name:?}, sensitive: {}, kind: {kind} }};\n",
        screaming(name),
        shape.sensitive
    ))
}

fn member(member: &Member) -> String {
    let location = match &member.location {
        Location::Body if member.json_text => "Location::BodyJsonText".to_owned(),
        Location::Body => "Location::Body".to_owned(),
        Location::Path(label) => format!("Location::Path({label:?})"),
        Location::Query(name) => format!("Location::Query({name:?})"),
        Location::Header(name) => format!("Location::Header({name:?})"),
        Location::StatusCode => "Location::StatusCode".to_owned(),
        Location::Payload => "Location::Payload".to_owned(),
    };
    let shape = screaming(&member.shape);
    // The common two in short form keep the file readable.
    match (member.required, location.as_str()) {
        (true, "Location::Body") => format!("required({:?}, &{shape})", member.name),
        (false, "Location::Body") => format!("optional({:?}, &{shape})", member.name),
        (required, _) => {
            format!("Member {{ name: {:?}, shape: &{shape}, required: {required}, location: {location} }}", member.name)
        }
    }
}

/// The same pattern often stands at several shapes; it is compiled once.
struct Patterns {
    all: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Patterns {
    fn of(model: &ServiceModel) -> Self {
        let distinct: BTreeSet<&String> = model.shapes.values().filter_map(|shape| shape.pattern.as_ref()).collect();
        let all: Vec<String> = distinct.into_iter().cloned().collect();
        let numbers = all.iter().enumerate().map(|(at, text)| (text.clone(), at)).collect();
        Self { all, numbers }
    }

    fn number(&self, text: &str) -> usize {
        self.numbers.get(text).copied().unwrap_or_default()
    }
}
