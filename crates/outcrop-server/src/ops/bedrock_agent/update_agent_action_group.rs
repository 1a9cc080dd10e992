//! UpdateAgentActionGroup: replaces a group of the draft whole.

use super::action_groups::{self, Written};
use crate::agents::documents::{DRAFT, StoredGroup, put_group, touch_draft, version_parent};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn update_agent_action_group(
    cx: OpContext,
    req: api::UpdateAgentActionGroupRequest,
) -> OpResult<api::UpdateAgentActionGroupResponse> {
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
    let quotas = cx.settings.quotas;
    let tools = action_groups::check(&cx.objects, &quotas, &written).await?;
    let now = cx.clock.now().to_micros();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let parent = version_parent(&req.agent_id, DRAFT);
        let old: api::AgentActionGroup =
            tx.get(Kind::ActionGroup, &parent, &req.action_group_id)?.ok_or_else(errors::not_found)?;
        let group = api::AgentActionGroup {
            action_group_name: req.action_group_name,
            description: req.description,
            updated_at: touch_draft(tx, &req.agent_id, now)?,
            parent_action_signature: req.parent_action_group_signature,
            parent_action_group_signature_params: req.parent_action_group_signature_params,
            action_group_executor: req.action_group_executor,
            api_schema: req.api_schema,
            function_schema: req.function_schema,
            action_group_state: req.action_group_state.unwrap_or(api::ActionGroupState::Enabled),
            ..old
        };
        let stored = StoredGroup { group, tools };
        action_groups::check_among(tx, &quotas, &stored)?;
        put_group(tx, &stored)?;
        Ok::<_, ApiError>(stored.group)
    };
    let agent_action_group = cx.store.write(work).await?;
    cx.prepared.changed();
    Ok(api::UpdateAgentActionGroupResponse { agent_action_group })
}
