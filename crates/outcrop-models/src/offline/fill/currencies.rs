//! Currencies by name, with their codes.

use regex::Regex;
use std::sync::LazyLock;

/// Words and codes.
const CURRENCIES: &[(&str, &str)] = &[
    (r"(?:us|u\.s\.|american|united\s+states)\s+dollars?", "USD"),
    (r"canadian\s+dollars?", "CAD"),
    (r"australian\s+dollars?", "AUD"),
    (r"singapore\s+dollars?", "SGD"),
    (r"new\s+zealand\s+dollars?", "NZD"),
    (r"hong\s+kong\s+dollars?", "HKD"),
    (r"(?:british\s+)?pounds?\s+sterling|british\s+pounds?", "GBP"),
    (r"(?:japanese\s+)?yen", "JPY"),
    (r"swiss\s+francs?", "CHF"),
    (r"(?:indian\s+)?rupees?", "INR"),
    (r"(?:chinese\s+)?(?:yuan|renminbi)", "CNY"),
    (r"mexican\s+pesos?", "MXN"),
    (r"(?:south\s+)?korean\s+won", "KRW"),
    (r"russian\s+rub(?:le|el)s?", "RUB"),
    (r"brazilian\s+reais|brazilian\s+real", "BRL"),
    (r"swedish\s+(?:krona|kronor)", "SEK"),
    (r"euros?", "EUR"),
    (r"dollars?", "USD"),
    (r"pounds?", "GBP"),
];

static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    let pattern = |text: &str| Regex::new(text).expect("the pattern is written here and tested");
    let named = CURRENCIES.iter().map(|(words, code)| (pattern(&format!(r"(?i)\b(?:{words})\b")), *code));
    let codes = [
        "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "INR", "CNY", "MXN", "KRW", "SGD", "NZD", "HKD", "SEK", "BRL",
        "RUB",
    ];
    named.chain(codes.into_iter().map(|code| (pattern(&format!(r"\b{code}\b")), code))).collect()
});

/// The code of a currency that a text names.
pub(super) fn code(text: &str) -> Option<&'static str> {
    PATTERNS.iter().find(|(pattern, _)| pattern.is_match(text)).map(|(_, code)| *code)
}

/// The places of currencies in a text, in order; none overlaps another.
pub(super) fn places(text: &str) -> Vec<(usize, usize)> {
    let mut all: Vec<(usize, usize)> = Vec::new();
    for (pattern, _) in PATTERNS.iter() {
        for found in pattern.find_iter(text) {
            if all.iter().all(|(start, end)| found.end() <= *start || *end <= found.start()) {
                all.push((found.start(), found.end()));
            }
        }
    }
    all.sort_unstable();
    all
}
