//! ListAgentAliases: last changed first; the test alias is one of them.

use super::{aliases, paging};
use crate::agents::documents::{TEST_ALIAS_ID, agent, test_alias};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

/// Token for a page after one that had room for the test alias only.
const AFTER_TEST_ALIAS: &str = "after-test-alias";

pub(super) async fn list_agent_aliases(
    cx: OpContext,
    req: api::ListAgentAliasesRequest,
) -> OpResult<api::ListAgentAliasesResponse> {
    let test_arn = cx.alias_arn(&req.agent_id, TEST_ALIAS_ID);
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        let stored = agent(tx, &req.agent_id)?;
        let page = |limit: Option<i64>, token: Option<&str>| {
            paging::page::<api::AgentAlias>(tx, Kind::AgentAlias, &req.agent_id, limit, token)
        };
        // The test alias is not stored; it stands first.
        match req.next_token.as_deref() {
            None => {
                let test = test_alias(&stored, test_arn);
                let Some(rest) = i64::try_from(paging::limit(req.max_results) - 1).ok().filter(|rest| *rest > 0) else {
                    let has_more = tx.count(Kind::AgentAlias, &req.agent_id)? > 0;
                    return Ok((vec![test], has_more.then(|| AFTER_TEST_ALIAS.to_owned())));
                };
                let (mut aliases, next) = page(Some(rest), None)?;
                aliases.insert(0, test);
                Ok::<_, ApiError>((aliases, next))
            }
            Some(AFTER_TEST_ALIAS) => page(req.max_results, None),
            token => page(req.max_results, token),
        }
    };
    let (page, next_token) = cx.store.read(work).await?;
    Ok(api::ListAgentAliasesResponse {
        agent_alias_summaries: page.into_iter().map(aliases::summary).collect(),
        next_token,
    })
}
