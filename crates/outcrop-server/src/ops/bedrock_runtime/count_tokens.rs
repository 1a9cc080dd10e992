//! CountTokens: how many tokens a request has.
//!
//! Where the model's provider counts, its count is the answer. Elsewhere it is estimated by length, as the server does
//! for itself to keep conversations within windows.

use super::ask;
use super::bodies;
use super::models;
use super::request;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_runtime as api;

pub(super) async fn count_tokens(cx: OpContext, req: api::CountTokensRequest) -> OpResult<api::CountTokensResponse> {
    let request = match req.input {
        api::CountTokensInput::Converse(converse) => {
            let req = api::ConverseRequest {
                model_id: req.model_id,
                messages: converse.messages,
                system: converse.system,
                tool_config: converse.tool_config,
                additional_model_request_fields: converse.additional_model_request_fields,
                ..api::ConverseRequest::default()
            };
            request::read(&cx, req).await?.request
        }
        api::CountTokensInput::InvokeModel(body) => {
            let named = models::named(&cx.app, &req.model_id).await?;
            bodies::read(&cx, named, &body.body.0, None).await?.request
        }
    };
    let counted = cx.models.model(&request.model_id).count_tokens(&request).await.map_err(ask::exception)?;
    let tokens = counted.unwrap_or_else(|| outcrop_planner::turn::estimated_tokens(&request));
    Ok(api::CountTokensResponse { input_tokens: i64::try_from(tokens).unwrap_or(i64::MAX) })
}
