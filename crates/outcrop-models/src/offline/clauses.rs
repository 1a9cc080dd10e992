//! Taking a request apart: one clause for each thing asked, its condition beside it, and whether it asks or tells.

mod verbs;

use super::words::{self, Word};
use regex::Regex;
use std::sync::LazyLock;
pub(super) use verbs::is_verb;

/// Most clauses of one text that are looked at.
const CLAUSES_MAX: usize = 24;

/// How a clause speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Something is to be done: "cancel it", "can you cancel it", "I want to return it".
    Request,
    /// The user asks whether something may be done: "can I return it".
    Permission,
    /// Something is to be known.
    Question,
    /// Something is told.
    Statement,
    /// Something is not to be done.
    Refusal,
}

/// "if it hasn't shipped".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// Words of the condition without "if".
    pub(super) text: String,
    /// "unless", "otherwise".
    pub(super) inverted: bool,
}

/// One thing asked or told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clause {
    /// Its words as written, condition included.
    pub(super) text: String,
    /// Its words without the condition.
    pub(super) core: String,
    /// How it speaks.
    pub(super) mode: Mode,
    /// What it depends on.
    pub(super) condition: Option<Condition>,
}

/// The condition that what was asked for before did not work.
const FAILED_BEFORE: &str = "that does not work";

static ABOUT_DEED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:(?:that|this|it|you)\s+)?((?:does\s+not|doesn['’]?t|did\s+not|didn['’]?t|can\s?not|can['’]?t|could\s+not|couldn['’]?t|will\s+not|won['’]?t|is\s+not|isn['’]?t|not)\s+(?:work(?:\s+out)?|possible|succeed|do\s+(?:that|it|so)|be\s+done|go\s+through)|fails?|failed|is\s+impossible)$|^(?:that|this|it)\s+(?:works?(?:ed)?|succeeds?|succeeded|is\s+possible|goes\s+through|went\s+through)$",
    )
});

impl Condition {
    /// Where it speaks of whether the thing asked for before worked: the outcome that it wants.
    pub(super) fn deed_outcome(&self) -> Option<bool> {
        let found = ABOUT_DEED.captures(self.text.trim())?;
        Some(found.get(1).is_none() != self.inverted)
    }

    /// With the word that makes it a condition.
    pub(super) fn said(&self) -> String {
        format!("{} {}", if self.inverted { "unless" } else { "if" }, self.text)
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is written here and tested")
}

static SENTENCE_END: LazyLock<Regex> = LazyLock::new(|| pattern(r#"[.!?]+["'”)]?(?:\s+|$)|[;\n]+"#));
static JOINT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)(?:,\s*|\s+)(?:and\s+(?:then|also|afterwards)|and|then|but|after\s+that,?|also)\s+|,\s+")
});
static CONDITION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:but\s+)?(?:only\s+)?(if|unless|as\s+long\s+as|provided(?:\s+that)?|in\s+case)\s+")
});
static OTHERWISE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^(?:otherwise|or\s+else|else|if\s+not)\b[\s,]*"));
static MIDDLE_OTHERWISE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\s(or\s+else|otherwise)\b"));
static CONDITION_END: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i),(?:\s+(?:then\s+)?|$)|\s+then\s+|[.?!;](?:\s|$)|$"));
static LEAD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:[\s,.!-]|hi\b|hello\b|hey\b|there\b|ok(?:ay)?\b|so\b|and\b|then\b|but\b|also\b|well\b|now\b|thanks\b|please\b|just\b|kindly\b|first\b|next\b|finally\b|after that\b)*",
    )
});
static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)^(?:(?:can|could|would|will)\ you\b(?:\ (?:please|kindly|also|help\ me(?:\ to)?))*|i(?:'d|’d|\ would)\ (?:like|love)(?:\ (?:you\ )?to)?\b
        |(?:(?:i|we|you)\ (?:also\ )?)?(?:want|need|wish)(?:\ you)?\ (?:also\ )?to\b|i\ (?:want|need|wish)(?:\ you)?(?:\ to)?\b|i(?:'m|’m|\ am)\ (?:looking|trying|going)\ (?:to|for)\b|please\b|help\ me(?:\ to)?\b|let(?:'s|’s|\ us)\b|go\ ahead\ and\b|i(?:'ll|’ll)\b
        |we\ (?:want|need|would\ like)\ (?:to\b)?|make\ sure\ to\b|you\ (?:can|may|should)\b)[\s,]*(?:(?:please|also|just|now|then|go\ ahead\ and|to)\s+)*",
    )
});
static PERMISSION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:can|could|may|might|should)\s+(?:i|we)\b\s*|^(?:is it (?:still )?possible to|am i able to|would it be possible to|is there (?:a|any) way to)\b\s*",
    )
});
static QUESTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:what|when|where|who|whom|whose|how|why|which|is|are|was|were|do|does|did|has|have|had|should|will|would|could|can|am)(?:'s|’s)?\b",
    )
});
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:please\s+)?(?:do\s+not|don['’]?t|never)\b|\bi\s+(?:do\s+not|don['’]t)\s+(?:want|need|wish)\b|\b(?:instead of|rather than|without)\b.*ing\b",
    )
});

