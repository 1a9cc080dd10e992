//! What somebody else thinks of a text, such as a language model, put in place of what the embedded detectors think.

use crate::assessment::{Action, Assessment};
use crate::config::{BlockAction, Confidence, Configuration, FilterType, GroundingType, Source};
use crate::guardrail::verdict;
use std::collections::BTreeMap;

/// A judgement; what it does not say stays as the detectors said it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// Names of the denied topics that the text is about; nothing when topics were not judged.
    pub topics: Option<Vec<String>>,
    /// How sure it is of each category of harm.
    pub filters: BTreeMap<FilterType, Confidence>,
    /// 0 to 1, high is good, by kind of grounding.
    pub grounding: BTreeMap<GroundingType, f64>,
}

impl Assessment {
    /// Takes a judgement over. What follows from a finding stays a matter of the configuration.
    pub fn judged(&mut self, configuration: &Configuration, source: Source, judgement: &Judgement) {
        if let Some(topics) = &judgement.topics {
            for finding in &mut self.topics {
                let rule = configuration.topics.iter().find(|topic| topic.name == finding.name);
                finding.detected = topics.contains(&finding.name);
                finding.score = f64::from(u8::from(finding.detected));
                finding.action = action(finding.detected, rule.and_then(|topic| topic.rule.for_source(source)));
            }
        }
        for finding in &mut self.filters {
            let Some(confidence) = judgement.filters.get(&finding.r#type) else { continue };
            let filter = configuration.filters.iter().find(|filter| filter.r#type == finding.r#type);
            finding.confidence = *confidence;
            finding.score = score(*confidence);
            finding.detected = finding.strength.blocks(*confidence);
            finding.action = action(finding.detected, filter.and_then(|filter| filter.rule.for_source(source)));
        }
        for finding in &mut self.grounding {
            let Some(score) = judgement.grounding.get(&finding.r#type) else { continue };
            let filter = configuration.grounding.iter().find(|filter| filter.r#type == finding.r#type);
            finding.score = score.clamp(0.0, 1.0);
            finding.detected = finding.score < finding.threshold;
            finding.action = action(finding.detected, filter.map(|filter| filter.action));
        }
        self.verdict = verdict(self);
    }
}

fn action(detected: bool, rule: Option<BlockAction>) -> Action {
    if detected && rule == Some(BlockAction::Block) { Action::Blocked } else { Action::None }
}

/// The middle of what the embedded classifiers call by this name.
fn score(confidence: Confidence) -> f64 {
    match confidence {
        Confidence::None => 0.0,
        Confidence::Low => 0.6,
        Confidence::Medium => 0.78,
        Confidence::High => 0.95,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, ContentFilter, Guardrail, Rule, Strength, Topic, Verdict};

    #[test]
    fn a_judgement_stands_in_place_of_the_detectors() {
        let configuration = Configuration {
            topics: vec![Topic {
                name: "Finance".to_owned(),
                definition: "Advice on shares.".to_owned(),
                examples: Vec::new(),
                rule: Rule::both(BlockAction::Block),
            }],
            filters: vec![ContentFilter {
                r#type: FilterType::Insults,
                input_strength: Strength::Medium,
                output_strength: Strength::Medium,
                rule: Rule { input_action: Some(BlockAction::None), ..Rule::both(BlockAction::Block) },
            }],
            ..Configuration::default()
        };
        let guardrail = Guardrail::compile(&configuration).expect("valid");
        let mut assessment = guardrail.assess(Source::Input, &[Block::plain("When does the shop open?")]);
        assert_eq!(assessment.verdict, Verdict::Pass);
        let insulting =
            Judgement { filters: BTreeMap::from([(FilterType::Insults, Confidence::High)]), ..Judgement::default() };
        assessment.judged(&configuration, Source::Input, &insulting);
        // Input is only reported by this rule.
        assert!(assessment.filters[0].detected && assessment.verdict == Verdict::Pass);
        let judgement = Judgement { topics: Some(vec!["Finance".to_owned()]), ..Judgement::default() };
        assessment.judged(&configuration, Source::Input, &judgement);
        assert_eq!((assessment.topics[0].action, assessment.verdict), (Action::Blocked, Verdict::Blocked));
        assessment.judged(&configuration, Source::Input, &Judgement { topics: Some(Vec::new()), ..judgement });
        assert_eq!(assessment.verdict, Verdict::Pass);
    }
}
