//! Spans of a text that can be the value of a parameter: ids, numbers, money, dates, addresses, names, quoted text.

mod names;
mod numbers;

use names::names;
pub(super) use numbers::number;
use regex::Regex;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Most spans taken from one text.
const ENTITIES_MAX: usize = 200;

/// What a span looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Letters and digits mixed, as people name records: `A-482`.
    Id,
    /// A number, in digits or words.
    Number,
    /// A number with a currency.
    Money,
    /// A number with a percent sign.
    Percent,
    /// A day, absolute or relative.
    Date,
    /// A time of day.
    Time,
    /// An e-mail address.
    Email,
    /// A web address.
    Url,
    /// Text in quotation marks.
    Quoted,
    /// Capitalised words.
    Proper,
    /// A JSON list.
    List,
    /// A formula, such as `3x^2 + 2x`.
    Formula,
    /// People, counted or told one by one: "9 people", "me and my two sisters". Only looked for where a tool wants it.
    Party,
    /// The name of a currency. Only looked for where a tool wants it.
    Currency,
    /// A unit of two parts, such as `km/h`. Only looked for where a tool wants it.
    Unit,
}

impl Kind {
    /// Whether it has a numeric value.
    pub(super) fn is_numeric(self) -> bool {
        matches!(self, Self::Number | Self::Money | Self::Percent)
    }
}

/// A span.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entity {
    pub(super) kind: Kind,
    /// As written, without quotation marks.
    pub(super) text: String,
    /// Numeric value of numbers; a percentage as written (5 for 5 %).
    pub(super) number: Option<f64>,
    /// Parsed value of lists.
    pub(super) list: Option<Value>,
    /// First byte.
    pub(super) start: usize,
    /// Byte after the last.
    pub(super) end: usize,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is written here and tested")
}

const MONTHS: &str = "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?";
const DAYS: &str = "monday|tuesday|wednesday|thursday|friday|saturday|sunday";
/// Days of the week as they stand before a date.
const SHORT_DAYS: &str =
    "mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?";
const NUMBER: &str =
    r"[-−]?\d{1,3}(?:\.\d{3})+,\d{1,2}\b|[-−]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?";

/// Words that make up a number: "six hundred", "twenty-five", "two thousand and ten".
const NUMBER_WORD: &str = "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen)";

