//! GetAgentActionGroup: a group of the draft or of a version.

use crate::agents::documents::version_parent;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn get_agent_action_group(
    cx: OpContext,
    req: api::GetAgentActionGroupRequest,
) -> OpResult<api::GetAgentActionGroupResponse> {
    let parent = version_parent(&req.agent_id, &req.agent_version);
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        Ok::<_, ApiError>(tx.get(Kind::ActionGroup, &parent, &req.action_group_id)?)
    };
    let agent_action_group = cx.store.read(work).await?.ok_or_else(errors::not_found)?;
    Ok(api::GetAgentActionGroupResponse { agent_action_group })
}
