//! Spans of a clause that can be values: entities, and phrases of plain words between the small words.

use crate::offline::clauses::is_verb;
use crate::offline::entities::{Entity, Kind, entities};
use crate::offline::tool::Tool;
use crate::offline::words::{self, Word, is_generic};
use serde_json::Value;

/// Most words that a value of plain words has.
const PHRASE_WORDS_MAX: usize = 6;

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
    /// Text before it, to see how it is joined to another.
    lead: String,
}

impl Span {
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether it is what follows the comma of a place.
    pub(super) fn is_second(&self) -> bool {
        self.lead.ends_with(", ")
    }

    /// Whether both stand behind the same words ("a radius of 5", "a radius of 10") or before the same unit.
    pub(super) fn echoes(&self, other: &Self) -> bool {
        let behind = |span: &Self| span.before.iter().take(2).map(|word| word.stem.clone()).collect::<Vec<_>>();
        let same_lead = !self.before.is_empty() && behind(self) == behind(other) && self.kind.is_some();
        let telling = self.before.iter().take(2).any(Word::is_content) || !self.kind.is_some_and(Kind::is_numeric);
        let unit = |span: &Self| span.after.first().map(|word| word.stem.clone());
        let same_unit = self.kind.is_some_and(Kind::is_numeric) && unit(self).is_some() && unit(self) == unit(other);
        same_lead && telling || same_unit
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
        )
    }
}

/// The spans of a text. A tool's own words are no values, so phrases leave them out.
pub(in crate::offline) fn spans(text: &str, tool: &Tool) -> Vec<Span> {
    let found = entities(text);
    let all = words::words(text);
    let mut spans: Vec<Span> = Vec::new();
    for entity in found {
        spans.extend(halves(text, &entity));
        spans.push(span(text, entity));
    }
    phrases(text, &all, tool, &mut spans);
    spans.sort_by_key(|span| (span.start, span.is_derived, span.end));
    let edges: Vec<(usize, usize)> =
        spans.iter().filter(|span| span.kind.is_some()).map(|span| (span.start, span.end)).collect();
    for span in &mut spans {
        surround(text, &all, &edges, span);
    }
    spans
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
        lead: text[..entity.start].to_owned(),
        entity: Some(entity),
    }
}

/// Runs of content words outside of entities.
fn phrases(text: &str, all: &[Word], tool: &Tool, spans: &mut Vec<Span>) {
    let inside = |word: &Word| spans.iter().any(|span| word.start < span.end && span.start < word.end);
    let mut runs: Vec<Vec<&Word>> = Vec::new();
    let mut run: Vec<&Word> = Vec::new();
    let mut opening = true;
    for word in all {
        let breaks = !word.is_content() || inside(word) || (opening && (is_verb(&word.stem) || is_generic(&word.stem)));
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
