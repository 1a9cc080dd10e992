//! ListAgentAliases: last changed first; the test alias is one of them.

use super::{aliases, paging};
use crate::agents::documents::{TEST_ALIAS_ID, agent, test_alias};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn list_agent_aliases(
    cx: OpContext,
    req: api::ListAgentAliasesRequest,
) -> OpResult<api::ListAgentAliasesResponse> {
    let test_arn = cx.alias_arn(&req.agent_id, TEST_ALIAS_ID);
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        let stored = agent(tx, &req.agent_id)?;
        // The test alias is not stored; it stands first.
        let test = test_alias(&stored, test_arn);
        paging::page_after(tx, test, Kind::AgentAlias, &req.agent_id, req.max_results, req.next_token.as_deref())
    };
    let (page, next_token) = cx.store.read(work).await?;
    Ok(api::ListAgentAliasesResponse {
        agent_alias_summaries: page.into_iter().map(aliases::summary).collect(),
        next_token,
    })
}
