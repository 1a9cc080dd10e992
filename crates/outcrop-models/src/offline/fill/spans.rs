//! Spans of a clause that can be values: entities, and phrases of plain words between the small words.

use super::{currencies, party, quantities};
use crate::offline::clauses::is_verb;
use crate::offline::entities::{Entity, Kind, entities};
use crate::offline::tool::{Parameter, Tool};
use crate::offline::words::{self, Word, is_generic};
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// Most words that a value of plain words has.
const PHRASE_WORDS_MAX: usize = 6;

/// A part of a person's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::offline) enum Part {
    First,
    Last,
}

/// A span with the words around it.
#[derive(Clone, Debug)]
pub(in crate::offline) struct Span {
    /// `None` for plain words.
    pub(super) kind: Option<Kind>,
    pub(super) text: String,
    pub(super) entity: Option<Entity>,
    pub(super) list: Option<Value>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Words before it up to the next span or joint, nearest first.
    pub(super) before: Vec<Word>,
    /// Words after it, nearest first.
    pub(super) after: Vec<Word>,
    /// Text between the end of the sentence's previous word and this span holds `=` or `:`.
    pub(super) is_assigned: bool,
    /// Part of another span.
    pub(super) is_derived: bool,
    /// Which part of a name of several words it is.
    pub(super) part: Option<Part>,
    /// A name that stands where a place does: "in Oslo and Rome".
    pub(super) is_placed: bool,
    /// It is the unit of one number among others of other units.
    pub(super) is_unit_of_one: bool,
    /// What stands behind a number as its unit.
    pub(super) unit: Option<String>,
    /// Text before it, to see how it is joined to another.
    lead: String,
}

impl Span {
    /// Whether both have words in common that can only be one value. "500 dollars" is an amount and a currency.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let is_money = |span: &Self| span.kind == Some(Kind::Currency);
        if is_money(self) != is_money(other)
            && (self.kind.is_some_and(Kind::is_numeric) || other.kind.is_some_and(Kind::is_numeric))
        {
            return false;
        }
        self.start < other.end && other.start < self.end
    }

    /// Whether it is what follows the comma of a place.
    pub(super) fn is_second(&self) -> bool {
        self.lead.ends_with(", ")
    }

    /// Whether a number stands right before it: the dollars of "500 US dollars".
    pub(super) fn is_behind_number(&self) -> bool {
        self.lead.trim_end().ends_with(|c: char| c.is_ascii_digit())
    }

    /// Whether both are numbers of one unit side by side: "20 minutes and 15 minutes".
    pub(super) fn is_counted_with(&self, before: &Self) -> bool {
        let Some(from) = self.lead.len().checked_sub(self.start.saturating_sub(before.end)) else { return false };
        let between: Vec<&str> =
            self.lead.get(from..).unwrap_or_default().split([' ', ',']).filter(|part| !part.is_empty()).collect();
        let unit = |span: &Self| span.after.first().map(|word| word.stem.clone());
        let joined = match between.as_slice() {
            [_] => self.lead.ends_with(", "),
            [_, "and" | "or"] => true,
            _ => false,
        };
        joined && self.unit.is_some() && self.unit == before.unit && unit(self) == unit(before)
    }

    /// Whether only a comma, "and" or "or" stands between `before` and this.
    pub(super) fn is_joined_to(&self, before: &Self) -> bool {
        let Some(from) = self.lead.len().checked_sub(self.start.saturating_sub(before.end)) else { return false };
        let Some(between) = self.lead.get(from..) else { return false };
        let between = between
            .trim()
            .trim_start_matches(['"', '\'', '”', '’', '`'])
            .trim_end_matches(['"', '\'', '“', '‘', '`'])
            .trim();
        matches!(
            between,
            "," | "and"
                | "or"
                | ", and"
                | ", or"
                | "&"
                | "as well as"
                | "and the"
                | "and in"
                | "and for"
                | "and of"
                | "and also"
                | "vs"
                | "versus"
                | "and with"
                | "and then"
                | "and another"
        )
    }
}

