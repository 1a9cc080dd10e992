//! Denied topics: how near a text is to the definition and the examples of a topic.
//!
//! Nearness is by words (weighed by how rare they are in everyday requests) and by a small embedding of words that is
//! trained from public requests to assistants. Both are calibrated together, so that 0.5 is the point of doubt.

pub mod background;

use crate::assessment::{Action, TopicFinding};
use crate::config::{BlockAction, Configuration, Rule, Source};
use crate::text::{self, floor_boundary, stem};
use background::{Background, Vector};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static BACKGROUND: LazyLock<Background> =
    LazyLock::new(|| Background::read(include_bytes!("../../data/topics.background")));

/// From this score on a text is about the topic.
const DETECTED: f64 = 0.5;

/// Longer texts are judged in pieces.
const PIECE_BYTES: usize = 400;

/// The policy, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Topics {
    topics: Vec<Compiled>,
}

#[derive(Clone, Debug)]
struct Compiled {
    name: String,
    rule: Rule<BlockAction>,
    profile: Profile,
}

impl Topics {
    pub(crate) fn compile(configuration: &Configuration) -> Self {
        let topics = configuration.topics.iter().map(|topic| Compiled {
            name: topic.name.clone(),
            rule: topic.rule,
            profile: Profile::new(
                &BACKGROUND,
                &topic.name,
                &topic.definition,
                topic.examples.iter().map(String::as_str),
            ),
        });
        Self { topics: topics.collect() }
    }

    pub(crate) fn is_configured(&self) -> bool {
        !self.topics.is_empty()
    }

    pub(crate) fn assess(&self, source: Source, texts: &[&str]) -> Vec<TopicFinding> {
        let wanted: Vec<(&Compiled, BlockAction)> = self
            .topics
            .iter()
            .filter_map(|topic| topic.rule.for_source(source).map(|action| (topic, action)))
            .collect();
        let mut scores = vec![0.0_f64; wanted.len()];
        for piece in texts.iter().flat_map(|text| pieces(text)) {
            let words = Words::of(&BACKGROUND, piece);
            for (score, (topic, _)) in scores.iter_mut().zip(&wanted) {
                *score = score.max(probability(&topic.profile.features(&words)));
            }
        }
        wanted
            .into_iter()
            .zip(scores)
            .map(|((topic, action), score)| {
                let detected = score >= DETECTED;
                let blocks = detected && action == BlockAction::Block;
                TopicFinding {
                    name: topic.name.clone(),
                    score,
                    action: if blocks { Action::Blocked } else { Action::None },
                    detected,
                }
            })
            .collect()
    }
}

fn pieces(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let limit = floor_boundary(text, start + PIECE_BYTES);
        let end = if limit >= text.len() {
            text.len()
        } else {
            text[start..limit].rfind(['.', '!', '?', '\n', ' ']).map_or(limit, |at| start + at + 1)
        };
        found.push(&text[start..end]);
        start = end;
    }
    found
}

/// Stems of the words that say something, each once.
pub fn stems_of(text: &str) -> std::collections::BTreeSet<String> {
    let mut lower = String::new();
    let mut stems = std::collections::BTreeSet::new();
    for token in text::tokens(text) {
        text::lower_into(token.of(text), &mut lower);
        if token.kind != text::Kind::Digits && lower.len() >= 2 && !stem::is_stop(&lower) {
            stems.insert(stem::stem(&lower).to_owned());
        }
    }
    stems
}

/// A text as weighted stems and one vector.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Ordered, so that sums come out the same on every run.
    stems: BTreeMap<u64, f32>,
    norm: f32,
    vector: Vector,
}

impl Words {
    /// Reads a text.
    pub fn of(background: &Background, text: &str) -> Self {
        let mut words = Self::default();
        for stem in stems_of(text) {
            let key = background::key(&stem);
            let (idf, vector) = background.get(key);
            if let Some(vector) = vector {
                for (sum, value) in words.vector.iter_mut().zip(vector) {
                    *sum += f32::from(*value) * idf;
                }
            }
            words.stems.insert(key, idf);
        }
        words.norm = words.stems.values().map(|idf| idf * idf).sum::<f32>().sqrt();
        normalise(&mut words.vector);
        words
    }