/// Takes a text apart. Every word of it is in exactly one clause.
pub(super) fn clauses(text: &str) -> Vec<Clause> {
    let mut all: Vec<Clause> = Vec::new();
    for sentence in sentences(text) {
        let mut sentence = sentence;
        let mut shared = None;
        if let Some(found) = OTHERWISE.find(sentence.trim_start()) {
            shared = before(&all).map(invert);
            sentence = sentence.trim_start().get(found.end()..).unwrap_or_default();
        } else if let Some((condition, rest)) = leading_condition(sentence) {
            shared = Some(condition);
            sentence = rest;
        }
        for part in parts(sentence) {
            if all.len() >= CLAUSES_MAX {
                break;
            }
            let mut clause = clause(part);
            if let Some(found) = OTHERWISE.find(&clause.core) {
                clause.condition = before(&all).map(invert);
                clause.core = clause.core.get(found.end()..).unwrap_or_default().to_owned();
                clause.mode = mode(&clause.core);
            }
            if clause.condition.is_none() {
                clause.condition.clone_from(&shared);
            }
            if clause.condition.as_ref().is_some_and(|condition| refers_back(&condition.text)) {
                // "Has it shipped? If so, …": the question before is the condition.
                clause.condition = all.iter().rev().find(|clause| clause.mode == Mode::Question).map(|question| {
                    Condition { text: question.core.trim_end_matches('?').to_owned(), inverted: false }
                });
            }
            all.push(clause);
        }
    }
    all
}

/// What "otherwise" and "if not" are the other case of: the condition before, or the question before.
fn before(all: &[Clause]) -> Option<Condition> {
    all.iter().rev().find_map(|clause| match clause.mode {
        _ if clause.condition.is_some() => clause.condition.clone(),
        Mode::Question => Some(Condition { text: clause.core.trim_end_matches('?').to_owned(), inverted: false }),
        // "Cancel it, otherwise return it": the other case of a deed is that it fails.
        Mode::Request => Some(Condition { text: FAILED_BEFORE.to_owned(), inverted: true }),
        _ => None,
    })
}

fn refers_back(condition: &str) -> bool {
    matches!(
        condition.to_lowercase().as_str(),
        "so" | "yes" | "it is" | "it has" | "it does" | "it was" | "that is the case" | "that's the case" | "true"
    )
}

fn invert(condition: Condition) -> Condition {
    Condition { inverted: !condition.inverted, ..condition }
}

/// Sentences without their end marks; an abbreviation or a decimal point ends none.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut start = 0;
    for found in SENTENCE_END.find_iter(text) {
        let before = text[start..found.start()].rsplit(char::is_whitespace).next().unwrap_or_default();
        let abbreviation = found.as_str().starts_with('.')
            && found.end() < text.len()
            && (matches!(
                before.to_lowercase().trim_start_matches('('),
                "e.g" | "i.e" | "dr" | "mr" | "mrs" | "ms" | "vs" | "st" | "no" | "approx"
            ) || (before.chars().count() == 1 && before.chars().all(char::is_uppercase)));
        let inside_list =
            text[start..found.start()].matches('[').count() > text[start..found.start()].matches(']').count();
        if abbreviation || inside_list {
            continue;
        }
        // The question mark says how the sentence speaks, so it stays with it.
        let end = if found.as_str().contains('?') { found.start() + 1 } else { found.start() };
        if !text[start..found.start()].trim().is_empty() {
            all.push(text[start..end].trim());
        }
        start = found.end();
    }
    if !text[start..].trim().is_empty() {
        all.push(text[start..].trim());
    }
    all
}

