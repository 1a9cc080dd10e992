//! Sensitive information: the 31 entity types of AWS, and custom patterns.

mod address;
mod checksums;
mod codes;
mod credentials;
mod cues;
mod lexicon;
mod names;
mod numbers;
mod shapes;

use crate::assessment::{Action, PiiFinding, RegexFinding, Span};
use crate::config::{Configuration, PiiType, Rule, SensitiveAction, Source};
use crate::guardrail::CompileError;
use crate::text::{self, WINDOW_BYTES, floor_boundary};
use std::ops::Range;

/// How much text around a position can decide what is found there. Every detector looks no further than this.
pub(crate) const REACH_BYTES: usize = 512;

/// A value found in a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entity {
    pub(crate) kind: PiiType,
    pub(crate) bytes: Range<usize>,
    pub(crate) score: f64,
}

impl Entity {
    fn new(kind: PiiType, bytes: Range<usize>, score: f64) -> Self {
        Self { kind, bytes, score }
    }
}

/// The policy, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Sensitive {
    entities: Vec<(PiiType, Rule<SensitiveAction>)>,
    regexes: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    name: String,
    text: String,
    regex: regex::Regex,
    rule: Rule<SensitiveAction>,
    /// How long a match can get; nothing when there is no bound.
    bytes_max: Option<usize>,
}

/// A place in a text that is replaced.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mask {
    pub(crate) bytes: Range<usize>,
    pub(crate) placeholder: String,
}

/// What was found in one text.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) entities: Vec<PiiFinding>,
    pub(crate) regexes: Vec<RegexFinding>,
    pub(crate) masks: Vec<Mask>,
}

