//! People as they are told: "9 people", "5 adults and 1 child", "me, my wife and our 3 kids".

use regex::Regex;
use std::sync::LazyLock;

static PARTY: LazyLock<Regex> = LazyLock::new(|| {
    const COUNT: &str = r"(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|eighteen|twenty|another|some)";
    const WHOSE: &str = r"(?:my|our|his|her|their|the)";
    const PERSON: &str = r"(?:people|persons?|adults?|kids?|child(?:ren)?|babies|baby|teens?|teenagers?|toddlers?|infants?|guests?|men|man|women|woman|lady|ladies|boys?|girls?|friends?|girlfriend|boyfriend|partner|wife|husband|spouse|mom|mum|mother|dad|father|parents?|grandparents?|brothers?|sisters?|sons?|daughters?|cousins?|uncles?|aunts?|nephews?|nieces?|coworkers?|co-workers?|colleagues?|boss|couples?|others|family|students?|seniors?|travelers|travellers|passengers)";
    let counted = format!(r"(?:{WHOSE}\s+)?(?:{COUNT}\s+)(?:[a-z]+\s+)?{PERSON}\b");
    let owned = format!(r"{WHOSE}\s+(?:{COUNT}\s+)?(?:[a-z]+\s+)?{PERSON}\b");
    let member =
        format!(r"(?:{counted}|{owned}|me|myself|I|wife|husband|(?:\d{{1,3}}|two|three|four|five|six)\s+others)");
    let joint = r"(?:\s*,\s*(?:and\s+|plus\s+)?|\s+(?:and|plus|with|&)\s+)";
    Regex::new(&format!(r"(?i)\b(?:{member}(?:{joint}{member}\b)+|{counted})"))
        .expect("the pattern is written here and tested")
});

/// The places of people in a text.
pub(super) fn parties(text: &str) -> impl Iterator<Item = (usize, usize)> {
    PARTY.find_iter(text).map(|found| (found.start(), found.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_people() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = parties(text).map(|(start, end)| &text[start..end]).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("a table for 9 people on Monday", &["9 people"]);
        check("There will be 5 adults and 1 child.", &["5 adults and 1 child"]);
        check("just me, my wife and our 3 kids", &["me, my wife and our 3 kids"]);
        check("me and 3 others", &["me and 3 others"]);
        check("Room for a couple?", &["a couple"]);
        check("a table for 11 of us", &[]);
        check("give me the time", &[]);
    }
}
