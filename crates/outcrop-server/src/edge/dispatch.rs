//! From a request to the operation that answers it.

use super::receive::{self, Received, receive};
use super::respond::{self, Body};
use crate::App;
use crate::agents::controls::Controls;
use crate::agents::names;
use crate::errors;
use crate::ops::{self, OpContext};
use http::{Request, Response};
use hyper::body::Incoming;
use outcrop_api::decode;
use outcrop_api::route::{self, Named};
use std::sync::Arc;

/// Answers one request. Never fails: what goes wrong is a response.
pub async fn answer(app: Arc<App>, request: Request<Incoming>) -> Response<Body> {
    let request_id = app.ids.uuid();
    let is_for_s3 = ops::s3::is_meant(request.headers(), request.uri());
    if !is_for_s3
        && let Some(response) = ops::health::answer(&app, request.method(), request.uri().path(), &request_id).await
    {
        return response;
    }
    if !is_for_s3 && let Some(token) = request.uri().path().strip_prefix("/outcrop/callbacks/") {
        let (method, token) = (request.method().clone(), token.to_owned());
        let body = receive::read(request.into_body(), app.settings.body_bytes_max).await;
        return ops::outcrop::callbacks::answer(&app, &method, &token, body, &request_id).await;
    }
    let Received { head, body, caller, protocol } = match receive(&app, request).await {
        Ok(received) => received,
        Err(refused) => {
            let status = refused.error.status(None);
            app.metrics.request("", status);
            let (code, reason) = (refused.error.code, &refused.error.message);
            tracing::info!(request_id, code, reason, service = refused.signing_service, "not let in");
            if is_for_s3 {
                return ops::s3::refused(&request_id, &refused.error);
            }
            return respond::error_in(refused.protocol, &request_id, None, &refused.error);
        }
    };
    if is_for_s3 {
        return ops::s3::answer(&app, &caller, head, body, &request_id).await;
    }
    let path = head.uri.path();
    if path == "/metrics" {
        return ops::health::metrics(&app, &head.method, &request_id);
    }
    if let Some(rest) = path.strip_prefix("/outcrop/") {
        let query = head.uri.query().unwrap_or_default();
        return ops::outcrop::answer(&app, &head.method, rest, query, &body, &request_id).await;
    }
    let query = head.uri.query().unwrap_or_default();
    let signed_for = caller.signing_service.as_deref();
    let request = route::Request { path, query, headers: &head.headers, body: &body };
    let mut route = match route::find_named(request, signed_for) {
        Named::Found(route) => route,
        Named::Unknown { protocol, name } => {
            tracing::debug!(name, "unknown operation");
            app.metrics.request("", 404);
            return respond::error_in(protocol, &request_id, None, &errors::unknown_action(&name));
        }
        Named::Not => match route::find(&head.method, path, &body, signed_for) {
            Some(route) => route,
            None => {
                tracing::debug!(method = %head.method, path, "unknown operation");
                app.metrics.request("", 404);
                let error = errors::unknown_operation(head.method.as_str(), path);
                return respond::error_in(protocol, &request_id, None, &error);
            }
        },
    };
    let operation = route.operation;
    let answered = async {
        caller.check_service(operation.service.service().signing_name)?;
        names::resolve(&app, &mut route).await?;
        let parts = decode::Parts { labels: &route.labels, query, headers: &head.headers, body: &body };
        let controls = match operation.name {
            "InvokeAgent" | "InvokeInlineAgent" => Controls::of_headers(&head.headers)?,
            _ => Controls::default(),
        };
        let invocation_key = head.headers.get("amz-sdk-invocation-id").and_then(|value| value.to_str().ok());
        let invocation_key = invocation_key.map(str::to_owned);
        let context = OpContext { app: app.clone(), request_id: request_id.clone(), controls, invocation_key };
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
            error.leave_out_unknown_fields(operation);
            // Looking for what is not there is how many programs begin, and some make their invocation before every step
            // and pass over that it is there: no events for the operator.
            let is_usual = ["ResourceNotFoundException", "NoSuchEntity"].contains(&error.code)
                || (error.code == "ConflictException" && operation.name == "CreateInvocation");
            if is_usual {
                tracing::debug!(operation = operation.name, request_id, reason = error.message, "refused");
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
