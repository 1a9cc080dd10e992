//! GetAgentVersion: a version by its number.

use crate::agents::documents::StoredVersion;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn get_agent_version(
    cx: OpContext,
    req: api::GetAgentVersionRequest,
) -> OpResult<api::GetAgentVersionResponse> {
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        Ok::<_, ApiError>(tx.get::<StoredVersion>(Kind::AgentVersion, &req.agent_id, &req.agent_version)?)
    };
    let stored = cx.store.read(work).await?.ok_or_else(errors::not_found)?;
    Ok(api::GetAgentVersionResponse { agent_version: stored.version })
}