fn leading_condition(sentence: &str) -> Option<(Condition, &str)> {
    let lead = LEAD.find(sentence).map_or(0, |found| found.end());
    let rest = &sentence[lead..];
    let found = CONDITION.captures(rest).filter(|found| found.get(0).is_some_and(|all| all.start() == 0))?;
    let from = found.get(0)?.end();
    let end = CONDITION_END.find_at(rest, from)?;
    let after = rest.get(end.end()..)?.trim();
    if after.is_empty() {
        return None;
    }
    let inverted = found.get(1).is_some_and(|word| word.as_str().eq_ignore_ascii_case("unless"));
    Some((Condition { text: rest[from..end.start()].trim().to_owned(), inverted }, after))
}

/// Splits a sentence where a new question or request begins.
fn parts(sentence: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut start = 0;
    if let Some(other) = MIDDLE_OTHERWISE.captures(sentence).and_then(|found| found.get(1))
        && !sentence[..other.start()].trim().is_empty()
    {
        all.extend(parts(sentence[..other.start()].trim_end_matches([' ', ','])));
        all.extend(parts(sentence[other.start()..].trim()));
        return all;
    }
    // Collected, as the search must not be held open over the call of itself below.
    let joints: Vec<regex::Match<'_>> = JOINT.find_iter(sentence).collect();
    for found in joints {
        if found.start() < start || is_inside(&sentence[start..found.start()], found.as_str(), &sentence[found.end()..])
        {
            continue;
        }
        let rest = &sentence[found.end()..];
        if let Some((_, then)) = leading_condition(rest).filter(|(_, then)| begins_something(then, false)) {
            // "…, and if that doesn't work, return it": the condition goes with what follows it.
            if !sentence[start..found.start()].trim().is_empty() {
                all.push(sentence[start..found.start()].trim());
            }
            all.push(rest.trim());
            // What follows is taken apart by itself.
            let further = parts(then);
            if let Some(first) = further.first()
                && let Some(last) = all.last_mut()
            {
                // The rest ends with it and it begins with its first part, which becomes one with the condition.
                let end = rest.trim_end().len().saturating_sub(then.len()) + first.len();
                *last = rest.get(..end).unwrap_or(rest).trim();
                all.extend(further.iter().skip(1));
            }
            return all;
        }
        if !begins_something(&sentence[found.end()..], found.as_str().contains([' ']) && found.as_str().trim() == ",") {
            continue;
        }
        if !sentence[start..found.start()].trim().is_empty() {
            all.push(sentence[start..found.start()].trim());
            start = found.end();
        }
    }
    if !sentence[start..].trim().is_empty() {
        all.push(sentence[start..].trim());
    }
    all
}

static IN_CONDITION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:[\w'’-]+\s+){1,4}?(?:is|are|was|were|has|have|hasn['’]?t|isn['’]?t|wasn['’]?t|exceeds?|costs?|over|above|under|below|more\s+than|less\s+than|at\s+(?:least|most))\b",
    )
});
static FINITE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^(?:is|are|was|were|has|have|had|does|do|did|will|can)(?:n['’]?t)?\s+(?:not\s+)?([\w'’-]+)")
});
static REPORTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^(?:has|have|had|did|does|do|was|were|is|are|why|who|when)\b[^,]*\bto\s+([a-z]+)\b")
});
static OBJECT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)^[\w-]+\s+(?:it|them|me|us|the|a|an|my|this|that|your|another|[A-Za-z]*-?\d[\w-]*)\b")
});

/// Whether a joint stands inside of something: between a subject and its verb, or inside of a condition.
fn is_inside(before: &str, joint: &str, rest: &str) -> bool {
    let last = before.rsplit(char::is_whitespace).next().unwrap_or_default().to_lowercase();
    let bare = !joint.trim_start().starts_with(',');
    // "you also cancel", "can then cancel": one verb, no new request.
    if bare
        && !joint.to_lowercase().contains("and")
        && matches!(
            last.as_str(),
            "you"
                | "i"
                | "we"
                | "they"
                | "he"
                | "she"
                | "it"
                | "can"
                | "could"
                | "would"
                | "will"
                | "to"
                | "must"
                | "should"
        )
    {
        return true;
    }
    // "Has anyone asked to cancel it and return it": both verbs belong to what is asked about.
    let reported = REPORTED.captures(before).and_then(|found| found.get(1));
    if bare && reported.is_some_and(|verb| is_verb(&words::stem(&verb.as_str().to_lowercase()))) {
        return true;
    }
    let Some(condition) = CONDITION.find_iter(before).last() else { return false };
    if !bare || before[condition.end()..].contains(',') {
        return false;
    }
    if let Some(found) = FINITE.captures(rest) {
        // "and is over 100" goes on; "and is it red" asks.
        return !found.get(1).is_some_and(|next| {
            matches!(next.as_str().to_lowercase().as_str(), "it" | "they" | "you" | "i" | "we" | "there")
        });
    }
    // "and order total is over 100": a noun that could be a verb, with a verb of its own after it.
    !OBJECT.is_match(rest) && IN_CONDITION.is_match(rest)
}

