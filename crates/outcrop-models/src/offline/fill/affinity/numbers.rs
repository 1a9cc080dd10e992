//! How well a number suits a parameter: by the words and the unit around it, and by what it looks like.

use super::lists::{MONEY, RATE};
use super::{NEVER, cue, kin};
use crate::offline::entities::Kind;
use crate::offline::fill::quantities;
use crate::offline::fill::spans::Span;
use crate::offline::tool::{Parameter, Type};

pub(super) fn number(parameter: &Parameter, span: &Span) -> f64 {
    let Some(entity) = span.entity.as_ref().filter(|entity| entity.kind.is_numeric()) else { return NEVER };
    let Some(value) = entity.number else { return NEVER };
    let mut score = 0.5 + cue(parameter, span);
    match entity.kind {
        Kind::Money if parameter.speaks_of(MONEY) => score += 2.0,
        Kind::Money
            if parameter.named(RATE)
                || parameter.named(&[
                    "year", "day", "month", "time", "period", "duration", "count", "person", "term", "week",
                ]) =>
        {
            score -= 3.0;
        }
        Kind::Percent if parameter.speaks_of(RATE) => score += 3.0,
        Kind::Percent => score -= 1.0,
        _ => {}
    }
    let written = entity.text.trim();
    let looks_like_year =
        value.fract() == 0.0 && (1000.0..=2100.0).contains(&value) && written.len() == 4 && entity.kind == Kind::Number;
    let is_year = parameter.stems.last().is_some_and(|last| *last == crate::offline::words::stem("year"));
    if is_year && looks_like_year {
        score += 2.5;
    } else if parameter.named(&["year"])
        && !parameter.speaks_of(&["duration", "number", "period", "years"])
        && !looks_like_year
    {
        score -= 1.5;
    } else if looks_like_year && span.before.first().is_some_and(|word| word.text == "in") {
        score -= 1.0;
    }
    if matches!(parameter.kind, Type::Integer) && value.fract() != 0.0 && entity.kind != Kind::Percent {
        score -= 3.0;
    }
    if let Some(agrees) = span.unit.as_deref().and_then(|unit| quantities::agrees(parameter, unit)) {
        score += if agrees { 1.5 } else { -1.5 };
    }
    if written.chars().all(char::is_alphabetic) {
        score -= 0.2;
        // "Two charges of …": how many there are is no charge.
        let counted = span.after.iter().take(4).find(|word| word.text.ends_with('s') && !word.text.ends_with("ss"));
        let is_unit = span.unit.as_deref().and_then(|unit| quantities::agrees(parameter, unit)) == Some(true);
        let last = parameter.name.rsplit(['_', '.']).next().unwrap_or_default();
        let is_count = is_unit
            || parameter.named(&["number", "count", "quantity", "amount", "limit", "num", "total", "rolls", "rounds"])
            || counted
                .is_some_and(|word| last.ends_with('s') && parameter.stems.iter().any(|own| kin(&word.stem, own)));
        // "Two numbers" tells how many there are, and so do two pairs.
        let of_values = counted.is_some_and(|word| {
            ["number", "integer", "value", "pair", "point", "set", "list", "equation", "function"]
                .iter()
                .any(|name| crate::offline::words::stem(name) == word.stem)
        });
        if counted.is_some() && (!is_count || of_values) {
            score -= 2.5;
        }
    }
    if written.chars().all(char::is_alphabetic)
        && !parameter.named(&["number", "count", "limit", "quantity", "size"])
        && value < 2.0
    {
        // "one" is more often a pronoun than a number.
        score -= 0.5;
    }
    if parameter.speaks_of(&["limit", "top", "count", "results", "maximum"])
        && span.before.iter().take(2).any(|word| matches!(word.text.as_str(), "top" | "first" | "limit" | "best"))
    {
        score += 2.0;
    }
    if parameter.named(&["id"]) && parameter.stems.len() > 1 {
        score += 0.5;
    }
    score + bound(parameter, span)
}

/// "From 1 to 2", "between 5 and 9": which end a parameter holds, by its name or by what is said of it.
fn bound(parameter: &Parameter, span: &Span) -> f64 {
    let Some(before) = span.before.iter().find(|word| !matches!(word.text.as_str(), "the" | "a" | "an")) else {
        return 0.0;
    };
    let opening = ["start", "lower", "minimum", "from", "initial", "begin", "first"];
    let closing = ["end", "upper", "maximum", "to", "final", "last", "second"];
    // Words of the description count where the name says nothing.
    let is_short = parameter.name.len() <= 2;
    let opens = parameter.named(&opening) || is_short && parameter.speaks_of(&["lower", "start", "first"]);
    let closes = parameter.named(&closing) || is_short && parameter.speaks_of(&["upper", "end", "second"]);
    let from = matches!(before.text.as_str(), "from" | "between");
    let to = matches!(before.text.as_str(), "to" | "until" | "till" | "through");
    match (opens && !closes, closes && !opens) {
        (true, _) if from => 1.5,
        (true, _) if to => -1.5,
        (_, true) if to => 1.5,
        (_, true) if from => -1.5,
        _ => 0.0,
    }
}
