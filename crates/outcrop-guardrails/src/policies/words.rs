//! Words and phrases: custom lists and the managed list of profanity.
//!
//! Whole words only, whatever their case. Disguises are seen through (look-alike letters, leetspeak, drawn-out and
//! spaced-out letters, stars), but never inside another word: `Scunthorpe` and `assess` are harmless.

use crate::assessment::{Action, Span, WordFinding};
use crate::config::{BlockAction, Configuration, Rule, Source};
use crate::text::hash::WordHasher;
use crate::text::{self, char_at, fold};
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

/// Words that a phrase may have.
const PHRASE_WORDS_MAX: usize = 12;

/// How far a phrase can reach.
const PHRASE_BYTES_MAX: usize = 512;

/// The policy, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    custom: Arc<List>,
    custom_rules: Vec<Rule<BlockAction>>,
    profanity: Option<Rule<BlockAction>>,
}

impl Words {
    pub(crate) fn compile(configuration: &Configuration) -> Self {
        Self {
            custom: Arc::new(List::new(configuration.words.iter().map(|word| word.text.as_str()))),
            custom_rules: configuration.words.iter().map(|word| word.rule).collect(),
            profanity: configuration.managed_word_lists.first().map(|list| list.rule),
        }
    }

    pub(crate) fn is_configured(&self) -> bool {
        !self.custom_rules.is_empty() || self.profanity.is_some()
    }

    /// Custom and managed words of one text.
    pub(crate) fn assess(&self, source: Source, block: usize, text: &str) -> (Vec<WordFinding>, Vec<WordFinding>) {
        let profanity = self.profanity.and_then(|rule| rule.for_source(source));
        if self.custom_rules.is_empty() && profanity.is_none() {
            return (Vec::new(), Vec::new());
        }
        let finding = |bytes: Range<usize>, action: BlockAction| WordFinding {
            r#match: text[bytes.clone()].to_owned(),
            span: Span { block, bytes },
            action: match action {
                BlockAction::Block => Action::Blocked,
                BlockAction::None => Action::None,
            },
        };
        let (mut custom, mut managed) = (Vec::new(), Vec::new());
        for window in text::windows(text) {
            // A phrase may reach into the next window; it belongs to the one where it begins.
            let part = &text[window.start..text::floor_boundary(text, window.end + PHRASE_BYTES_MAX)];
            let pieces = pieces(part);
            let place = |bytes: Range<usize>| {
                (bytes.start + window.start < window.end).then(|| bytes.start + window.start..bytes.end + window.start)
            };
            if !self.custom_rules.is_empty() {
                for (bytes, entry) in self.custom.find(part, &pieces) {
                    if let (Some(action), Some(bytes)) = (self.custom_rules[entry].for_source(source), place(bytes)) {
                        custom.push(finding(bytes, action));
                    }
                }
            }
            if let Some(action) = profanity {
                managed.extend(
                    find_profanity(part, &pieces).into_iter().filter_map(place).map(|bytes| finding(bytes, action)),
                );
            }
        }
        (custom, managed)
    }
}

/// Where profanity stands in a text.
pub(crate) fn profanity(text: &str) -> Vec<Range<usize>> {
    find_profanity(text, &pieces(text))
}

fn find_profanity(text: &str, pieces: &[Piece]) -> Vec<Range<usize>> {
    let profanity = &*PROFANITY;
    let mut found: Vec<Range<usize>> = profanity
        .find(text, pieces)
        .into_iter()
        .map(|(bytes, _)| bytes)
        // "Dick" is a man's name.
        .filter(|bytes| {
            !matches!(&text[bytes.clone()], "Dick" | "Dicks" | "Cock" | "Cocks" | "Coon" | "Pratt" | "Wang")
        })
        .collect();
    for piece in pieces {
        if has_root(&piece.plain) || has_root(&piece.clear) || is_starred(text, piece) {
            found.push(piece.bytes.clone());
        }
    }
    for (bytes, word) in spelled_out(text, pieces) {
        if profanity.has(&word) || has_root(&word) {
            found.push(bytes);
        }
    }
    found.sort_by_key(|bytes| (bytes.start, std::cmp::Reverse(bytes.end)));
    let mut last_end = 0;
    found.retain(|bytes| {
        let keeps = bytes.start >= last_end;
        last_end = last_end.max(bytes.end);
        keeps
    });
    found
}

static PROFANITY: LazyLock<List> = LazyLock::new(|| {
    let entries = [include_str!("../../data/profanity.txt"), include_str!("../../data/profanity_own.txt")];
    List::new(entries.into_iter().flat_map(str::lines).filter(|line| !line.is_empty() && !line.starts_with('#')))
});

