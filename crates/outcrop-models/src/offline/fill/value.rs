//! From a span to a JSON value of the parameter's type.

use super::spans::Span;
use super::{cities, currencies};
use crate::offline::dates::{self, Day};
use crate::offline::entities::{self, Kind, number};
use crate::offline::tool::{Parameter, Type};
use crate::offline::words::{name_stems, words};
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// The value of a scalar parameter; `None` when the span cannot be one.
pub(super) fn scalar(parameter: &Parameter, span: &Span, today: Option<Day>) -> Option<Value> {
    match parameter.kind {
        Type::Integer | Type::Number => {
            let entity = span.entity.as_ref()?;
            let value = entity.number?;
            let as_share = entity.kind == Kind::Percent
                && matches!(parameter.kind, Type::Number)
                && (parameter.speaks_of(&["decimal", "fraction"])
                    || !(parameter.description.contains('%') || parameter.speaks_of(&["percent", "percentage"])));
            json_number(
                if as_share { (value * 1e6).round() / 1e8 } else { value },
                matches!(parameter.kind, Type::Integer),
            )
        }
        _ => Some(text(parameter, span, today)),
    }
}

fn text(parameter: &Parameter, span: &Span, today: Option<Day>) -> Value {
    if let Some(option) = parameter.options.iter().find(|option| is_named(option, &span.text)) {
        return option.clone();
    }
    if let Some(hint) = parameter.hints.iter().find(|hint| is_named(&Value::String((*hint).clone()), &span.text))
        && span.kind.is_none()
    {
        return Value::String(hint.clone());
    }
    if span.kind == Some(Kind::Date)
        && let Some(form) = dates::form(&parameter.description)
        && let Some(day) = dates::day(&span.text, today)
    {
        return Value::String(day.written(form));
    }
    if span.kind == Some(Kind::Proper)
        && parameter.hints.iter().any(|hint| is_city_and_state(hint))
        && let Some(place) = cities::with_state(&span.text)
    {
        return Value::String(place);
    }
    if parameter.named(&["currency"])
        && let Some(code) = currencies::code(&span.text)
    {
        return Value::String(code.to_owned());
    }
    if span.kind == Some(Kind::Id) && parameter.hints.iter().any(|hint| is_numbered(hint)) {
        return Value::String(format!("#{}", span.text));
    }
    Value::String(span.text.clone())
}

/// "Denver, CO".
fn is_city_and_state(hint: &str) -> bool {
    hint.split_once(", ").is_some_and(|(city, state)| {
        city.starts_with(char::is_uppercase) && state.len() == 2 && state.chars().all(|c| c.is_ascii_uppercase())
    })
}

/// Whether an example is written with the sign for numbers: `#A-1`.
fn is_numbered(hint: &str) -> bool {
    hint.strip_prefix('#').is_some_and(|rest| rest.contains(|c: char| c.is_ascii_digit()))
}

/// A number in the type of a parameter.
pub(super) fn number_of(parameter: &Parameter, value: f64) -> Option<Value> {
    json_number(value, matches!(parameter.kind, Type::Integer))
}

/// A number without needless fraction; `None` where a whole one is asked for and this is none.
fn json_number(value: f64, whole: bool) -> Option<Value> {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Some(Value::from(value as i64));
    }
    if whole { None } else { serde_json::Number::from_f64(value).map(Value::Number) }
}

/// An item of a list.
pub(super) fn item(items: &Type, span: &Span) -> Value {
    let numeric = span.entity.as_ref().and_then(|entity| entity.number).filter(|_| !matches!(items, Type::String));
    numeric.and_then(|value| json_number(value, false)).unwrap_or_else(|| Value::String(span.text.clone()))
}

/// A known value in the parameter's type; `None` when it cannot be one.
pub(super) fn coerce(parameter: &Parameter, value: &Value) -> Option<Value> {
    match (&parameter.kind, value) {
        (Type::String, Value::String(_)) | (Type::Any, _) | (Type::Boolean, Value::Bool(_)) => Some(value.clone()),
        (Type::String, Value::Number(number)) => Some(Value::String(number.to_string())),
        (Type::Integer | Type::Number, Value::Number(_)) => Some(value.clone()),
        (Type::Integer | Type::Number, Value::String(text)) => {
            json_number(number(text)?, matches!(parameter.kind, Type::Integer))
        }
        (Type::Boolean, Value::String(text)) => text.parse().ok().map(Value::Bool),
        (Type::Array(_), Value::Array(_)) => Some(value.clone()),
        _ => None,
    }
}

/// Whether a text names an option: as it is, or with all the words of it.
pub(super) fn is_named(option: &Value, text: &str) -> bool {
    let number = option.is_number().then(|| option.to_string());
    let Some(option) = option.as_str() else {
        return number.is_some_and(|number| words(text).iter().any(|word| word.text == number));
    };
    let wanted: Vec<String> = name_stems(option).into_iter().filter(|stem| !stem.is_empty()).collect();
    let spoken: Vec<String> = words(text)
        .into_iter()
        .flat_map(|word| if word.text.contains('_') { name_stems(&word.text) } else { vec![word.stem] })
        .collect();
    !wanted.is_empty() && wanted.iter().all(|stem| spoken.contains(stem))
}

static DEFAULT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\bdefaults?\s*(?:value)?\s*(?:is|to|=|:)?\s*(?:set\s+to\s+)?['"`]?([^'"`\s,;)]+)"#)
        .expect("the pattern is written here and tested")
});

/// The default that schema or description name.
pub(super) fn default(parameter: &Parameter) -> Option<Value> {
    if let Some(value) = parameter.default.as_ref().filter(|value| !value.is_null()) {
        return coerce(parameter, value);
    }
    let found = DEFAULT.captures(&parameter.description)?;
    let text = found.get(1)?.as_str().trim_end_matches('.');
    match parameter.kind {
        Type::Integer | Type::Number => json_number(entities::number(text)?, matches!(parameter.kind, Type::Integer)),
        Type::Boolean => text.to_lowercase().parse().ok().map(Value::Bool),
        Type::String => parameter
            .hints
            .iter()
            .chain(std::iter::once(&text.to_owned()))
            .find(|hint| hint.starts_with(text))
            .map(|hint| Value::String(hint.clone())),
        _ => None,
    }
}
