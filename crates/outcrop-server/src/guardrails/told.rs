//! Assessments as `bedrock-runtime` tells them: ApplyGuardrail, and the traces of Converse.

use super::apply::{Applied, Origin, Said};
use outcrop_api::bedrock_runtime as api;
use outcrop_guardrails::{
    Action, Assessment, Configuration, Coverage, FilterFinding, GroundingFinding, PiiFinding, RegexFinding, Source,
    TopicFinding, Usage, Verdict,
};

/// What is told of an assessment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What was found.
    Interventions,
    /// What was looked for, too; words and patterns only where they were found.
    Full,
}

/// How many images were given, and how many were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Images {
    /// Looked at.
    pub guarded: i64,
    /// Given.
    pub total: i64,
}

/// Why a check ended as it did, in the service's words.
pub fn action_reason(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "No action.",
        Verdict::Masked => "Guardrail masked.",
        Verdict::Blocked => "Guardrail blocked.",
    }
}

/// One assessment for each guardrail.
pub fn assessments(applied: &Applied, source: Source, scope: Scope, images: Images) -> Vec<api::GuardrailAssessment> {
    applied.said.iter().map(|said| assessment(said, source, scope, images)).collect()
}

/// What one guardrail said.
pub fn assessment(said: &Said, source: Source, scope: Scope, images: Images) -> api::GuardrailAssessment {
    let Said { guard, assessment, millis } = said;
    let configuration = &guard.compiled.configuration;
    api::GuardrailAssessment {
        topic_policy: topics(&assessment.topics, scope),
        content_policy: filters(&assessment.filters, scope),
        word_policy: words(assessment),
        sensitive_information_policy: sensitive(assessment, configuration, source, scope),
        contextual_grounding_policy: grounding(&assessment.grounding, scope),
        automated_reasoning_policy: None,
        invocation_metrics: Some(api::GuardrailInvocationMetrics {
            guardrail_processing_latency: Some(*millis),
            usage: Some(usage(&assessment.usage)),
            guardrail_coverage: Some(coverage(&assessment.coverage, images)),
        }),
        applied_guardrail_details: Some(api::AppliedGuardrailDetails {
            guardrail_id: Some(guard.compiled.id.clone()),
            guardrail_version: Some(guard.compiled.version.clone()),
            guardrail_arn: Some(guard.compiled.arn.clone()),
            guardrail_origin: Some(vec![match guard.origin {
                Origin::Request => api::GuardrailOrigin::Request,
                Origin::Account => api::GuardrailOrigin::AccountEnforced,
            }]),
            guardrail_ownership: Some(api::GuardrailOwnership::Self_),
        }),
    }
}

/// Units of all guardrails together.
pub fn total_usage(applied: &Applied) -> api::GuardrailUsage {
    let mut total = usage(&Usage::default());
    for said in &applied.said {
        let one = usage(&said.assessment.usage);
        total.topic_policy_units += one.topic_policy_units;
        total.content_policy_units += one.content_policy_units;
        total.word_policy_units += one.word_policy_units;
        total.sensitive_information_policy_units += one.sensitive_information_policy_units;
        total.sensitive_information_policy_free_units += one.sensitive_information_policy_free_units;
        total.contextual_grounding_policy_units += one.contextual_grounding_policy_units;
    }
    total
}

fn usage(usage: &Usage) -> api::GuardrailUsage {
    let units = |units: u64| i64::try_from(units).unwrap_or(i64::MAX);
    api::GuardrailUsage {
        topic_policy_units: units(usage.topic_policy_units),
        content_policy_units: units(usage.content_policy_units),
        word_policy_units: units(usage.word_policy_units),
        sensitive_information_policy_units: units(usage.sensitive_information_policy_units),
        sensitive_information_policy_free_units: units(usage.sensitive_information_policy_free_units),
        contextual_grounding_policy_units: units(usage.contextual_grounding_policy_units),
        content_policy_image_units: None,
        automated_reasoning_policy_units: None,
        automated_reasoning_policies: None,
    }
}

/// Characters and images, checked and given.
pub fn coverage(coverage: &Coverage, images: Images) -> api::GuardrailCoverage {
    let count = |count: u64| Some(i64::try_from(count).unwrap_or(i64::MAX));
    api::GuardrailCoverage {
        text_characters: Some(api::GuardrailTextCharactersCoverage {
            guarded: count(coverage.guarded),
            total: count(coverage.total),
        }),
        images: (images.total > 0)
            .then_some(api::GuardrailImageCoverage { guarded: Some(images.guarded), total: Some(images.total) }),
    }
}

/// A list, unless it is empty.
fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

fn topics(found: &[TopicFinding], scope: Scope) -> Option<api::GuardrailTopicPolicyAssessment> {
    let shown = found.iter().filter(|finding| finding.detected || scope == Scope::Full);
    let topics = shown.map(|finding| api::GuardrailTopic {
        name: finding.name.clone(),
        r#type: api::GuardrailTopicType::Deny,
        action: match finding.action {
            Action::Blocked => api::GuardrailTopicPolicyAction::Blocked,
            _ => api::GuardrailTopicPolicyAction::None,
        },
        detected: Some(finding.detected),
    });
    some(topics.collect()).map(|topics| api::GuardrailTopicPolicyAssessment { topics })
}

