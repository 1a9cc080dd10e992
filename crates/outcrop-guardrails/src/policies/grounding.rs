//! Contextual grounding: does the answer rest on the source, and is it about the question?
//!
//! An answer is grounded when its words, its numbers and its names stand in the source, in runs rather than singly, and
//! when it does not deny what the source says. The parts are joined by weights that `examples/train.rs` fits.

use crate::assessment::{Action, Block, GroundingFinding, Qualifier};
use crate::config::{BlockAction, Configuration, GroundingFilter, GroundingType};
use crate::text::{self, Kind, Token, stem};
use std::collections::{HashMap, HashSet};

/// Longer texts are cut, as AWS refuses them: source, query, answer, in characters.
pub(crate) const SOURCE_CHARS_MAX: usize = 100_000;

/// The policy, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Grounding {
    filters: Vec<GroundingFilter>,
}

impl Grounding {
    pub(crate) fn compile(configuration: &Configuration) -> Self {
        Self { filters: configuration.grounding.iter().copied().filter(|filter| filter.enabled).collect() }
    }

    pub(crate) fn is_configured(&self) -> bool {
        !self.filters.is_empty()
    }

    /// Findings, when there is a source, a query and an answer; nothing otherwise.
    pub(crate) fn assess(&self, blocks: &[Block<'_>]) -> Vec<GroundingFinding> {
        let having = |qualifier: Qualifier| {
            blocks
                .iter()
                .filter(move |block| block.qualifiers.contains(&qualifier))
                .map(|block| block.text)
                .collect::<Vec<_>>()
                .join("\n")
        };
        let (source, query) = (having(Qualifier::GroundingSource), having(Qualifier::Query));
        let is_material = |block: &&Block<'_>| {
            block.qualifiers.contains(&Qualifier::GroundingSource) || block.qualifiers.contains(&Qualifier::Query)
        };
        let answer =
            blocks.iter().filter(|block| !is_material(block)).map(|block| block.text).collect::<Vec<_>>().join("\n");
        if self.filters.is_empty() || source.is_empty() || query.is_empty() || answer.trim().is_empty() {
            return Vec::new();
        }
        let finding = |filter: &GroundingFilter| {
            let score = match filter.r#type {
                GroundingType::Grounding => grounding(&source, &answer),
                GroundingType::Relevance => relevance(&source, &query, &answer),
            };
            let detected = score < filter.threshold;
            let blocks = detected && filter.action == BlockAction::Block;
            GroundingFinding {
                r#type: filter.r#type,
                threshold: filter.threshold,
                score,
                action: if blocks { Action::Blocked } else { Action::None },
                detected,
            }
        };
        self.filters.iter().map(finding).collect()
    }
}

/// How many numbers describe an answer beside a source.
pub(crate) const FEATURES: usize = 12;

const WEIGHTS: [f64; FEATURES] = include!("../../data/grounding.fit");
const BIAS: f64 = include!("../../data/grounding.bias");

/// 0 to 1: the answer rests on the source.
pub(crate) fn grounding(source: &str, answer: &str) -> f64 {
    let sum: f64 =
        grounding_features(source, answer).iter().zip(WEIGHTS).map(|(value, weight)| f64::from(*value) * weight).sum();
    1.0 / (1.0 + (-(sum + BIAS)).exp())
}

/// A text as words.
struct Reading {
    /// All words in small letters.
    words: Vec<String>,
    /// Stems of the words with content, in order.
    content: Vec<String>,
    numbers: Vec<String>,
    names: Vec<String>,
    negations: usize,
}

