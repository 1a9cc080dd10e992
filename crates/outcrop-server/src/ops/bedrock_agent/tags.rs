//! TagResource, UntagResource, ListTagsForResource: labels of agents, aliases, prompts and knowledge bases.

use crate::App;
use crate::agents::documents::TEST_ALIAS_ID;
use crate::agents::prompts;
use crate::agents::tags;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, ReadTx};

pub(super) async fn tag_resource(cx: OpContext, req: api::TagResourceRequest) -> OpResult<api::TagResourceResponse> {
    tags::check(&req.tags)?;
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        check_exists(&app, tx, &req.resource_arn)?;
        tags::set(tx, &app.settings.quotas, &req.resource_arn, &req.tags)
    };
    cx.store.write::<_, ApiError, _>(work).await?;
    // Tags say how turns run.
    cx.prepared.changed();
    Ok(api::TagResourceResponse::default())
}

pub(super) async fn untag_resource(
    cx: OpContext,
    req: api::UntagResourceRequest,
) -> OpResult<api::UntagResourceResponse> {
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        check_exists(&app, tx, &req.resource_arn)?;
        Ok(tx.remove_tags(&req.resource_arn, &req.tag_keys)?)
    };
    cx.store.write::<_, ApiError, _>(work).await?;
    cx.prepared.changed();
    Ok(api::UntagResourceResponse::default())
}

pub(super) async fn list_tags_for_resource(
    cx: OpContext,
    req: api::ListTagsForResourceRequest,
) -> OpResult<api::ListTagsForResourceResponse> {
    let app = cx.app.clone();
    let work = move |tx: &ReadTx<'_>| {
        check_exists(&app, tx, &req.resource_arn)?;
        Ok::<_, ApiError>(tx.tags(&req.resource_arn)?)
    };
    let tags = cx.store.read(work).await?;
    Ok(api::ListTagsForResourceResponse { tags: Some(tags) })
}

/// Only what exists can be tagged, under its own ARN.
fn check_exists(app: &App, tx: &ReadTx<'_>, arn: &str) -> OpResult<()> {
    check_form(arn)?;
    let resource = arn.strip_prefix(&app.arn("")).unwrap_or_default();
    let exists = match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["agent", agent_id] => tx.exists(Kind::Agent, "", agent_id)?,
        ["agent-alias", agent_id, TEST_ALIAS_ID] => tx.exists(Kind::Agent, "", agent_id)?,
        ["agent-alias", agent_id, alias_id] => tx.exists(Kind::AgentAlias, agent_id, alias_id)?,
        ["knowledge-base", id] => tx.exists(Kind::KnowledgeBase, "", id)?,
        ["prompt", prompt] => match prompt.split_once(':') {
            Some((id, number)) => prompts::exists(tx, id, Some(number))?,
            None => prompts::exists(tx, prompt, None)?,
        },
        _ => false,
    };
    if exists { Ok(()) } else { Err(errors::not_found()) }
}

/// The model's own pattern for these ARNs matches none of them, so what it means is checked here: an ARN of the service,
/// in any partition, region and account, and of any kind of resource.
fn check_form(arn: &str) -> OpResult<()> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_ours = match parts.as_slice() {
        ["arn", partition, "bedrock", region, account, resource] => {
            let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
            let (kind, id) = resource.split_once('/').unwrap_or_default();
            partition.starts_with("aws") && !region.is_empty() && is_account && !kind.is_empty() && !id.is_empty()
        }
        _ => false,
    };
    if is_ours {
        return Ok(());
    }
    let message = format!(
        "The resourceArn {arn} is not the ARN of a resource that can have tags. One looks like arn:aws:bedrock:REGION:ACCOUNT:agent/ID."
    );
    Err(errors::invalid_field("resourceArn", message))
}
