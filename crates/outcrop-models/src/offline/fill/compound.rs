//! Booleans, lists and objects.

use super::affinity::{affinity, kin};
use super::{Filled, OPTIONAL_MIN, QUESTION, REQUIRED_MIN, Scope, Span, assign, value};
use crate::offline::entities::Kind;
use crate::offline::tool::{Parameter, Tool, Type};
use crate::offline::words::{self, is_generic, is_stop};
use serde_json::{Map, Value};

/// Booleans, lists and objects.
pub(super) fn compound(tool: &Tool, scope: Scope<'_>, own: &[Span], used: &mut [bool], filled: &mut Filled) {
    for parameter in &tool.parameters {
        match &parameter.kind {
            Type::Boolean if parameter.is_consent() && scope.agreed => {
                filled.set(parameter, Value::Bool(true), "the user's yes");
            }
            Type::Boolean if parameter.is_consent() => {}
            Type::Boolean => match boolean(tool, parameter, scope.request) {
                Some(said) => filled.set(parameter, Value::Bool(said), QUESTION),
                None if parameter.required => {
                    filled.set(parameter, value::default(parameter).unwrap_or(Value::Bool(false)), "the default");
                }
                None => {}
            },
            Type::Array(items) if filled.lacks(parameter) => {
                if let Some(list) = list(tool, parameter, items, scope.clause, own, used, false) {
                    filled.set(parameter, list, QUESTION);
                }
            }
            Type::Object(_) if filled.lacks(parameter) && has_object(own, used) => {
                let object = own.iter().position(|span| span.list.as_ref().is_some_and(Value::is_object));
                if let Some((place, value)) = object.and_then(|place| Some((place, own[place].list.clone()?))) {
                    used[place] = true;
                    filled.set(parameter, value, QUESTION);
                }
            }
            Type::Object(members) if !members.is_empty() => {
                let chosen = assign(tool, members, own, used, &|member| {
                    if member.required { REQUIRED_MIN } else { OPTIONAL_MIN }
                });
                let mut object = Map::new();
                for (index, span) in chosen {
                    if let Some(value) = value::scalar(&members[index], &own[span], scope.facts.today()) {
                        object.insert(members[index].name.clone(), value);
                    }
                }
                let whole =
                    members.iter().filter(|member| member.required).all(|member| object.contains_key(&member.name));
                if whole && !object.is_empty() {
                    filled.set(parameter, Value::Object(object), QUESTION);
                }
            }
            _ => {}
        }
    }
}

fn has_object(own: &[Span], used: &[bool]) -> bool {
    own.iter().zip(used).any(|(span, used)| !used && span.list.as_ref().is_some_and(Value::is_object))
}

/// Whether the words speak of what a boolean parameter is named after; `None` when they do not.
fn boolean(tool: &Tool, parameter: &Parameter, text: &str) -> Option<bool> {
    let all = words::words(text);
    let mut telling: Vec<&String> = parameter.stems.iter().filter(|stem| !is_generic(stem) && !is_stop(stem)).collect();
    if telling.is_empty() {
        telling = parameter.stems.iter().collect();
    }
    let at = |stem: &str| all.iter().position(|word| kin(&word.stem, stem));
    let found: Vec<usize> = telling.iter().filter_map(|stem| at(stem)).collect();
    let asks = parameter.stems.iter().any(|stem| is_generic(stem) && all.iter().any(|word| word.stem == *stem));
    // Half of the name is enough where the words are about nothing else the tool has.
    let own = |stem: &&&String| at(stem).is_some() && tool.weights.get(**stem).is_none_or(|weight| *weight < 1.5);
    let half = asks || telling.iter().filter(own).count() > 0;
    let enough = !found.is_empty() && (found.len() * 2 > telling.len() || half && found.len() * 2 >= telling.len());
    let first = *found.iter().min().filter(|_| enough)?;
    let before = all[first.saturating_sub(4)..first].iter();
    let denied = before.into_iter().any(|word| {
        matches!(
            word.text.as_str(),
            "no" | "not" | "without" | "don't" | "exclude" | "excluding" | "ignoring" | "ignore"
        )
    });
    Some(!denied)
}

