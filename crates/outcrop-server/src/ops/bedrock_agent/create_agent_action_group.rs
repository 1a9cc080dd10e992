//! CreateAgentActionGroup: adds tools to the draft.

use super::action_groups::{self, Written};
use crate::agents::documents::{DRAFT, StoredGroup, agent, put_group, touch_draft, version_parent};
use crate::agents::tokens::TokenUse;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, ReadTx};
use outcrop_wire::Timestamp;

pub(super) async fn create_agent_action_group(
    cx: OpContext,
    req: api::CreateAgentActionGroupRequest,
) -> OpResult<api::CreateAgentActionGroupResponse> {
    let written = Written {
        name: &req.action_group_name,
        description: req.description.as_ref(),
        state: req.action_group_state,
        signature: req.parent_action_group_signature,
        signature_params: req.parent_action_group_signature_params.as_ref(),
        executor: req.action_group_executor.as_ref(),
        api_schema: req.api_schema.as_ref(),
        function_schema: req.function_schema.as_ref(),
    };
    let checked = action_groups::check(&cx.objects, &cx.settings.quotas, &written).await;
    let token = TokenUse::new("CreateAgentActionGroup", req.client_token.as_ref(), &req);
    let now = cx.clock.now().to_micros();
    let agent_id = req.agent_id.clone();
    let tools = match checked {
        Ok(tools) => tools,
        // The schema's object may be gone since the request was made for the first time.
        Err(error) => {
            let found = cx.store.read(move |tx| earlier(tx, &token, &agent_id, now)).await?;
            let agent_action_group = found.ok_or(error)?;
            return Ok(api::CreateAgentActionGroupResponse { agent_action_group });
        }
    };
    let group = document(cx.ids.resource_id(), now, req);
    let quotas = cx.settings.quotas;
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        agent(tx, &agent_id)?;
        if let Some(group) = earlier(tx, &token, &agent_id, now)? {
            return Ok(group);
        }
        let at = touch_draft(tx, &agent_id, now)?;
        let stored = StoredGroup { group: api::AgentActionGroup { created_at: at, updated_at: at, ..group }, tools };
        action_groups::check_among(tx, &quotas, &stored)?;
        put_group(tx, &stored)?;
        token.remember(tx, &stored.group.action_group_id, now)?;
        Ok::<_, ApiError>(stored.group)
    };
    let agent_action_group = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::CreateAgentActionGroupResponse { agent_action_group })
}

/// The document of a new group, with what the service fills in.
pub(super) fn document(id: String, now: Timestamp, req: api::CreateAgentActionGroupRequest) -> api::AgentActionGroup {
    api::AgentActionGroup {
        agent_id: req.agent_id,
        agent_version: req.agent_version,
        action_group_id: id,
        action_group_name: req.action_group_name,
        client_token: req.client_token,
        description: req.description,
        created_at: now,
        updated_at: now,
        parent_action_signature: req.parent_action_group_signature,
        parent_action_group_signature_params: req.parent_action_group_signature_params,
        action_group_executor: req.action_group_executor,
        api_schema: req.api_schema,
        function_schema: req.function_schema,
        action_group_state: req.action_group_state.unwrap_or(api::ActionGroupState::Enabled),
    }
}

/// The group that the same request made before, as it is now.
fn earlier(
    tx: &ReadTx<'_>,
    token: &TokenUse,
    agent_id: &str,
    now: Timestamp,
) -> OpResult<Option<api::AgentActionGroup>> {
    match token.earlier(tx, now)? {
        Some(id) => Ok(tx.get(Kind::ActionGroup, &version_parent(agent_id, DRAFT), &id)?),
        None => Ok(None),
    }
}
