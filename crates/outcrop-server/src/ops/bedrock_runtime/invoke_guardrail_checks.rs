//! InvokeGuardrailChecks: scores for messages, without a guardrail.

use crate::errors::{self, OpResult};
use crate::guardrails::compiled;
use crate::ops::OpContext;
use outcrop_api::bedrock_runtime as api;
use outcrop_guardrails::{
    Block, BlockAction, Configuration, ContentFilter, FilterType, Guardrail, PiiEntity, PiiType, Rule, SensitiveAction,
    Source, Strength,
};

/// Entities of one answer at most; `truncated` says that there were more.
const ENTITIES_MAX: usize = 1_000;
/// Characters in a text unit.
const UNIT_CHARS: usize = 1_000;

pub(super) async fn invoke_guardrail_checks(
    _cx: OpContext,
    req: api::InvokeGuardrailChecksRequest,
) -> OpResult<api::InvokeGuardrailChecksResponse> {
    let api::GuardrailChecksConfig { content_filter, prompt_attack, sensitive_information } = &req.checks;
    if content_filter.is_none() && prompt_attack.is_none() && sensitive_information.is_none() {
        return Err(errors::validation(
            "checks names no check: give contentFilter, promptAttack or sensitiveInformation.",
        ));
    }
    let work = move || answer(&req);
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "checks could not be made");
        errors::internal()
    })?
}

fn answer(req: &api::InvokeGuardrailChecksRequest) -> OpResult<api::InvokeGuardrailChecksResponse> {
    let guardrail = compiled::compile(&configuration(&req.checks))?;
    let read = Read::of(&guardrail, &req.messages);
    let unit = i64::try_from(read.chars.div_ceil(UNIT_CHARS)).unwrap_or(i64::MAX);
    let api::GuardrailChecksConfig { content_filter, prompt_attack, sensitive_information } = &req.checks;
    let results = api::GuardrailChecksResults {
        content_filter: content_filter.as_ref().map(|config| api::GuardrailChecksContentFilterResult {
            results: config
                .categories
                .iter()
                .map(|one| api::GuardrailChecksContentFilterResultEntry {
                    category: one.category,
                    severity_score: rounded(
                        FilterType::from_name(one.category.as_str()).map_or(0.0, |kind| read.scores[kind as usize]),
                    ),
                })
                .collect(),
        }),
        prompt_attack: prompt_attack.as_ref().map(|config| api::GuardrailChecksPromptAttackResult {
            results: config
                .categories
                .iter()
                .map(|one| api::GuardrailChecksPromptAttackResultEntry {
                    category: one.category,
                    severity_score: rounded(read.attack(one.category)),
                })
                .collect(),
        }),
        sensitive_information: sensitive_information.as_ref().map(|_| api::GuardrailChecksSensitiveInformationResult {
            truncated: Some(read.entities.len() > ENTITIES_MAX),
            results: read.entities.into_iter().take(ENTITIES_MAX).collect(),
        }),
    };
    let usage = api::GuardrailChecksUsageResults {
        content_filter: content_filter.as_ref().map(|_| api::GuardrailChecksContentFilterUsage { text_units: unit }),
        prompt_attack: prompt_attack.as_ref().map(|_| api::GuardrailChecksPromptAttackUsage { text_units: unit }),
        sensitive_information: sensitive_information
            .as_ref()
            .map(|_| api::GuardrailChecksSensitiveInformationUsage { text_units: unit }),
    };
    Ok(api::InvokeGuardrailChecksResponse { results, usage })
}

