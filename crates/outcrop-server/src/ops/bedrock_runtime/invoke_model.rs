//! InvokeModel: one answer of a model, asked and answered in the words of its family.

use super::ask;
use super::bodies;
use super::guarded::{self, Wanted};
use super::models;
use crate::edge::respond::{self, Body};
use crate::errors::{self, ApiError};
use crate::ops::OpContext;
use http::{HeaderValue, Response};
use outcrop_api::{ApiOperation, bedrock_runtime as api};
use outcrop_ports::Latency;
use outcrop_wire::Blob;

pub(super) async fn invoke_model(cx: OpContext, req: api::InvokeModelRequest) -> Result<Response<Body>, ApiError> {
    check_media_types(req.content_type.as_deref(), req.accept.as_deref())?;
    let named = models::named(&cx.app, &req.model_id).await?;
    let wanted = Wanted::of_headers(req.guardrail_identifier, req.guardrail_version, req.trace);
    let mut invoked = bodies::read(&cx, named, &req.body.unwrap_or_default().0, Some(wanted)).await?;
    invoked.request.inference.latency = latency(req.performance_config_latency);
    let answered = guarded::ask(&cx, &invoked.named, &invoked.request, &invoked.guarding).await;
    let answered = answered.map_err(ask::exception)?;
    let answer = api::InvokeModelResponse {
        body: Blob::new(invoked.answer(&answered).to_string().into_bytes()),
        content_type: "application/json".to_owned(),
        performance_config_latency: req.performance_config_latency,
        service_tier: req.service_tier,
    };
    let encoded = outcrop_api::encode_response(api::InvokeModel::OPERATION, &answer, &cx.request_id);
    let mut response = respond::encoded(&cx.request_id, encoded);
    // Programs count by these where the body does not tell.
    let usage = &answered.reply.usage;
    for (name, value) in [
        ("x-amzn-bedrock-invocation-latency", answered.latency_ms.to_string()),
        ("x-amzn-bedrock-input-token-count", usage.input_tokens.to_string()),
        ("x-amzn-bedrock-output-token-count", usage.output_tokens.to_string()),
        ("x-amzn-bedrock-cache-read-input-token-count", usage.cache_read_input_tokens.to_string()),
        ("x-amzn-bedrock-cache-write-input-token-count", usage.cache_write_input_tokens.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

pub(super) fn latency(wanted: Option<api::PerformanceConfigLatency>) -> Option<Latency> {
    wanted.map(|wanted| match wanted {
        api::PerformanceConfigLatency::Standard => Latency::Standard,
        api::PerformanceConfigLatency::Optimized => Latency::Optimized,
    })
}

/// Bodies are JSON, there and back.
pub(super) fn check_media_types(content_type: Option<&str>, accept: Option<&str>) -> Result<(), ApiError> {
    let is_json = |given: &str| {
        let given = given.split(';').next().unwrap_or_default().trim();
        given.is_empty() || ["application/json", "*/*", "application/*"].contains(&given)
    };
    // What a client sends that was given no type.
    let is_bytes = |given: &str| given == "application/octet-stream" || given == "application/x-amz-json-1.1";
    if content_type.is_some_and(|given| !is_json(given) && !is_bytes(given)) {
        return Err(errors::validation("The provided contentType is not supported: it is application/json."));
    }
    if accept.is_some_and(|given| !given.split(',').any(is_json)) {
        return Err(errors::validation("The provided accept is not supported: it is application/json."));
    }
    Ok(())
}
