//! DeleteAgentActionGroup: takes tools off the draft; an enabled group only when the caller insists.

use crate::agents::documents::{DRAFT, touch_draft, version_parent};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn delete_agent_action_group(
    cx: OpContext,
    req: api::DeleteAgentActionGroupRequest,
) -> OpResult<api::DeleteAgentActionGroupResponse> {
    let now = cx.clock.now().to_micros();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let parent = version_parent(&req.agent_id, DRAFT);
        let group: api::AgentActionGroup =
            tx.get(Kind::ActionGroup, &parent, &req.action_group_id)?.ok_or_else(errors::not_found)?;
        let is_enabled = group.action_group_state == api::ActionGroupState::Enabled;
        if is_enabled && req.skip_resource_in_use_check != Some(true) {
            let name = &group.action_group_name;
            return Err(errors::conflict(format!(
                "ActionGroup with name {name} cannot be deleted when it is Enabled. Either use SkipResourceInUseCheckOnDelete flag or mark it as Disabled."
            )));
        }
        tx.delete(Kind::ActionGroup, &parent, &req.action_group_id)?;
        touch_draft(tx, &group.agent_id, now)
    };
    cx.store.write::<_, ApiError, _>(work).await?;
    cx.prepared.changed();
    Ok(api::DeleteAgentActionGroupResponse::default())
}
