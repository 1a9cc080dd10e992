//! Guardrail policies with embedded detectors.
//!
//! A [`Guardrail`] is compiled once from a [`Configuration`] and then assesses texts. Everything here is a plain
//! function of its arguments: no IO, no clock, no randomness, no model. Each policy is one file in `policies/`.
//!
//! ```
//! use outcrop_guardrails::{Block, Configuration, Guardrail, PiiEntity, PiiType, Rule, SensitiveAction, Source};
//!
//! let guardrail = Guardrail::compile(&Configuration {
//!     pii_entities: vec![PiiEntity { r#type: PiiType::Email, rule: Rule::both(SensitiveAction::Anonymize) }],
//!     ..Configuration::default()
//! })?;
//! let assessment = guardrail.assess(Source::Input, &[Block::plain("Write to jo@example.com.")]);
//! assert_eq!(assessment.outputs, ["Write to {EMAIL}."]);
//! # Ok::<(), outcrop_guardrails::CompileError>(())
//! ```

mod assessment;
mod config;
mod features;
mod guardrail;
mod judgement;
mod policies;
mod stream;
mod text;

pub use assessment::{
    Action, Assessment, Block, Coverage, FilterFinding, GroundingFinding, PiiFinding, Qualifier, RegexFinding, Span,
    TopicFinding, Usage, Verdict, WordFinding,
};
pub use config::{
    BlockAction, Confidence, Configuration, ContentFilter, CustomRegex, FilterType, GroundingFilter, GroundingType,
    ManagedWordList, PiiEntity, PiiType, Rule, SensitiveAction, Source, Strength, Topic, Word,
};
pub use guardrail::{CompileError, Guardrail};
pub use judgement::Judgement;
pub use stream::{Chunk, Masker};

/// What the programs that train and measure need of the inside. Not a stable interface.
#[doc(hidden)]
pub mod training {
    pub use crate::features::{Features, features_of, sign_count};
    pub use crate::policies::content::weights::{self, Model};
    pub use crate::policies::grounding::{grounding_features, relevance_features};
    pub use crate::policies::topics::{Profile, Words as TopicWords, background, stems_of};
}
