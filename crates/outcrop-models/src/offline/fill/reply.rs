//! What a short reply to the question for one value says: "it's at 6, please" is "6" where a time was asked for.

use super::party;
use crate::offline::entities::{Entity, Kind, entities};
use crate::offline::fill::Part;
use crate::offline::tool::Parameter;
use regex::Regex;
use std::sync::LazyLock;

static OPENING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?ix)^(?:[\s,.!-]|(?:um+|uh+|oh|ok(?:ay)?|yes|yeah|yep|sure|well|so|actually|sorry|hi|hello|no)\b
        |(?:it|that|this|they)(?:['’]s|\ is|\ was|\ will\ be|\ would\ be|\ should\ be|['’]ll\ be)\b|(?:my|the|your)\ [\w-]+(?:\ [\w-]+)?\ (?:is|was)\b|i(?:['’]m|\ am)(?:\ called)?\b
        |(?:you\ can\ )?call\ me\b|(?:please\ )?use(?:\ the\ name)?\b|(?:make|have)\ (?:it|that)\b|(?:some\ ?time|any\ ?time)\b|under(?:\ the\ name)?\b
        |(?:just|only|maybe|probably|about|around|at|on|for|in|to|with|by|of|named|called|let(?:['’]s)?\ (?:say|go\ with)|how\ about|i(?:['’]d|\ would)\ (?:like|prefer)|i\ (?:want|need|prefer|choose)|say|the)\b)+")
        .expect("the pattern is written here and tested")
});
static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:[\s,.!?]|\b(?:please|thanks|thank\s+you|then|would\s+(?:be|do)\s+\w+|is\s+(?:fine|good|okay|ok|perfect|great)|works?(?:\s+(?:for\s+(?:me|us)|best|well))?|will\s+(?:be|do)(?:\s+fine)?)\b)+$")
        .expect("the pattern is written here and tested")
});

/// The value in a reply to a question for one text; `None` where the reply holds none of the kind.
pub(super) fn value(parameter: &Parameter, reply: &str) -> Option<String> {
    let found = entities(reply);
    let first = |kind: Kind| found.iter().find(|entity| entity.kind == kind);
    let text = |entity: &Entity| entity.text.clone();
    let wants = |words: &[&'static str]| parameter.named(words);
    if parameter.is_headcount() {
        if let Some((start, end)) = party::parties(reply).next() {
            return reply.get(start..end).map(str::to_owned);
        }
        if let Some(number) = first(Kind::Number) {
            return Some(text(number));
        }
    }
    if wants(&["date", "day", "birthday", "deadline", "checkin", "checkout"])
        && let Some(date) = first(Kind::Date)
    {
        return Some(text(date));
    }
    if wants(&["time", "hour", "datetime"])
        && let Some(time) = first(Kind::Time).or_else(|| first(Kind::Number))
    {
        return Some(text(time));
    }
    let rest = bare(reply);
    let words: Vec<&str> = rest.split([' ', ',']).filter(|word| !word.is_empty() && *word != "and").collect();
    match (parameter.name_part(), words.as_slice()) {
        (Some(Part::First), [first, ..]) if words.len() <= 4 => Some((*first).to_owned()),
        (Some(Part::Last), [.., last]) if words.len() <= 4 => Some((*last).to_owned()),
        _ => (!rest.is_empty()).then(|| rest.to_owned()),
    }
}

/// A reply without the words around what it says.
fn bare(reply: &str) -> &str {
    let from = OPENING.find(reply).map_or(0, |found| found.end());
    let rest = reply.get(from..).unwrap_or_default();
    let to = CLOSING.find(rest).map_or(rest.len(), |found| found.start());
    let inner = rest.get(..to).unwrap_or(rest).trim();
    // A reply of nothing but such words is what it says.
    if inner.is_empty() { reply.trim().trim_end_matches(['.', '!', '?']) } else { inner }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_lose_their_wrapping() {
        for (reply, said) in [
            ("It's a leather sofa, please.", "leather sofa"),
            ("The colour is deep red", "deep red"),
            ("I am called Ana Silva", "Ana Silva"),
            ("please", "please"),
            ("Irmgard", "Irmgard"),
        ] {
            assert_eq!(bare(reply).trim_start_matches("a "), said, "{reply}");
        }
    }
}