/// The spans of a text. A tool's own words are no values, so phrases leave them out.
pub(in crate::offline) fn spans(text: &str, tool: &Tool) -> Vec<Span> {
    let found = entities(text);
    let all = words::words(text);
    let mut spans: Vec<Span> = Vec::new();
    let splits_names = tool.parameters.iter().any(|parameter| parameter.name_part().is_some());
    let is_own_name = |entity: &Entity| {
        let plain = |name: &str| name.replace(['.', '-'], "_").to_lowercase();
        entity.kind == Kind::Quoted && plain(&tool.short).ends_with(&plain(&entity.text))
    };
    for entity in found.into_iter().filter(|entity| !is_own_name(entity)) {
        spans.extend(halves(text, &entity));
        if splits_names {
            spans.extend(name_parts(text, &entity));
        }
        spans.push(span(text, entity));
    }
    let names = |words: &[&'static str]| tool.parameters.iter().any(|parameter| parameter.named(words));
    if names(&["currency"]) {
        spans
            .extend(currencies::places(text).into_iter().map(|(start, end)| special(text, Kind::Currency, start, end)));
    }
    if names(&["unit", "units"]) {
        let units = COMPOUND_UNIT.find_iter(text).map(|found| special(text, Kind::Unit, found.start(), found.end()));
        spans.extend(units);
    }
    if tool.parameters.iter().any(Parameter::is_headcount) {
        spans.extend(party::parties(text).map(|(start, end)| special(text, Kind::Party, start, end)));
    }
    phrases(text, &all, tool, &mut spans);
    spans.sort_by_key(|span| (span.start, span.is_derived, span.end));
    let units: Vec<&String> = spans.iter().filter_map(|span| span.unit.as_ref()).collect();
    let differ = units.windows(2).any(|pair| pair[0] != pair[1]);
    let numbers: Vec<usize> = spans.iter().filter(|span| span.unit.is_some()).map(|span| span.end).collect();
    for span in spans.iter_mut().filter(|span| span.kind.is_none()) {
        span.is_unit_of_one = differ && numbers.iter().any(|end| *end < span.start && span.start - end <= 1);
    }
    let edges: Vec<(usize, usize)> =
        spans.iter().filter(|span| span.kind.is_some()).map(|span| (span.start, span.end)).collect();
    for span in &mut spans {
        surround(text, &all, &edges, span);
    }
    for at in 0..spans.len() {
        let placed = spans[at].kind == Some(Kind::Proper)
            && (spans[at].before.iter().find(|word| word.text != "the").is_some_and(|word| {
                matches!(word.text.as_str(), "in" | "at" | "near" | "around" | "from" | "to" | "between")
            }) || spans[..at].iter().any(|other| other.is_placed && spans[at].is_joined_to(other)));
        spans[at].is_placed = placed;
    }
    spans
}

static COMPOUND_UNIT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:km|m|cm|mm|mi|miles?|kilometers?|meters?|feet|ft|kg|g|grams?|mg|lbs?|mol|J|L|ml|W)\s?/\s?(?:h|hr|hours?|s|sec|seconds?|min|minutes?|m|cm|L|l|mole?|kg|K|day|gallon)(?:\^?[23]|[²³])?")
        .expect("the pattern is written here and tested")
});

/// A span that is only looked for where a tool takes its kind.
fn special(text: &str, kind: Kind, start: usize, end: usize) -> Span {
    let entity = Entity { kind, text: text[start..end].to_owned(), number: None, list: None, start, end };
    span(text, entity)
}

/// "Ana Maria Silva" is one name, and also a first and a last name.
fn name_parts(text: &str, entity: &Entity) -> Vec<Span> {
    let parts: Vec<&str> = entity.text.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    if entity.kind == Kind::Id {
        return id_parts(text, entity);
    }
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Vec::new() };
    if entity.kind != Kind::Proper || parts.len() < 2 || parts.len() > 4 {
        return Vec::new();
    }
    let part = |word: &str, start: usize, part: Part| {
        let entity = Entity { text: word.to_owned(), start, end: start + word.len(), ..entity.clone() };
        Span { is_derived: true, part: Some(part), ..span(text, entity) }
    };
    vec![part(first, entity.start, Part::First), part(last, entity.end - last.len(), Part::Last)]
}

/// "ana_silva_12" is how some shops call Ana Silva.
fn id_parts(text: &str, entity: &Entity) -> Vec<Span> {
    let parts: Vec<&str> = entity.text.split('_').collect();
    let [first, last, number] = parts.as_slice() else { return Vec::new() };
    let is_word = |part: &str| part.len() > 1 && part.chars().all(char::is_alphabetic);
    if !is_word(first) || !is_word(last) || !number.chars().all(|c| c.is_ascii_digit()) {
        return Vec::new();
    }
    let part = |word: &str, start: usize, part: Part| {
        let text_of = crate::offline::answer::capital(word);
        let entity =
            Entity { kind: Kind::Proper, text: text_of, number: None, list: None, start, end: start + word.len() };
        Span { is_derived: true, part: Some(part), ..span(text, entity) }
    };
    let second = entity.start + first.len() + 1;
    vec![part(first, entity.start, Part::First), part(last, second, Part::Last)]
}

/// "Paris, France" is one place, and also a city and a country.
fn halves(text: &str, entity: &Entity) -> Vec<Span> {
    let Some((first, second)) = entity.text.split_once(", ").filter(|_| entity.kind == Kind::Proper) else {
        return Vec::new();
    };
    let half = |part: &str, start: usize| {
        let entity = Entity { text: part.to_owned(), start, end: start + part.len(), ..entity.clone() };
        Span { is_derived: true, ..span(text, entity) }
    };
    vec![half(first, entity.start), half(second, entity.end - second.len())]
}