    fn cosine(&self, other: &Self) -> f32 {
        if self.norm == 0.0 || other.norm == 0.0 {
            return 0.0;
        }
        let shared: f32 =
            self.stems.iter().filter(|(key, _)| other.stems.contains_key(key)).map(|(_, idf)| idf * idf).sum();
        shared / (self.norm * other.norm)
    }

    fn nearness(&self, other: &Self) -> f32 {
        self.vector.iter().zip(&other.vector).map(|(a, b)| a * b).sum()
    }
}

fn normalise(vector: &mut Vector) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in vector {
            *value /= length;
        }
    }
}

/// A topic, read once.
#[derive(Clone, Debug)]
pub struct Profile {
    definition: Words,
    examples: Vec<Words>,
    all: Words,
    /// How often a stem stands in the examples, for weight.
    counts: BTreeMap<u64, f32>,
}

/// How many numbers describe a text beside a topic.
pub(crate) const FEATURES: usize = 8;

impl Profile {
    /// Reads name, definition and examples.
    pub fn new<'t>(
        background: &Background,
        name: &str,
        definition: &str,
        examples: impl Iterator<Item = &'t str>,
    ) -> Self {
        let definition = Words::of(background, &format!("{name}. {definition}"));
        let examples: Vec<Words> = examples.map(|example| Words::of(background, example)).collect();
        let mut counts: BTreeMap<u64, f32> = BTreeMap::new();
        for words in examples.iter().chain([&definition]) {
            for key in words.stems.keys() {
                *counts.entry(*key).or_default() += 1.0;
            }
        }
        let mut all = Words::default();
        for words in examples.iter().chain([&definition, &definition]) {
            all.stems.extend(&words.stems);
            for (sum, value) in all.vector.iter_mut().zip(&words.vector) {
                *sum += value;
            }
        }
        normalise(&mut all.vector);
        Self { definition, examples, all, counts }
    }

    /// What the probability is made of; every number from 0 to about 1.
    pub fn features(&self, words: &Words) -> [f32; FEATURES] {
        let total: f32 = words.stems.values().sum();
        let covered = |by: &dyn Fn(&u64) -> bool| {
            if total == 0.0 {
                0.0
            } else {
                words.stems.iter().filter(|(key, _)| by(key)).map(|(_, idf)| idf).sum::<f32>() / total
            }
        };
        let strongest = words
            .stems
            .iter()
            .filter(|(key, _)| self.definition.stems.contains_key(key))
            .map(|(_, idf)| *idf)
            .fold(0.0, f32::max);
        let repeated = words
            .stems
            .iter()
            .filter_map(|(key, idf)| self.counts.get(key).map(|count| idf * (count - 1.0).min(3.0)))
            .fold(0.0, f32::max);
        let nearest = self.examples.iter().map(|example| example.nearness(words)).fold(0.0, f32::max);
        let closest = self.examples.iter().map(|example| example.cosine(words)).fold(0.0, f32::max);
        [
            self.definition.cosine(words),
            closest,
            covered(&|key| self.all.stems.contains_key(key)),
            strongest,
            repeated / 3.0,
            nearest,
            self.all.nearness(words),
            self.definition.nearness(words),
        ]
    }
}

/// Weights of the features and the constant, fitted by `examples/train.rs`.
const WEIGHTS: [f64; FEATURES] = include!("../../data/topics.fit");
const BIAS: f64 = include!("../../data/topics.bias");

/// The first features, which need no vectors, fitted alone: topics that the vectors know nothing of live by their words.
const WORDS: usize = 5;
const WORDS_WEIGHTS: [f64; WORDS] = include!("../../data/topics.words.fit");
const WORDS_BIAS: f64 = include!("../../data/topics.words.bias");

fn probability(features: &[f32; FEATURES]) -> f64 {
    let sum = |weights: &[f64]| -> f64 {
        features.iter().zip(weights).map(|(value, weight)| f64::from(*value) * weight).sum()
    };
    let log_odds = (sum(&WEIGHTS) + BIAS).max(sum(&WORDS_WEIGHTS) + WORDS_BIAS);
    1.0 / (1.0 + (-log_odds).exp())
}
