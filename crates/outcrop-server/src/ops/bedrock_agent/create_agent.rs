//! CreateAgent: begins an agent as a draft.

use super::agents::{self, IDLE_SESSION_TTL_SECONDS, Written};
use crate::App;
use crate::agents::documents::{DRAFT, StoredAgent, agent_name_taken};
use crate::agents::tags;
use crate::agents::tokens::TokenUse;
use crate::errors::{ApiError, OpResult};
use crate::guardrails::uses;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, PutError, Resource};
use outcrop_wire::Timestamp;

pub(super) async fn create_agent(cx: OpContext, req: api::CreateAgentRequest) -> OpResult<api::CreateAgentResponse> {
    agents::check(&Written {
        orchestration_type: req.orchestration_type,
        custom_orchestration: req.custom_orchestration.as_ref(),
        prompt_override_configuration: req.prompt_override_configuration.as_ref(),
        guardrail_configuration: req.guardrail_configuration.as_ref(),
    })?;
    let tags = req.tags.clone().unwrap_or_default();
    tags::check(&tags)?;
    let token = TokenUse::new("CreateAgent", req.client_token.as_ref(), &req);
    let (id, now) = (cx.ids.resource_id(), cx.clock.now().to_micros());
    let arn = cx.agent_arn(&id);
    let agent_document = document(&cx, id, now, req);
    let mut stored = StoredAgent::new(agent_document);
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        // A token whose agent was deleted since makes a new one.
        if let Some(earlier) = token.earlier(tx, now)?
            && let Some(stored) = tx.get::<StoredAgent>(Kind::Agent, "", &earlier)?
        {
            return Ok::<_, ApiError>(stored.agent);
        }
        let quotas = &app.settings.quotas;
        uses::check(&app, tx, stored.agent.guardrail_configuration.as_ref())?;
        app.agent_count.admit(|count| quotas.agents(count), || tx.count(Kind::Agent, ""))?;
        let document = &stored.agent;
        let resource = Resource {
            kind: Kind::Agent,
            parent: "",
            id: &document.agent_id,
            name: Some(&document.agent_name),
            created_at: now,
            updated_at: now,
        };
        tx.insert(&resource, &stored).map_err(|error| match error {
            PutError::NameTaken => agent_name_taken(),
            other => crate::agents::documents::put_error(other),
        })?;
        uses::hold(tx, document.guardrail_configuration.as_ref(), &document.agent_id, DRAFT, now)?;
        tags::set(tx, quotas, &arn, &tags)?;
        token.remember(tx, &document.agent_id, now)?;
        // What is stored is done already; the answer shows the state every client expects first.
        stored.agent.agent_status = api::AgentStatus::Creating;
        Ok(stored.agent)
    };
    let agent = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::CreateAgentResponse { agent })
}

/// The document of a new agent, with what the service fills in.
pub(super) fn document(app: &App, id: String, now: Timestamp, req: api::CreateAgentRequest) -> api::Agent {
    let phases = agents::phases(req.memory_configuration.as_ref(), req.agent_collaboration);
    api::Agent {
        agent_arn: app.agent_arn(&id),
        agent_version: "DRAFT".to_owned(),
        client_token: req.client_token,
        instruction: req.instruction,
        agent_status: api::AgentStatus::NotPrepared,
        foundation_model: req.foundation_model,
        description: req.description,
        orchestration_type: Some(req.orchestration_type.unwrap_or(api::OrchestrationType::Default)),
        custom_orchestration: req.custom_orchestration,
        idle_session_ttl_in_seconds: req.idle_session_ttl_in_seconds.unwrap_or(IDLE_SESSION_TTL_SECONDS),
        // The service makes a role where none is named; the document must have one.
        agent_resource_role_arn: req.agent_resource_role_arn.unwrap_or_else(|| {
            format!(
                "arn:aws:iam::{}:role/service-role/AmazonBedrockExecutionRoleForAgents_{id}",
                app.settings.account_id
            )
        }),
        customer_encryption_key_arn: req.customer_encryption_key_arn,
        created_at: now,
        updated_at: now,
        prepared_at: None,
        failure_reasons: None,
        recommended_actions: None,
        prompt_override_configuration: Some(agents::shown_prompts(req.prompt_override_configuration, phases)),
        guardrail_configuration: agents::shown_guardrail(req.guardrail_configuration),
        memory_configuration: agents::shown_memory(req.memory_configuration),
        agent_collaboration: Some(req.agent_collaboration.unwrap_or(api::AgentCollaboration::Disabled)),
        agent_name: req.agent_name,
        agent_id: id,
    }
}
