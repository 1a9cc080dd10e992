//! UpdateAgent: replaces the draft whole; what is left out is cleared.

use super::agents::{self, IDLE_SESSION_TTL_SECONDS, Written};
use crate::agents::documents::{DRAFT, agent, next_update, put_agent};
use crate::errors::{self, ApiError, OpResult};
use crate::guardrails::uses;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;

pub(super) async fn update_agent(cx: OpContext, req: api::UpdateAgentRequest) -> OpResult<api::UpdateAgentResponse> {
    agents::check(&Written {
        orchestration_type: req.orchestration_type,
        custom_orchestration: req.custom_orchestration.as_ref(),
        prompt_override_configuration: req.prompt_override_configuration.as_ref(),
        guardrail_configuration: req.guardrail_configuration.as_ref(),
    })?;
    let phases = agents::phases(req.memory_configuration.as_ref(), req.agent_collaboration);
    let now = cx.clock.now().to_micros();
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut stored = agent(tx, &req.agent_id)?;
        let old = stored.agent;
        stored.agent = api::Agent {
            agent_name: req.agent_name,
            instruction: req.instruction,
            agent_status: api::AgentStatus::NotPrepared,
            foundation_model: Some(req.foundation_model),
            description: req.description,
            orchestration_type: Some(req.orchestration_type.unwrap_or(api::OrchestrationType::Default)),
            custom_orchestration: req.custom_orchestration,
            idle_session_ttl_in_seconds: req.idle_session_ttl_in_seconds.unwrap_or(IDLE_SESSION_TTL_SECONDS),
            agent_resource_role_arn: req.agent_resource_role_arn,
            customer_encryption_key_arn: req.customer_encryption_key_arn,
            updated_at: next_update(&old, now),
            failure_reasons: None,
            recommended_actions: None,
            prompt_override_configuration: Some(agents::shown_prompts(req.prompt_override_configuration, phases)),
            guardrail_configuration: agents::shown_guardrail(req.guardrail_configuration),
            memory_configuration: agents::shown_memory(req.memory_configuration),
            agent_collaboration: Some(req.agent_collaboration.unwrap_or(api::AgentCollaboration::Disabled)),
            ..old
        };
        let guardrail = stored.agent.guardrail_configuration.as_ref();
        uses::check(&app, tx, guardrail)?;
        uses::hold(tx, guardrail, &stored.agent.agent_id, DRAFT, now)?;
        put_agent(tx, &stored).map_err(|error| match error.code {
            "ConflictException" => {
                errors::conflict("Cannot update the agent as an agent with the same name already exists.")
            }
            _ => error,
        })?;
        stored.agent.agent_status = api::AgentStatus::Updating;
        Ok::<_, ApiError>(stored.agent)
    };
    let agent = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::UpdateAgentResponse { agent })
}
