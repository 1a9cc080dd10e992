//! What the guardrail operations share: the document that create and update write, and the rules between its members.

use crate::App;
use crate::errors::{self, OpResult};
use crate::guardrails::compiled;
use crate::guardrails::documents::{self, DRAFT};
use outcrop_api::bedrock as api;
use outcrop_wire::Timestamp;
use std::collections::HashSet;

/// What create and update give alike.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) topics: Option<api::GuardrailTopicPolicyConfig>,
    pub(super) content: Option<api::GuardrailContentPolicyConfig>,
    pub(super) words: Option<api::GuardrailWordPolicyConfig>,
    pub(super) sensitive: Option<api::GuardrailSensitiveInformationPolicyConfig>,
    pub(super) grounding: Option<api::GuardrailContextualGroundingPolicyConfig>,
    pub(super) reasoning: Option<api::GuardrailAutomatedReasoningPolicyConfig>,
    pub(super) cross_region: Option<api::GuardrailCrossRegionConfig>,
    pub(super) blocked_input_messaging: String,
    pub(super) blocked_outputs_messaging: String,
    pub(super) kms_key_id: Option<String>,
}

/// Reads the members that both requests have.
macro_rules! written {
    ($request:expr) => {
        super::guardrails::Written {
            name: $request.name,
            description: $request.description,
            topics: $request.topic_policy_config,
            content: $request.content_policy_config,
            words: $request.word_policy_config,
            sensitive: $request.sensitive_information_policy_config,
            grounding: $request.contextual_grounding_policy_config,
            reasoning: $request.automated_reasoning_policy_config,
            cross_region: $request.cross_region_config,
            blocked_input_messaging: $request.blocked_input_messaging,
            blocked_outputs_messaging: $request.blocked_outputs_messaging,
            kms_key_id: $request.kms_key_id,
        }
    };
}
pub(super) use written;

impl Written {
    /// Checks the rules between members, and makes the document of the draft. Compiling is part of the check, so what is
    /// stored can be applied.
    ///
    /// # Errors
    /// Validation, with the member that breaks a rule.
    pub(super) fn document(
        self,
        app: &App,
        id: &str,
        created_at: Timestamp,
        now: Timestamp,
    ) -> OpResult<api::GetGuardrailResponse> {
        self.check()?;
        let document = api::GetGuardrailResponse {
            name: self.name,
            description: self.description,
            guardrail_id: id.to_owned(),
            guardrail_arn: documents::arn(app, id),
            version: DRAFT.to_owned(),
            status: api::GuardrailStatus::Ready,
            topic_policy: self.topics.map(topics),
            content_policy: self.content.map(content),
            word_policy: self.words.map(words),
            sensitive_information_policy: self.sensitive.map(sensitive),
            contextual_grounding_policy: self.grounding.map(grounding),
            automated_reasoning_policy: None,
            cross_region_details: self.cross_region.map(|config| cross_region(app, config)),
            created_at,
            updated_at: now,
            status_reasons: None,
            failure_recommendations: None,
            blocked_input_messaging: self.blocked_input_messaging,
            blocked_outputs_messaging: self.blocked_outputs_messaging,
            kms_key_arn: self.kms_key_id.map(|key| key_arn(app, key)),
        };
        compiled::check(&document)?;
        Ok(document)
    }

