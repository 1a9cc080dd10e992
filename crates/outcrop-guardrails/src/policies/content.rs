//! Content filters: hate, insults, sexual content, violence, misconduct, prompt attacks.
//!
//! One linear classifier a category over the features of a text, trained by `examples/train.rs`. Its probability is
//! calibrated; confidence is a step of it, and strengths are thresholds on the confidence.

pub(crate) mod calibration;
pub mod weights;

use crate::assessment::{Action, FilterFinding};
use crate::config::{BlockAction, Confidence, Configuration, ContentFilter, FilterType, Source};
use crate::features::{Features, features_of};
use crate::text::floor_boundary;
use std::sync::LazyLock;
use weights::Model;

/// The policy, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    filters: Vec<ContentFilter>,
}

/// Text is judged in pieces of about this size, so that one bad sentence is not drowned in a long document.
const PIECE_BYTES: usize = 700;

static MODEL: LazyLock<Model> = LazyLock::new(|| Model::read(include_bytes!("../../data/content.weights")));

impl Content {
    pub(crate) fn compile(configuration: &Configuration) -> Self {
        Self { filters: configuration.filters.clone() }
    }

    pub(crate) fn is_configured(&self) -> bool {
        !self.filters.is_empty()
    }

    pub(crate) fn assess(&self, source: Source, texts: &[&str]) -> Vec<FilterFinding> {
        let wanted: Vec<&ContentFilter> = self
            .filters
            .iter()
            .filter(|filter| {
                filter.rule.for_source(source).is_some() && filter.strength(source) != crate::config::Strength::None
            })
            .collect();
        let mut scores = [0.0_f64; FilterType::ALL.len()];
        if !wanted.is_empty() {
            for text in texts {
                for (index, score) in scores_of(text, source).into_iter().enumerate() {
                    scores[index] = scores[index].max(score);
                }
            }
        }
        let finding = |filter: &&ContentFilter| {
            let score = scores[filter.r#type as usize];
            let confidence = confidence(score);
            let strength = filter.strength(source);
            let detected = strength.blocks(confidence);
            let blocks = detected && filter.rule.for_source(source) == Some(BlockAction::Block);
            FilterFinding {
                r#type: filter.r#type,
                confidence,
                strength,
                score,
                action: if blocks { Action::Blocked } else { Action::None },
                detected,
            }
        };
        wanted.iter().map(finding).collect()
    }
}

/// The step a probability reaches.
pub(crate) fn confidence(score: f64) -> Confidence {
    match score {
        score if score >= 0.85 => Confidence::High,
        score if score >= 0.7 => Confidence::Medium,
        score if score >= 0.5 => Confidence::Low,
        _ => Confidence::None,
    }
}

/// Probabilities of the categories for one text, in the order of [`FilterType::ALL`].
pub(crate) fn scores_of(text: &str, source: Source) -> [f64; FilterType::ALL.len()] {
    let mut scores = [0.0_f64; FilterType::ALL.len()];
    for piece in pieces(text) {
        let features = features_of(piece);
        for (index, score) in scores_of_features(&MODEL, &features, source).into_iter().enumerate() {
            scores[index] = scores[index].max(score);
        }
    }
    scores
}

pub(crate) fn scores_of_features(model: &Model, features: &Features, source: Source) -> [f64; FilterType::ALL.len()] {
    let mut scores = [0.0; FilterType::ALL.len()];
    for (index, score) in scores.iter_mut().enumerate() {
        *score = model.probability(index, features, 0.0);
    }
    // What others wrote has no business giving instructions: the same words weigh more there.
    if matches!(source, Source::ToolResult | Source::Passage) {
        let attack = FilterType::PromptAttack as usize;
        scores[attack] = model.probability(attack, features, calibration::foreign_shift(features));
    }
    scores
}

/// Cuts a text at ends of sentences or lines into pieces; each begins a little before the last one ended.
fn pieces(text: &str) -> Vec<&str> {
    if text.len() <= PIECE_BYTES + PIECE_BYTES / 2 {
        return vec![text];
    }
    let mut found = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let limit = floor_boundary(text, start + PIECE_BYTES);
        let end = if limit >= text.len() {
            text.len()
        } else {
            let floor = floor_boundary(text, start + PIECE_BYTES / 2);
            text[floor..limit].rfind(['.', '!', '?', '\n']).map_or(limit, |at| floor + at + 1)
        };
        found.push(&text[start..end]);
        start = end;
    }
    found
}
