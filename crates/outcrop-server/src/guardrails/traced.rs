//! Assessments as the trace of an agent shows them: the smaller shape of `bedrock-agent-runtime`, which knows only what
//! was blocked or masked.

use super::apply::Applied;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_guardrails::{Action, Assessment, WordFinding};

/// One assessment for each guardrail; one that found nothing is an empty object, as on the service.
pub fn assessments(applied: &Applied) -> Vec<api::GuardrailAssessment> {
    applied.said.iter().map(|said| assessment(&said.assessment)).collect()
}

fn assessment(found: &Assessment) -> api::GuardrailAssessment {
    api::GuardrailAssessment {
        content_policy: content(found),
        sensitive_information_policy: sensitive(found),
        topic_policy: topics(found),
        word_policy: words(found),
    }
}

/// A list, unless it is empty.
fn some<T>(items: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = items.collect();
    (!items.is_empty()).then_some(items)
}

fn content(found: &Assessment) -> Option<api::GuardrailContentPolicyAssessment> {
    let filters = found.filters.iter().filter(|finding| finding.action == Action::Blocked);
    let filters = some(filters.map(|finding| api::GuardrailContentFilter {
        action: Some(api::GuardrailContentPolicyAction::Blocked),
        confidence: api::GuardrailContentFilterConfidence::parse(finding.confidence.as_str()),
        r#type: api::GuardrailContentFilterType::parse(finding.r#type.as_str()),
    }))?;
    Some(api::GuardrailContentPolicyAssessment { filters: Some(filters) })
}

fn topics(found: &Assessment) -> Option<api::GuardrailTopicPolicyAssessment> {
    let topics = found.topics.iter().filter(|finding| finding.action == Action::Blocked);
    let topics = some(topics.map(|finding| api::GuardrailTopic {
        action: Some(api::GuardrailTopicPolicyAction::Blocked),
        name: Some(finding.name.clone()),
        r#type: Some(api::GuardrailTopicType::Deny),
    }))?;
    Some(api::GuardrailTopicPolicyAssessment { topics: Some(topics) })
}

fn words(found: &Assessment) -> Option<api::GuardrailWordPolicyAssessment> {
    let blocked = |finding: &&WordFinding| finding.action == Action::Blocked;
    let custom_words = some(found.custom_words.iter().filter(blocked).map(|finding| api::GuardrailCustomWord {
        action: Some(api::GuardrailWordPolicyAction::Blocked),
        r#match: Some(finding.r#match.clone()),
    }));
    let managed_word_lists =
        some(found.managed_words.iter().filter(blocked).map(|finding| api::GuardrailManagedWord {
            action: Some(api::GuardrailWordPolicyAction::Blocked),
            r#match: Some(finding.r#match.clone()),
            r#type: Some(api::GuardrailManagedWordType::Profanity),
        }));
    let any = custom_words.is_some() || managed_word_lists.is_some();
    any.then_some(api::GuardrailWordPolicyAssessment { custom_words, managed_word_lists })
}

fn sensitive(found: &Assessment) -> Option<api::GuardrailSensitiveInformationPolicyAssessment> {
    let action = |action: Action| match action {
        Action::Blocked => Some(api::GuardrailSensitiveInformationPolicyAction::Blocked),
        Action::Anonymized => Some(api::GuardrailSensitiveInformationPolicyAction::Anonymized),
        Action::None => None,
    };
    let acted = |one: Action| one != Action::None;
    let entities = found.pii_entities.iter().filter(|finding| acted(finding.action));
    let pii_entities = some(entities.map(|finding| api::GuardrailPiiEntityFilter {
        action: action(finding.action),
        r#match: Some(finding.r#match.clone()),
        r#type: api::GuardrailPiiEntityType::parse(finding.r#type.as_str()),
    }));
    let regexes = found.regexes.iter().filter(|finding| acted(finding.action));
    let regexes = some(regexes.map(|finding| api::GuardrailRegexFilter {
        action: action(finding.action),
        r#match: Some(finding.r#match.clone()),
        name: Some(finding.name.clone()),
        regex: Some(finding.regex.clone()),
    }));
    let any = pii_entities.is_some() || regexes.is_some();
    any.then_some(api::GuardrailSensitiveInformationPolicyAssessment { pii_entities, regexes })
}