/// Patterns in order of precedence: what an earlier one takes, a later one leaves alone. Group 1, where there is one, is
/// the span.
static PATTERNS: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    let number = format!(r"(?:{NUMBER})(?:\s?(?:(?-i:k)|thousand|million|billion)\b)?");
    let spoken = format!(r"\b{NUMBER_WORD}(?:(?:\s+and\s+|[\s-]+){NUMBER_WORD})*\b");
    let weekday = format!(r"(?:\b(?:{SHORT_DAYS})[.,]*\s+(?:the\s+)?)?");
    let clock = format!(r"(?:\d{{1,2}}(?::\d{{2}})?(?:\s?[ap]\.?m\b\.?)?|{NUMBER_WORD}\b|noon|midnight)");
    vec![
        (Kind::List, pattern(r"\{[^{}]{1,2000}\}")),
        (Kind::List, pattern(r"\[[^\[\]]{0,2000}\]|\[(?:\s*\[[^\[\]]{0,500}\]\s*,?)+\s*\]")),
        (Kind::Quoted, pattern("\"([^\"\n]{1,300})\"|“([^”\n]{1,300})”|`([^`\n]{1,300})`")),
        (
            Kind::Quoted,
            pattern(r"(?:^|[\s(\[=:,])['‘]([^'’\n]{1,200}(?:['’][a-z][^'’\n]{0,200})?)['’](?:$|[\s.,;:!?)\]])"),
        ),
        (Kind::Email, pattern(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")),
        (Kind::Url, pattern(r"https?://[^\s<>]*[^\s<>.,;:!?)]")),
        (Kind::Date, pattern(r"\b\d{4}-\d{2}-\d{2}\b|\b(?:19|20)\d{2}/\d{1,2}/\d{1,2}\b")),
        (Kind::Date, pattern(r"\b\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})\b|\b\d{1,2}-\d{1,2}-\d{4}\b")),
        (
            Kind::Date,
            pattern(
                r"(?i)\bQ[1-4](?:(?:\s+of|\s*[/-])?\s*(?:19|20)\d{2})?\b|\b(?:19|20)\d{2}\s*[/-]?\s*Q[1-4]\b|\b(?:first|second|third|fourth|1st|2nd|3rd|4th|last|previous|past|this|current)\s+quarter\b(?:\s+(?:of\s+)?(?:19|20)\d{2}\b)?",
            ),
        ),
        (
            Kind::Date,
            pattern(&format!(r"(?i){weekday}\b(?:{MONTHS})(?:\.\s*|\s+)\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?\b")),
        ),
        (
            Kind::Date,
            pattern(&format!(
                r"(?i){weekday}\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{MONTHS})\b(?:,?\s+\d{{4}}\b)?"
            )),
        ),
        (Kind::Date, pattern(&format!(r"(?i)\b(?:{MONTHS})\.?,?\s+\d{{4}}\b"))),
        (
            Kind::Date,
            pattern(&format!(
                r"(?i)\b(?:(?:next|this|last|coming|on)\s+)?(?:{DAYS})\b(?:,?\s+the\s+\d{{1,2}}(?:st|nd|rd|th)\b)?|\b(?:next|this|last)\s+(?:week(?:end)?|month|year)\b|\bthis\s+(?:morning|afternoon|evening)\b"
            )),
        ),
        (
            Kind::Date,
            pattern(&format!(
                r"(?i)\b(?:the\s+day\s+after\s+tomorrow|(?:\d{{1,3}}|an?|{NUMBER_WORD})\s+(?:days?|weeks?|months?|years?)\s+from\s+(?:now|today|tomorrow)|today|tonight|tomorrow|yesterday)\b|\bin\s+(?:\d{{1,3}}|an?|{NUMBER_WORD})\s+(?:days?|weeks?|months?)\b"
            )),
        ),
        // "The 31st", but not "the 3rd floor".
        (
            Kind::Date,
            pattern(
                r"(?i)\b(?:the|on)\s+(\d{1,2}(?:st|nd|rd|th))(?:$|[.,;?!]|\s+(?:please|at|for|instead|would|is|if|works)\b)",
            ),
        ),
        (
            Kind::Time,
            pattern(&format!(
                r"(?i)\b(?:(?:half|(?:a\s+)?quarter|(?:\d{{1,2}}|{NUMBER_WORD})\s+minutes?)[\s-]+(?:past|to|before|after|till)\s+{clock}(?:\s+in\s+the\s+(?:morning|afternoon|evening))?|(?:\d{{1,2}}|{NUMBER_WORD})\s+past\s+{clock}|in\s+(?:an?|\d{{1,3}}|{NUMBER_WORD})\s+(?:hours?|minutes?)|\d{{1,2}}\.\d{{2}}\s?[ap]\.?m\b\.?|\d{{3,4}}\s?[ap]\.?m\b\.?|\d{{1,2}}ish\b|\d{{1,2}}\s?hrs?\b)"
            )),
        ),
        (
            Kind::Time,
            pattern(
                r"(?i)\b\d{1,2}(?::\d{2}){1,2}(?:\s?[ap]\.?m\b\.?)?|\b\d{1,2}\s?[ap]\.?m\b\.?|\b(?:noon|midnight)\b|\b\d{1,2}\s+o'clock\b",
            ),
        ),
        (Kind::Money, pattern(&format!(r"[$€£¥]\s?(?:{NUMBER})\s?[kKM]\b"))),
        (Kind::Money, pattern(&format!(r"(?i)[$€£¥]\s?(?:{number})"))),
        (Kind::Money, pattern(&format!(r"(?i)(?:{number})\s?[€£¥]"))),
        (
            Kind::Money,
            pattern(&format!(r"(?i)(?:{number})\s?(?:dollars?|euros?|pounds|yen|usd|eur|gbp|jpy|chf|bucks)\b")),
        ),
        (Kind::Money, pattern(&format!(r"(?i){spoken}\s(?:dollars?|euros?|pounds|yen|usd|eur|gbp|jpy|chf|bucks)\b"))),
        (Kind::Percent, pattern(&format!(r"(?:{NUMBER})\s?(?:%|percent\b|per cent\b)"))),
        // Tokens that begin with a digit and go on with letters and digits, and versions with two dots or more.
        (Kind::Id, pattern(r"\d+[A-Za-z]+\d[A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*|[0-9a-fA-F]{6,}|v?\d+(?:\.\d+){2,}")),
        (
            Kind::Formula,
            pattern(
                r"(?:\d*[a-z](?:\^|\*\*)[\d.()/-]+|\d+[a-z])(?:\s?[-+*/]\s?(?:\d*[a-z](?:(?:\^|\*\*)[\d.()/-]+)?|\d+))*",
            ),
        ),
        (
            Kind::Id,
            pattern(
                r"[A-Za-z]{1,15}(?:[-_/][A-Za-z0-9]+)*[-_]?\d[A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*|#[A-Za-z]{0,6}-?\d+",
            ),
        ),
        (
            Kind::Id,
            pattern(
                r"\d+[-_][A-Za-z0-9]*[A-Za-z][A-Za-z0-9_-]*|\d{2,}-\d{2,}(?:-\d{2,})+|\b(?:19|20)\d{2}[-/–](?:\d{4}|\d{2})\b|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}",
            ),
        ),
        // Names that programs give: `my_data`.
        (Kind::Quoted, pattern(r"\b[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z][A-Za-z0-9]*)+\b")),
        (Kind::Number, pattern(&format!(r"(?i)(?:{number})"))),
        (Kind::Number, pattern(&format!("(?i){spoken}"))),
    ]
});

