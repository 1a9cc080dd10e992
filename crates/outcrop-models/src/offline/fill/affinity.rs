//! How well a span suits a parameter. Negative or zero: not at all.

mod lists;
mod numbers;

use super::spans::Span;
use super::value::is_named;
use crate::offline::entities::Kind;
use crate::offline::tool::{Parameter, Tool, Type, shape};
use crate::offline::words::{has, is_generic, same};
use lists::{FROM, PARTY, PERSON, PLACE, TO, UNITS, WIDE};
use numbers::number;
use serde_json::Value;

const NEVER: f64 = -10.0;

/// How well `span` suits `parameter`.
pub(super) fn affinity(tool: &Tool, parameter: &Parameter, span: &Span) -> f64 {
    match parameter.kind {
        Type::Integer | Type::Number => number(parameter, span),
        Type::String => string(tool, parameter, span),
        Type::Any => number(parameter, span).max(string(tool, parameter, span)),
        _ => NEVER,
    }
}

/// How much the words around a span speak of the parameter.
fn cue(parameter: &Parameter, span: &Span) -> f64 {
    // Where no part of the name tells anything, as in "first name", all of them together do.
    let none_tells = parameter.stems.iter().all(|stem| is_generic(stem));
    let tells = |stem: &&String| none_tells || !is_generic(stem);
    let own: f64 = parameter.stems.iter().filter(tells).map(|stem| nearness(span, stem)).sum();
    let telling = parameter.stems.iter().filter(tells).count().max(1);
    #[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
    let own = own / telling as f64;
    let described = parameter
        .description_stems
        .iter()
        .filter(|stem| !is_generic(stem))
        .map(|stem| nearness(span, stem))
        .fold(0.0, f64::max);
    let assigned = span.is_assigned
        && span.before.first().is_some_and(|word| parameter.stems.len() == 1 && parameter.stems[0] == word.stem);
    // "Username" and "hotel name" are told by "user" and "hotel"; the word "name" beside a value says something, too.
    let vague: f64 = if none_tells {
        0.0
    } else {
        parameter.stems.iter().filter(|stem| is_generic(stem)).map(|stem| nearness(span, stem)).fold(0.0, f64::max)
    };
    // "The Hilton Hotel" is a hotel by its own words.
    let inside = span.kind == Some(Kind::Proper)
        && parameter.stems.iter().any(|own| !is_generic(own) && stems_of(span).iter().any(|word| word == own));
    3.0 * own + 0.8 * described + 0.7 * vague + if assigned { 4.0 } else { 0.0 } + if inside { 1.5 } else { 0.0 }
}

/// 1 for a word beside the span, less the farther away, 0 when it is not there.
fn nearness(span: &Span, stem: &str) -> f64 {
    let mut best: f64 = 0.0;
    for (words, factor) in [(&span.before, 1.0), (&span.after, 0.95)] {
        let mut distance = 1.0;
        for word in words {
            if kin(&word.stem, stem) {
                best = best.max(distance * factor);
            }
            if word.is_content() {
                distance *= 0.8;
            } else {
                distance *= 0.97;
            }
        }
    }
    best
}

/// Whether a word of the text says what a word of a name says: the same, a synonym, or cut short ("temp", "stats").
pub(super) fn kin(said: &str, named: &str) -> bool {
    same(said, named) || named.len() >= 4 && said.starts_with(named)
}

fn string(tool: &Tool, parameter: &Parameter, span: &Span) -> f64 {
    if !parameter.options.is_empty() {
        return if parameter.options.iter().any(|option| is_named(option, &span.text)) {
            5.0 + cue(parameter, span)
        } else {
            NEVER
        };
    }
    if parameter.is_reason() && span.kind != Some(Kind::Quoted) {
        return NEVER;
    }
    let base = match span.kind {
        Some(kind) => kind_fits(tool, parameter, kind, span),
        None => phrase_fits(tool, parameter, span),
    };
    if base <= NEVER {
        return NEVER;
    }
    let hinted = parameter.hints.iter().any(|hint| is_named(&Value::String(hint.clone()), &span.text));
    base + cue(parameter, span) + role(parameter, span) + if hinted { 3.0 } else { 0.0 }
}