/// The policies whose scores answer the checks; they report and do nothing else.
fn configuration(checks: &api::GuardrailChecksConfig) -> Configuration {
    let mut configuration = Configuration::default();
    if checks.content_filter.is_some() || checks.prompt_attack.is_some() {
        configuration.filters = FilterType::ALL
            .iter()
            .map(|kind| ContentFilter {
                r#type: *kind,
                input_strength: Strength::High,
                output_strength: Strength::High,
                rule: Rule::both(BlockAction::None),
            })
            .collect();
    }
    if let Some(sensitive) = &checks.sensitive_information {
        let kinds = sensitive.entities.iter().filter_map(|entity| PiiType::from_name(entity.r#type.as_str()));
        configuration.pii_entities =
            kinds.map(|kind| PiiEntity { r#type: kind, rule: Rule::both(SensitiveAction::None) }).collect();
    }
    configuration
}

/// What was found in the messages.
#[derive(Default)]
struct Read {
    /// The highest score of each category, by its number.
    scores: [f64; FilterType::ALL.len()],
    /// The attack score of the texts as somebody else's, who has no business giving instructions.
    injection: f64,
    entities: Vec<api::GuardrailChecksSensitiveInformationResultEntry>,
    chars: usize,
    asks_for_instructions: bool,
}

impl Read {
    fn of(guardrail: &Guardrail, messages: &[api::GuardrailChecksMessage]) -> Self {
        let mut read = Self::default();
        for (message_index, message) in (0..).zip(messages) {
            let source = match message.role {
                api::GuardrailChecksRole::Assistant => Source::Output,
                api::GuardrailChecksRole::User | api::GuardrailChecksRole::System => Source::Input,
            };
            for (content_index, block) in (0..).zip(&message.content) {
                let api::GuardrailChecksContentBlock::Text(text) = block;
                read.take(guardrail, source, text, (message_index, content_index));
            }
        }
        read
    }

    fn take(&mut self, guardrail: &Guardrail, source: Source, text: &str, (message_index, content_index): (i64, i64)) {
        self.chars += text.chars().count();
        let block = [Block::plain(text)];
        let assessment = guardrail.assess(source, &block);
        for finding in &assessment.filters {
            let score = &mut self.scores[finding.r#type as usize];
            *score = score.max(finding.score);
        }
        if !assessment.filters.is_empty() {
            let foreign = guardrail.assess(Source::ToolResult, &block);
            let attack = foreign.filters.iter().filter(|finding| finding.r#type == FilterType::PromptAttack);
            self.injection = attack.fold(self.injection, |most, finding| most.max(finding.score));
            self.asks_for_instructions |= asks_for_instructions(text);
        }
        for finding in assessment.pii_entities {
            let Some(kind) = api::GuardrailChecksSensitiveInformationEntityType::parse(finding.r#type.as_str()) else {
                continue;
            };
            let chars = |bytes: usize| i64::try_from(text[..bytes].chars().count()).unwrap_or(i64::MAX);
            // One more than are told, which says that there are more.
            if self.entities.len() <= ENTITIES_MAX {
                self.entities.push(api::GuardrailChecksSensitiveInformationResultEntry {
                    r#type: kind,
                    confidence_score: rounded(finding.score),
                    begin_offset: chars(finding.span.bytes.start),
                    end_offset: chars(finding.span.bytes.end),
                    message_index,
                    content_index,
                });
            }
        }
    }

    /// One classifier knows attacks as such. Their kinds are told apart by who speaks, and by what is asked for.
    fn attack(&self, category: api::GuardrailChecksPromptAttackCategory) -> f64 {
        let attack = self.scores[FilterType::PromptAttack as usize];
        match category {
            api::GuardrailChecksPromptAttackCategory::Jailbreak => attack,
            api::GuardrailChecksPromptAttackCategory::PromptInjection => self.injection.max(attack),
            api::GuardrailChecksPromptAttackCategory::PromptLeakage if self.asks_for_instructions => attack,
            api::GuardrailChecksPromptAttackCategory::PromptLeakage => 0.0,
        }
    }
}

/// Whether a text speaks of what the model was told.
fn asks_for_instructions(text: &str) -> bool {
    let lower = text.to_lowercase();
    let told = ["prompt", "instruction", "rules", "context", "told", "configuration"];
    let asked =
        ["reveal", "show", "print", "repeat", "output", "tell", "what", "leak", "display", "write", "share", "expose"];
    told.iter().any(|word| lower.contains(word)) && asked.iter().any(|word| lower.contains(word))
}

fn rounded(score: f64) -> f64 {
    (score * 10_000.0).round() / 10_000.0
}
