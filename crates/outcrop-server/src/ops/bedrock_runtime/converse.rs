//! Converse: one answer of a model to a conversation.

use super::ask;
use super::reply;
use super::request;
use crate::edge::respond::{self, Body};
use crate::errors::ApiError;
use crate::ops::OpContext;
use http::Response;
use outcrop_api::{ApiOperation, bedrock_runtime as api};

pub(super) async fn converse(cx: OpContext, req: api::ConverseRequest) -> Result<Response<Body>, ApiError> {
    let asked = request::read(&cx, req).await?;
    let answer = ask::ask(&cx, &asked.named, &asked.request, None).await.map_err(ask::exception)?;
    let answer = reply::answer(answer, asked.shown);
    let encoded = outcrop_api::encode_response(api::Converse::OPERATION, &answer, &cx.request_id);
    Ok(respond::encoded(&cx.request_id, encoded))
}
