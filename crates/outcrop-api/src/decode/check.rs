//! Types and limits of one value after another, with everything broken collected.

use super::print::printed;
use super::{Rejection, Violation, kind_of};
use crate::model::{Kind, Location, Member, Shape};
use crate::pattern::Pattern;
use outcrop_wire::{Blob, Timestamp};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// More broken constraints than this are not told: the answer has to stay small whatever is sent.
const VIOLATIONS_MAX: usize = 100;
/// Longest part of a path that comes from the caller, in characters.
const KEY_SHOWN_MAX: usize = 128;
/// A text that is too long anyway is not matched against its pattern beyond this, in bytes.
const MATCHED_BYTES_MAX: usize = 16 * 1024;

/// Walks values along their shapes.
#[derive(Default)]
pub(super) struct Checker {
    path: String,
    violations: Vec<Violation>,
}

impl Checker {
    /// A member of the input or of a structure; gives the value without nulls and unknown members.
    pub(super) fn member(&mut self, member: &Member, value: Option<Value>) -> Result<Option<Value>, Rejection> {
        let value = match (value, member.location) {
            // Some clients send the JSON that others send as text.
            (Some(json @ (Value::Object(_) | Value::Array(_))), Location::BodyJsonText) => {
                Some(Value::from(json.to_string()))
            }
            (value, _) => value.filter(|value| !value.is_null()),
        };
        self.at(&shown(member.name), |checker| match value {
            Some(value) => checker.value(member.shape, value).map(Some),
            None => {
                if member.required {
                    checker.violate("Value null", "Member must not be null");
                }
                Ok(None)
            }
        })
    }

    /// A member that is the whole body.
    pub(super) fn payload(&mut self, member: &Member, body: &[u8]) {
        if let Kind::Blob { min, max } = member.shape.kind {
            // Its bytes are not repeated in messages.
            let text = Value::String(String::new());
            self.at(&shown(member.name), |checker| checker.length(member.shape, &text, body.len(), (min, max)));
        }
    }

    /// Ends the walk.
    pub(super) fn finish(self) -> Result<(), Rejection> {
        if self.violations.is_empty() { Ok(()) } else { Err(Rejection::Validation(self.violations)) }
    }

    fn value(&mut self, shape: &Shape, value: Value) -> Result<Value, Rejection> {
        match (&shape.kind, value) {
            (Kind::Structure { union, members }, Value::Object(given)) => self.structure(shape, *union, members, given),
            (Kind::List { member, min, max }, Value::Array(given)) => {
                let mut kept = Vec::with_capacity(given.len());
                for (at, element) in given.into_iter().enumerate().filter(|(_, element)| !element.is_null()) {
                    let place = format!("{}.member", at + 1);
                    kept.push(self.at(&place, |checker| checker.value(member, element))?);
                }
                let (length, kept) = (kept.len(), Value::Array(kept));
                self.length(shape, &kept, length, (*min, *max));
                Ok(kept)
            }
            (Kind::Map { key, value, min, max }, Value::Object(given)) => {
                self.map(shape, (key, value), (*min, *max), given)
            }
            (Kind::String { min, max, pattern, values }, Value::String(text)) => {
                Ok(self.string(shape, text, (*min, *max), *pattern, values))
            }
            (Kind::Integer { min, max }, Value::Number(number)) => {
                let whole = whole(&number).filter(|n| i32::try_from(*n).is_ok());
                let whole = whole.ok_or_else(|| wrong_type(shape, &self.path, "another number"))?;
                self.range(shape, &number.into(), whole, (*min, *max));
                Ok(whole.into())
            }
            (Kind::Long { min, max }, Value::Number(number)) => {
                let whole = whole(&number).ok_or_else(|| wrong_type(shape, &self.path, "another number"))?;
                self.range(shape, &number.into(), whole, (*min, *max));
                Ok(whole.into())
            }
            (Kind::Float { min, max } | Kind::Double { min, max }, Value::Number(number)) => {
                // Numbers of JSON are always finite here.
                let float = number.as_f64().unwrap_or_default();
                let value = Value::Number(number);
                self.range(shape, &value, float, (*min, *max));
                Ok(value)
            }
            (Kind::Blob { min, max }, Value::String(text)) => {
                let blob = Blob::from_base64(&text).ok_or_else(|| wrong_type(shape, &self.path, "other text"))?;
                let value = Value::String(text);
                self.length(shape, &value, blob.0.len(), (*min, *max));
                Ok(value)
            }
            (Kind::Timestamp, Value::String(text)) => match Timestamp::parse(&text) {
                Some(_) => Ok(Value::String(text)),
                None => Err(wrong_type(shape, &self.path, "other text")),
            },
            (Kind::Boolean, value @ Value::Bool(_))
            | (Kind::Timestamp, value @ Value::Number(_))
            | (Kind::Document, value) => Ok(value),
            (_, other) => Err(wrong_type(shape, &self.path, kind_of(&other))),
        }
    }

    fn structure(
        &mut self,
        shape: &Shape,
        union: bool,
        members: &[Member],
        mut given: Map<String, Value>,
    ) -> Result<Value, Rejection> {
        let mut kept = Map::new();
        for member in members {
            if let Some(value) = self.member(member, given.swap_remove(member.name))? {
                kept.insert(member.name.to_owned(), value);
            }
        }
        let set = kept.len();
        let kept = Value::Object(kept);
        if union && set != 1 {
            self.violate(&subject(shape, &kept), "Member must have exactly one member set");
        }
        Ok(kept)
    }

