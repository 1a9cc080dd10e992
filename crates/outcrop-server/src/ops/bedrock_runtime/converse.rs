//! Converse: one answer of a model to a conversation.

use super::ask;
use super::guarded::{self, Wanted};
use super::reply;
use crate::edge::respond::{self, Body};
use crate::errors::ApiError;
use crate::ops::OpContext;
use http::Response;
use outcrop_api::{ApiOperation, bedrock_runtime as api};

pub(super) async fn converse(cx: OpContext, mut req: api::ConverseRequest) -> Result<Response<Body>, ApiError> {
    let wanted = Wanted::of_converse(req.guardrail_config.take());
    let (asked, guarding) = guarded::read(&cx, req, wanted).await?;
    let answer = guarded::ask(&cx, &asked.named, &asked.request, &guarding).await.map_err(ask::exception)?;
    let answer = reply::answer(answer, asked.shown);
    let encoded = outcrop_api::encode_response(api::Converse::OPERATION, &answer, &cx.request_id);
    Ok(respond::encoded(&cx.request_id, encoded))
}
