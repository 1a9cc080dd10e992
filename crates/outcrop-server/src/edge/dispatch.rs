//! From a request to the operation that answers it.

use super::authenticate::authenticate;
use super::respond::{self, Body};
use crate::App;
use crate::agents::names;
use crate::errors::{self, ApiError};
use crate::ops::{self, OpContext};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use outcrop_api::{ServiceId, decode, route};
use std::sync::Arc;
use std::time::Duration;

/// Time a client has to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest path with query that is looked at.
const TARGET_BYTES_MAX: usize = 16 * 1024;

/// Answers one request. Never fails: what goes wrong is a response.
pub async fn answer(app: Arc<App>, request: Request<Incoming>) -> Response<Body> {
    let request_id = app.ids.uuid();
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if let Some(response) = ops::health::answer(&app, &head.method, path, &request_id).await {
        return response;
    }
    if head.uri.path_and_query().is_some_and(|target| target.as_str().len() > TARGET_BYTES_MAX) {
        let error =
            errors::validation(format!("The request's path and query are longer than {TARGET_BYTES_MAX} bytes."));
        return respond::error(&request_id, None, &error);
    }
    let body = match read_body(&app, body).await {
        Ok(body) => body,
        Err(error) => return respond::error(&request_id, None, &error),
    };
    let caller = match authenticate(app.settings.auth, &head.headers) {
        Ok(caller) => caller,
        Err(error) => return respond::error(&request_id, None, &error),
    };
    if let Some(rest) = path.strip_prefix("/outcrop/") {
        return ops::outcrop::answer(&app, &head.method, rest, &body, &request_id).await;
    }
    let Some(mut route) = route::find(&head.method, path, &body, caller.signing_service.as_deref()) else {
        tracing::debug!(method = %head.method, path, "unknown operation");
        app.metrics.request("", 404);
        return respond::error(&request_id, None, &errors::unknown_operation(head.method.as_str(), path));
    };
    let operation = route.operation;
    let query = head.uri.query().unwrap_or_default();
    let answered = async {
        names::resolve(&app, &mut route).await?;
        let parts = decode::Parts { labels: &route.labels, query, headers: &head.headers, body: &body };
        let context = OpContext { app: app.clone(), request_id: request_id.clone() };
        match ops::table().handler(operation) {
            Some(handler) => handler(context, parts)?.await,
            None => {
                decode::decode_value(operation, parts)?;
                Err(errors::not_implemented(operation))
            }
        }
    };
    let result = answered.await;
    let status = result.as_ref().map_or_else(|error| error.status(Some(operation)), |answer| answer.status().as_u16());
    app.metrics.request(operation.name, status);
    match result {
        Ok(mut response) => {
            tracing::debug!(operation = operation.name, request_id, status, "answered");
            respond::set_request_id(&mut response, &request_id);
            response
        }
        Err(mut error) => {
            // The runtime's error shape has no fields.
            if operation.service == ServiceId::BedrockAgentRuntime {
                error.members.remove("fieldList");
            }
            // Looking for what is not there is how many programs begin; it is no event for the operator.
            if error.code == "ResourceNotFoundException" {
                tracing::debug!(operation = operation.name, request_id, reason = error.message, "not found");
            } else {
                tracing::info!(
                    operation = operation.name,
                    request_id,
                    code = error.code,
                    reason = error.message,
                    "refused"
                );
            }
            respond::error(&request_id, Some(operation), &error)
        }
    }
}

async fn read_body(app: &App, body: Incoming) -> Result<Bytes, ApiError> {
    let limit = app.settings.body_bytes_max;
    let read = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await;
    match read {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(ApiError::new("RequestEntityTooLargeException", format!("The request is larger than {limit} bytes.")))
        }
        Ok(Err(_)) => Err(ApiError::new("SerializationException", "The request body ended early.")),
        Err(_) => Err(ApiError::new("RequestTimeoutException", "The request body did not arrive in time.")),
    }
}
