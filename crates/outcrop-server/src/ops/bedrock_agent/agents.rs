//! What CreateAgent and UpdateAgent share: rules between members and what the service fills in.

use crate::errors::{self, OpResult};
use outcrop_api::bedrock_agent as api;
use outcrop_planner::prepare::prompts;

/// Idle time of a session when the author does not say, in seconds. The service's own, as observed.
pub(super) const IDLE_SESSION_TTL_SECONDS: i64 = 600;

/// Members of an agent that its author writes.
pub(super) struct Written<'a> {
    pub(super) orchestration_type: Option<api::OrchestrationType>,
    pub(super) custom_orchestration: Option<&'a api::CustomOrchestration>,
    pub(super) prompt_override_configuration: Option<&'a api::PromptOverrideConfiguration>,
}

/// Checks rules between members.
pub(super) fn check(written: &Written<'_>) -> OpResult<()> {
    let is_custom = written.orchestration_type == Some(api::OrchestrationType::CustomOrchestration);
    if is_custom && written.custom_orchestration.and_then(|custom| custom.executor.as_ref()).is_none() {
        return Err(errors::invalid_field(
            "customOrchestration",
            "CUSTOM_ORCHESTRATION needs customOrchestration.executor.",
        ));
    }
    let Some(prompts) = written.prompt_override_configuration else { return Ok(()) };
    let mut parser_is_overridden = false;
    for (index, one) in prompts.prompt_configurations.iter().enumerate() {
        let path =
            |member: &str| format!("promptOverrideConfiguration.promptConfigurations.{}.member.{member}", index + 1);
        if prompts.prompt_configurations[..index].iter().any(|other| other.prompt_type == one.prompt_type) {
            return Err(errors::invalid_field(&path("promptType"), "Each promptType can be configured once."));
        }
        let is_overridden = one.prompt_creation_mode == Some(api::CreationMode::Overridden);
        let is_disabled = one.prompt_state == Some(api::PromptState::Disabled);
        if is_overridden && !is_disabled && one.base_prompt_template.is_none() {
            return Err(errors::invalid_field(
                &path("basePromptTemplate"),
                "An OVERRIDDEN prompt needs basePromptTemplate.",
            ));
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
pub(super) fn shown_prompts(written: Option<api::PromptOverrideConfiguration>) -> api::PromptOverrideConfiguration {
    let mut shown = written.unwrap_or_default();
    for default in prompts::defaults() {
        let same = |one: &api::PromptConfiguration| one.prompt_type == default.prompt_type;
        match shown.prompt_configurations.iter_mut().find(|one| same(one)) {
            Some(one) if one.prompt_creation_mode == Some(api::CreationMode::Overridden) => {}
            // A template or settings sent with mode DEFAULT take no effect on the service.
            Some(one) => {
                let state = one.prompt_state.or(default.prompt_state);
                *one = api::PromptConfiguration { prompt_state: state, ..default };
            }
            None => shown.prompt_configurations.push(default),
        }
    }
    shown
}