fn span(text: &str, entity: Entity) -> Span {
    Span {
        kind: Some(entity.kind),
        text: entity.text.clone(),
        list: entity.list.clone(),
        start: entity.start,
        end: entity.end,
        before: Vec::new(),
        after: Vec::new(),
        is_assigned: false,
        is_derived: false,
        part: None,
        is_placed: false,
        is_unit_of_one: false,
        unit: entity.kind.is_numeric().then(|| quantities::unit(&text[entity.end..])).flatten(),
        lead: text[..entity.start].to_owned(),
        entity: Some(entity),
    }
}

/// Words that lead to a value and are none.
const NO_VALUES: &[&str] = &[
    "next",
    "upcoming",
    "coming",
    "previous",
    "latest",
    "made",
    "associated",
    "related",
    "least",
    "given",
    "located",
    "called",
    "named",
    "having",
    "including",
    "knowing",
    "assuming",
    "considering",
    "following",
    "currently",
    "right",
    "available",
    "possible",
    "exactly",
    "approximately",
    "about",
    "around",
    "near",
    "nearby",
    "please",
    "takes",
    "take",
    "took",
    "goes",
    "gets",
    "exact",
];

/// Runs of content words outside of entities.
fn phrases(text: &str, all: &[Word], tool: &Tool, spans: &mut Vec<Span>) {
    let inside = |word: &Word| spans.iter().any(|span| word.start < span.end && span.start < word.end);
    let mut runs: Vec<Vec<&Word>> = Vec::new();
    let mut run: Vec<&Word> = Vec::new();
    let mut opening = true;
    for (at, word) in all.iter().enumerate() {
        // "…, which takes": what follows is done, and no thing.
        let is_done =
            at > 0 && matches!(all[at - 1].text.as_str(), "that" | "which" | "who" | "it" | "i" | "we" | "they");
        let breaks = !word.is_content()
            || inside(word)
            || is_done
            || NO_VALUES.contains(&word.text.as_str())
            || (opening && (is_verb(&word.stem) || is_generic(&word.stem)));
        let gap =
            run.last().is_some_and(|last| text[last.end..word.start].chars().any(|c| !matches!(c, ' ' | '-' | '\'')));
        if (breaks || gap) && !run.is_empty() {
            runs.push(std::mem::take(&mut run));
        }
        if !breaks {
            run.push(word);
        }
        opening = opening && breaks;
    }
    if !run.is_empty() {
        runs.push(run);
    }
    let mut found = Vec::new();
    for run in runs {
        let own = |word: &&Word| tool.name_stems.contains(&word.stem);
        found.push((run.clone(), false));
        // "vegan diet": the parameter's word names the value beside it.
        let named = |word: &&Word| {
            tool.parameters.iter().any(|parameter| parameter.stems.contains(&word.stem))
                || own(word)
                || is_generic(&word.stem)
        };
        let from = run.iter().take_while(|word| named(word)).count();
        let to = run.len() - run.iter().rev().take_while(|word| named(word)).count();
        if from < to && (from > 0 || to < run.len()) {
            found.push((run[from..to].to_vec(), true));
        }
    }
    for (run, is_derived) in found {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        if run.len() > PHRASE_WORDS_MAX {
            continue;
        }
        spans.push(Span {
            kind: None,
            text: text[first.start..last.end].to_owned(),
            entity: None,
            list: None,
            start: first.start,
            end: last.end,
            before: Vec::new(),
            after: Vec::new(),
            is_assigned: false,
            is_derived,
            part: None,
            is_placed: false,
            is_unit_of_one: false,
            unit: None,
            lead: text[..first.start].to_owned(),
        });
    }
}

/// Collects the words around a span that can say what it is.
fn surround(text: &str, all: &[Word], edges: &[(usize, usize)], span: &mut Span) {
    let inside_other = |word: &Word| {
        edges
            .iter()
            .any(|(start, end)| word.start < *end && *start < word.end && !(span.start < *end && *start < span.end))
    };
    let mut edge = span.start;
    for word in all.iter().rev().filter(|word| word.end <= span.start) {
        let between = &text[word.end..edge];
        let far = span.before.len() >= 6 || inside_other(word);
        let parted = between.contains([',', ';', '.', '?', '!', ')'])
            || (matches!(word.text.as_str(), "and" | "or") && !span.before.is_empty());
        if far || parted {
            break;
        }
        span.before.push(word.clone());
        edge = word.start;
        if matches!(word.text.as_str(), "and" | "or") {
            break;
        }
    }
    let mut edge = span.end;
    for word in all.iter().filter(|word| word.start >= span.end) {
        let between = &text[edge..word.start];
        let stops = between.contains([',', ';', '.', '?', '!', '('])
            || matches!(
                word.text.as_str(),
                "and" | "or" | "of" | "with" | "for" | "from" | "to" | "at" | "using" | "by" | "then"
            );
        if span.after.len() >= 4 || inside_other(word) || stops {
            break;
        }
        span.after.push(word.clone());
        edge = word.end;
    }
    let mark = text[..span.start].trim_end_matches([' ', '\'', '"', '$', '`']);
    span.is_assigned = mark.ends_with(['=', ':']);
}
