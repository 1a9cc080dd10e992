//! Whether a schema is one that can be kept to.

use super::PROBLEMS_MAX;
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

/// Most schemas within a schema.
const SCHEMAS_MAX: usize = 5_000;
/// Deepest nesting of schemas.
const DEPTH_MAX: usize = 64;
/// Most bytes that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;

const TYPES: [&str; 7] = ["string", "boolean", "number", "integer", "array", "object", "null"];
/// Keywords that hold one schema.
const ONE: [&str; 9] =
    ["items", "additionalItems", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else"];
/// Keywords that hold a list of schemas.
const LISTS: [&str; 4] = ["prefixItems", "allOf", "anyOf", "oneOf"];
/// Keywords that hold schemas by name.
const NAMED: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];
const COUNTS: [&str; 8] =
    ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains"];
const BOUNDS: [&str; 2] = ["minimum", "maximum"];
const EXCLUSIVE_BOUNDS: [&str; 2] = ["exclusiveMinimum", "exclusiveMaximum"];
/// Keywords that decide and are not known here.
const UNKNOWN: [&str; 6] =
    ["unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef", "dependencies", "discriminator"];

/// Says what is wrong with a schema, each problem with its place as a JSON pointer.
///
/// # Errors
/// The problems, at least one and at most five.
pub(crate) fn check_schema(schema: &Value) -> Result<(), Vec<String>> {
    let mut check = Check { root: schema, problems: Vec::new(), schemas: 0 };
    check.schema(schema, "", 0);
    if check.problems.is_empty() { Ok(()) } else { Err(check.problems) }
}

/// What a reference within the schema leads to.
pub(super) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    let pointer = reference.strip_prefix('#')?;
    let pointer = percent_decoded(pointer);
    root.pointer(&pointer)
}

/// A pattern as the schema means it: found anywhere in the text.
pub(super) fn pattern(source: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(source).size_limit(PATTERN_BYTES_MAX).build();
    compiled.map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())
}

fn percent_decoded(text: &str) -> String {
    text.replace("%24", "$").replace("%7B", "{").replace("%7D", "}").replace("%20", " ").replace("%25", "%")
}

struct Check<'a> {
    root: &'a Value,
    problems: Vec<String>,
    schemas: usize,
}

impl Check<'_> {
    fn problem(&mut self, path: &str, what: &str) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(format!("{}: {what}", if path.is_empty() { "/" } else { path }));
        }
    }

    fn schema(&mut self, schema: &Value, path: &str, depth: usize) {
        self.schemas += 1;
        if depth > DEPTH_MAX || self.schemas > SCHEMAS_MAX {
            return self.problem(path, "lies too deep, or the schema is too large");
        }
        let members = match schema {
            Value::Object(members) => members,
            Value::Bool(_) if depth > 0 => return,
            _ => return self.problem(path, "must be a schema, which is an object"),
        };
        for (name, value) in members {
            let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
            self.keyword(name, value, &path, depth);
        }
    }

    fn keyword(&mut self, name: &str, value: &Value, path: &str, depth: usize) {
        let word = |list: &[&str]| list.contains(&name);
        if name == "items" && value.is_array() {
            self.list(value, path, depth);
        } else if word(&ONE) {
            self.schema(value, path, depth + 1);
        } else if word(&LISTS) {
            self.list(value, path, depth);
        } else if word(&NAMED) {
            match value.as_object() {
                Some(members) => self.named(name, members, path, depth),
                None => self.problem(path, "must be an object of schemas"),
            }
        } else if word(&UNKNOWN) {
            self.problem(path, "is not supported");
        } else if word(&COUNTS) && !value.is_u64() {
            self.problem(path, "must be a whole number, not below zero");
        } else if (word(&BOUNDS) && !value.is_number())
            || (word(&EXCLUSIVE_BOUNDS) && !value.is_number() && !value.is_boolean())
        {
            self.problem(path, "must be a number");
        } else {
            self.simple(name, value, path);
        }
    }

    fn simple(&mut self, name: &str, value: &Value, path: &str) {
        let texts = |value: &Value| value.as_array().is_some_and(|names| names.iter().all(Value::is_string));
        match name {
            "type" => {
                let is_type = |value: &Value| value.as_str().is_some_and(|name| TYPES.contains(&name));
                let fits = match value {
                    Value::Array(kinds) => !kinds.is_empty() && kinds.iter().all(is_type),
                    kind => is_type(kind),
                };
                if !fits {
                    self.problem(path, &format!("must be one of {}, or a list of them", TYPES.join(", ")));
                }
            }
            "enum" if value.as_array().is_none_or(Vec::is_empty) => self.problem(path, "must be a list of values"),
            "required" if !texts(value) => self.problem(path, "must be a list of names"),
            "dependentRequired" if !value.as_object().is_some_and(|members| members.values().all(texts)) => {
                self.problem(path, "must hold lists of names");
            }
            "uniqueItems" | "nullable" if !value.is_boolean() => self.problem(path, "must be true or false"),
            "multipleOf" if value.as_f64().is_none_or(|step| step <= 0.0) => {
                self.problem(path, "must be a number above zero");
            }
            "pattern" => match value.as_str().map(pattern) {
                Some(Ok(_)) => {}
                Some(Err(why)) => self.problem(path, &format!("is a pattern that is not supported: {why}")),
                None => self.problem(path, "must be a text"),
            },
            "$ref" => match value.as_str() {
                Some(reference)
                    if resolve(self.root, reference).is_some_and(|to| to.is_object() || to.is_boolean()) => {}
                Some(reference) => {
                    let what = format!("leads to {reference}, which is no schema within this one");
                    self.problem(path, &what);
                }
                None => self.problem(path, "must be a text"),
            },
            _ => {}
        }
    }

    fn list(&mut self, value: &Value, path: &str, depth: usize) {
        match value.as_array() {
            Some(schemas) if !schemas.is_empty() => {
                for (index, schema) in schemas.iter().enumerate() {
                    self.schema(schema, &format!("{path}/{index}"), depth + 1);
                }
            }
            _ => self.problem(path, "must be a list of schemas"),
        }
    }

    fn named(&mut self, name: &str, schemas: &Map<String, Value>, path: &str, depth: usize) {
        for (member, schema) in schemas {
            let path = format!("{path}/{}", member.replace('~', "~0").replace('/', "~1"));
            if name == "patternProperties"
                && let Err(why) = pattern(member)
            {
                self.problem(&path, &format!("is a pattern that is not supported: {why}"));
            }
            self.schema(schema, &path, depth + 1);
        }
    }
}
