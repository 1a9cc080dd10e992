//! What CreateAgent and UpdateAgent share: rules between members and what the service fills in.

use crate::errors::{self, OpResult};
use outcrop_api::bedrock_agent as api;
use outcrop_planner::prepare::prompts::{self, Phases};

/// Idle time of a session when the author does not say, in seconds. The service's own, as observed.
pub(crate) const IDLE_SESSION_TTL_SECONDS: i64 = 600;

/// Days that memory is kept when the author does not say.
const STORAGE_DAYS: i64 = 30;
/// Sessions whose summaries a new session begins with when the author does not say.
const MAX_RECENT_SESSIONS: i64 = 20;

/// Members of an agent that its author writes and that depend on each other.
pub(crate) struct Written<'a> {
    pub(crate) orchestration_type: Option<api::OrchestrationType>,
    pub(crate) custom_orchestration: Option<&'a api::CustomOrchestration>,
    pub(crate) prompt_override_configuration: Option<&'a api::PromptOverrideConfiguration>,
    pub(crate) guardrail_configuration: Option<&'a api::GuardrailConfiguration>,
}

/// Checks rules between members.
pub(crate) fn check(written: &Written<'_>) -> OpResult<()> {
    let is_custom = written.orchestration_type == Some(api::OrchestrationType::CustomOrchestration);
    if is_custom && written.custom_orchestration.and_then(|custom| custom.executor.as_ref()).is_none() {
        return Err(errors::invalid_field(
            "customOrchestration.executor",
            "CUSTOM_ORCHESTRATION needs customOrchestration.executor.",
        ));
    }
    if let Some(guardrail) = written.guardrail_configuration
        && guardrail.guardrail_version.is_some()
        && guardrail.guardrail_identifier.is_none()
    {
        return Err(errors::invalid_field(
            "guardrailConfiguration.guardrailIdentifier",
            "A guardrailVersion needs the guardrailIdentifier it is a version of.",
        ));
    }
    written.prompt_override_configuration.map_or(Ok(()), check_prompts)
}

/// Checks rules between the members of prompt configurations.
pub(crate) fn check_prompts(prompts: &api::PromptOverrideConfiguration) -> OpResult<()> {
    let mut parser_is_overridden = false;
    for (index, one) in prompts.prompt_configurations.iter().enumerate() {
        let refuse = |member: &str, message: &str| {
            let path = format!("promptOverrideConfiguration.promptConfigurations.{}.member.{member}", index + 1);
            Err(errors::invalid_field(&path, message))
        };
        let Some(prompt_type) = one.prompt_type else {
            return refuse("promptType", "A prompt configuration needs its promptType.");
        };
        if prompts.prompt_configurations[..index].iter().any(|other| other.prompt_type == one.prompt_type) {
            return refuse("promptType", &format!("The promptType {prompt_type} is configured twice."));
        }
        let is_overridden = one.prompt_creation_mode == Some(api::CreationMode::Overridden);
        let is_disabled = one.prompt_state == Some(api::PromptState::Disabled);
        if is_overridden && !is_disabled && one.base_prompt_template.is_none() {
            return refuse("basePromptTemplate", "An OVERRIDDEN prompt needs basePromptTemplate.");
        }
        if one.foundation_model.is_some() && prompt_type != api::PromptType::RoutingClassifier {
            return refuse("foundationModel", "Only the prompt ROUTING_CLASSIFIER can have a foundationModel.");
        }
        if one.additional_model_request_fields.as_ref().is_some_and(|fields| !fields.is_object()) {
            return refuse("additionalModelRequestFields", "additionalModelRequestFields is an object.");
        }
        parser_is_overridden |= one.parser_mode == Some(api::CreationMode::Overridden);
    }
    match (parser_is_overridden, &prompts.override_lambda) {
        (true, None) => Err(errors::invalid_field(
            "promptOverrideConfiguration.overrideLambda",
            "parserMode OVERRIDDEN needs overrideLambda.",
        )),
        (false, Some(_)) => Err(errors::invalid_field(
            "promptOverrideConfiguration.overrideLambda",
            "overrideLambda needs a prompt with parserMode OVERRIDDEN.",
        )),
        _ => Ok(()),
    }
}

/// The configuration as it is shown: what was overridden, and the defaults for the rest. Terraform reads it unasked.
pub(crate) fn shown_prompts(
    written: Option<api::PromptOverrideConfiguration>,
    phases: Phases,
) -> api::PromptOverrideConfiguration {
    let mut shown = written.unwrap_or_default();
    for one in &mut shown.prompt_configurations {
        if one.prompt_creation_mode == Some(api::CreationMode::Overridden) {
            continue;
        }
        let every_phase = Phases { memory: true, routing: true };
        let default = prompts::defaults(every_phase).into_iter().find(|default| default.prompt_type == one.prompt_type);
        if let Some(default) = default {
            // A template or settings sent with mode DEFAULT take no effect on the service.
            *one = api::PromptConfiguration {
                prompt_state: one.prompt_state.or(default.prompt_state),
                parser_mode: one.parser_mode.or(default.parser_mode),
                foundation_model: one.foundation_model.take(),
                additional_model_request_fields: one.additional_model_request_fields.take(),
                ..default
            };
        }
    }
    for default in prompts::defaults(phases) {
        if !shown.prompt_configurations.iter().any(|one| one.prompt_type == default.prompt_type) {
            shown.prompt_configurations.push(default);
        }
    }
    shown
}

/// The phases that an agent of this kind has.
pub(super) fn phases(memory: Option<&api::MemoryConfiguration>, mode: Option<api::AgentCollaboration>) -> Phases {
    Phases { memory: memory.is_some(), routing: mode == Some(api::AgentCollaboration::SupervisorRouter) }
}

/// Memory as it is shown: what the author left out has the service's defaults.
pub(super) fn shown_memory(written: Option<api::MemoryConfiguration>) -> Option<api::MemoryConfiguration> {
    let mut memory = written?;
    memory.storage_days.get_or_insert(STORAGE_DAYS);
    let summaries = memory.session_summary_configuration.get_or_insert_default();
    summaries.max_recent_sessions.get_or_insert(MAX_RECENT_SESSIONS);
    Some(memory)
}

/// A guardrail as it is shown; an empty configuration is how clients say that there is none.
pub(super) fn shown_guardrail(written: Option<api::GuardrailConfiguration>) -> Option<api::GuardrailConfiguration> {
    written.filter(|guardrail| guardrail.guardrail_identifier.is_some())
}
