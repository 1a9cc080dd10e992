//! JSON Schema: whether a value fits, and what is wrong where it does not.
//!
//! What is known is what draft 2020-12 and its forerunners have in common, with `nullable` and the boolean
//! `exclusiveMinimum` of OpenAPI 3.0; `format` and whatever is no keyword are notes, as the standard has it. Keywords
//! that are not known here ([`definition`] has their list) make a schema unfit, so that nothing is passed over in silence.
//!
//! Arguments of tools are read more kindly than this, see [`crate::turn`]'s `arguments`: they share what both look at.

mod bounds;
mod definition;

pub(crate) use bounds::check_bounds;
pub(crate) use definition::check_schema;

use regex::Regex;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::HashSet;

/// Most problems told at once.
pub(crate) const PROBLEMS_MAX: usize = 5;
/// Most steps of one check: alternatives within alternatives can be many.
const STEPS_MAX: u32 = 200_000;
/// Deepest nesting that is looked at; a schema may refer to itself.
const DEPTH_MAX: u32 = 200;

/// What is wrong with a value, each a part of a sentence; empty when it fits.
pub(crate) fn check(schema: &Value, value: &Value) -> Vec<String> {
    let checker = Checker { root: schema, steps: Cell::new(STEPS_MAX) };
    let mut problems = Vec::new();
    checker.check(schema, value, &Place { path: "", depth: 0 }, &mut problems);
    problems.truncate(PROBLEMS_MAX);
    problems
}

/// The types a schema allows; empty when it does not say.
pub(crate) fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A path as messages show it.
pub(crate) fn shown(path: &str) -> &str {
    if path.is_empty() { "the whole" } else { path }
}

/// The path of a member.
pub(crate) fn member_path(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// "a string", "an integer or null".
pub(crate) fn named_types(kinds: &[&str]) -> String {
    let named = kinds.iter().map(|kind| match *kind {
        "integer" | "array" | "object" => format!("an {kind}"),
        "null" => "null".to_owned(),
        kind => format!("a {kind}"),
    });
    named.collect::<Vec<_>>().join(" or ")
}

struct Checker<'a> {
    root: &'a Value,
    steps: Cell<u32>,
}

/// Where in the value the check is, and how deep in the schema.
#[derive(Clone, Copy)]
struct Place<'p> {
    path: &'p str,
    depth: u32,
}

impl<'p> Place<'p> {
    /// The same value, one schema further in.
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn at<'q>(self, path: &'q str) -> Place<'q> {
        Place { path, depth: self.depth + 1 }
    }
}

impl<'a> Checker<'a> {
    fn fits(&self, schema: &'a Value, value: &Value, place: Place<'_>) -> bool {
        let mut problems = Vec::new();
        self.check(schema, value, &place.deeper(), &mut problems);
        problems.is_empty()
    }

    fn check(&self, schema: &'a Value, value: &Value, place: &Place<'_>, problems: &mut Vec<String>) {
        let path = shown(place.path);
        let left = self.steps.get();
        if left == 0 || place.depth > DEPTH_MAX || problems.len() >= PROBLEMS_MAX {
            if problems.is_empty() {
                problems.push(format!("{path} cannot be checked: the schema leads too far"));
            }
            return;
        }
        self.steps.set(left - 1);
        let members = match schema {
            Value::Object(members) => members,
            Value::Bool(false) => return problems.push(format!("{path} is not allowed")),
            _ => return,
        };
        if value.is_null() && members.get("nullable") == Some(&Value::Bool(true)) {
            return;
        }
        let kinds = types(schema);
        if !kinds.is_empty() && !kinds.iter().any(|kind| is_type(kind, value)) {
            return problems.push(format!("{path} must be {}", named_types(&kinds)));
        }
        if let Some(referred) = members.get("$ref").and_then(Value::as_str) {
            match definition::resolve(self.root, referred) {
                Some(schema) => self.check(schema, value, &place.deeper(), problems),
                None => problems.push(format!("{path} cannot be checked: there is no {referred}")),
            }
        }
        check_allowed(members, value, path, problems);
        check_bounds(members, value, place.path, problems);
        bounds::check_more_bounds(members, value, place.path, problems);
        match value {
            Value::String(text) => check_pattern(members, text, path, problems),
            Value::Number(number) => check_multiple(members, number.as_f64(), path, problems),
            Value::Array(items) => self.check_items(members, items, *place, problems),
            Value::Object(given) => self.check_members(members, given, *place, problems),
            Value::Null | Value::Bool(_) => {}
        }
        self.check_combinations(members, value, *place, problems);
    }

