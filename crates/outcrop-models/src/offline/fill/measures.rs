//! Periods and limits: "Q3 2025" for a quarter and a year or for a first and a last day, "above 5,000 €" for the
//! parameter that holds the least.

use super::{Filled, PERIOD, QUESTION, Scope, Span};
use crate::offline::bounds::{Bound, bounds};
use crate::offline::entities::Kind;
use crate::offline::periods::{Period, periods};
use crate::offline::tool::{Parameter, Tool, Type};
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// Words by which a parameter is the beginning of a stretch of time.
const FIRST: &[&str] = &["start", "from", "begin", "beginning", "since", "after", "first", "earliest"];
/// Words by which a parameter is the end of one.
const LAST: &[&str] = &["end", "to", "until", "before", "last", "latest", "till"];
/// Words by which a parameter holds the least that is wanted.
const LEAST: &[&str] =
    &["minimum", "threshold", "above", "over", "least", "floor", "greater", "exceed", "larger", "more"];
/// Words by which a parameter holds the most that is wanted.
const MOST: &[&str] = &["maximum", "below", "under", "most", "ceiling", "cap", "smaller", "less"];

/// Takes the periods and limits of the words, those of the clause before those of the whole request.
pub(super) fn measures(tool: &Tool, scope: Scope<'_>, own: &[Span], used: &mut [bool], filled: &mut Filled) {
    let today = scope.facts.today();
    let mut found = periods(scope.clause, today);
    let inside = !found.is_empty();
    if !inside {
        found = periods(scope.request, today);
    }
    // Which of several is meant for what cannot be told, and days that are said need no period.
    let is_day = |span: &Span, period: &Period| {
        span.kind == Some(Kind::Date) && (span.end <= period.start || period.end <= span.start)
    };
    if let [period] = found.as_slice()
        && !own.iter().any(|span| is_day(span, period))
        && take_period(tool, period, filled)
        && inside
    {
        mark(own, used, period.start, period.end);
    }
    // Reading limits costs as much as reading all spans; few tools take one.
    let takes_limits =
        |parameter: &Parameter| is_numeric(parameter) && (parameter.named(LEAST) || parameter.named(MOST));
    let limits = if tool.parameters.iter().any(takes_limits) { bounds(scope.clause) } else { Vec::new() };
    for bound in limits {
        let taken = tool.parameters.iter().find(|parameter| filled.lacks(parameter) && takes(parameter, &bound));
        if let Some(parameter) = taken
            && let Some(value) = super::value::number_of(parameter, bound.value)
        {
            filled.set(parameter, value, QUESTION);
            mark(own, used, bound.start, bound.end);
        }
    }
}

static SPOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:next|past|last|coming|following|previous|upcoming)\s+(day|week|fortnight|month|year|decade|century)\b")
        .expect("the pattern is written here and tested")
});

