//! Spans of a text that can be the value of a parameter: ids, numbers, money, dates, addresses, names, quoted text.

use super::words::words;
use regex::Regex;
use serde_json::Value;
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
const NUMBER: &str =
    r"[-−]?\d{1,3}(?:\.\d{3})+,\d{1,2}\b|[-−]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?";

/// Words that make up a number: "six hundred", "twenty-five", "two thousand and ten".
const NUMBER_WORD: &str = "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|dozen)";

/// Patterns in order of precedence: what an earlier one takes, a later one leaves alone. Group 1, where there is one, is
/// the span.
static PATTERNS: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    let number = format!(r"(?:{NUMBER})(?:\s?(?:(?-i:k)|thousand|million|billion)\b)?");
    let spoken = format!(r"\b{NUMBER_WORD}(?:(?:\s+and\s+|[\s-]+){NUMBER_WORD})*\b");
    vec![
        (Kind::List, pattern(r"\[[^\[\]]{0,2000}\]|\[(?:\s*\[[^\[\]]{0,500}\]\s*,?)+\s*\]")),
        (Kind::Quoted, pattern("\"([^\"\n]{1,300})\"|“([^”\n]{1,300})”|`([^`\n]{1,300})`")),
        (
            Kind::Quoted,
            pattern(r"(?:^|[\s(\[=:,])['‘]([^'’\n]{1,200}(?:['’][a-z][^'’\n]{0,200})?)['’](?:$|[\s.,;:!?)\]])"),
        ),
        (Kind::Email, pattern(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")),
        (Kind::Url, pattern(r"https?://[^\s<>]*[^\s<>.,;:!?)]")),
        (Kind::Date, pattern(r"\b\d{4}-\d{2}-\d{2}\b")),
        (Kind::Date, pattern(r"\b\d{1,2}/\d{1,2}/(?:\d{4}|\d{2})\b|\b\d{1,2}-\d{1,2}-\d{4}\b")),
        (
            Kind::Date,
            pattern(
                r"(?i)\bQ[1-4](?:(?:\s+of|\s*[/-])?\s*(?:19|20)\d{2})?\b|\b(?:19|20)\d{2}\s*[/-]?\s*Q[1-4]\b|\b(?:first|second|third|fourth|1st|2nd|3rd|4th|last|previous|past|this|current)\s+quarter\b(?:\s+(?:of\s+)?(?:19|20)\d{2}\b)?",
            ),
        ),
        (Kind::Date, pattern(&format!(r"(?i)\b(?:{MONTHS})(?:\.\s*|\s+)\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?\b"))),
        (
            Kind::Date,
            pattern(&format!(r"(?i)\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{MONTHS})\b(?:,?\s+\d{{4}}\b)?")),
        ),
        (Kind::Date, pattern(&format!(r"(?i)\b(?:{MONTHS})\.?,?\s+\d{{4}}\b"))),
        (
            Kind::Date,
            pattern(&format!(
                r"(?i)\b(?:(?:next|this|last|coming|on)\s+)?(?:{DAYS})\b|\b(?:next|this|last)\s+(?:week(?:end)?|month|year)\b"
            )),
        ),
        (
            Kind::Date,
            pattern(
                r"(?i)\b(?:the\s+day\s+after\s+tomorrow|today|tonight|tomorrow|yesterday)\b|\bin\s+\d{1,3}\s+(?:days?|weeks?|months?)\b",
            ),
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
        (Kind::Number, pattern(&format!(r"(?i)(?:{number})"))),
        (Kind::Number, pattern(&format!("(?i){spoken}"))),
    ]
});

static NAME_PART: LazyLock<Regex> = LazyLock::new(|| pattern(r"\p{Lu}[\p{L}\p{N}'’.&-]*"));

/// All spans of a text, in order; they do not overlap.
pub(super) fn entities(text: &str) -> Vec<Entity> {
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
    let value: Value = serde_json::from_str(raw).or_else(|_| serde_json::from_str(&raw.replace('\'', "\""))).ok()?;
    value.is_array().then_some(value)
}

/// The number in a text such as `$1,200`, `5 %`, `3 million`, `ten`, `six hundred`. `None` when it is none or not finite.
pub(super) fn number(raw: &str) -> Option<f64> {
    let lower = raw.to_lowercase();
    if !lower.contains(|c: char| c.is_ascii_digit()) {
        return spoken_number(&lower);
    }
    let digits: String = lower
        .chars()
        .map(|c| if c == '−' { '-' } else { c })
        .filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | 'e' | '+'))
        .collect();
    let exponent =
        lower.contains('e') && lower.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e'));
    let plain: String = digits.chars().filter(|c| !matches!(c, 'e' | '+')).collect();
    let base: f64 = if exponent {
        digits.replace(',', "").parse().ok()?
    } else {
        let named = ["dollar", "euro", "pound", "yen", "usd", "eur", "gbp", "jpy", "chf", "bucks"];
        let scaled = ["thousand", "million", "billion"].iter().any(|word| lower.contains(word));
        let is_money =
            !scaled && (lower.contains(['$', '€', '£', '¥']) || named.iter().any(|name| lower.contains(name)));
        let plain = plain.trim_end_matches(['.', ',']);
        match thousands(plain, is_money) {
            Some(grouped) => grouped.parse().ok()?,
            None => plain.replace(',', "").parse().ok()?,
        }
    };
    let scale = match () {
        () if lower.contains("billion") => 1e9,
        () if lower.contains("million") => 1e6,
        () if lower.contains("thousand") && base < 1e6 => 1e3,
        () if raw.trim_end().ends_with('k') => 1e3,
        // Beside a currency a K is no kelvin.
        () if raw.trim_end().ends_with('K') && raw.contains(['$', '€', '£', '¥']) => 1e3,
        () if raw.trim_end().ends_with('M') && raw.contains(['$', '€', '£', '¥']) => 1e6,
        () => 1.0,
    };
    let value = base * scale;
    value.is_finite().then_some(value)
}