    fn check_items(
        &self,
        schema: &'a Map<String, Value>,
        items: &[Value],
        place: Place<'_>,
        problems: &mut Vec<String>,
    ) {
        let path = shown(place.path);
        // Before 2020-12 a list of schemas stood in `items`, and what followed it in `additionalItems`.
        let (firsts, rest) = match (schema.get("prefixItems"), schema.get("items")) {
            (_, Some(Value::Array(firsts))) => (firsts.as_slice(), schema.get("additionalItems")),
            (Some(Value::Array(firsts)), rest) => (firsts.as_slice(), rest),
            (_, rest) => ([].as_slice(), rest),
        };
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = firsts.get(index).or(rest) {
                self.check(schema, item, &place.at(&format!("{}[{index}]", place.path)), problems);
            }
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let mut seen = HashSet::new();
            if !items.iter().all(|item| seen.insert(canonical(item).to_string())) {
                problems.push(format!("{path} must not hold the same item twice"));
            }
        }
        if let Some(wanted) = schema.get("contains") {
            let count = items.iter().filter(|item| self.fits(wanted, item, place)).count();
            let bound =
                |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
            let (least, most) = (bound("minContains").unwrap_or(1), bound("maxContains").unwrap_or(usize::MAX));
            if count < least || count > most {
                problems.push(format!("{path} has {count} items of the kind that its schema wants it to contain"));
            }
        }
    }

    fn check_members(
        &self,
        schema: &'a Map<String, Value>,
        given: &Map<String, Value>,
        place: Place<'_>,
        problems: &mut Vec<String>,
    ) {
        let list = |name: &str| schema.get(name).and_then(Value::as_object);
        let (properties, patterns) = (list("properties"), list("patternProperties"));
        for (name, value) in given {
            let path = member_path(place.path, name);
            let inner = place.at(&path);
            let mut is_known = false;
            if let Some(schema) = properties.and_then(|properties| properties.get(name)) {
                is_known = true;
                self.check(schema, value, &inner, problems);
            }
            for (pattern, schema) in patterns.into_iter().flatten() {
                if definition::pattern(pattern).is_ok_and(|pattern| pattern.is_match(name)) {
                    is_known = true;
                    self.check(schema, value, &inner, problems);
                }
            }
            match schema.get("additionalProperties") {
                Some(Value::Bool(false)) if !is_known => problems.push(format!("{path} is not known to the schema")),
                Some(schema) if !is_known => self.check(schema, value, &inner, problems),
                _ => {}
            }
            if let Some(names) = schema.get("propertyNames")
                && !self.fits(names, &Value::from(name.as_str()), place)
            {
                problems.push(format!("{path} has a name that its schema does not allow"));
            }
        }
        let missing = |names: &Value, problems: &mut Vec<String>| {
            for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !given.contains_key(name) {
                    problems.push(format!("{} is missing", member_path(place.path, name)));
                }
            }
        };
        if let Some(names) = schema.get("required") {
            missing(names, problems);
        }
        for (name, names) in list("dependentRequired").into_iter().flatten() {
            if given.contains_key(name) {
                missing(names, problems);
            }
        }
        for (name, schema) in list("dependentSchemas").into_iter().flatten() {
            if given.contains_key(name) {
                self.check(schema, &Value::Object(given.clone()), &place.deeper(), problems);
            }
        }
    }

    fn check_combinations(
        &self,
        schema: &'a Map<String, Value>,
        value: &Value,
        place: Place<'_>,
        problems: &mut Vec<String>,
    ) {
        let path = shown(place.path);
        let list = |name: &str| schema.get(name).and_then(Value::as_array);
        for part in list("allOf").into_iter().flatten() {
            self.check(part, value, &place.deeper(), problems);
        }
        if let Some(forms) = list("anyOf")
            && !forms.iter().any(|form| self.fits(form, value, place))
        {
            problems.push(format!("{path} fits none of the forms its schema allows"));
        }
        if let Some(forms) = list("oneOf") {
            match forms.iter().filter(|form| self.fits(form, value, place)).count() {
                1 => {}
                0 => problems.push(format!("{path} fits none of the forms its schema allows")),
                count => problems.push(format!("{path} fits {count} of the forms of which its schema allows one")),
            }
        }
        if let Some(refused) = schema.get("not")
            && self.fits(refused, value, place)
        {
            problems.push(format!("{path} has the form that its schema rules out"));
        }
        if let Some(condition) = schema.get("if") {
            let branch = if self.fits(condition, value, place) { "then" } else { "else" };
            if let Some(schema) = schema.get(branch) {
                self.check(schema, value, &place.deeper(), problems);
            }
        }
    }
}

fn is_type(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        // 4.0 is an integer to JSON Schema.
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    }
}

fn check_allowed(schema: &Map<String, Value>, value: &Value, path: &str, problems: &mut Vec<String>) {
    let single = schema.get("const").map(std::slice::from_ref);
    let several = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice);
    for allowed in single.into_iter().chain(several) {
        let value = canonical(value);
        if !allowed.iter().any(|one| canonical(one) == value) {
            let all: Vec<String> = allowed.iter().map(Value::to_string).collect();
            problems.push(format!("{path} must be one of {}", all.join(", ")));
        }
    }
}

fn check_pattern(schema: &Map<String, Value>, text: &str, path: &str, problems: &mut Vec<String>) {
    let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { return };
    let fits = definition::pattern(pattern).is_ok_and(|pattern: Regex| pattern.is_match(text));
    if !fits {
        problems.push(format!("{path} must match {pattern}"));
    }
}

fn check_multiple(schema: &Map<String, Value>, number: Option<f64>, path: &str, problems: &mut Vec<String>) {
    let Some((number, step)) = number.zip(schema.get("multipleOf").and_then(Value::as_f64)) else { return };
    let times = number / step;
    // 0.3 is a multiple of 0.1, whatever binary fractions say.
    if (times - times.round()).abs() > 1e-9 * times.abs().max(1.0) {
        problems.push(format!("{path} must be a multiple of {step}"));
    }
}

/// The value with one spelling for each number and members in order, so that equal values are equal.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0 =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "has no fraction and is small enough")]
                Value::from(float as i64)
            }
            _ => value.clone(),
        },
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            Value::Object(names.into_iter().map(|name| (name.clone(), canonical(&members[name]))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests;