    fn check(&self) -> OpResult<()> {
        if self.reasoning.is_some() {
            return Err(errors::invalid_field(
                "automatedReasoningPolicyConfig",
                "Automated Reasoning policies cannot be enforced by this version of Outcrop. Leave automatedReasoningPolicyConfig out.",
            ));
        }
        let has_policy = self.topics.is_some()
            || self.content.is_some()
            || self.words.as_ref().is_some_and(|words| {
                words.words_config.is_some()
                    || words.managed_word_lists_config.as_ref().is_some_and(|lists| !lists.is_empty())
            })
            || self
                .sensitive
                .as_ref()
                .is_some_and(|sensitive| sensitive.pii_entities_config.is_some() || sensitive.regexes_config.is_some())
            || self.grounding.is_some();
        if !has_policy {
            return Err(errors::validation("A guardrail needs at least one policy with at least one item."));
        }
        if let Some(policy) = &self.topics {
            let names = policy.topics_config.iter().map(|topic| topic.name.as_str());
            each_once("topicPolicyConfig.topicsConfig", "topic", names)?;
            let is_standard =
                policy.tier_config.as_ref().map(|tier| tier.tier_name) == Some(api::GuardrailTopicsTierName::Standard);
            self.check_tier("topicPolicyConfig.tierConfig", is_standard)?;
        }
        if let Some(policy) = &self.content {
            let types = policy.filters_config.iter().map(|filter| filter.r#type.as_str());
            each_once("contentPolicyConfig.filtersConfig", "filter", types)?;
            let is_standard = policy.tier_config.as_ref().map(|tier| tier.tier_name)
                == Some(api::GuardrailContentFiltersTierName::Standard);
            self.check_tier("contentPolicyConfig.tierConfig", is_standard)?;
            for (index, filter) in policy.filters_config.iter().enumerate() {
                let is_attack = filter.r#type == api::GuardrailContentFilterType::PromptAttack;
                if is_attack && filter.output_strength != api::GuardrailFilterStrength::None {
                    return Err(errors::invalid_field(
                        &format!("contentPolicyConfig.filtersConfig.{}.member.outputStrength", index + 1),
                        "The outputStrength of a PROMPT_ATTACK filter must be NONE: it looks at inputs only.",
                    ));
                }
            }
        }
        if let Some(policy) = &self.sensitive {
            let types = policy.pii_entities_config.iter().flatten().map(|entity| entity.r#type.as_str());
            each_once("sensitiveInformationPolicyConfig.piiEntitiesConfig", "entity", types)?;
            let names = policy.regexes_config.iter().flatten().map(|regex| regex.name.as_str());
            each_once("sensitiveInformationPolicyConfig.regexesConfig", "regex", names)?;
        }
        if let Some(policy) = &self.grounding {
            let types = policy.filters_config.iter().map(|filter| filter.r#type.as_str());
            each_once("contextualGroundingPolicyConfig.filtersConfig", "filter", types)?;
            let is_standard = policy.tier_config.as_ref().map(|tier| tier.tier_name)
                == Some(api::GuardrailContextualGroundingTierName::Standard);
            self.check_tier("contextualGroundingPolicyConfig.tierConfig", is_standard)?;
            for (index, filter) in policy.filters_config.iter().enumerate() {
                if !(0.0..=0.99).contains(&filter.threshold) {
                    return Err(errors::invalid_field(
                        &format!("contextualGroundingPolicyConfig.filtersConfig.{}.member.threshold", index + 1),
                        format!("The threshold {} is not between 0 and 0.99.", filter.threshold),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The standard tier is one of several regions on the service. Here it is the same as the other, and its rule is kept.
    fn check_tier(&self, place: &str, is_standard: bool) -> OpResult<()> {
        if is_standard && self.cross_region.is_none() {
            return Err(errors::invalid_field(
                place,
                "The STANDARD tier needs a crossRegionConfig with a guardrail profile.",
            ));
        }
        Ok(())
    }
}

fn each_once<'a>(place: &str, what: &str, names: impl Iterator<Item = &'a str>) -> OpResult<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(errors::invalid_field(place, format!("The {what} {name} is given twice.")));
        }
    }
    Ok(())
}

/// Copies the members that an item has in the request and in the answer alike.
macro_rules! shown {
    ($shape:ident, $item:expr, $($member:ident),+) => {{
        let item = $item;
        api::$shape {
            $($member: item.$member,)+
            input_action: item.input_action,
            output_action: item.output_action,
            input_enabled: item.input_enabled,
            output_enabled: item.output_enabled,
        }
    }};
}

fn topics(config: api::GuardrailTopicPolicyConfig) -> api::GuardrailTopicPolicy {
    let topic = |topic: api::GuardrailTopicConfig| api::GuardrailTopic {
        name: topic.name,
        definition: topic.definition,
        examples: topic.examples,
        r#type: Some(topic.r#type),
        input_action: topic.input_action,
        output_action: topic.output_action,
        input_enabled: topic.input_enabled,
        output_enabled: topic.output_enabled,
    };
    api::GuardrailTopicPolicy {
        topics: config.topics_config.into_iter().map(topic).collect(),
        tier: config.tier_config.map(|tier| api::GuardrailTopicsTier { tier_name: tier.tier_name }),
    }
}

fn content(config: api::GuardrailContentPolicyConfig) -> api::GuardrailContentPolicy {
    let filter = |filter: api::GuardrailContentFilterConfig| {
        shown!(
            GuardrailContentFilter,
            filter,
            r#type,
            input_strength,
            output_strength,
            input_modalities,
            output_modalities
        )
    };
    api::GuardrailContentPolicy {
        filters: Some(config.filters_config.into_iter().map(filter).collect()),
        tier: config.tier_config.map(|tier| api::GuardrailContentFiltersTier { tier_name: tier.tier_name }),
    }
}

fn words(config: api::GuardrailWordPolicyConfig) -> api::GuardrailWordPolicy {
    let word = |word: api::GuardrailWordConfig| shown!(GuardrailWord, word, text);
    let list = |list: api::GuardrailManagedWordsConfig| shown!(GuardrailManagedWords, list, r#type);
    api::GuardrailWordPolicy {
        words: config.words_config.map(|words| words.into_iter().map(word).collect()),
        managed_word_lists: config.managed_word_lists_config.map(|lists| lists.into_iter().map(list).collect()),
    }
}

fn sensitive(config: api::GuardrailSensitiveInformationPolicyConfig) -> api::GuardrailSensitiveInformationPolicy {
    let entity = |entity: api::GuardrailPiiEntityConfig| shown!(GuardrailPiiEntity, entity, r#type, action);
    let regex = |regex: api::GuardrailRegexConfig| shown!(GuardrailRegex, regex, name, description, pattern, action);
    api::GuardrailSensitiveInformationPolicy {
        pii_entities: config.pii_entities_config.map(|entities| entities.into_iter().map(entity).collect()),
        regexes: config.regexes_config.map(|regexes| regexes.into_iter().map(regex).collect()),
    }
}

fn grounding(config: api::GuardrailContextualGroundingPolicyConfig) -> api::GuardrailContextualGroundingPolicy {
    let filter = |filter: api::GuardrailContextualGroundingFilterConfig| api::GuardrailContextualGroundingFilter {
        r#type: filter.r#type,
        threshold: filter.threshold,
        action: filter.action,
        enabled: filter.enabled,
    };
    api::GuardrailContextualGroundingPolicy {
        filters: config.filters_config.into_iter().map(filter).collect(),
        tier: config.tier_config.map(|tier| api::GuardrailContextualGroundingTier { tier_name: tier.tier_name }),
    }
}

fn cross_region(app: &App, config: api::GuardrailCrossRegionConfig) -> api::GuardrailCrossRegionDetails {
    let given = config.guardrail_profile_identifier;
    let id = given.rsplit('/').next().unwrap_or(&given).to_owned();
    let arn = if given.starts_with("arn:") { given } else { app.arn(&format!("guardrail-profile/{id}")) };
    api::GuardrailCrossRegionDetails { guardrail_profile_id: Some(id), guardrail_profile_arn: Some(arn) }
}

/// Keys are stored and shown; what is at rest is not encrypted with them.
fn key_arn(app: &App, key: String) -> String {
    if key.starts_with("arn:") {
        return key;
    }
    let resource = if key.starts_with("alias/") { key } else { format!("key/{key}") };
    format!("arn:aws:kms:{}:{}:{resource}", app.settings.region, app.settings.account_id)
}