fn kind_fits(tool: &Tool, parameter: &Parameter, kind: Kind, span: &Span) -> f64 {
    let is_date = parameter.named(&["date", "day", "when", "datetime", "birthday", "deadline", "checkin", "checkout"])
        || (parameter.speaks_of(&["date", "day"]) && !parameter.speaks_of(PLACE) && !parameter.is_id());
    let is_time = parameter.named(&["time", "hour", "datetime"]) && !parameter.speaks_of(PLACE);
    let is_email =
        parameter.speaks_of(&["email", "mail"]) && !parameter.named(&["subject", "body", "message", "content", "name"]);
    let is_url = parameter.named(&["url", "link", "website", "uri"]);
    let is_place = parameter.named(PLACE);
    if matches!(kind, Kind::Proper | Kind::Quoted) && parameter.named(&["zip", "phone", "year", "age"]) {
        return NEVER;
    }
    match kind {
        Kind::Date => {
            if is_date {
                4.0
            } else if parameter.named(&["time", "period", "timeframe", "month", "quarter", "week", "season", "range"]) {
                2.0
            } else {
                NEVER
            }
        }
        Kind::Time => {
            if is_time {
                4.0
            } else if parameter.speaks_of(&["time"]) {
                2.5
            } else {
                NEVER
            }
        }
        Kind::Email => {
            if is_email || parameter.named(&["to", "recipient", "contact", "attendee", "cc"]) {
                5.0
            } else {
                NEVER
            }
        }
        Kind::Url => {
            if is_url {
                5.0
            } else if parameter.speaks_of(&["url", "link"]) {
                3.0
            } else {
                NEVER
            }
        }
        Kind::Quoted if is_url && span.text.to_lowercase().contains("url") => 1.5,
        _ if is_url || is_email => NEVER,
        Kind::Id => match parameter.fits_example(span.entity.as_ref().expect("a span with a kind has its entity")) {
            Some(true) => 5.0,
            Some(false) if parameter.is_id() => -4.0,
            Some(false) => -2.0,
            None if is_date || is_time => NEVER,
            None if parameter.is_id() => 2.0,
            None => 0.6,
        },
        Kind::Formula => {
            if parameter.speaks_of(&["function", "equation", "expression", "formula", "polynomial"]) {
                4.0
            } else {
                0.2
            }
        }
        Kind::Quoted => {
            if is_date || is_time {
                NEVER
            } else if parameter.is_id()
                && parameter.hints.iter().any(|hint| shape(hint).contains('9'))
                && !span.text.contains(|c: char| c.is_ascii_digit())
            {
                // An ID of letters alone where those of the examples have figures.
                NEVER
            } else if parameter.is_id() {
                0.8
            } else {
                1.5
            }
        }
        Kind::Proper if is_date || is_time || parameter.is_reason() => NEVER,
        Kind::Party if parameter.is_headcount() => 4.5,
        Kind::Currency if parameter.named(&["currency"]) => 3.0,
        Kind::Unit if parameter.named(&["unit", "units"]) => 3.5,
        Kind::Party | Kind::Currency | Kind::Unit => NEVER,
        // A place on the way to a currency is none.
        Kind::Proper if parameter.named(&["currency"]) && !is_code(&span.text) => NEVER,
        Kind::Proper if parameter.name_part().is_some() => match (span.part, span.text.contains(' ')) {
            (Some(part), _) if parameter.name_part() == Some(part) => 4.0,
            (None, false) if !span.is_derived => 0.2,
            _ => NEVER,
        },
        // Where a tool asks for a place, a name that stands like one is none of its other values.
        Kind::Proper
            if span.is_placed
                && !is_place
                && !span.is_derived
                && !parameter.named(FROM)
                && !parameter.named(TO)
                && tool.parameters.iter().any(|other| other.named(PLACE)) =>
        {
            0.2
        }
        // Halves of a name are no other values.
        Kind::Proper if span.part.is_some() => NEVER,
        Kind::Proper if known_share(tool, &stems_of(span)) > 0.99 => 0.1,
        Kind::Proper if span.is_derived && !is_place => -1.0,
        Kind::Proper if is_place && !splits_place(tool) => {
            if span.is_derived {
                1.0
            } else {
                2.2
            }
        }
        Kind::Proper if is_place => {
            let wide = parameter.named(WIDE);
            let is_second = span.is_second();
            match (span.is_derived, wide, is_second) {
                (true, true, true) | (true, false, false) => 3.2,
                (true, _, _) => NEVER,
                (false, true, _) => 1.2,
                (false, false, _) => 2.2,
            }
        }
        Kind::Proper if parameter.named(PERSON) => 1.5,
        Kind::Proper
            if parameter.is_id() && parameter.hints.iter().any(|hint| hint.contains(|c: char| c.is_ascii_digit())) =>
        {
            NEVER
        }
        Kind::Proper if parameter.is_id() => -1.0,
        Kind::Proper => 1.0,
        Kind::Number if parameter.is_headcount() => {
            let points = |word: &crate::offline::words::Word| {
                matches!(
                    word.text.as_str(),
                    "for" | "of" | "seat" | "seating" | "seats" | "are" | "be" | "just" | "it's" | "is" | "with"
                )
            };
            let pointed = span.before.iter().take(2).any(points);
            let counted = span.after.iter().take(2).any(|word| matches!(word.text.as_str(), "us" | "total" | "all"));
            if pointed || counted { 2.2 } else { 0.6 }
        }
        // "At 8", "around six".
        Kind::Number
            if is_time
                && span.before.first().is_some_and(|word| {
                    matches!(word.text.as_str(), "at" | "around" | "by" | "after" | "before" | "about" | "until")
                }) =>
        {
            2.2
        }
        // "that one" is no id.
        Kind::Number if span.text.chars().all(char::is_alphabetic) => NEVER,
        // A bare number is no day, and no amount of time either where a day is wanted.
        Kind::Number
            if is_date && parameter.named(&["date", "day", "when", "birthday", "deadline", "checkin", "checkout"]) =>
        {
            NEVER
        }
        Kind::Number | Kind::Money if parameter.named(&["amount", "price", "sum"]) => 1.0,
        Kind::Number if parameter.is_id() && span.text.contains('.') => NEVER,
        Kind::Number => {
            let unlike = || span.entity.as_ref().and_then(|entity| parameter.fits_example(entity)) == Some(false);
            if parameter.is_id() && unlike() {
                // Only where the words around it name the parameter.
                0.1
            } else if parameter.is_id() {
                0.6
            } else if parameter
                .speaks_of(&["zip", "phone", "year", "account", "version", "time", "period", "duration", "number"])
            {
                0.4
            } else {
                NEVER
            }
        }
        Kind::Money | Kind::Percent => -1.0,
        Kind::List => NEVER,
    }
}

