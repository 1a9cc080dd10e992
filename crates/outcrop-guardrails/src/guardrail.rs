//! A guardrail: all policies over the blocks of one request.

use crate::assessment::{Action, Assessment, Block, Coverage, Usage, Verdict};
use crate::config::{Configuration, Source};
use crate::policies::content::Content;
use crate::policies::grounding::Grounding;
use crate::policies::sensitive::{self, Sensitive};
use crate::policies::topics::Topics;
use crate::policies::words::Words;
use crate::stream::Masker;
use std::sync::Arc;

/// Why a configuration cannot become a guardrail.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// A custom pattern does not parse, uses look-around, or is too large.
    #[error("regex `{name}` is not valid: {reason}")]
    Regex {
        /// The pattern's name.
        name: String,
        /// What the parser says.
        reason: String,
    },
    /// A grounding threshold outside 0 to 0.99.
    #[error("threshold {threshold} is not between 0 and 0.99")]
    Threshold {
        /// The value.
        threshold: f64,
    },
}

/// Characters in a text unit.
const UNIT_CHARS: u64 = 1_000;

/// Compiled policies. Cheap to clone, free of locks, to be shared.
#[derive(Clone, Debug)]
pub struct Guardrail {
    policies: Arc<Policies>,
}

#[derive(Debug)]
struct Policies {
    topics: Topics,
    content: Content,
    words: Words,
    sensitive: Sensitive,
    grounding: Grounding,
}

impl Guardrail {
    /// Compiles a configuration. Counts and lengths are the business of the API's constraints; what is checked here is
    /// what only compiling can tell.
    pub fn compile(configuration: &Configuration) -> Result<Self, CompileError> {
        if let Some(filter) = configuration.grounding.iter().find(|filter| !(0.0..=0.99).contains(&filter.threshold)) {
            return Err(CompileError::Threshold { threshold: filter.threshold });
        }
        Ok(Self {
            policies: Arc::new(Policies {
                topics: Topics::compile(configuration),
                content: Content::compile(configuration),
                words: Words::compile(configuration),
                sensitive: Sensitive::compile(configuration)?,
                grounding: Grounding::compile(configuration),
            }),
        })
    }

    /// Assesses the blocks of one request. Grounding is assessed for [`Source::Output`] only.
    pub fn assess(&self, source: Source, blocks: &[Block<'_>]) -> Assessment {
        let policies = &*self.policies;
        let guarded: Vec<(usize, &str)> = blocks
            .iter()
            .enumerate()
            .filter(|(_, block)| block.is_guarded())
            .map(|(index, block)| (index, block.text))
            .collect();
        let texts: Vec<&str> = guarded.iter().map(|(_, text)| *text).collect();
        let mut assessment = Assessment {
            verdict: Verdict::Pass,
            topics: policies.topics.assess(source, &texts),
            filters: policies.content.assess(source, &texts),
            custom_words: Vec::new(),
            managed_words: Vec::new(),
            pii_entities: Vec::new(),
            regexes: Vec::new(),
            grounding: if source == Source::Output { policies.grounding.assess(blocks) } else { Vec::new() },
            outputs: Vec::with_capacity(texts.len()),
            usage: Usage::default(),
            coverage: Coverage::default(),
        };
        for (block, text) in &guarded {
            let (custom, managed) = policies.words.assess(source, *block, text);
            assessment.custom_words.extend(custom);
            assessment.managed_words.extend(managed);
            let found = policies.sensitive.assess(source, *block, text);
            assessment.pii_entities.extend(found.entities);
            assessment.regexes.extend(found.regexes);
            assessment.outputs.push(sensitive::masked(text, &found.masks));
        }
        let chars = |text: &str| text.chars().count() as u64;
        assessment.coverage = Coverage {
            guarded: texts.iter().map(|text| chars(text)).sum(),
            total: blocks.iter().map(|block| chars(block.text)).sum(),
        };
        assessment.usage = policies.usage(&assessment);
        assessment.verdict = verdict(&assessment);
        assessment
    }

    /// Masks a text that comes in pieces, so that no value leaks at the border of two.
    pub fn masker(&self, source: Source) -> Masker {
        Masker::new(self.clone(), source)
    }

    pub(crate) fn sensitive(&self) -> &Sensitive {
        &self.policies.sensitive
    }
}

impl Policies {
    fn usage(&self, assessment: &Assessment) -> Usage {
        let units = |configured: bool, chars: u64| if configured { chars.div_ceil(UNIT_CHARS) } else { 0 };
        let guarded = assessment.coverage.guarded;
        Usage {
            topic_policy_units: units(self.topics.is_configured(), guarded),
            content_policy_units: units(self.content.is_configured(), guarded),
            word_policy_units: units(self.words.is_configured(), guarded),
            sensitive_information_policy_units: units(self.sensitive.has_entities(), guarded),
            sensitive_information_policy_free_units: units(self.sensitive.has_regexes(), guarded),
            contextual_grounding_policy_units: units(
                self.grounding.is_configured() && !assessment.grounding.is_empty(),
                assessment.coverage.total,
            ),
        }
    }
}

pub(crate) fn verdict(assessment: &Assessment) -> Verdict {
    let actions = (assessment.topics.iter().map(|finding| finding.action))
        .chain(assessment.filters.iter().map(|finding| finding.action))
        .chain(assessment.custom_words.iter().map(|finding| finding.action))
        .chain(assessment.managed_words.iter().map(|finding| finding.action))
        .chain(assessment.pii_entities.iter().map(|finding| finding.action))
        .chain(assessment.regexes.iter().map(|finding| finding.action))
        .chain(assessment.grounding.iter().map(|finding| finding.action));
    match actions.max() {
        Some(Action::Blocked) => Verdict::Blocked,
        Some(Action::Anonymized) => Verdict::Masked,
        _ => Verdict::Pass,
    }
}