/// Most texts whose spans are kept for the next time.
const KEPT_MAX: usize = 512;
/// Longest text whose spans are kept, in bytes.
const KEPT_BYTES_MAX: usize = 2_000;

thread_local! {
    /// A step reads the same few texts for every tool and parameter again, and the patterns are what costs most in it.
    static KEPT: RefCell<HashMap<String, Vec<Entity>>> = RefCell::new(HashMap::new());
}

/// All spans of a text, in order; they do not overlap.
pub(super) fn entities(text: &str) -> Vec<Entity> {
    if text.len() > KEPT_BYTES_MAX {
        return read(text);
    }
    if let Some(known) = KEPT.with_borrow(|kept| kept.get(text).cloned()) {
        return known;
    }
    let found = read(text);
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(text.to_owned(), found.clone());
    });
    found
}

fn read(text: &str) -> Vec<Entity> {
    let mut taken = vec![false; text.len()];
    let mut all = Vec::new();
    for (kind, regex) in PATTERNS.iter() {
        for found in regex.captures_iter(text) {
            if all.len() >= ENTITIES_MAX {
                break;
            }
            let Some(span) = found.iter().skip(1).flatten().next().or_else(|| found.get(0)) else { continue };
            let (start, end) = (span.start(), span.end());
            let free = !taken[start..end].contains(&true);
            if !free || !stands_alone(text, *kind, start, end) {
                continue;
            }
            let Some(entity) = entity(*kind, text, start, end) else { continue };
            taken[start..end].fill(true);
            all.push(entity);
        }
    }
    names(text, &mut taken, &mut all);
    all.sort_by_key(|entity| entity.start);
    all
}

/// Numbers, ids and formulas must not be the inside of a longer word.
fn stands_alone(text: &str, kind: Kind, start: usize, end: usize) -> bool {
    if !matches!(kind, Kind::Number | Kind::Id | Kind::Money | Kind::Percent | Kind::Formula) {
        return true;
    }
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    let open_before = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && (kind == Kind::Formula || c != '^'));
    // A unit may follow a number at once: 5kg, 298K.
    let open_after = match kind {
        Kind::Number => after.is_none_or(|c| !c.is_numeric()),
        _ => after.is_none_or(|c| !c.is_alphanumeric()),
    };
    open_before && open_after
}

