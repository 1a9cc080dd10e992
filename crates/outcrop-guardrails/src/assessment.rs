//! What a guardrail says about texts.

use crate::config::{Confidence, FilterType, GroundingType, PiiType, Strength};
use std::ops::Range;

/// A piece of content to assess.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block<'a> {
    /// The text.
    pub text: &'a str,
    /// What the text is; empty for plain content.
    pub qualifiers: &'a [Qualifier],
}

impl<'a> Block<'a> {
    /// Content without qualifiers.
    pub fn plain(text: &'a str) -> Self {
        Self { text, qualifiers: &[] }
    }

    /// Sources and queries are material for contextual grounding; other policies see them only as `guard_content`.
    pub fn is_guarded(&self) -> bool {
        self.qualifiers.is_empty() || self.qualifiers.contains(&Qualifier::GuardContent)
    }
}

/// `qualifiers` of a content block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qualifier {
    /// `grounding_source`: what the answer must rest on.
    GroundingSource,
    /// `query`: what was asked.
    Query,
    /// `guard_content`: check this, whatever else it is.
    GuardContent,
}

/// What happens to the content as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The content passes as it is.
    Pass,
    /// The content passes masked.
    Masked,
    /// The content does not pass.
    Blocked,
}

/// What happens because of one finding; AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Reported only.
    None,
    /// The value is replaced.
    Anonymized,
    /// The content does not pass.
    Blocked,
}

impl Action {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Anonymized => "ANONYMIZED",
            Self::Blocked => "BLOCKED",
        }
    }
}

/// Where a finding stands: a range of bytes in one of the blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index of the block.
    pub block: usize,
    /// Bytes of its text; both ends are character boundaries.
    pub bytes: Range<usize>,
}

/// All that was evaluated, found or not. AWS's `INTERVENTIONS` scope shows only findings with `detected`;
/// `FULL` shows all.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// What happens to the content.
    pub verdict: Verdict,
    /// Every topic.
    pub topics: Vec<TopicFinding>,
    /// Every content filter.
    pub filters: Vec<FilterFinding>,
    /// Custom words that were found.
    pub custom_words: Vec<WordFinding>,
    /// Words of managed lists that were found.
    pub managed_words: Vec<WordFinding>,
    /// Sensitive values that were found.
    pub pii_entities: Vec<PiiFinding>,
    /// Matches of custom patterns.
    pub regexes: Vec<RegexFinding>,
    /// Grounding filters that could be evaluated.
    pub grounding: Vec<GroundingFinding>,
    /// The texts of the guarded blocks in order, masked where a finding says so. Not to be shown when blocked.
    pub outputs: Vec<String>,
    /// Text units by policy.
    pub usage: Usage,
    /// Characters checked and given.
    pub coverage: Coverage,
}

/// One denied topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicFinding {
    /// Its name.
    pub name: String,
    /// 0 to 1; from 0.5 on the topic counts as detected.
    pub score: f64,
    /// What follows.
    pub action: Action,
    /// Whether the text is about it.
    pub detected: bool,
}

/// One content filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FilterFinding {
    /// Its category.
    pub r#type: FilterType,
    /// How sure the detector is.
    pub confidence: Confidence,
    /// The strength that applied.
    pub strength: Strength,
    /// Calibrated probability, 0 to 1.
    pub score: f64,
    /// What follows.
    pub action: Action,
    /// Whether the confidence reaches what the strength blocks.
    pub detected: bool,
}

/// A word as it stands in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct WordFinding {
    /// As found.
    pub r#match: String,
    /// Where.
    pub span: Span,
    /// What follows.
    pub action: Action,
}

/// A sensitive value.
#[derive(Clone, Debug, PartialEq)]
pub struct PiiFinding {
    /// Its type.
    pub r#type: PiiType,
    /// The original value.
    pub r#match: String,
    /// Where.
    pub span: Span,
    /// 0 to 1.
    pub score: f64,
    /// What follows.
    pub action: Action,
}

/// A match of a custom pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct RegexFinding {
    /// Name of the pattern.
    pub name: String,
    /// The pattern.
    pub regex: String,
    /// The original value.
    pub r#match: String,
    /// Where.
    pub span: Span,
    /// What follows.
    pub action: Action,
}

/// One grounding filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroundingFinding {
    /// Grounding or relevance.
    pub r#type: GroundingType,
    /// The configured threshold.
    pub threshold: f64,
    /// 0 to 1, high is good.
    pub score: f64,
    /// What follows.
    pub action: Action,
    /// Whether the score is below the threshold.
    pub detected: bool,
}

/// Text units: started thousands of characters, per policy kind that is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Denied topics.
    pub topic_policy_units: u64,
    /// Content filters.
    pub content_policy_units: u64,
    /// Words; free of charge on AWS.
    pub word_policy_units: u64,
    /// Entity types.
    pub sensitive_information_policy_units: u64,
    /// Custom patterns.
    pub sensitive_information_policy_free_units: u64,
    /// Grounding.
    pub contextual_grounding_policy_units: u64,
}

/// Characters of all blocks, and of those that were checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Checked.
    pub guarded: u64,
    /// Given.
    pub total: u64,
}
