//! Stretches of time as people name them: "Q3 2025", "the third quarter of 2025", "March 2026", "in 2025".

use super::dates::Day;
use regex::Regex;
use std::sync::LazyLock;

/// Most periods taken from one text.
const PERIODS_MAX: usize = 20;

/// A stretch of time in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// 1 to 4, where it is a quarter.
    pub(super) quarter: Option<u32>,
    /// As said; for a quarter or month without one that of today, where today is known.
    pub(super) year: Option<i64>,
    /// First and last day, where the year is known.
    pub(super) days: Option<(Day, Day)>,
    /// First byte.
    pub(super) start: usize,
    /// Byte after the last.
    pub(super) end: usize,
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is written here and tested")
}

const YEAR: &str = r"(?:19|20)\d{2}";

static QUARTER: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)\bQ([1-4])(?:(?:\s+of|\s*[/-])?\s*({YEAR}))?\b")));
static YEAR_FIRST: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)\b({YEAR})\s*[/-]?\s*Q([1-4])\b")));
static SPOKEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)\b(first|second|third|fourth|1st|2nd|3rd|4th|last|previous|past|this|current)\s+quarter(?:\s+(?:of\s+)?({YEAR}))?\b"
    ))
});
static MONTH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:uary|ruary|ch|il|e|y|ust|t|tember|ober|ember)?\.?,?\s+(?:of\s+)?({YEAR})\b"
    ))
});
static YEAR_ALONE: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)\b(?:in|of|for|during|from|year|all)\s+(?:the\s+year\s+)?({YEAR})\b")));

/// Names of months in their order, as far as they are told apart.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The periods of a text, in order; they do not overlap, and quarters come before the years inside them.
pub(super) fn periods(text: &str, today: Option<Day>) -> Vec<Period> {
    let mut all: Vec<Period> = Vec::new();
    // Most texts name none, and six patterns cost something.
    if !text.contains(|c: char| c.is_ascii_digit()) && !text.to_lowercase().contains("quarter") {
        return all;
    }
    let mut add = |period: Period| {
        let free = all.iter().all(|other| period.end <= other.start || other.end <= period.start);
        if free && all.len() < PERIODS_MAX {
            all.push(period);
        }
    };
    let which = |text: &str| text.parse::<u32>().ok();
    let year_of = |text: &str| text.parse::<i64>().ok();
    for found in YEAR_FIRST.captures_iter(text) {
        add(quarter(which(&found[2]), year_of(&found[1]), today, found.get(0)));
    }
    for found in QUARTER.captures_iter(text) {
        let year = found.get(2).and_then(|year| year_of(year.as_str()));
        add(quarter(which(&found[1]), year, today, found.get(0)));
    }
    for found in SPOKEN.captures_iter(text) {
        let year = found.get(2).and_then(|year| year_of(year.as_str()));
        let (number, of_year) = match (found[1].to_lowercase().as_str(), year) {
            ("first" | "1st", _) => (Some(1), year),
            ("second" | "2nd", _) => (Some(2), year),
            ("third" | "3rd", _) => (Some(3), year),
            // "The last quarter of 2025" is a part of that year, "the last quarter" the one before this.
            ("fourth" | "4th", _) | ("last", Some(_)) => (Some(4), year),
            ("this" | "current", None) => (today.map(Day::quarter), today.map(Day::year)),
            ("last" | "previous" | "past", None) => match today.map(|day| (day.quarter(), day.year())) {
                Some((1, year)) => (Some(4), Some(year - 1)),
                Some((quarter, year)) => (Some(quarter - 1), Some(year)),
                None => (None, None),
            },
            _ => (None, None),
        };
        if number.is_some() {
            add(quarter(number, of_year, today, found.get(0)));
        }
    }
    for found in MONTH.captures_iter(text) {
        let month = MONTHS.iter().position(|month| found[1].eq_ignore_ascii_case(month));
        let (Some(month), Some(year)) = (month.and_then(|month| u32::try_from(month + 1).ok()), year_of(&found[2]))
        else {
            continue;
        };
        // "May 5, 2026" is a day; the pattern wants the year right behind the month.
        add(span(None, Some(year), Day::months(year, month, month), found.get(0)));
    }
    for found in YEAR_ALONE.captures_iter(text) {
        let Some(year) = year_of(&found[1]) else { continue };
        // "From 2026-12-01" begins with a day.
        let goes_on = found.get(1).is_some_and(|year| text[year.end()..].starts_with(['-', '/', '.']));
        let is_date = goes_on
            && found.get(1).is_some_and(|year| text[year.end() + 1..].starts_with(|c: char| c.is_ascii_digit()));
        if is_date {
            continue;
        }
        add(span(None, Some(year), Day::months(year, 1, 12), found.get(1)));
    }
    all.sort_by_key(|period| period.start);
    all
}

fn quarter(quarter: Option<u32>, year: Option<i64>, today: Option<Day>, at: Option<regex::Match<'_>>) -> Period {
    let year = year.or_else(|| today.map(Day::year));
    let days = quarter.zip(year).and_then(|(quarter, year)| Day::months(year, quarter * 3 - 2, quarter * 3));
    span(quarter, year, days, at)
}

fn span(quarter: Option<u32>, year: Option<i64>, days: Option<(Day, Day)>, at: Option<regex::Match<'_>>) -> Period {
    let (start, end) = at.map_or((0, 0), |at| (at.start(), at.end()));
    Period { quarter, year, days, start, end }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = periods(text, Day::iso("2026-05-04"))
            .iter()
            .map(|period| {
                let days = period.days.map_or("?".to_owned(), |(from, to)| format!("{}..{}", from.text(), to.text()));
                format!("{}={days}", &text[period.start..period.end])
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn reads_periods() {
        check("invoices from Q1 2026", &["Q1 2026=2026-01-01..2026-03-31"]);
        check("the third quarter of 2025, please", &["third quarter of 2025=2025-07-01..2025-09-30"]);
        check("2024-Q4 and q2/2023", &["2024-Q4=2024-10-01..2024-12-31", "q2/2023=2023-04-01..2023-06-30"]);
        check("last quarter", &["last quarter=2026-01-01..2026-03-31"]);
        check("the last quarter of 2024", &["last quarter of 2024=2024-10-01..2024-12-31"]);
        check("this quarter", &["this quarter=2026-04-01..2026-06-30"]);
        check("in February 2024", &["February 2024=2024-02-01..2024-02-29"]);
        check("sales in 2025", &["2025=2025-01-01..2025-12-31"]);
        check("on May 5, 2026 for 2000 people", &["2000=2000-01-01..2000-12-31"]);
        check("from 2026-12-01 to 2026-12-03", &[]);
        check("a quarter of the cake", &[]);
    }

    #[test]
    fn without_a_year_and_without_today_the_days_are_open() {
        let found = periods("sales of Q3", None);
        assert_eq!((found[0].quarter, found[0].year, found[0].days), (Some(3), None, None));
        assert_eq!(periods("last quarter", None), []);
    }
}