    fn map(
        &mut self,
        shape: &Shape,
        (key, value): (&Shape, &Shape),
        limits: (usize, usize),
        given: Map<String, Value>,
    ) -> Result<Value, Rejection> {
        let mut kept = Map::new();
        for (name, element) in given.into_iter().filter(|(_, element)| !element.is_null()) {
            self.key(shape, key, &name);
            let shown: String = name.chars().take(KEY_SHOWN_MAX).collect();
            let element = self.at(&format!("{shown}.member"), |checker| checker.value(value, element))?;
            kept.insert(name, element);
        }
        let (length, kept) = (kept.len(), Value::Object(kept));
        self.length(shape, &kept, length, limits);
        Ok(kept)
    }

    /// A broken key is told at the map.
    fn key(&mut self, map: &Shape, key: &Shape, name: &str) {
        let Kind::String { min, max, pattern, values } = key.kind else { return };
        let broken = broken_rules(name, (min, max), pattern, values);
        if !broken.is_empty() {
            let rule = format!("Map keys must satisfy constraint: [{}]", broken.join(", "));
            let shown = Value::from(name);
            let subject = if map.sensitive { "Value".to_owned() } else { subject(key, &shown) };
            self.violate(&subject, &rule);
        }
    }

    fn string(
        &mut self,
        shape: &Shape,
        text: String,
        limits: (usize, usize),
        pattern: Option<&Pattern>,
        values: &[&str],
    ) -> Value {
        let broken = broken_rules(&text, limits, pattern, values);
        let value = Value::String(text);
        for rule in broken {
            self.violate(&subject(shape, &value), &rule);
        }
        value
    }

    fn length(&mut self, shape: &Shape, value: &Value, length: usize, limits: (usize, usize)) {
        if let Some(rule) = broken_length(length, limits) {
            self.violate(&subject(shape, value), &rule);
        }
    }

    fn range<N: Copy + PartialOrd + std::fmt::Display>(
        &mut self,
        shape: &Shape,
        value: &Value,
        number: N,
        (min, max): (Option<N>, Option<N>),
    ) {
        if let Some(min) = min.filter(|min| number < *min) {
            self.violate(&subject(shape, value), &format!("Member must have value greater than or equal to {min}"));
        }
        if let Some(max) = max.filter(|max| number > *max) {
            self.violate(&subject(shape, value), &format!("Member must have value less than or equal to {max}"));
        }
    }

    fn violate(&mut self, subject: &str, rule: &str) {
        if self.violations.len() < VIOLATIONS_MAX {
            let message = format!("{subject} at '{}' failed to satisfy constraint: {rule}", self.path);
            self.violations.push(Violation { path: self.path.clone(), message });
        }
    }

    /// Does something one step further down the path.
    fn at<T>(&mut self, step: &str, walk: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(step);
        let result = walk(self);
        self.path.truncate(length);
        result
    }
}

/// A member's name as AWS's messages write it: `FunctionName` of Lambda's model is `functionName` there.
pub(super) fn shown(name: &str) -> Cow<'_, str> {
    match name.as_bytes().first() {
        Some(first) if first.is_ascii_uppercase() => {
            let mut name = name.to_owned();
            name[..1].make_ascii_lowercase();
            Cow::Owned(name)
        }
        _ => Cow::Borrowed(name),
    }
}

/// Says that a value is of another type than its shape.
pub(super) fn wrong_type(shape: &Shape, path: &str, found: &str) -> Rejection {
    let expected = match shape.kind {
        Kind::Structure { .. } | Kind::Map { .. } => "an object",
        Kind::List { .. } => "an array",
        Kind::String { .. } => "a string",
        Kind::Integer { .. } => "a whole number of 32 bits",
        Kind::Long { .. } => "a whole number of 64 bits",
        Kind::Float { .. } | Kind::Double { .. } => "a number",
        Kind::Boolean => "a boolean",
        Kind::Blob { .. } => "a string in base64",
        Kind::Timestamp => "a timestamp",
        Kind::Document => "any JSON",
    };
    Rejection::Serialization(format!("Expected {expected} at '{path}', found {found}."))
}

/// `Value 'x'`, or only `Value` when it must not be shown.
fn subject(shape: &Shape, value: &Value) -> String {
    if shape.sensitive { "Value".to_owned() } else { format!("Value '{}'", printed(shape, value)) }
}

fn broken_rules(text: &str, limits: (usize, usize), pattern: Option<&Pattern>, values: &[&str]) -> Vec<String> {
    let mut broken = Vec::new();
    broken.extend(broken_length(text.chars().count(), limits));
    let worth_matching = broken.is_empty() || text.len() <= MATCHED_BYTES_MAX;
    if let Some(pattern) = pattern.filter(|pattern| worth_matching && !pattern.matches(text)) {
        broken.push(format!("Member must satisfy regular expression pattern: {}", pattern.source()));
    }
    if !values.is_empty() && !values.contains(&text) {
        broken.push(format!("Member must satisfy enum value set: [{}]", values.join(", ")));
    }
    broken
}

fn broken_length(length: usize, (min, max): (usize, usize)) -> Option<String> {
    if length < min {
        return Some(format!("Member must have length greater than or equal to {min}"));
    }
    (length > max).then(|| format!("Member must have length less than or equal to {max}"))
}

/// A whole number, also when it was written `3.0`.
fn whole(number: &serde_json::Number) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let from_float = || number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() <= EXACT_MAX).map(|n| n as i64);
    number.as_i64().or_else(|| if number.is_f64() { from_float() } else { None })
}