fn begins_something(rest: &str, after_comma_only: bool) -> bool {
    let rest = &rest[LEAD.find(rest).map_or(0, |found| found.end())..];
    if REQUEST.is_match(rest) || PERMISSION.is_match(rest) || OTHERWISE.is_match(rest) || REFUSAL.is_match(rest) {
        return true;
    }
    let all = words::words(words::cut(rest, 120));
    let Some(first) = all.first() else { return false };
    if QUESTION.is_match(rest) {
        // "…, which is …" and "… and is red" go on; "and what is …" begins.
        let asks = matches!(
            first.text.as_str(),
            "what" | "when" | "where" | "who" | "how" | "why" | "is" | "are" | "does" | "do" | "did" | "will"
        );
        // "…, what is the price, and …": a new question also after a mere comma.
        let is_full = matches!(first.text.as_str(), "what" | "when" | "where" | "who" | "how" | "why")
            && all.get(1).is_some_and(|next| {
                matches!(
                    next.text.as_str(),
                    "is" | "are" | "was" | "were" | "does" | "do" | "did" | "much" | "many" | "will" | "would" | "can"
                )
            });
        return asks && (!after_comma_only || is_full) && all.len() > 1 && !matches!(all[1].text.as_str(), "a" | "not");
    }
    // A verb with an object: "and cancel it", "and book a room"; but not "search and rescue".
    is_verb(&first.stem) && all.len() > 1 && is_base_form(first)
}

fn is_base_form(word: &Word) -> bool {
    !(word.text.ends_with("ing")
        || word.text.ends_with("ed")
        || (word.text.ends_with('s') && !word.text.ends_with("ss")))
}

fn clause(part: &str) -> Clause {
    let mut core = part.to_owned();
    let mut condition = None;
    if let Some((found, rest)) = leading_condition(part) {
        core = rest.to_owned();
        condition = Some(found);
    } else if let Some(found) = CONDITION.captures(part)
        && let Some(whole) = found.get(0)
        && !part[..whole.start()].trim().is_empty()
        && let Some(end) = CONDITION_END.find_at(part, whole.end())
    {
        let inverted = found.get(1).is_some_and(|word| word.as_str().eq_ignore_ascii_case("unless"));
        condition = Some(Condition { text: part[whole.end()..end.start()].trim().to_owned(), inverted });
        core = format!("{}{}", part[..whole.start()].trim_end_matches([' ', ',']), &part[end.start()..]);
    }
    let mode = mode(&core);
    Clause { text: part.to_owned(), core, mode, condition }
}

/// How a clause speaks.
pub(super) fn mode(core: &str) -> Mode {
    let rest = &core[LEAD.find(core).map_or(0, |found| found.end())..];
    if REFUSAL.is_match(rest) {
        return Mode::Refusal;
    }
    if REQUEST.is_match(rest) {
        return Mode::Request;
    }
    if PERMISSION.is_match(rest) {
        return Mode::Permission;
    }
    if QUESTION.is_match(rest) || core.trim_end().ends_with('?') && !starts_with_verb(rest) {
        return Mode::Question;
    }
    if starts_with_verb(rest) { Mode::Request } else { Mode::Statement }
}

fn starts_with_verb(rest: &str) -> bool {
    words::words(words::cut(rest, 80)).first().is_some_and(|first| is_verb(&first.stem) && is_base_form(first))
}

/// A clause without politeness and without "can you", "I want to": what is to be done.
pub(super) fn deed(core: &str) -> &str {
    let mut rest = core.trim();
    loop {
        let lead = LEAD.find(rest).map_or(0, |found| found.end());
        let asked =
            REQUEST.find(&rest[lead..]).or_else(|| PERMISSION.find(&rest[lead..])).map_or(0, |found| found.end());
        if lead + asked == 0 {
            return rest.trim_end_matches(['?', '.', '!', ',', ' ']);
        }
        rest = rest[lead + asked..].trim_start();
    }
}

#[cfg(test)]
mod tests;
