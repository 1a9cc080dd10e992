//! Forms of the Query protocol as the JSON of an input: `Tags.member.1.Key=a` is `{"Tags": [{"Key": "a"}]}`.

use super::{DEPTH_MAX, Rejection, from_text};
use crate::model::{Kind, Shape};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// More values than any input of these services may have; what is read for each is small, but is read.
const PAIRS_MAX: usize = 10_000;

/// The value of one name in a form, such as `Action`.
pub(crate) fn value_of<'a>(form: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let mut pairs = form.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(key, _)| *key == name).and_then(|(_, text)| decoded(text))
}

/// The members of an input structure, as far as their texts are values of their types. Names that the shape does not
/// have are passed over, `Action` and `Version` among them.
pub(super) fn read(form: &[u8], shape: &Shape) -> Result<Map<String, Value>, Rejection> {
    let form = std::str::from_utf8(form).map_err(|_| not_utf8())?;
    match to_value(shape, "", tree(form)?)? {
        Some(Value::Object(members)) => Ok(members),
        _ => Ok(Map::new()),
    }
}

/// What stands under a name, and under the names that go on with a dot.
#[derive(Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<String, Node>,
}

fn tree(form: &str) -> Result<Node, Rejection> {
    let mut root = Node::default();
    for (at, pair) in form.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if at == PAIRS_MAX {
            return Err(Rejection::Serialization(format!("The form has more than {PAIRS_MAX} values.")));
        }
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name).ok_or_else(not_utf8)?;
        if name.split('.').nth(DEPTH_MAX).is_some() {
            return Err(Rejection::Serialization(format!("The form is nested more than {DEPTH_MAX} levels deep.")));
        }
        let node = name.split('.').fold(&mut root, |node, step| node.children.entry(step.to_owned()).or_default());
        node.text = Some(decoded(text).ok_or_else(not_utf8)?.into_owned());
    }
    Ok(root)
}

fn to_value(shape: &Shape, path: &str, mut node: Node) -> Result<Option<Value>, Rejection> {
    let step = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    Ok(Some(match &shape.kind {
        Kind::Structure { members, .. } => {
            let mut read = Map::new();
            for member in *members {
                let Some(child) = node.children.remove(member.name) else { continue };
                if let Some(value) = to_value(member.shape, &step(member.name), child)? {
                    read.insert(member.name.to_owned(), value);
                }
            }
            Value::Object(read)
        }
        Kind::List { member, .. } => {
            let mut read = Vec::new();
            for (at, child) in numbered(node, "member", path)? {
                read.extend(to_value(member, &step(&format!("member.{at}")), child)?);
            }
            Value::Array(read)
        }
        Kind::Map { value, .. } => {
            let mut read = Map::new();
            for (at, mut entry) in numbered(node, "entry", path)? {
                let key = entry.children.remove("key").and_then(|key| key.text);
                let child = entry.children.remove("value");
                if let (Some(key), Some(child)) = (key, child)
                    && let Some(value) = to_value(value, &step(&format!("entry.{at}.value")), child)?
                {
                    read.insert(key, value);
                }
            }
            Value::Object(read)
        }
        _ => match node.text {
            Some(text) => from_text(shape, path, &text)?,
            None => return Ok(None),
        },
    }))
}

/// The children below `name`, by their numbers. A gap counts for nothing.
fn numbered(mut node: Node, name: &str, path: &str) -> Result<BTreeMap<u32, Node>, Rejection> {
    let children = node.children.remove(name).unwrap_or_default().children;
    let with_number = |(number, child): (String, Node)| match number.parse() {
        Ok(number) => Ok((number, child)),
        Err(_) => Err(Rejection::Serialization(format!("Expected a number after '{path}.{name}'."))),
    };
    children.into_iter().map(with_number).collect()
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['+', '%']) {
        return Some(Cow::Borrowed(text));
    }
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()))
}

fn not_utf8() -> Rejection {
    Rejection::Serialization("The request body is not UTF-8.".to_owned())
}
