//! InvokeModelWithResponseStream: one answer of a model while it is made, in the words of its family.

use super::bodies;
use super::guarded::Wanted;
use super::invoke_model::{check_media_types, latency};
use super::models;
use super::stream;
use crate::edge::respond::Body;
use crate::errors::ApiError;
use crate::ops::OpContext;
use http::{HeaderValue, Response};
use outcrop_api::bedrock_runtime as api;

pub(super) async fn invoke_model_with_response_stream(
    cx: OpContext,
    req: api::InvokeModelWithResponseStreamRequest,
) -> Result<Response<Body>, ApiError> {
    check_media_types(req.content_type.as_deref(), req.accept.as_deref())?;
    let named = models::named(&cx.app, &req.model_id).await?;
    let wanted = Wanted::of_headers(req.guardrail_identifier, req.guardrail_version, req.trace);
    let mut invoked = bodies::read(&cx, named, &req.body.unwrap_or_default().0, Some(wanted)).await?;
    invoked.request.inference.latency = latency(req.performance_config_latency);
    let events = invoked.events();
    let mut response = stream::stream(&cx, invoked.named, invoked.request, invoked.guarding, events).await?;
    let headers = response.headers_mut();
    headers.insert("x-amzn-bedrock-content-type", HeaderValue::from_static("application/json"));
    if let Some(latency) = req.performance_config_latency {
        headers.insert("x-amzn-bedrock-performanceconfig-latency", HeaderValue::from_static(latency.as_str()));
    }
    if let Some(tier) = req.service_tier {
        headers.insert("x-amzn-bedrock-service-tier", HeaderValue::from_static(tier.as_str()));
    }
    Ok(response)
}