/// A list: written as one, options that are named, or things joined by commas and "and".
pub(super) fn list(
    tool: &Tool,
    parameter: &Parameter,
    items: &Type,
    clause: &str,
    own: &[Span],
    used: &mut [bool],
    several: bool,
) -> Option<Value> {
    if !parameter.options.is_empty() {
        let named: Vec<Value> =
            parameter.options.iter().filter(|option| value::is_named(option, clause)).cloned().collect();
        return (!named.is_empty()).then_some(Value::Array(named));
    }
    let hinted: Vec<Value> = parameter
        .hints
        .iter()
        .map(|hint| Value::String(hint.clone()))
        .filter(|hint| value::is_named(hint, clause))
        .collect();
    if !hinted.is_empty() && !matches!(items, Type::Integer | Type::Number) {
        return Some(Value::Array(hinted));
    }
    let least = if parameter.required { REQUIRED_MIN } else { OPTIONAL_MIN };
    let mut best: Option<(f64, usize)> = None;
    for (place, span) in own.iter().enumerate().filter(|(place, _)| !used[*place]) {
        if several
            && (span.kind.is_none() || span.is_derived || span.list.is_none() && siblings(own, used, place).is_empty())
        {
            continue;
        }
        let numeric_fits = match items {
            Type::Integer | Type::Number => span.kind.is_some_and(Kind::is_numeric) || span.kind == Some(Kind::List),
            Type::String => !span.kind.is_some_and(Kind::is_numeric),
            // A number alone is one of a list only where numbers are wanted.
            Type::Any if span.kind.is_some_and(Kind::is_numeric) => {
                !siblings(own, used, place).is_empty()
                    || parameter.speaks_of(&["number", "integer", "value", "float", "score", "data", "year", "floor"])
            }
            _ => true,
        };
        if span.list.as_ref().is_some_and(Value::is_object) {
            continue;
        }
        let mut score = affinity(tool, &Parameter { kind: Type::Any, ..parameter.clone() }, span);
        if span.kind == Some(Kind::List) {
            score = 4.0;
        }
        if numeric_fits && score >= least && best.is_none_or(|(known, _)| score > known) {
            best = Some((score, place));
        }
    }
    let (_, place) = best?;
    used[place] = true;
    if let Some(list) = &own[place].list {
        return Some(list.clone());
    }
    let mut members = vec![place];
    members.extend(siblings(own, used, place));
    for &member in &members {
        used[member] = true;
    }
    Some(Value::Array(members.iter().map(|&member| value::item(items, &own[member])).collect()))
}

/// Lists that are written out, one after the other, where a tool takes one at a time: one call for each.
pub(super) fn further_lists(tool: &Tool, own: &[Span], used: &mut [bool], filled: &mut Filled) {
    let mut takes = tool.parameters.iter().filter(|parameter| matches!(parameter.kind, Type::Array(_)));
    let (Some(parameter), None) = (takes.next(), takes.next()) else { return };
    let first = filled.arguments.get(&parameter.name).cloned();
    let is_written = |span: &Span| span.list.as_ref().is_some_and(Value::is_array);
    if !own.iter().any(|span| is_written(span) && span.list == first) {
        return;
    }
    let rest: Vec<usize> = (0..own.len()).filter(|&place| is_written(&own[place]) && !used[place]).collect();
    let lists: Vec<Value> = rest.iter().filter_map(|&place| own[place].list.clone()).collect();
    if filled.more.is_empty() {
        filled.more = lists.into_iter().map(|list| Map::from_iter([(parameter.name.clone(), list)])).collect();
    } else if filled.more.len() == lists.len() {
        // As many as the other values there are: they go together.
        for (more, list) in filled.more.iter_mut().zip(lists) {
            more.insert(parameter.name.clone(), list);
        }
    } else {
        return;
    }
    for place in rest {
        used[place] = true;
    }
}

/// Further spans that stand in one list with a span: same kind, joined by commas, "and", "or".
pub(super) fn siblings(own: &[Span], used: &[bool], place: usize) -> Vec<usize> {
    let mut all = Vec::new();
    let mut last = place;
    for (next, span) in own.iter().enumerate() {
        if span.start < own[last].end || next == last || used[next] || span.is_derived {
            continue;
        }
        if span.kind != own[place].kind || !span.is_joined_to(&own[last]) {
            if span.kind == own[place].kind && !span.is_derived {
                break;
            }
            continue;
        }
        all.push(next);
        last = next;
        if all.len() >= 30 {
            break;
        }
    }
    all
}