impl Sensitive {
    pub(crate) fn compile(configuration: &Configuration) -> Result<Self, CompileError> {
        let regexes = configuration
            .regexes
            .iter()
            .map(|custom| {
                let refuse = |reason: String| CompileError::Regex { name: custom.name.clone(), reason };
                let regex = regex::RegexBuilder::new(&custom.pattern)
                    .size_limit(REGEX_BYTES_MAX)
                    .dfa_size_limit(REGEX_BYTES_MAX)
                    .build()
                    .map_err(|error| refuse(error.to_string()))?;
                let shape = regex_syntax::parse(&custom.pattern).map_err(|error| refuse(error.to_string()))?;
                Ok(Pattern {
                    name: custom.name.clone(),
                    text: custom.pattern.clone(),
                    regex,
                    rule: custom.rule,
                    bytes_max: shape.properties().maximum_len(),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            entities: configuration.pii_entities.iter().map(|entity| (entity.r#type, entity.rule)).collect(),
            regexes,
        })
    }

    pub(crate) fn has_entities(&self) -> bool {
        !self.entities.is_empty()
    }

    pub(crate) fn has_regexes(&self) -> bool {
        !self.regexes.is_empty()
    }

    fn action(&self, kind: PiiType, source: Source) -> Option<SensitiveAction> {
        self.entities.iter().find(|(known, _)| *known == kind).and_then(|(_, rule)| rule.for_source(source))
    }

    /// How many bytes before and after a position decide about it.
    pub(crate) fn reach(&self) -> usize {
        self.regexes
            .iter()
            .filter_map(|pattern| pattern.bytes_max)
            .max()
            .unwrap_or(0)
            .clamp(REACH_BYTES, 4 * REACH_BYTES)
    }

    /// Finds the values of one text. Spans name `block`.
    pub(crate) fn assess(&self, source: Source, block: usize, text: &str) -> Found {
        let mut found = Found::default();
        if !self.entities.is_empty() {
            for entity in detect(text) {
                let Some(action) = self.action(entity.kind, source) else { continue };
                if action == SensitiveAction::Anonymize {
                    found.masks.push(Mask {
                        bytes: entity.bytes.clone(),
                        placeholder: format!("{{{}}}", entity.kind.as_str()),
                    });
                }
                found.entities.push(PiiFinding {
                    r#type: entity.kind,
                    r#match: text[entity.bytes.clone()].to_owned(),
                    span: Span { block, bytes: entity.bytes },
                    score: entity.score,
                    action: action.into(),
                });
            }
        }
        for pattern in &self.regexes {
            let Some(action) = pattern.rule.for_source(source) else { continue };
            for matched in pattern.regex.find_iter(text).filter(|matched| !matched.is_empty()) {
                if action == SensitiveAction::Anonymize {
                    found.masks.push(Mask { bytes: matched.range(), placeholder: format!("{{{}}}", pattern.name) });
                }
                found.regexes.push(RegexFinding {
                    name: pattern.name.clone(),
                    regex: pattern.text.clone(),
                    r#match: matched.as_str().to_owned(),
                    span: Span { block, bytes: matched.range() },
                    action: action.into(),
                });
            }
        }
        found.masks = settle(std::mem::take(&mut found.masks));
        found
    }
}

/// What a custom pattern may take once compiled.
const REGEX_BYTES_MAX: usize = 4 << 20;

impl From<SensitiveAction> for Action {
    fn from(action: SensitiveAction) -> Self {
        match action {
            SensitiveAction::Block => Self::Blocked,
            SensitiveAction::Anonymize => Self::Anonymized,
            SensitiveAction::None => Self::None,
        }
    }
}

/// Masks that overlap become one, named after the longest, so that no piece of a value is left beside a placeholder.
fn settle(mut masks: Vec<Mask>) -> Vec<Mask> {
    masks.sort_by_key(|mask| (mask.bytes.start, std::cmp::Reverse(mask.bytes.end)));
    let mut settled: Vec<(Mask, usize)> = Vec::with_capacity(masks.len());
    for mask in masks {
        let length = mask.bytes.len();
        match settled.last_mut() {
            Some((last, longest)) if mask.bytes.start < last.bytes.end => {
                last.bytes.end = last.bytes.end.max(mask.bytes.end);
                if length > *longest {
                    *longest = length;
                    last.placeholder = mask.placeholder;
                }
            }
            _ => settled.push((mask, length)),
        }
    }
    settled.into_iter().map(|(mask, _)| mask).collect()
}

/// A text with its masks in place.
pub(crate) fn masked(text: &str, masks: &[Mask]) -> String {
    let mut output = String::with_capacity(text.len());
    let mut at = 0;
    for mask in masks {
        output.push_str(&text[at..mask.bytes.start]);
        output.push_str(&mask.placeholder);
        at = mask.bytes.end;
    }
    output.push_str(&text[at..]);
    output
}

/// All values of a text, in order, without overlap.
pub(crate) fn detect(text: &str) -> Vec<Entity> {
    if text.len() <= WINDOW_BYTES {
        return detect_window(text);
    }
    let mut found: Vec<Entity> = Vec::new();
    for window in text::windows(text) {
        let from = floor_boundary(text, window.start.saturating_sub(REACH_BYTES));
        let to = floor_boundary(text, window.end + 2 * REACH_BYTES);
        for entity in detect_window(&text[from..to]) {
            let bytes = entity.bytes.start + from..entity.bytes.end + from;
            let is_new = found.last().is_none_or(|last| last.bytes.end <= bytes.start);
            if is_new && bytes.start < window.end && bytes.end > window.start {
                found.push(Entity { bytes, ..entity });
            }
        }
    }
    found
}

fn detect_window(text: &str) -> Vec<Entity> {
    let mut tokens = text::tokens(text);
    lexicon::annotate(text, &mut tokens);
    let mut found = Vec::new();
    shapes::find(text, &tokens, &mut found);
    numbers::find(text, &tokens, &mut found);
    numbers::find_mixed(text, &tokens, &mut found);
    codes::find(text, &tokens, &mut found);
    credentials::find(text, &tokens, &mut found);
    address::find(text, &tokens, &mut found);
    names::find(text, &tokens, &mut found);
    without_overlap(text, found)
}

/// Of values that overlap the surer one stays; of equally sure ones the longer.
fn without_overlap(text: &str, mut found: Vec<Entity>) -> Vec<Entity> {
    let rank = |entity: &Entity| match entity.kind {
        // What is part of an address is no name, age or number of its own; but no address holds a card or an e-mail.
        PiiType::Address if entity.bytes.len() >= 12 => 2,
        PiiType::Name | PiiType::Age | PiiType::Address => 0,
        PiiType::Url | PiiType::Email => 4,
        PiiType::Phone if entity.score < 0.85 => 1,
        _ if entity.score >= 0.85 => 3,
        _ => 1,
    };
    found.sort_by(|a, b| {
        let by_rank = rank(b).cmp(&rank(a));
        by_rank
            .then(b.score.total_cmp(&a.score))
            .then(b.bytes.len().cmp(&a.bytes.len()))
            .then(a.bytes.start.cmp(&b.bytes.start))
    });
    let mut taken = std::collections::BTreeMap::<usize, Entity>::new();
    for mut entity in found {
        if entity.kind == PiiType::Address {
            // Surer values cut an address short.
            if let Some((start, _)) = taken.range(entity.bytes.start..entity.bytes.end).next() {
                entity.bytes.end = *start;
            }
            let kept = text[entity.bytes.clone()].trim_end_matches(|char: char| !char.is_alphanumeric()).len();
            entity.bytes.end = entity.bytes.start + kept;
            if kept < 4 || !text[entity.bytes.clone()].contains(char::is_alphabetic) {
                continue;
            }
        }
        let before = taken.range(..entity.bytes.end).next_back();
        if before.is_none_or(|(_, before)| before.bytes.end <= entity.bytes.start) {
            taken.insert(entity.bytes.start, entity);
        }
    }
    taken.into_values().collect()
}