fn stems_of(span: &Span) -> Vec<String> {
    span.text.split_whitespace().map(|word| crate::offline::words::stem(&word.to_lowercase())).collect()
}

/// Share of words that the tool's own name and description have: those describe the tool and are no values.
fn known_share(tool: &Tool, stems: &[String]) -> f64 {
    let known = stems.iter().filter(|stem| tool.weights.get(*stem).is_some_and(|weight| *weight >= 1.5)).count();
    #[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
    let share = known as f64 / stems.len().max(1) as f64;
    share
}

fn is_code(text: &str) -> bool {
    text.len() == 3 && text.chars().all(|c| c.is_ascii_uppercase())
}

fn is_deed(tool: &Tool, word: &crate::offline::words::Word) -> bool {
    tool.deeds.iter().any(|deed| same(deed, &word.stem)) || crate::offline::clauses::is_verb(&word.stem)
}

/// Whether a tool asks for a place in two parts.
fn splits_place(tool: &Tool) -> bool {
    tool.parameters.iter().any(|parameter| parameter.named(WIDE))
        && tool
            .parameters
            .iter()
            .any(|parameter| parameter.named(&["city", "town", "place", "location"]) && !parameter.named(WIDE))
}

/// Plain words are values where something points at them; the tool's own words are none.
fn phrase_fits(tool: &Tool, parameter: &Parameter, span: &Span) -> f64 {
    let typed = parameter.is_id()
        || parameter.name_part().is_some()
        || parameter.named(&[
            "date",
            "time",
            "email",
            "url",
            "phone",
            "zip",
            "year",
            "age",
            "expression",
            "formula",
            "equation",
            "currency",
        ]);
    if typed || parameter.is_reason() {
        return NEVER;
    }
    let stems = stems_of(span);
    if stems.iter().all(|stem| has(&tool.name_stems, stem) || has(&parameter.stems, stem) || is_generic(stem)) {
        return NEVER;
    }
    let pointed = span.before.first().is_some_and(|word| {
        matches!(
            word.text.as_str(),
            "of" | "for"
                | "in"
                | "on"
                | "about"
                | "with"
                | "to"
                | "from"
                | "at"
                | "a"
                | "an"
                | "the"
                | "like"
                | "by"
                | "using"
                | "called"
                | "named"
                | "is"
        )
    });
    // "Book a table": what the deed is done to is no value that may be written somewhere.
    let is_object = tool.is_guarded()
        && !span.is_assigned
        && span.before.iter().find(|word| word.is_content()).is_none_or(|word| is_deed(tool, word))
        && span
            .before
            .first()
            .is_none_or(|word| matches!(word.text.as_str(), "a" | "an" | "the" | "my") || is_deed(tool, word));
    if is_object && (parameter.named(&["name", "title"]) || parameter.named(PERSON)) {
        return NEVER;
    }
    let is_unit = stems.len() == 1 && UNITS.iter().any(|unit| crate::offline::words::stem(unit) == stems[0]);
    let hinted = parameter.hints.iter().any(|hint| is_named(&Value::String(hint.clone()), &span.text));
    if parameter.named(&["unit", "units"]) && !is_unit && !hinted {
        return NEVER;
    }
    let described = stems
        .iter()
        .any(|stem| parameter.hints.iter().any(|hint| same(&crate::offline::words::stem(&hint.to_lowercase()), stem)));
    let known = known_share(tool, &stems);
    let place = if parameter.named(PLACE) { -1.2 } else { 0.0 };
    let unit = if parameter.named(&["unit", "units"])
        && parameter.hints.len() < 2
        && stems.len() == 1
        && UNITS.iter().any(|unit| crate::offline::words::stem(unit) == stems[0])
        && !span.is_unit_of_one
        && (span.is_behind_number()
            || span.before.first().is_some_and(|word| {
                matches!(word.text.as_str(), "in" | "to" | "into" | "from" | "as" | "of" | "using")
            })) {
        2.5
    } else {
        0.0
    };
    (if pointed { 0.5 } else { 0.1 }) + unit + if described { 2.0 } else { 0.0 } + 0.3 - 1.2 * known
        + if span.is_derived { 0.25 } else { 0.0 }
        + place
}

