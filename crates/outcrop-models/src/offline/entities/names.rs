//! Names: capitalised words in a row, with what belongs to them.

use super::{ENTITIES_MAX, Entity, Kind, pattern};
use crate::offline::words::words;
use regex::Regex;
use std::sync::LazyLock;

static NAME_PART: LazyLock<Regex> = LazyLock::new(|| pattern(r"\p{Lu}[\p{L}\p{N}'’.&-]*"));

/// Capitalised words in a row, "Bank of America" and "Paris, France" included.
pub(super) fn names(text: &str, taken: &mut [bool], all: &mut Vec<Entity>) {
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
        // "…, Also list": a capital alone makes no name of a small word.
        let goes_on = text[end..].strip_prefix(' ').is_some_and(|rest| rest.starts_with(char::is_uppercase));
        let lower = text[found.start()..end].to_lowercase();
        if !goes_on && lower.len() > 1 && crate::offline::words::is_stop(&lower) && text[found.start()..end] != *"IT" {
            let follows_name = parts.last().is_some_and(|(_, last)| *last + 1 == found.start());
            if !follows_name {
                continue;
            }
        }
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
        if let Some(numbered) = numbered(text, start, end) {
            all.retain(|other| other.end <= end || other.start >= numbered);
            end = numbered;
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

static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^ (\d{1,4})(?:$|[.,;:?!)'’](?:\s|$)|['’]s\b|\s+(?:and|or|on|with|in|for|from|to|by|at)\b)")
});

/// "Apollo 11", "Windows 10": where a number after a name is part of it, the end of both. Years and what follows
/// initials are none.
fn numbered(text: &str, start: usize, end: usize) -> Option<usize> {
    let name = &text[start..end];
    let found = NUMBERED.captures(&text[end..])?.get(1)?;
    let is_year = found.as_str().len() == 4 && found.as_str().starts_with(['1', '2']);
    let is_short = name.chars().all(|c| !c.is_lowercase());
    (!is_year && !is_short).then(|| end + found.end())
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
        .is_none_or(|word| crate::offline::words::is_stop(&word.text) || crate::offline::clauses::is_verb(&word.stem));
    known || !next_is_capital
}
