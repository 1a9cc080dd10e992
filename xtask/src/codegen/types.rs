//! Writes a service's Rust types.

use super::model::{Kind, Member, ServiceModel, Shape};
use super::names::{field, pascal, serde_camel, variant};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Maps whose order users see: the parameters of a function, as the model is shown them.
const ORDERED_MAPS: [&str; 1] = ["ParameterMap"];

/// The module of types, ending with the operations.
pub(super) fn write(model: &ServiceModel) -> Result<String, String> {
    let mut out = format!("//! Types of `{}`.\n\npub(crate) mod tables;\n\n", model.spec.name);
    out += "use serde::{Deserialize, Serialize};\n\n";
    let mut taken = BTreeSet::new();
    let mut body = String::new();
    for (name, shape) in &model.shapes {
        let written = match &shape.kind {
            Kind::Structure { members, events: true, .. } => event_union(model, name, members)?,
            Kind::Structure { members, union: true, .. } => union(model, name, members)?,
            Kind::Structure { members, .. } => structure(model, name, members)?,
            Kind::String { values } if !values.is_empty() => string_enum(name, values)?,
            _ => continue,
        };
        if !taken.insert(pascal(name)) {
            return Err(format!("{}: two types are called {name}", model.spec.name));
        }
        body += &written;
    }
    out += &body;
    out += "crate::operations! {\n";
    for (at, operation) in model.operations.iter().enumerate() {
        if taken.contains(&operation.name) {
            return Err(format!("{}: operation and type {}", model.spec.name, operation.name));
        }
        let side = |shape: &Option<String>| shape.as_deref().map_or_else(|| "crate::Empty".to_owned(), pascal);
        let (input, output) = (side(&operation.input), side(&operation.output));
        writeln!(out, "    {}({input}) -> {output} = {at};", operation.name).map_err(|e| e.to_string())?;
    }
    out += "}\n";
    Ok(out)
}

fn structure(model: &ServiceModel, name: &str, members: &[Member]) -> Result<String, String> {
    let members: Vec<&Member> = members.iter().filter(|member| !member.event_stream).collect();
    let camel = members.iter().filter(|member| serde_camel(&field(&member.name)) == member.name).count();
    let shout = members.iter().filter(|member| pascal(&serde_camel(&field(&member.name))) == member.name).count();
    let case = if shout > camel { Some("PascalCase") } else { (camel > 0).then_some("camelCase") };
    let mut out = derives(&["Clone", "Debug", "PartialEq", "Serialize", "Deserialize"], defaultable(model, name));
    // A single word is the same in snake case and in camel case: no rename needed.
    if members.iter().any(|member| field(&member.name).trim_start_matches("r#") != member.name)
        && let Some(case) = case
    {
        out += &format!("#[serde(rename_all = \"{case}\")]\n");
    }
    out += &format!("pub struct {} {{\n", pascal(name));
    for member in members {
        let rust = field(&member.name);
        let by_case = match case {
            Some("PascalCase") => pascal(&serde_camel(&rust)),
            _ => serde_camel(&rust),
        };
        let rename = (by_case != member.name).then(|| format!("rename = \"{}\"", member.name));
        let skip = (!member.required).then(|| "skip_serializing_if = \"Option::is_none\"".to_owned());
        let attributes: Vec<String> = rename.into_iter().chain(skip).collect();
        if !attributes.is_empty() {
            out += &format!("#[serde({})]\n", attributes.join(", "));
        }
        let mut rust_type = rust_type(model, &member.shape)?;
        if holds_itself(model, &member.shape, name) {
            rust_type = format!("Box<{rust_type}>");
        }
        if !member.required {
            rust_type = format!("Option<{rust_type}>");
        }
        out += &format!("pub {rust}: {rust_type},\n");
    }
    Ok(out + "}\n\n")
}