/// Parts that make any word profane, and the words they stand in by chance.
const ROOTS: [&str; 30] = [
    "fuck", "fukk", "fvck", "phuck", "fcuk", "shit", "cunt", "bitch", "biatch", "nigger", "nigga", "faggot", "asshole",
    "arsehole", "motherf", "cocksuck", "dickhead", "whore", "slut", "jizz", "wanker", "bullsh", "blowjob", "handjob",
    "cumshot", "gangbang", "tittie", "pissoff", "dumbass", "jackass",
];
const INNOCENT: [&str; 10] = [
    "scunthorpe",
    "shitake",
    "shiitake",
    "snigger",
    "mishit",
    "shittah",
    "shittim",
    "kushite",
    "cushite",
    "whorehound",
];

static ROOT: LazyLock<regex::Regex> = LazyLock::new(|| regex::Regex::new(&ROOTS.join("|")).expect("letters only"));

fn has_root(word: &str) -> bool {
    word.len() > 4
        && ROOT.is_match(word)
        && !INNOCENT.iter().any(|innocent| word.starts_with(innocent))
        && !is_name_with_shit(word)
}

/// Japanese and Indian names such as Yoshito, Takashita, Harshita: the letters s-h-i-t before a vowel or at a stem's end.
fn is_name_with_shit(word: &str) -> bool {
    let others = ROOTS.iter().any(|root| *root != "shit" && word.contains(root));
    !others
        && ["oshit", "ashit", "kshit", "ishit", "ushit", "rshit", "eshit"].iter().any(|part| word.contains(part))
        && !["batshit", "apeshit", "dogshit", "horseshit", "bullshit", "holyshit"]
            .iter()
            .any(|part| word.contains(part))
}

/// `f*ck`, `s**t`: stars for letters of a word that needs no other proof.
fn is_starred(text: &str, piece: &Piece) -> bool {
    const WORDS: [&str; 16] = [
        "fuck",
        "shit",
        "bitch",
        "cunt",
        "fucking",
        "fucker",
        "fucked",
        "asshole",
        "bullshit",
        "nigger",
        "faggot",
        "whore",
        "slut",
        "pussy",
        "motherfucker",
        "shitty",
    ];
    let raw = &text[piece.bytes.clone()];
    if !raw.contains(['*', '#', '%', '_']) {
        return false;
    }
    let chars: Vec<char> = raw.chars().map(fold::fold).collect();
    let letters = chars.iter().filter(|char| char.is_alphabetic()).count();
    letters >= 2
        && WORDS.iter().any(|word| {
            word.len() == chars.len()
                && chars
                    .iter()
                    .zip(word.chars())
                    .all(|(char, letter)| *char == letter || matches!(char, '*' | '#' | '%' | '_'))
                && chars[0].is_alphabetic()
        })
}

/// A run of letters, digits and signs that stand for letters.
pub(crate) struct Piece {
    pub(crate) bytes: Range<usize>,
    /// Folded letters and digits.
    pub(crate) plain: String,
    /// The same with leetspeak read as letters; empty when that changes nothing.
    pub(crate) clear: String,
    /// Other readings: letters that were drawn out cut to two and to one.
    pub(crate) cut: Vec<String>,
}

/// Cuts a text into pieces.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let is_letter = |char: char| char.is_alphanumeric() || crate::text::is_mark(char) || fold::is_invisible(char);
    let is_sign = |char: char| matches!(char, '@' | '$' | '!' | '|' | '+' | '€' | '*' | '！');
    let mut at = 0;
    while at < bytes.len() {
        let (char, width) = char_at(text, at);
        if !is_letter(char) && !is_sign(char) {
            at += width;
            continue;
        }
        let start = at;
        let mut inner_end = at;
        let mut inner_start = None;
        while at < bytes.len() {
            let (char, width) = char_at(text, at);
            if is_letter(char) {
                inner_start.get_or_insert(at);
                at += width;
                inner_end = at;
            } else if is_sign(char) {
                at += width;
            } else {
                break;
            }
        }
        let Some(inner_start) = inner_start else { continue };
        // A sign at the end may be punctuation ("shit!") or a letter ("a$$"); dollars and pluses are kept.
        let mut end = at;
        while end > inner_end && text[..end].ends_with(['!', '|', '*', '！', '@']) {
            end -= text[..end].chars().next_back().map_or(1, char::len_utf8);
        }
        let begin = if text[start..].starts_with(['@', '$']) { start } else { inner_start };
        found.push(Piece::read(text, begin..end));
    }
    found
}