fn entity(kind: Kind, text: &str, start: usize, end: usize) -> Option<Entity> {
    let raw = &text[start..end];
    let mut entity = Entity { kind, text: raw.trim().to_owned(), number: None, list: None, start, end };
    match kind {
        Kind::Number | Kind::Money | Kind::Percent => entity.number = Some(number(raw)?),
        Kind::List => entity.list = Some(list(raw)?),
        Kind::Date if entity.text.to_lowercase().starts_with("on ") => {
            entity.text.drain(..3);
        }
        // "1e6" and "1998" are numbers, "facade" is a word.
        Kind::Id if raw.chars().all(char::is_alphabetic) || raw.parse::<f64>().is_ok() => return None,
        Kind::Id => entity.text = entity.text.trim_start_matches('#').to_owned(),
        Kind::Formula if !raw.contains(['^', '*', '+', '-']) => return None,
        _ => {}
    }
    Some(entity)
}

fn list(raw: &str) -> Option<Value> {
    let json = serde_json::from_str(raw).or_else(|_| serde_json::from_str(&raw.replace('\'', "\""))).ok();
    let value: Value = json.or_else(|| super::python::literal(raw))?;
    (value.is_array() || value.as_object().is_some_and(|object| !object.is_empty())).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &[(Kind, &str)]) {
        let found = entities(text);
        let found: Vec<(Kind, &str)> = found.iter().map(|entity| (entity.kind, entity.text.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn finds_spans() {
        check("Where is order A-482?", &[(Kind::Id, "A-482")]);
        check("Refund order A-100, 620 dollars", &[(Kind::Id, "A-100"), (Kind::Money, "620 dollars")]);
        check("Open my calendar for next Monday.", &[(Kind::Date, "next Monday")]);
        check(
            "Book a table for two at 7 pm on March 5, 2027",
            &[(Kind::Number, "two"), (Kind::Time, "7 pm"), (Kind::Date, "March 5, 2027")],
        );
        check("Weather in Paris, France?", &[(Kind::Proper, "Paris, France")]);
        check(
            "Compare Rome, Oslo and Berlin",
            &[(Kind::Proper, "Rome"), (Kind::Proper, "Oslo"), (Kind::Proper, "Berlin")],
        );
        check(
            "Mail ana@example.com about \"the lamp\"",
            &[(Kind::Email, "ana@example.com"), (Kind::Quoted, "the lamp")],
        );
        check("a mass of 5kg at 8%", &[(Kind::Number, "5"), (Kind::Percent, "8%")]);
        check("Delete booking 8c1f2d3e", &[(Kind::Id, "8c1f2d3e")]);
        check(
            "id 3fa85f64 of 1.2.3 and 123456",
            &[(Kind::Id, "3fa85f64"), (Kind::Id, "1.2.3"), (Kind::Number, "123456")],
        );
        check("six hundred dollars", &[(Kind::Money, "six hundred dollars")]);
        check("npv of [1, 2, 3]", &[(Kind::List, "[1, 2, 3]")]);
        check("Who painted it in the Bank of America?", &[(Kind::Proper, "Bank of America")]);
    }

    #[test]
    fn reads_numbers() {
        for (raw, value) in [
            ("$1,200.50", 1200.5),
            ("5 %", 5.0),
            ("3 million", 3e6),
            ("10k", 1e4),
            ("twelve", 12.0),
            ("1e-9", 1e-9),
            ("-4", -4.0),
            ("six hundred dollars", 600.0),
            ("five hundred", 500.0),
            ("twenty-five", 25.0),
            ("two thousand and ten", 2010.0),
            ("three million", 3e6),
            ("1.000 dollars", 1000.0),
            ("1.000", 1000.0),
            ("1.000,50 euros", 1000.5),
            ("1.250.000", 1_250_000.0),
            ("0.125", 0.125),
            ("7.345", 7.345),
            ("64.00", 64.0),
        ] {
            assert_eq!(number(raw), Some(value), "{raw}");
        }
        assert_eq!(number("none"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in ".{0,120}") {
            for entity in entities(&text) {
                prop_assert!(text.get(entity.start..entity.end).is_some());
            }
        }
    }
}