fn filters(found: &[FilterFinding], scope: Scope) -> Option<api::GuardrailContentPolicyAssessment> {
    let shown = found.iter().filter(|finding| finding.detected || scope == Scope::Full);
    let filters = shown.filter_map(|finding| {
        Some(api::GuardrailContentFilter {
            r#type: api::GuardrailContentFilterType::parse(finding.r#type.as_str())?,
            confidence: api::GuardrailContentFilterConfidence::parse(finding.confidence.as_str())?,
            filter_strength: api::GuardrailContentFilterStrength::parse(finding.strength.as_str()),
            action: match finding.action {
                Action::Blocked => api::GuardrailContentPolicyAction::Blocked,
                _ => api::GuardrailContentPolicyAction::None,
            },
            detected: Some(finding.detected),
        })
    });
    some(filters.collect()).map(|filters| api::GuardrailContentPolicyAssessment { filters })
}

fn words(assessment: &Assessment) -> Option<api::GuardrailWordPolicyAssessment> {
    let action = |action: Action| match action {
        Action::Blocked => api::GuardrailWordPolicyAction::Blocked,
        _ => api::GuardrailWordPolicyAction::None,
    };
    let custom = assessment.custom_words.iter().map(|finding| api::GuardrailCustomWord {
        r#match: finding.r#match.clone(),
        action: action(finding.action),
        detected: Some(true),
    });
    let managed = assessment.managed_words.iter().map(|finding| api::GuardrailManagedWord {
        r#match: finding.r#match.clone(),
        r#type: api::GuardrailManagedWordType::Profanity,
        action: action(finding.action),
        detected: Some(true),
    });
    let (custom_words, managed_word_lists): (Vec<_>, Vec<_>) = (custom.collect(), managed.collect());
    let found = !custom_words.is_empty() || !managed_word_lists.is_empty();
    found.then_some(api::GuardrailWordPolicyAssessment { custom_words, managed_word_lists })
}

fn sensitive_action(action: Action) -> api::GuardrailSensitiveInformationPolicyAction {
    match action {
        Action::Blocked => api::GuardrailSensitiveInformationPolicyAction::Blocked,
        Action::Anonymized => api::GuardrailSensitiveInformationPolicyAction::Anonymized,
        Action::None => api::GuardrailSensitiveInformationPolicyAction::None,
    }
}

fn sensitive(
    assessment: &Assessment,
    configuration: &Configuration,
    source: Source,
    scope: Scope,
) -> Option<api::GuardrailSensitiveInformationPolicyAssessment> {
    let entity = |finding: &PiiFinding| {
        Some(api::GuardrailPiiEntityFilter {
            r#match: finding.r#match.clone(),
            r#type: api::GuardrailPiiEntityType::parse(finding.r#type.as_str())?,
            action: sensitive_action(finding.action),
            detected: Some(true),
        })
    };
    let regex = |finding: &RegexFinding| api::GuardrailRegexFilter {
        name: Some(finding.name.clone()),
        r#match: Some(finding.r#match.clone()),
        regex: Some(finding.regex.clone()),
        action: sensitive_action(finding.action),
        detected: Some(true),
    };
    let mut pii_entities: Vec<_> = assessment.pii_entities.iter().filter_map(entity).collect();
    let regexes: Vec<_> = assessment.regexes.iter().map(regex).collect();
    if scope == Scope::Full {
        let looked_for = configuration.pii_entities.iter().filter(|entity| entity.rule.for_source(source).is_some());
        for entity in looked_for {
            let Some(kind) = api::GuardrailPiiEntityType::parse(entity.r#type.as_str()) else { continue };
            if !pii_entities.iter().any(|found| found.r#type == kind) {
                pii_entities.push(api::GuardrailPiiEntityFilter {
                    r#match: String::new(),
                    r#type: kind,
                    action: api::GuardrailSensitiveInformationPolicyAction::None,
                    detected: Some(false),
                });
            }
        }
    }
    let found = !pii_entities.is_empty() || !regexes.is_empty();
    found.then_some(api::GuardrailSensitiveInformationPolicyAssessment { pii_entities, regexes })
}

fn grounding(found: &[GroundingFinding], scope: Scope) -> Option<api::GuardrailContextualGroundingPolicyAssessment> {
    let shown = found.iter().filter(|finding| finding.detected || scope == Scope::Full);
    let filters = shown.filter_map(|finding| {
        Some(api::GuardrailContextualGroundingFilter {
            r#type: api::GuardrailContextualGroundingFilterType::parse(finding.r#type.as_str())?,
            threshold: finding.threshold,
            score: (finding.score * 100.0).round() / 100.0,
            action: match finding.action {
                Action::Blocked => api::GuardrailContextualGroundingPolicyAction::Blocked,
                _ => api::GuardrailContextualGroundingPolicyAction::None,
            },
            detected: Some(finding.detected),
        })
    });
    some(filters.collect()).map(|filters| api::GuardrailContextualGroundingPolicyAssessment { filters: Some(filters) })
}
