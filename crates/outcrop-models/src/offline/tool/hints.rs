//! Values that descriptions name as examples.

use crate::offline::clauses::sentences;
use regex::Regex;
use std::sync::LazyLock;

static QUOTED_HINT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:^|[\s(\[,/=:])(?:'([^'\n]{1,60})'|"([^"\n]{1,60})"|`([^`\n]{1,60})`)"#)
        .expect("the pattern is written here and tested")
});
static AFTER_EXAMPLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:\be\.?g\.?,?|\bfor example,?|\bsuch as|\bfor instance,?|\blike|\bexamples?:)\s+([^()\n;]{1,120})",
    )
    .expect("the pattern is written here and tested")
});

/// Values a description names: in quotation marks, or after "e.g.".
pub(super) fn hints(description: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut push = |text: &str| {
        let text = text.trim().trim_matches(['\'', '"', '`', '.', ')', ' ']).trim();
        if !text.is_empty() && all.len() < 30 && !all.iter().any(|known| known == text) {
            all.push(text.to_owned());
        }
    };
    for found in QUOTED_HINT.captures_iter(description) {
        if let Some(text) = found.iter().skip(1).flatten().next() {
            push(text.as_str());
        }
    }
    for found in AFTER_EXAMPLE.captures_iter(description) {
        let Some(rest) = found.get(1) else { continue };
        let sentence = sentences(rest.as_str()).into_iter().next().unwrap_or_default();
        for item in sentence.split(", ").flat_map(|item| item.split(" or ")).flat_map(|item| item.split(" and ")) {
            let item = item.trim();
            if item.split_whitespace().count() <= 3
                && !item.contains(['\'', '"'])
                && item != "etc"
                && !item.starts_with("etc.")
            {
                push(item.trim_start_matches("or ").trim_start_matches("and "));
            }
        }
    }
    all
}
