//! From the document of a guardrail to what it is compiled from.

use outcrop_api::bedrock as api;
use outcrop_guardrails::{
    BlockAction, Configuration, ContentFilter, CustomRegex, FilterType, GroundingFilter, GroundingType,
    ManagedWordList, PiiEntity, PiiType, Rule, SensitiveAction, Strength, Topic, Word,
};

/// The members that items of most policies have alike.
macro_rules! rule {
    ($item:expr, $action:expr, $convert:path) => {
        Rule {
            action: $action,
            input_action: $item.input_action.map($convert),
            output_action: $item.output_action.map($convert),
            input_enabled: $item.input_enabled,
            output_enabled: $item.output_enabled,
        }
    };
}

/// The policies of a document. Lists that are absent are policies that are not configured.
pub(super) fn of(document: &api::GetGuardrailResponse) -> Configuration {
    let topics = document.topic_policy.iter().flat_map(|policy| &policy.topics);
    let filters = document.content_policy.iter().flat_map(|policy| policy.filters.iter().flatten());
    let words = document.word_policy.as_ref();
    let sensitive = document.sensitive_information_policy.as_ref();
    let grounding = document.contextual_grounding_policy.iter().flat_map(|policy| &policy.filters);
    Configuration {
        topics: topics.map(topic).collect(),
        filters: filters.map(filter).collect(),
        words: words.iter().flat_map(|policy| policy.words.iter().flatten()).map(word).collect(),
        managed_word_lists: words
            .iter()
            .flat_map(|policy| policy.managed_word_lists.iter().flatten())
            .map(|list| ManagedWordList { rule: rule!(list, BlockAction::Block, block_of_word) })
            .collect(),
        pii_entities: sensitive.iter().flat_map(|policy| policy.pii_entities.iter().flatten()).map(entity).collect(),
        regexes: sensitive.iter().flat_map(|policy| policy.regexes.iter().flatten()).map(regex).collect(),
        grounding: grounding.map(grounding_filter).collect(),
    }
}

fn topic(topic: &api::GuardrailTopic) -> Topic {
    let convert = |action| match action {
        api::GuardrailTopicAction::Block => BlockAction::Block,
        api::GuardrailTopicAction::None => BlockAction::None,
    };
    Topic {
        name: topic.name.clone(),
        definition: topic.definition.clone(),
        examples: topic.examples.clone().unwrap_or_default(),
        rule: rule!(topic, BlockAction::Block, convert),
    }
}

fn filter(filter: &api::GuardrailContentFilter) -> ContentFilter {
    let convert = |action| match action {
        api::GuardrailContentFilterAction::Block => BlockAction::Block,
        api::GuardrailContentFilterAction::None => BlockAction::None,
    };
    let strength = |strength: api::GuardrailFilterStrength| match strength {
        api::GuardrailFilterStrength::None => Strength::None,
        api::GuardrailFilterStrength::Low => Strength::Low,
        api::GuardrailFilterStrength::Medium => Strength::Medium,
        api::GuardrailFilterStrength::High => Strength::High,
    };
    ContentFilter {
        r#type: match filter.r#type {
            api::GuardrailContentFilterType::Sexual => FilterType::Sexual,
            api::GuardrailContentFilterType::Violence => FilterType::Violence,
            api::GuardrailContentFilterType::Hate => FilterType::Hate,
            api::GuardrailContentFilterType::Insults => FilterType::Insults,
            api::GuardrailContentFilterType::Misconduct => FilterType::Misconduct,
            api::GuardrailContentFilterType::PromptAttack => FilterType::PromptAttack,
        },
        input_strength: strength(filter.input_strength),
        output_strength: strength(filter.output_strength),
        rule: rule!(filter, BlockAction::Block, convert),
    }
}

fn block_of_word(action: api::GuardrailWordAction) -> BlockAction {
    match action {
        api::GuardrailWordAction::Block => BlockAction::Block,
        api::GuardrailWordAction::None => BlockAction::None,
    }
}

fn word(word: &api::GuardrailWord) -> Word {
    Word { text: word.text.clone(), rule: rule!(word, BlockAction::Block, block_of_word) }
}

fn sensitive(action: api::GuardrailSensitiveInformationAction) -> SensitiveAction {
    match action {
        api::GuardrailSensitiveInformationAction::Block => SensitiveAction::Block,
        api::GuardrailSensitiveInformationAction::Anonymize => SensitiveAction::Anonymize,
        api::GuardrailSensitiveInformationAction::None => SensitiveAction::None,
    }
}

fn entity(entity: &api::GuardrailPiiEntity) -> PiiEntity {
    PiiEntity {
        // Both lists are the model's; a test keeps them the same.
        r#type: PiiType::from_name(entity.r#type.as_str()).unwrap_or(PiiType::Address),
        rule: rule!(entity, sensitive(entity.action), sensitive),
    }
}

fn regex(regex: &api::GuardrailRegex) -> CustomRegex {
    CustomRegex {
        name: regex.name.clone(),
        pattern: regex.pattern.clone(),
        rule: rule!(regex, sensitive(regex.action), sensitive),
    }
}

fn grounding_filter(filter: &api::GuardrailContextualGroundingFilter) -> GroundingFilter {
    GroundingFilter {
        r#type: match filter.r#type {
            api::GuardrailContextualGroundingFilterType::Grounding => GroundingType::Grounding,
            api::GuardrailContextualGroundingFilterType::Relevance => GroundingType::Relevance,
        },
        threshold: filter.threshold,
        action: match filter.action {
            None | Some(api::GuardrailContextualGroundingAction::Block) => BlockAction::Block,
            Some(api::GuardrailContextualGroundingAction::None) => BlockAction::None,
        },
        enabled: filter.enabled != Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_types_are_those_of_the_model() {
        for kind in api::GuardrailPiiEntityType::ALL {
            assert_eq!(PiiType::from_name(kind.as_str()).map(PiiType::as_str), Some(kind.as_str()));
        }
        assert_eq!(api::GuardrailPiiEntityType::ALL.len(), PiiType::ALL.len());
    }
}