/// "1.000" and "1.000,50": a dot that parts thousands. Nobody gives an amount of money to a tenth of a cent, and nobody
/// writes one as "1.000".
fn thousands(plain: &str, is_money: bool) -> Option<String> {
    let (whole, cents) = plain.split_once(',').map_or((plain, ""), |(whole, cents)| (whole, cents));
    let mut groups = whole.trim_start_matches('-').split('.');
    let first = groups.next()?;
    let groups: Vec<&str> = groups.collect();
    let grouped = !groups.is_empty()
        && groups.iter().all(|group| group.len() == 3)
        && (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && (cents.is_empty() || cents.len() <= 2);
    let sure = is_money || !cents.is_empty() || groups.len() > 1 || groups.iter().all(|group| *group == "000");
    (grouped && sure).then(|| format!("{}.{}", whole.replace('.', ""), if cents.is_empty() { "0" } else { cents }))
}

/// "six hundred", "two thousand and ten". `None` when a word is no number; units after it do not matter.
fn spoken_number(text: &str) -> Option<f64> {
    let (mut total, mut group, mut seen, mut least) = (0.0, 0.0, false, f64::INFINITY);
    for word in text.split(|c: char| c.is_whitespace() || c == '-').filter(|word| !word.is_empty()) {
        let Some(value) = word_number(word) else {
            if seen && word == "and" {
                continue;
            }
            break;
        };
        match value {
            100.0 => group = if group == 0.0 { 100.0 } else { group * 100.0 },
            1e3 | 1e6 | 1e9 => {
                total += if group == 0.0 { value } else { group * value };
                group = 0.0;
            }
            // "one two" is no number; "twenty two" is.
            _ if value >= least => return None,
            _ => group += value,
        }
        least = match value {
            20.0.. if value < 100.0 => 10.0,
            _ if value < 20.0 => 0.0,
            _ => f64::INFINITY,
        };
        seen = true;
    }
    seen.then_some(total + group)
}

fn word_number(word: &str) -> Option<f64> {
    let value = match word {
        "one" => 1,
        "two" => 2,
        "three" => 3,
        "four" => 4,
        "five" => 5,
        "six" => 6,
        "seven" => 7,
        "eight" => 8,
        "nine" => 9,
        "ten" => 10,
        "eleven" => 11,
        "twelve" | "dozen" => 12,
        "thirteen" => 13,
        "fourteen" => 14,
        "fifteen" => 15,
        "sixteen" => 16,
        "seventeen" => 17,
        "eighteen" => 18,
        "nineteen" => 19,
        "twenty" => 20,
        "thirty" => 30,
        "forty" => 40,
        "fifty" => 50,
        "sixty" => 60,
        "seventy" => 70,
        "eighty" => 80,
        "ninety" => 90,
        "hundred" => 100,
        "thousand" => 1000,
        "million" => 1_000_000,
        "billion" => 1_000_000_000,
        _ => return None,
    };
    Some(f64::from(value))
}

/// Capitalised words in a row, "Bank of America" and "Paris, France" included.
fn names(text: &str, taken: &mut [bool], all: &mut Vec<Entity>) {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for found in NAME_PART.find_iter(text) {
        let mut end = found.end();
        while end > found.start()
            && text[..end].ends_with(['.', '-', '\'', '’', '&'])
            && !is_initial(&text[found.start()..end])
        {
            end -= text[..end].chars().next_back().map_or(1, char::len_utf8);
        }
        for possessive in ["'s", "’s"] {
            if text[found.start()..end].ends_with(possessive) {
                end -= possessive.len();
            }
        }
        let inside_word = text[..found.start()].chars().next_back().is_some_and(char::is_alphanumeric);
        let free = end > found.start() && !taken[found.start()..end].contains(&true);
        if free && !inside_word && !opens_sentence_only(text, found.start(), end) {
            parts.push((found.start(), end));
        }
    }
    let mut index = 0;
    while index < parts.len() && all.len() < ENTITIES_MAX {
        let (start, mut end) = parts[index];
        index += 1;
        let mut commas = 0;
        while let Some(&(next_start, next_end)) = parts.get(index) {
            let between = &text[end..next_start];
            let place = between == ", "
                && commas == 0
                && !is_listed(text, next_end)
                && !text[..start].trim_end().ends_with(',');
            if !matches!(between, " " | " of " | " of the " | " the " | " de " | " in the ") && !place {
                break;
            }
            if between == " the " && !text[start..end].ends_with(':') {
                break;
            }
            if between == " in the " && !text[start..end].contains(' ') {
                break;
            }
            commas += usize::from(place);
            end = next_end;
            index += 1;
        }
        let next = text[end..]
            .strip_prefix(' ')
            .map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default());
        if let Some(landmark) = next.filter(|next| LANDMARKS.contains(next)) {
            end += 1 + landmark.len();
        }
        taken[start..end].fill(true);
        all.push(Entity {
            kind: Kind::Proper,
            text: text[start..end].to_owned(),
            number: None,
            list: None,
            start,
            end,
        });
    }
}

