//! CreateAgentActionGroup: adds tools to the draft.

use super::action_groups::{self, Written};
use crate::agents::documents::{DRAFT, agent, groups_parent, put_error, touch_draft};
use crate::agents::tokens::TokenUse;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, PutError, Resource};

pub(super) async fn create_agent_action_group(
    cx: OpContext,
    req: api::CreateAgentActionGroupRequest,
) -> OpResult<api::CreateAgentActionGroupResponse> {
    let written = Written {
        name: &req.action_group_name,
        description: req.description.as_ref(),
        state: req.action_group_state,
        signature: req.parent_action_group_signature,
        executor: req.action_group_executor.as_ref(),
        api_schema: req.api_schema.as_ref(),
        function_schema: req.function_schema.as_ref(),
    };
    action_groups::check(&cx.objects, &written).await?;
    let token = TokenUse::new("CreateAgentActionGroup", req.client_token.as_ref(), &req);
    let now = cx.clock.now().to_micros();
    let group = api::AgentActionGroup {
        agent_id: req.agent_id,
        agent_version: req.agent_version,
        action_group_id: cx.ids.resource_id(),
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
    };
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let stored = agent(tx, &group.agent_id)?;
        let parent = groups_parent(&stored.agent.agent_id, DRAFT);
        if let Some(earlier) = token.earlier(tx, now)?
            && let Some(group) = tx.get(Kind::ActionGroup, &parent, &earlier)?
        {
            return Ok(group);
        }
        let resource = Resource {
            kind: Kind::ActionGroup,
            parent: &parent,
            id: &group.action_group_id,
            name: Some(&group.action_group_name),
            created_at: now,
            updated_at: now,
        };
        tx.insert(&resource, &group).map_err(|error| match error {
            PutError::NameTaken => errors::conflict(format!(
                "An action group with the name {} already exists for the agent.",
                group.action_group_name
            )),
            other => put_error(other),
        })?;
        touch_draft(tx, &group.agent_id, now)?;
        token.remember(tx, &group.action_group_id, now)?;
        Ok::<_, ApiError>(group)
    };
    let agent_action_group = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::CreateAgentActionGroupResponse { agent_action_group })
}