impl Reading {
    fn of(text: &str) -> Self {
        let mut reading =
            Self { words: Vec::new(), content: Vec::new(), numbers: Vec::new(), names: Vec::new(), negations: 0 };
        let tokens = text::tokens(text);
        let mut lower = String::new();
        for (index, token) in tokens.iter().enumerate() {
            text::lower_into(token.of(text), &mut lower);
            let word = plain(&lower);
            if is_negation(&word) {
                reading.negations += 1;
            }
            if token.kind == Kind::Digits
                || token.kind == Kind::Mixed && word.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
            {
                reading.numbers.push(word.trim_start_matches('0').to_owned());
            } else if let Some(number) = number_word(&word) {
                reading.numbers.push(number.to_owned());
            }
            let begins = index == 0 || text[tokens[index - 1].end..token.start].contains(['.', '!', '?', '\n', '"']);
            if is_name(token, begins) {
                reading.names.push(stem::stem(&word).to_owned());
            }
            if !stem::is_stop(&word)
                && word.len() > 1
                && !matches!(
                    word.as_str(),
                    "n't"
                        | "nt"
                        | "ve"
                        | "re"
                        | "ll"
                        | "don"
                        | "doesn"
                        | "didn"
                        | "isn"
                        | "yeah"
                        | "sure"
                        | "wow"
                        | "hey"
                        | "hi"
                        | "haha"
                )
            {
                reading.content.push(stem::stem(&word).to_owned());
            }
            reading.words.push(word);
        }
        reading
    }
}

fn plain(word: &str) -> String {
    word.chars().filter(|char| !text::is_mark(*char)).map(text::fold::fold).collect()
}

fn is_name(token: &Token, begins: bool) -> bool {
    token.kind == Kind::Word && token.case != text::Case::Lower && !begins && token.len() > 1
}

fn is_negation(word: &str) -> bool {
    matches!(word, "not" | "no" | "never" | "none" | "nor" | "neither" | "without" | "cannot" | "nobody" | "nothing")
        || word.ends_with("n't")
        || word == "nt"
}

fn number_word(word: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 20] = [
        ("two", "2"),
        ("three", "3"),
        ("four", "4"),
        ("five", "5"),
        ("six", "6"),
        ("seven", "7"),
        ("eight", "8"),
        ("nine", "9"),
        ("ten", "10"),
        ("eleven", "11"),
        ("twelve", "12"),
        ("twenty", "20"),
        ("thirty", "30"),
        ("forty", "40"),
        ("fifty", "50"),
        ("hundred", "100"),
        ("thousand", "1000"),
        ("million", "1000000"),
        ("dozen", "12"),
        ("billion", "1000000000"),
    ];
    WORDS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number)
}

/// What the grounding score is made of; every number from 0 to about 1.
pub fn grounding_features(source: &str, answer: &str) -> [f32; FEATURES] {
    let source_text = &source[..text::floor_boundary(source, 4 * SOURCE_CHARS_MAX)];
    let source = Reading::of(source_text);
    let answer = &answer[..text::floor_boundary(answer, 4 * SOURCE_CHARS_MAX)];
    let answer_reading = Reading::of(answer);
    let stems: HashSet<&str> =
        source.content.iter().map(String::as_str).chain(source.words.iter().map(|word| stem::stem(word))).collect();
    let prefixes: HashSet<&str> = source.content.iter().filter_map(|stem| stem.get(..5)).collect();
    let initials = initials(&source.words);
    let has = |stem: &str| {
        stems.contains(stem) || stem.get(..5).is_some_and(|prefix| prefixes.contains(prefix)) || initials.contains(stem)
    };
    let share = |hits: usize, all: usize| if all == 0 { 1.0 } else { hits as f32 / all as f32 };
    let content = &answer_reading.content;
    let hits = content.iter().filter(|stem| has(stem)).count();
    let weight = |stem: &String| (stem.len() as f32).min(9.0);
    let total: f32 = content.iter().map(weight).sum();
    let weighted =
        if total == 0.0 { 0.0 } else { content.iter().filter(|stem| has(stem)).map(weight).sum::<f32>() / total };
    let source_pairs: HashSet<(&str, &str)> =
        source.words.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
    let pairs = answer_reading
        .words
        .windows(2)
        .filter(|pair| source_pairs.contains(&(pair[0].as_str(), pair[1].as_str())))
        .count();
    let all_words: HashSet<&str> = source.words.iter().map(String::as_str).collect();
    let words = answer_reading.words.iter().filter(|word| all_words.contains(word.as_str())).count();
    let numbers: HashSet<&String> = source.numbers.iter().collect();
    let wrong_numbers = answer_reading.numbers.iter().filter(|number| !numbers.contains(number)).count();
    let wrong_names = answer_reading.names.iter().filter(|name| !has(name)).count();
    let negated = (answer_reading.negations % 2 != source.negations % 2) && answer_reading.negations > source.negations;
    let personal =
        answer_reading.words.iter().any(|word| matches!(word.as_str(), "i" | "my" | "me" | "i'm" | "i've" | "im"));
    let opinion = answer_reading.words.windows(2).any(|pair| {
        pair[0] == "i"
            && matches!(
                pair[1].as_str(),
                "think"
                    | "love"
                    | "like"
                    | "have"
                    | "am"
                    | "was"
                    | "never"
                    | "would"
                    | "wish"
                    | "hope"
                    | "guess"
                    | "believe"
                    | "prefer"
                    | "agree"
                    | "'ve"
                    | "'m"
                    | "really"
                    | "just"
                    | "heard"
            )
    });
    let asks = answer.contains('?');
    let misses = content.len() - hits;
    [
        share(hits, content.len()),
        weighted,
        share(pairs, answer_reading.words.len().saturating_sub(1)),
        share(words, answer_reading.words.len()),
        f32::from(u8::from(wrong_numbers > 0)),
        f32::from(u8::from(wrong_names > 0)),
        f32::from(u8::from(negated)),
        f32::from(u8::from(opinion)) * (1.0 - weighted),
        f32::from(u8::from(asks)) * (1.0 - weighted),
        longest_run(&answer_reading.words, &source.words),
        (misses as f32 / 4.0).min(1.5),
        // "I can confirm that …" is how assistants speak; talk about oneself beside the source is not.
        f32::from(u8::from(personal)) * (1.0 - weighted),
    ]
}

