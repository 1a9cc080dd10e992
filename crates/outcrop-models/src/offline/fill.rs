//! Arguments for a tool: which span of the user's words, or which known fact, is the value of which parameter.

mod affinity;
mod cities;
mod compound;
mod currencies;
mod measures;
mod party;
mod quantities;
mod records;
mod reply;
mod spans;
mod value;

use super::entities::{Kind, entities};
use super::facts::Facts;
use super::tool::{Parameter, Tool, Type};
use super::words;
use affinity::affinity;
use compound::{compound, list, siblings};
use serde_json::{Map, Value};
pub(super) use spans::{Part, Span, spans};

/// Least affinity of a span to a required and to an optional parameter.
const REQUIRED_MIN: f64 = 0.3;
const OPTIONAL_MIN: f64 = 2.0;
/// Least affinity when the span stands in another clause.
const WIDER_MIN: f64 = 1.5;

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
    measures::spoken_periods(tool, scope.clause, &mut filled);
    compound(tool, scope, &own, &mut used, &mut filled);
    records::records(tool, &own, &mut used, &chosen, scope.facts.today(), scope.clause, &mut filled);
    compound::further_lists(tool, &own, &mut used, &mut filled);
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
        let last = scope.answer.lines().next_back().unwrap_or_default();
        let text = reply::value(only, last).unwrap_or_default();
        if !text.is_empty() {
            filled.set(only, Value::String(text), "the answer");
        }
    }
}

/// What earlier turns, the session, tool results or the schema itself know.
fn known(tool: &Tool, scope: Scope<'_>, filled: &mut Filled) {
    for parameter in &tool.parameters {
        if !filled.lacks(parameter) || parameter.is_consent() {
            continue;
        }
        // What changes something is not done to one of several that were looked at, nor to all of a list that nobody
        // spoke of.
        let is_whole = matches!(parameter.kind, Type::Array(_)) && !says_all(scope.request);
        let is_sure = !tool.is_guarded() || !scope.facts.is_ambiguous(parameter) && !is_whole;
        let fact = scope.facts.find(parameter).filter(|_| parameter.required && is_sure);
        // Of things that a result names the one that is spoken of.
        let only = || match scope.facts.mentioned(parameter, scope.request).as_slice() {
            [only] if parameter.required && parameter.is_id() => Some((only.clone(), super::facts::RESULT)),
            _ => None,
        };
        let fact = fact.or_else(only);
        if let Some((value, from)) = fact.and_then(|(value, from)| Some((value::coerce(parameter, &value)?, from))) {
            filled.set(parameter, value, from);
        } else if parameter.required && parameter.is_reason() && parameter.hints.len() > 1 {
            // One of the reasons that the description names, if it is given.
            let said = format!("{}\n{}", scope.request, scope.answer);
            let named = parameter.hints.iter().map(|hint| Value::String(hint.clone()));
            if let Some(reason) = named.into_iter().find(|hint| value::is_named(hint, &said)) {
                filled.set(parameter, reason, "the user's words");
            }
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

/// Whether the words mean all there is.
fn says_all(text: &str) -> bool {
    words::words(text)
        .iter()
        .any(|word| matches!(word.text.as_str(), "all" | "everything" | "every" | "whole" | "entire" | "both" | "them"))
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
