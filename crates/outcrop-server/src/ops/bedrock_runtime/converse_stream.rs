//! ConverseStream: one answer of a model to a conversation, while it is made.

use super::events::ConverseEvents;
use super::guarded::{self, Wanted};
use super::stream;
use crate::edge::respond::Body;
use crate::errors::ApiError;
use crate::ops::OpContext;
use http::Response;
use outcrop_api::bedrock_runtime as api;

pub(super) async fn converse_stream(
    cx: OpContext,
    req: api::ConverseStreamRequest,
) -> Result<Response<Body>, ApiError> {
    // The two differ in how a guardrail is applied, and in nothing else.
    let wanted = Wanted::of_stream(req.guardrail_config);
    let req = api::ConverseRequest {
        model_id: req.model_id,
        messages: req.messages,
        system: req.system,
        inference_config: req.inference_config,
        tool_config: req.tool_config,
        guardrail_config: None,
        additional_model_request_fields: req.additional_model_request_fields,
        prompt_variables: req.prompt_variables,
        additional_model_response_field_paths: req.additional_model_response_field_paths,
        request_metadata: req.request_metadata,
        performance_config: req.performance_config,
        service_tier: req.service_tier,
        output_config: req.output_config,
    };
    let (asked, guarding) = guarded::read(&cx, req, wanted).await?;
    let events = ConverseEvents::new(asked.shown);
    stream::stream(&cx, asked.named, asked.request, guarding, events).await
}