/// "us" for "united states": first letters of neighbouring words.
fn initials(words: &[String]) -> HashSet<String> {
    let first = |word: &String| word.chars().next().unwrap_or(' ');
    let pairs = words.windows(2).map(|pair| pair.iter().map(first).collect());
    let triples = words.windows(3).map(|triple| triple.iter().map(first).collect());
    pairs.chain(triples).collect()
}

/// The share of the answer that is its longest run of words in the source. Only places where a word pair meets are
/// followed, and no further than the answer is long.
fn longest_run(answer: &[String], source: &[String]) -> f32 {
    const PLACES_MAX: usize = 16;
    let mut places: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (at, pair) in source.windows(2).enumerate() {
        let list = places.entry((pair[0].as_str(), pair[1].as_str())).or_default();
        if list.len() < PLACES_MAX {
            list.push(at);
        }
    }
    let mut longest = 0;
    let mut at = 0;
    while at + 1 < answer.len() {
        let mut best = 1;
        for place in places.get(&(answer[at].as_str(), answer[at + 1].as_str())).into_iter().flatten() {
            let run = answer[at..].iter().zip(&source[*place..]).take_while(|(a, b)| a == b).count();
            best = best.max(run);
        }
        longest = longest.max(if best > 1 { best } else { 0 });
        at += best;
    }
    if answer.is_empty() { 0.0 } else { longest as f32 / answer.len() as f32 }
}

/// How much the query's words, and what the source says about them, are met by the answer.
pub fn relevance_features(source: &str, query: &str, answer: &str) -> [f32; 3] {
    let (source, query, answer) = (
        Reading::of(&source[..text::floor_boundary(source, 4 * SOURCE_CHARS_MAX)]),
        Reading::of(query),
        Reading::of(answer),
    );
    let answered: HashSet<&String> = answer.content.iter().collect();
    let asked: HashSet<&String> = query.content.iter().collect();
    let told: HashSet<&String> = source.content.iter().collect();
    let share = |hits: usize, all: usize| if all == 0 { 0.0 } else { hits as f32 / all as f32 };
    let echoed = share(asked.iter().filter(|stem| answered.contains(*stem)).count(), asked.len());
    let from_source = share(answered.iter().filter(|stem| told.contains(*stem)).count(), answered.len());
    // The source itself is about the question: then an answer from it is, too.
    let source_about = share(asked.iter().filter(|stem| told.contains(*stem)).count(), asked.len());
    [echoed, from_source, source_about]
}

/// 0 to 1: the answer is about the question.
pub(crate) fn relevance(source: &str, query: &str, answer: &str) -> f64 {
    let [echoed, from_source, source_about] = relevance_features(source, query, answer).map(f64::from);
    let through_source = from_source * source_about;
    let nearness = echoed.max(through_source);
    1.0 / (1.0 + (-(9.0 * nearness - 2.2)).exp())
}