/// "from Oslo to Rome": which end is meant.
fn role(parameter: &Parameter, span: &Span) -> f64 {
    if span.kind == Some(Kind::Currency) && span.is_behind_number() {
        return match (parameter.named(FROM), parameter.named(TO)) {
            (true, false) => 2.5,
            (false, true) => -2.0,
            _ => 0.0,
        };
    }
    let Some(before) = span.before.iter().find(|word| !matches!(word.text.as_str(), "the" | "a" | "an" | "my")) else {
        return 0.0;
    };
    let opening = parameter.named(FROM);
    let closing = parameter.named(TO);
    let is_money = span.kind == Some(Kind::Currency);
    let from = matches!(before.text.as_str(), "from" | "between");
    let to =
        matches!(before.text.as_str(), "to" | "into" | "until" | "and" | "till") || is_money && before.text == "in";
    let inside = matches!(before.text.as_str(), "in" | "at" | "near" | "around");
    let mut score = match (opening && !closing, closing && !opening) {
        (true, _) if from => 2.5,
        (true, _) if to => -1.5,
        (_, true) if to => 2.5,
        (_, true) if from => -2.0,
        _ => 0.0,
    };
    if inside && parameter.named(PLACE) {
        score += 1.0;
    }
    if matches!(before.text.as_str(), "under" | "for") && parameter.named(&["name"]) && span.kind == Some(Kind::Proper)
    {
        score += 0.8;
    }
    if matches!(before.text.as_str(), "for" | "of" | "by") && parameter.named(PARTY) && span.kind == Some(Kind::Proper)
    {
        score += 1.2;
    }
    if before.text == "by" && parameter.named(PERSON) {
        score += 1.5;
    }
    if matches!(before.text.as_str(), "called" | "named" | "titled") && parameter.named(&["name", "title"]) {
        score += 1.5;
    }
    score
}