const TITLES: &[&str] = &["Dr.", "Mr.", "Mrs.", "Ms.", "St.", "Prof."];

/// Nouns that belong to the name of a place before them.
const LANDMARKS: &[&str] = &[
    "river",
    "rainforest",
    "forest",
    "lake",
    "mountain",
    "mountains",
    "park",
    "valley",
    "island",
    "islands",
    "ocean",
    "sea",
    "desert",
    "bay",
    "beach",
    "university",
    "museum",
    "airport",
    "bridge",
    "tower",
    "street",
    "avenue",
    "square",
];

fn is_initial(part: &str) -> bool {
    part.len() == 2 || part.matches('.').count() > 1 || TITLES.contains(&part)
}

/// Whether a list goes on after `end`: then a comma before it parted two things and did not join "city, state".
fn is_listed(text: &str, end: usize) -> bool {
    let rest = &text[end..];
    let list_goes_on = rest.starts_with(", and ") || rest.starts_with(" and ") || rest.starts_with(" or ");
    let another = rest.strip_prefix(", ").is_some_and(|rest| rest.chars().next().is_some_and(char::is_uppercase));
    (list_goes_on || another)
        && rest
            .trim_start_matches([',', ' '])
            .trim_start_matches("and ")
            .trim_start_matches("or ")
            .chars()
            .next()
            .is_some_and(char::is_uppercase)
}

/// Whether a capital says nothing because a sentence begins there with an ordinary word, or the word is "I".
fn opens_sentence_only(text: &str, start: usize, end: usize) -> bool {
    let word = text[start..end].to_lowercase();
    if word == "i" || word.starts_with("i'") || word.starts_with("i’") {
        return true;
    }
    let before = text[..start].trim_end_matches(['"', '\'', ' ', '(', '“', '\n']);
    if TITLES.iter().any(|title| before.ends_with(title)) {
        return false;
    }
    let opens = before.is_empty() || before.ends_with(['.', '!', '?', ':', ';']);
    if !opens {
        return false;
    }
    // At the beginning of a sentence only a run of capitals, a capital inside, or an unknown word could be a name.
    let next_is_capital =
        text[end..].strip_prefix(' ').and_then(|rest| rest.chars().next()).is_some_and(char::is_uppercase);
    let known = words(&word)
        .first()
        .is_none_or(|word| super::words::is_stop(&word.text) || super::clauses::is_verb(&word.stem));
    known || !next_is_capital
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