impl Piece {
    fn read(text: &str, bytes: Range<usize>) -> Self {
        let mut plain = String::new();
        let mut clear = String::new();
        let mut has_sign = false;
        for char in text[bytes.clone()].chars() {
            if fold::is_invisible(char) || crate::text::is_mark(char) {
                continue;
            }
            let folded = fold::fold(char);
            match fold::unleet(folded) {
                Some(letter) => {
                    has_sign = true;
                    clear.push(letter);
                    if folded.is_alphanumeric() {
                        plain.push(folded);
                    }
                }
                None => {
                    clear.push(folded);
                    plain.push(folded);
                }
            }
        }
        // Digits alone are numbers, not leetspeak.
        if !has_sign || !plain.chars().any(char::is_alphabetic) && !text[bytes.clone()].contains(['@', '$', '!']) {
            clear.clear();
        }
        let base = if clear.is_empty() { &plain } else { &clear };
        let cut = drawn_out(base);
        Self { bytes, plain, clear, cut }
    }
}

/// Readings of a word with letters drawn out three times or more.
fn drawn_out(word: &str) -> Vec<String> {
    let mut longest = 0;
    let mut run = 0;
    let mut last = None;
    for char in word.chars() {
        run = if last == Some(char) { run + 1 } else { 1 };
        longest = longest.max(run);
        last = Some(char);
    }
    if longest < 3 || word.len() > 200 {
        return Vec::new();
    }
    [1, 2]
        .into_iter()
        .map(|keep| {
            let mut cut = String::new();
            let mut run = 0;
            let mut last = None;
            let mut pending = String::new();
            for char in word.chars().chain(['\0']) {
                if last == Some(char) {
                    run += 1;
                    pending.push(char);
                } else {
                    // Runs of two are spelling, longer ones are drawn out.
                    let kept = if run >= 3 { keep } else { run };
                    cut.extend(pending.chars().take(kept));
                    pending.clear();
                    pending.push(char);
                    run = 1;
                    last = Some(char);
                }
            }
            cut
        })
        .collect()
}

/// Words written with something between the letters: `f u c k`, `f.u.c.k`, `f-u-c-k`.
pub(crate) fn spelled_out(text: &str, pieces: &[Piece]) -> Vec<(Range<usize>, String)> {
    let single = |piece: &Piece| {
        (piece.clear.is_empty() && piece.plain.chars().count() == 1) || piece.clear.chars().count() == 1
    };
    let mut found = Vec::new();
    let mut index = 0;
    while index < pieces.len() {
        let mut last = index;
        let mut gap: Option<&str> = None;
        while single(&pieces[last]) && last + 1 < pieces.len() && single(&pieces[last + 1]) {
            let between = &text[pieces[last].bytes.end..pieces[last + 1].bytes.start];
            let even = gap.is_none_or(|gap| gap == between);
            if between.chars().count() > 2 || !even {
                break;
            }
            gap = Some(between);
            last += 1;
        }
        if last >= index + 2 {
            let word = pieces[index..=last]
                .iter()
                .map(|piece| if piece.clear.is_empty() { piece.plain.as_str() } else { piece.clear.as_str() })
                .collect();
            found.push((pieces[index].bytes.start..pieces[last].bytes.end, word));
        }
        index = last + 1;
    }
    found
}

/// Texts are only looked up, never put in, so no text can make entries collide.
type Hasher = BuildHasherDefault<WordHasher>;

/// Phrases by their folded words.
#[derive(Debug, Default)]
pub(crate) struct List {
    /// Folded words joined by a space, to the entry.
    phrases: HashMap<String, usize, Hasher>,
    /// First words, with the most words a phrase that begins so has.
    starts: HashMap<String, usize, Hasher>,
    /// Entries in scripts without spaces are looked for inside runs of text.
    inside: Vec<(String, usize)>,
}

