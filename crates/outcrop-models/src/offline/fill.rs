//! Arguments for a tool: which span of the user's words, or which known fact, is the value of which parameter.

mod affinity;
mod measures;
mod spans;
mod value;

use super::dates::Day;
use super::entities::{Kind, entities};
use super::facts::Facts;
use super::tool::{Parameter, Tool, Type};
use super::words::{self, is_generic, is_stop, same};
use affinity::affinity;
use serde_json::{Map, Value};
pub(super) use spans::{Span, spans};

/// Least affinity of a span to a required and to an optional parameter.
const REQUIRED_MIN: f64 = 0.3;
const OPTIONAL_MIN: f64 = 2.0;
/// Least affinity when the span stands in another clause.
const WIDER_MIN: f64 = 1.5;
/// Most calls that one clause can ask for.
const SPREAD_MAX: usize = 10;

/// Where values may be taken from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// The clause that asks for the tool.
    pub(super) clause: &'a str,
    /// The whole request with all answers to questions.
    pub(super) request: &'a str,
    /// The user's answer to the question for missing values; empty when nothing was asked.
    pub(super) answer: &'a str,
    /// Other values that the user named when asked for a yes; they come before all others.
    pub(super) correction: &'a str,
    /// What the session and earlier turns know.
    pub(super) facts: &'a Facts,
    /// Whether the user has agreed to what was proposed.
    pub(super) agreed: bool,
}

/// Where a value came from, in words for the rationale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Label of the parameter.
    pub(super) label: String,
    /// The value as text.
    pub(super) shown: String,
    /// "the question", "the session", …
    pub(super) from: &'static str,
}

/// Arguments, as far as they could be found.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    pub(super) arguments: Map<String, Value>,
    pub(super) origins: Vec<Origin>,
    /// Required parameters without a value, by index.
    pub(super) missing: Vec<usize>,
    /// Arguments of further calls when the user named several things.
    pub(super) more: Vec<Map<String, Value>>,
}

/// Said in the request.
pub(super) const QUESTION: &str = "the question";
/// Reckoned from a period that the request names.
pub(super) const PERIOD: &str = "the period";

/// Fills the parameters of a tool.
pub(super) fn fill(tool: &Tool, scope: Scope<'_>) -> Filled {
    let mut filled = Filled::default();
    let own = spans(scope.clause, tool);
    let mut used = vec![false; own.len()];
    measures::measures(tool, scope, &own, &mut used, &mut filled);
    // Things named one after the other belong together before anyone takes one of them away.
    for parameter in &tool.parameters {
        if let Type::Array(items) = &parameter.kind
            && filled.lacks(parameter)
            && parameter.options.is_empty()
            && own.iter().enumerate().any(|(place, span)| {
                span.kind.is_some()
                    && !span.is_derived
                    && (span.list.is_some() || !siblings(&own, &used, place).is_empty())
            })
            && let Some(list) = list(tool, parameter, items, scope.clause, &own, &mut used, true)
        {
            filled.set(parameter, list, QUESTION);
        }
    }
    let measured: Vec<bool> = tool.parameters.iter().map(|parameter| !filled.lacks(parameter)).collect();
    let chosen = assign(tool, &tool.parameters, &own, &mut used, &|parameter| {
        let taken =
            tool.parameters.iter().zip(&measured).any(|(one, measured)| *measured && one.name == parameter.name);
        match (taken, parameter.required) {
            (true, _) => f64::INFINITY,
            (false, true) => REQUIRED_MIN,
            (false, false) => OPTIONAL_MIN,
        }
    });
    for (index, span) in &chosen {
        let parameter = &tool.parameters[*index];
        if let Some(value) = value::scalar(parameter, &own[*span], scope.facts.today()) {
            filled.set(parameter, value, QUESTION);
        }
    }
    compound(tool, scope, &own, &mut used, &mut filled);
    spread(tool, &own, &used, &chosen, scope.facts.today(), &mut filled);
    corrected(tool, scope, &mut filled);
    wider(tool, scope, &mut filled);
    known(tool, scope, &mut filled);
    filled.missing = (0..tool.parameters.len())
        .filter(|&index| {
            tool.parameters[index].required && !filled.arguments.contains_key(&tool.parameters[index].name)
        })
        .collect();
    // In the order of the schema, whatever was found first.
    let mut arguments = Map::new();
    for parameter in &tool.parameters {
        if let Some(value) = filled.arguments.remove(&parameter.name) {
            arguments.insert(parameter.name.clone(), value);
        }
    }
    for more in &mut filled.more {
        for (name, value) in &arguments {
            more.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    filled.arguments = arguments;
    filled
}

impl Filled {
    fn set(&mut self, parameter: &Parameter, value: Value, from: &'static str) {
        let shown = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.origins.push(Origin { label: parameter.label.clone(), shown: words::cut(&shown, 80).to_owned(), from });
        self.arguments.insert(parameter.name.clone(), value);
    }

    fn lacks(&self, parameter: &Parameter) -> bool {
        !self.arguments.contains_key(&parameter.name)
    }
}

/// Gives spans to scalar parameters, the surest pair first; equal pairs in the order of both.
fn assign(
    tool: &Tool,
    parameters: &[Parameter],
    spans: &[Span],
    used: &mut [bool],
    least: &dyn Fn(&Parameter) -> f64,
) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (index, parameter) in parameters.iter().enumerate() {
        if !matches!(parameter.kind, Type::String | Type::Integer | Type::Number | Type::Any) {
            continue;
        }
        for (place, span) in spans.iter().enumerate() {
            let score = affinity(tool, parameter, span);
            if score >= least(parameter) {
                // Of equal claims the one that cannot be left out comes first.
                pairs.push((score + if parameter.required { 0.2 } else { 0.0 }, index, place));
            }
        }
    }
    pairs.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)).then(one.2.cmp(&other.2)));
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    for (_, index, place) in pairs {
        let overlaps = spans.iter().zip(used.iter()).any(|(other, used)| *used && other.overlaps(&spans[place]));
        if !overlaps && chosen.iter().all(|(taken, _)| *taken != index) {
            used[place] = true;
            chosen.push((index, place));
        }
    }
    chosen
}

