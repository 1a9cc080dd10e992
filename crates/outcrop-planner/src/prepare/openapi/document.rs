//! The parts of an OpenAPI document that checking and compiling both read.

use serde_json::{Map, Value};

/// Methods that are operations, in the order in which tools are listed.
pub(super) const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// References of references that are followed.
const REFERENCES_MAX: usize = 8;
/// Nodes that the aliases of a YAML document may stand for in all. OpenAPI has references of its own, so few use them.
const ALIASED_NODES_MAX: usize = 20_000;

/// An operation with what stands around it.
pub(super) struct Operation<'a> {
    pub(super) path: &'a str,
    pub(super) method: &'static str,
    /// Parameters of the whole path.
    pub(super) shared: &'a Value,
    pub(super) operation: &'a Map<String, Value>,
}

/// Reads JSON or YAML; says with line and column why it cannot.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let document = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        // Aliases of aliases make a short text a very long document.
        let limits = serde_saphyr::alias_limits! { max_total_replayed_events: ALIASED_NODES_MAX };
        let options = serde_saphyr::options! { alias_limits: limits };
        serde_saphyr::from_str_with_options::<Value>(text, options).map_err(|error| {
            let message = error.to_string();
            message.lines().next().unwrap_or("cannot be read").to_owned()
        })?
    };
    match document {
        Value::Object(_) => Ok(document),
        _ => Err("it is not an object with openapi, info and paths".to_owned()),
    }
}

/// Every operation that can be called, whether or not all of it is as it should be: what was accepted once stays usable.
pub(super) fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document.get("paths").and_then(Value::as_object);
    let items = paths.into_iter().flatten().filter(|(path, _)| path.starts_with('/'));
    let mut found = Vec::new();
    for (path, item) in items {
        let item = resolve(document, item);
        for method in METHODS {
            if let Some(operation) = item.get(method).and_then(Value::as_object) {
                let shared = item.get("parameters").unwrap_or(&Value::Null);
                found.push(Operation { path, method, shared, operation });
            }
        }
    }
    found
}

/// What a `$ref` within the document names; references of references are followed a few times.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let mut current = value;
    for _ in 0..REFERENCES_MAX {
        let Some(reference) = current.get("$ref").and_then(Value::as_str) else { break };
        match target(document, reference) {
            Some(target) => current = target,
            None => break,
        }
    }
    current
}

/// What a reference within the document names.
pub(super) fn target<'a>(document: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    // A fragment of a URI: some generators percent-encode what is in it.
    if pointer.contains('%') { document.pointer(&percent_decoded(pointer)?) } else { document.pointer(pointer) }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = (byte == b'%').then(|| after.get(..2)).flatten().and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

pub(super) fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