impl List {
    pub(crate) fn new<'a>(entries: impl Iterator<Item = &'a str>) -> Self {
        let mut list = Self::default();
        for (index, entry) in entries.enumerate() {
            let pieces = pieces(entry);
            if pieces.is_empty() {
                continue;
            }
            if entry.chars().any(
                |char| matches!(char as u32, 0x0E00..=0x0E7F | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7AF),
            ) {
                list.inside.push((entry.chars().map(fold::fold).collect(), index));
                continue;
            }
            // "shi+" without its sign is another word.
            if pieces
                .iter()
                .all(|piece| piece.clear.is_empty() || piece.plain.chars().count() == piece.clear.chars().count())
            {
                list.add(&pieces.iter().map(|piece| piece.plain.as_str()).collect::<Vec<_>>(), index);
            }
            if pieces.iter().any(|piece| !piece.clear.is_empty()) {
                list.add(
                    &pieces
                        .iter()
                        .map(|piece| if piece.clear.is_empty() { piece.plain.as_str() } else { piece.clear.as_str() })
                        .collect::<Vec<_>>(),
                    index,
                );
            }
        }
        list
    }

    fn add(&mut self, words: &[&str], entry: usize) {
        if words.len() > PHRASE_WORDS_MAX
            || words.iter().any(|word| word.is_empty())
            || words.concat().chars().count() < 2
        {
            return;
        }
        let most = self.starts.entry(words[0].to_owned()).or_default();
        *most = (*most).max(words.len());
        self.phrases.entry(words.join(" ")).or_insert(entry);
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.phrases.contains_key(word)
    }

    /// Entries in a text, longest first at each place, without overlap.
    pub(crate) fn find(&self, text: &str, pieces: &[Piece]) -> Vec<(Range<usize>, usize)> {
        let mut found = Vec::new();
        let mut index = 0;
        while index < pieces.len() {
            match self.at(text, pieces, index) {
                Some((last, entry)) => {
                    found.push((pieces[index].bytes.start..pieces[last].bytes.end, entry));
                    index = last + 1;
                }
                None => index += 1,
            }
        }
        for (bytes, word) in spelled_out(text, pieces) {
            if let Some(entry) = self.phrases.get(&word) {
                found.push((bytes, *entry));
            }
        }
        if !self.inside.is_empty() {
            for piece in pieces {
                for (needle, entry) in &self.inside {
                    if piece.plain.contains(needle.as_str()) {
                        found.push((piece.bytes.clone(), *entry));
                    }
                }
            }
        }
        found
    }

    fn at(&self, text: &str, pieces: &[Piece], index: usize) -> Option<(usize, usize)> {
        let piece = &pieces[index];
        let readings = [Some(&piece.plain), Some(&piece.clear).filter(|clear| !clear.is_empty())]
            .into_iter()
            .flatten()
            .chain(&piece.cut);
        for first in readings {
            let Some(&most) = self.starts.get(first.as_str()) else { continue };
            let mut phrase = first.clone();
            let mut best = self.phrases.get(&phrase).map(|entry| (index, *entry));
            for last in index + 1..(index + most).min(pieces.len()) {
                let between = &text[pieces[last - 1].bytes.end..pieces[last].bytes.start];
                if between.chars().count() > 3
                    || between.contains(['.', '!', '?', ';', '\n']) && between.chars().count() > 1
                {
                    break;
                }
                phrase.push(' ');
                phrase.push_str(&pieces[last].plain);
                if let Some(entry) = self.phrases.get(&phrase) {
                    best = Some((last, *entry));
                }
            }
            if best.is_some() {
                return best;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_profanity(text: &str, expected: &[&str]) {
        let found: Vec<&str> = profanity(text).into_iter().map(|bytes| &text[bytes]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn disguises() {
        check_profanity("who the fuck is this", &["fuck"]);
        check_profanity("Oh FUUUUCK!", &["FUUUUCK"]);
        check_profanity("you f u c k", &["f u c k"]);
        check_profanity("f.u.c.k this", &["f.u.c.k"]);
        check_profanity("sh1t and sh!t and ѕhіt", &["sh1t", "sh!t", "ѕhіt"]);
        check_profanity("f*ck it", &["f*ck"]);
        check_profanity("son of a bitch", &["son of a bitch"]);
        check_profanity("s\u{200b}hit", &["s\u{200b}hit"]);
    }

    #[test]
    fn innocent_words() {
        for text in [
            "The class will assess the passage in Scunthorpe and Essex.",
            "Dick Cheney ate shiitake in Penistone; the cockpit crew had cocktails.",
            "An analysis of the analyst's assumptions, a bass guitar, and title 5.",
            "Mr. Harshit Takahashi saw a peacock, a blue tit and grape juice.",
            "I have 5 8 1 7 items, a b c d, and room 455.",
            "Hancock and Sussex County; document the circumstance.",
        ] {
            check_profanity(text, &[]);
        }
    }

    #[test]
    fn custom_words_are_whole() {
        let list = List::new(["Project Falcon", "acme", "機密"].into_iter());
        let find = |text: &str| {
            list.find(text, &pieces(text))
                .into_iter()
                .map(|(bytes, entry)| (text[bytes].to_owned(), entry))
                .collect::<Vec<_>>()
        };
        assert_eq!(find("the PROJECT  falcon is at Acme"), [("PROJECT  falcon".to_owned(), 0), ("Acme".to_owned(), 1)]);
        assert_eq!(find("acmes projects falconry"), []);
        assert_eq!(find("これは機密です").len(), 1);
    }
}