/// Booleans, lists and objects.
fn compound(tool: &Tool, scope: Scope<'_>, own: &[Span], used: &mut [bool], filled: &mut Filled) {
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

/// Whether the words speak of what a boolean parameter is named after; `None` when they do not.
fn boolean(tool: &Tool, parameter: &Parameter, text: &str) -> Option<bool> {
    let all = words::words(text);
    let mut telling: Vec<&String> = parameter.stems.iter().filter(|stem| !is_generic(stem) && !is_stop(stem)).collect();
    if telling.is_empty() {
        telling = parameter.stems.iter().collect();
    }
    let at = |stem: &str| all.iter().position(|word| same(&word.stem, stem));
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
fn list(
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
            _ => true,
        };
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

/// Further spans that stand in one list with a span: same kind, joined by commas, "and", "or".
fn siblings(own: &[Span], used: &[bool], place: usize) -> Vec<usize> {
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

/// "in Oslo and Rome", "a radius of 5 and one with a radius of 10": what a parameter can hold only once is asked for once
/// for each, and values named side by side go together.
fn spread(
    tool: &Tool,
    own: &[Span],
    used: &[bool],
    chosen: &[(usize, usize)],
    today: Option<Day>,
    filled: &mut Filled,
) {
    let mut free = used.to_vec();
    let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
    for (index, place) in chosen {
        let group = peers(tool, &tool.parameters[*index], own, &free, *place);
        if group.len() > 1 {
            for &member in &group {
                free[member] = true;
            }
            groups.push((*index, group));
        }
    }
    let Some(count) = groups.iter().map(|(_, group)| group.len()).max() else { return };
    for turn in 0..count.min(SPREAD_MAX) {
        let mut arguments = Map::new();
        for (index, group) in groups.iter().filter(|(_, group)| group.len() == count) {
            let parameter = &tool.parameters[*index];
            if let Some(value) = value::scalar(parameter, &own[group[turn]], today) {
                arguments.insert(parameter.name.clone(), value);
            }
        }
        if turn == 0 {
            filled.arguments.extend(arguments);
        } else if !arguments.is_empty() {
            filled.more.push(arguments);
        }
    }
}

/// The spans that could each be the value in the place of the chosen one, in their order, itself included.
fn peers(tool: &Tool, parameter: &Parameter, own: &[Span], used: &[bool], place: usize) -> Vec<usize> {
    let chosen = &own[place];
    if chosen.is_derived {
        return vec![place];
    }
    let suits = |at: usize| {
        let span = &own[at];
        at == place
            || (!used[at]
                && !span.is_derived
                && span.kind == chosen.kind
                && affinity(tool, parameter, span) >= REQUIRED_MIN)
    };
    let row: Vec<usize> = (0..own.len()).filter(|&at| suits(at)).collect();
    let Some(middle) = row.iter().position(|&at| at == place) else { return vec![place] };
    let linked = |one: usize, other: usize| own[other].is_joined_to(&own[one]) || own[one].echoes(&own[other]);
    let mut from = middle;
    while from > 0 && linked(row[from - 1], row[from]) {
        from -= 1;
    }
    let mut to = middle;
    while to + 1 < row.len() && linked(row[to], row[to + 1]) {
        to += 1;
    }
    row[from..=to].to_vec()
}

/// Values that the user gave in place of others.
fn corrected(tool: &Tool, scope: Scope<'_>, filled: &mut Filled) {
    for text in scope.correction.lines() {
        let found: Vec<Span> = spans(text, tool).into_iter().filter(|span| span.kind.is_some()).collect();
        let mut used = vec![false; found.len()];
        for (index, span) in assign(tool, &tool.parameters, &found, &mut used, &|_| REQUIRED_MIN) {
            let parameter = &tool.parameters[index];
            if let Some(value) = value::scalar(parameter, &found[span], scope.facts.today()) {
                filled.origins.retain(|origin| origin.label != parameter.label);
                filled.set(parameter, value, "the answer");
                filled.more.clear();
            }
        }
    }
}

/// What the clause itself does not say may stand in the rest of the request, or in the answer to a question.
fn wider(tool: &Tool, scope: Scope<'_>, filled: &mut Filled) {
    for text in [scope.answer, scope.request] {
        if text.is_empty() || text == scope.clause {
            continue;
        }
        let lacking: Vec<Parameter> =
            tool.parameters.iter().filter(|parameter| filled.lacks(parameter)).cloned().collect();
        let is_answer = text == scope.answer;
        let least = |parameter: &Parameter| match (parameter.required, is_answer) {
            (true, true) => REQUIRED_MIN,
            (true, false) => WIDER_MIN,
            (false, _) => OPTIONAL_MIN + 1.0,
        };
        let found = spans(text, tool);
        let mut used: Vec<bool> = found
            .iter()
            .map(|span| filled.arguments.values().any(|value| value.as_str() == Some(span.text.as_str())))
            .collect();
        for (index, span) in assign(tool, &lacking, &found, &mut used, &least) {
            if let Some(value) = value::scalar(&lacking[index], &found[span], scope.facts.today()) {
                filled.set(&lacking[index], value, if is_answer { "the answer" } else { QUESTION });
            }
        }
    }
    // A single number in the answer is the one number that is lacking.
    let mut numeric = tool.required().filter(|p| filled.lacks(p) && matches!(p.kind, Type::Integer | Type::Number));
    if let (Some(only), None) = (numeric.next(), numeric.next())
        && let Some(last) = scope.answer.lines().next_back()
    {
        let found: Vec<Span> =
            spans(last, tool).into_iter().filter(|span| span.kind.is_some_and(Kind::is_numeric)).collect();
        if let [number] = found.as_slice()
            && let Some(value) = value::scalar(only, number, scope.facts.today())
        {
            filled.set(only, value, "the answer");
        }
    }
    // A short answer to a question for one value is that value.
    let mut lacking = tool.required().filter(|parameter| filled.lacks(parameter) && !parameter.is_consent());
    if let (Some(only), None) = (lacking.next(), lacking.next())
        && !scope.answer.trim().is_empty()
        && scope.answer.split_whitespace().count() <= 12
        && matches!(only.kind, Type::String | Type::Any)
        && only.options.is_empty()
        && !only.is_id()
        && !only.is_reason()
        && !(tool.is_guarded()
            && only.named(&["date", "day"])
            && entities(scope.answer).iter().all(|e| e.kind == Kind::Number))
    {
        let text = scope.answer.trim().trim_end_matches(['.', '!']).to_owned();
        filled.set(only, Value::String(text), "the answer");
    }
}

/// What earlier turns, the session, tool results or the schema itself know.
fn known(tool: &Tool, scope: Scope<'_>, filled: &mut Filled) {
    for parameter in &tool.parameters {
        if !filled.lacks(parameter) || parameter.is_consent() {
            continue;
        }
        let fact = scope.facts.find(parameter).filter(|_| parameter.required);
        if let Some((value, from)) = fact.and_then(|(value, from)| Some((value::coerce(parameter, &value)?, from))) {
            filled.set(parameter, value, from);
        } else if parameter.required && parameter.is_reason() {
            let reason = with_amounts(reason(scope.request), scope);
            if !reason.is_empty() {
                filled.set(parameter, Value::String(reason), "the user's words");
            }
        } else if parameter.is_reason()
            && let Some((_, because)) = scope.request.split_once("because ")
        {
            filled.set(
                parameter,
                Value::String(words::cut(because.trim_end_matches(['.', '!', '?']), 500).to_owned()),
                QUESTION,
            );
        } else if parameter.required
            && let Some(value) = value::default(parameter)
        {
            filled.set(parameter, value, "the default");
        }
    }
}

/// A reason with the amounts that the user named later; whoever reads it should not see an older one alone.
fn with_amounts(mut reason: String, scope: Scope<'_>) -> String {
    for line in scope.answer.lines().chain(scope.correction.lines()) {
        let found = entities(line);
        let is_amount = found.iter().any(|entity| entity.kind.is_numeric())
            && found.iter().all(|entity| entity.kind != Kind::Id)
            && !reason.is_empty();
        if is_amount && reason.len() + line.len() < 500 {
            reason.push_str("; ");
            reason.push_str(line.trim());
        }
    }
    reason
}

/// Why, in the user's words: what follows "because", else all they said.
fn reason(request: &str) -> String {
    let because =
        ["because ", "since ", " as "].iter().find_map(|mark| request.split_once(mark)).map(|(_, because)| because);
    words::cut(because.filter(|because| because.len() > 8).unwrap_or(request).trim(), 500).to_owned()
}