fn union(model: &ServiceModel, name: &str, members: &[Member]) -> Result<String, String> {
    let mut out = derives(&["Clone", "Debug", "PartialEq", "Serialize", "Deserialize"], false);
    out += &format!("#[serde(rename_all = \"camelCase\")]\npub enum {} {{\n", pascal(name));
    for member in members {
        if !member.name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
            return Err(format!("member {} of union {name} does not begin small", member.name));
        }
        let mut rust_type = rust_type(model, &member.shape)?;
        if holds_itself(model, &member.shape, name) {
            rust_type = format!("Box<{rust_type}>");
        }
        out += &format!("{}({rust_type}),\n", pascal(&member.name));
    }
    Ok(out + "}\n\n")
}

fn event_union(model: &ServiceModel, name: &str, members: &[Member]) -> Result<String, String> {
    let mut out = union(model, name, members)?;
    out += &format!("crate::event_union! {{ {} {{\n", pascal(name));
    for member in members {
        let exception = member.name.ends_with("Exception");
        out += &format!("    {} = \"{}\", {exception};\n", pascal(&member.name), member.name);
    }
    Ok(out + "} }\n\n")
}

fn string_enum(name: &str, values: &[String]) -> Result<String, String> {
    let mut taken = BTreeSet::new();
    let mut out = format!("crate::string_enum! {{ {} {{\n", pascal(name));
    for value in values {
        let variant = variant(value);
        if variant.is_empty() || !taken.insert(variant.clone()) {
            return Err(format!("value {value} of {name} has no variant of its own"));
        }
        out += &format!("    {variant} = {value:?},\n");
    }
    Ok(out + "} }\n\n")
}

fn derives(always: &[&str], default: bool) -> String {
    let extra = if default { ", Default" } else { "" };
    format!("#[derive({}{extra})]\n", always.join(", "))
}

fn rust_type(model: &ServiceModel, name: &str) -> Result<String, String> {
    let shape = model.shape(name)?;
    Ok(match &shape.kind {
        Kind::Structure { .. } => pascal(name),
        Kind::String { values } if !values.is_empty() => pascal(name),
        Kind::String { .. } => "String".to_owned(),
        Kind::List(member) => format!("Vec<{}>", rust_type(model, member)?),
        Kind::Map { value, .. } if ORDERED_MAPS.contains(&name) => {
            format!("crate::OrderedMap<{}>", rust_type(model, value)?)
        }
        Kind::Map { value, .. } => format!("std::collections::BTreeMap<String, {}>", rust_type(model, value)?),
        Kind::Integer | Kind::Long => "i64".to_owned(),
        Kind::Float | Kind::Double => "f64".to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Blob => "outcrop_wire::Blob".to_owned(),
        Kind::Timestamp => "outcrop_wire::Timestamp".to_owned(),
        Kind::Document => "serde_json::Value".to_owned(),
    })
}

/// Whether a type holds another without a list or map between: such a member has to be boxed.
fn holds_itself(model: &ServiceModel, from: &str, target: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        if name == target {
            return true;
        }
        if !seen.insert(name) {
            continue;
        }
        if let Some(Shape { kind: Kind::Structure { members, .. }, .. }) = model.shapes.get(name) {
            open.extend(members.iter().filter(|member| !member.event_stream).map(|member| member.shape.as_str()));
        }
    }
    false
}

/// Whether all required members have a default. Enums and unions have none: there is no neutral choice.
fn defaultable(model: &ServiceModel, name: &str) -> bool {
    match model.shapes.get(name).map(|shape| &shape.kind) {
        Some(Kind::Structure { union: true, .. }) | None => false,
        // A structure that requires itself has no value at all, so this ends.
        Some(Kind::Structure { members, .. }) => members
            .iter()
            .filter(|member| member.required && !member.event_stream)
            .all(|member| defaultable(model, &member.shape)),
        Some(Kind::String { values }) => values.is_empty(),
        Some(_) => true,
    }
}