/// "The next week" is 7 where days are counted, "the past decade" is 10 where years are.
pub(super) fn spoken_periods(tool: &Tool, text: &str, filled: &mut Filled) {
    let Some(found) = SPOKEN.captures(text) else { return };
    let (days, months, years) = match found[1].to_lowercase().as_str() {
        "day" => (1, 0, 0),
        "week" => (7, 0, 0),
        "fortnight" => (14, 0, 0),
        "month" => (30, 1, 0),
        "year" => (365, 12, 1),
        "decade" => (3650, 120, 10),
        _ => (36_500, 1200, 100),
    };
    let counts = |parameter: &&Parameter, words: &[&'static str]| {
        is_numeric(parameter) && filled.lacks(parameter) && parameter.required && parameter.speaks_of(words)
    };
    let ways: [(&[&'static str], i64); 3] = [(&["days"], days), (&["months"], months), (&["years"], years)];
    let taken = ways.into_iter().filter(|(_, count)| *count > 0).find_map(|(words, count)| {
        let named = tool.parameters.iter().find(|parameter| counts(parameter, words))?;
        Some((named.clone(), count))
    });
    if let Some((parameter, count)) = taken {
        filled.set(&parameter, Value::from(count), QUESTION);
    }
}

fn mark(own: &[Span], used: &mut [bool], start: usize, end: usize) {
    for (span, used) in own.iter().zip(used) {
        *used |= span.start < end && start < span.end;
    }
}

/// Gives a period to the parameters that are about it; whether any took it.
fn take_period(tool: &Tool, period: &Period, filled: &mut Filled) -> bool {
    let before = filled.arguments.len();
    let free = |parameter: &&Parameter| filled.lacks(parameter);
    if let Some(quarter) = period.quarter
        && let Some(parameter) = tool.parameters.iter().filter(free).find(|parameter| parameter.named(&["quarter"]))
    {
        let with_year = !tool.parameters.iter().any(|parameter| parameter.named(&["year"]));
        if let Some(value) = quarter_value(parameter, quarter, period.year.filter(|_| with_year)) {
            filled.set(parameter, value, QUESTION);
        }
    }
    let takes_quarter = filled.arguments.len() > before;
    if let Some(year) = period.year.filter(|_| takes_quarter)
        && let Some(parameter) = tool.parameters.iter().find(|one| one.named(&["year"]) && filled.lacks(one))
    {
        let value = match parameter.kind {
            Type::Integer | Type::Number => Value::from(year),
            _ => Value::from(year.to_string()),
        };
        filled.set(parameter, value, QUESTION);
    }
    if let Some((first, last)) = period.days.filter(|_| !takes_quarter) {
        let is_day = |parameter: &&Parameter| {
            matches!(parameter.kind, Type::String | Type::Any)
                && parameter.speaks_of(&["date", "day", "period", "time"])
                && filled.lacks(parameter)
        };
        let edge = |these: &[&'static str], others: &[&'static str]| {
            tool.parameters.iter().filter(is_day).find(|one| one.named(these) && !one.named(others))
        };
        // Only both together hold a stretch of time.
        if let (Some(from), Some(to)) = (edge(FIRST, LAST), edge(LAST, FIRST)) {
            filled.set(from, Value::from(first.text()), PERIOD);
            filled.set(to, Value::from(last.text()), PERIOD);
        }
    }
    filled.arguments.len() > before
}

/// A quarter in the form of the parameter's options and examples.
fn quarter_value(parameter: &Parameter, quarter: u32, year: Option<i64>) -> Option<Value> {
    if matches!(parameter.kind, Type::Integer | Type::Number) {
        return Some(Value::from(quarter));
    }
    if !matches!(parameter.kind, Type::String | Type::Any) {
        return None;
    }
    let figure = quarter.to_string();
    let option = parameter.options.iter().find(|option| match option {
        Value::String(text) => text.trim_start_matches(['Q', 'q']) == figure,
        other => other.as_u64() == Some(u64::from(quarter)),
    });
    if option.is_some() || !parameter.options.is_empty() {
        return option.cloned();
    }
    let example = parameter.hints.iter().find(|hint| hint.chars().any(|c| c.is_ascii_digit()));
    let text = match (example.map(|hint| hint.replace(|c: char| c.is_ascii_digit(), "9")).as_deref(), year) {
        (Some("9999-Q9"), Some(year)) => format!("{year}-Q{quarter}"),
        (Some("9999Q9"), Some(year)) => format!("{year}Q{quarter}"),
        (Some("9"), _) => figure,
        (Some("Q9"), _) | (_, None) => format!("Q{quarter}"),
        (_, Some(year)) => format!("Q{quarter} {year}"),
    };
    Some(Value::String(text))
}

fn is_numeric(parameter: &Parameter) -> bool {
    matches!(parameter.kind, Type::Integer | Type::Number)
}

fn takes(parameter: &Parameter, bound: &Bound) -> bool {
    let (these, others) = if bound.is_least { (LEAST, MOST) } else { (MOST, LEAST) };
    is_numeric(parameter) && parameter.named(these) && !parameter.named(others)
}
