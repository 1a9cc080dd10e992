//! Invoke: calls a function and answers what it says, or only takes the event.

use super::names::{FunctionName, LATEST};
use super::{FunctionReply, documents, errors, names};
use crate::App;
use crate::edge::respond::{self, Body};
use crate::errors::{self as common, ApiError, OpResult};
use crate::ops::OpContext;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Response};
use outcrop_api::lambda as api;
use outcrop_ports::{ToolFailure, ToolFailureCause, ToolLimits};
use serde::de::IgnoredAny;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Largest payload whose answer is waited for, in bytes: Lambda's limit.
const PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;
/// Largest payload of an event, in bytes: Lambda's limit.
const EVENT_BYTES_MAX: usize = 1024 * 1024;
/// Events taken and not done yet. Each keeps its payload in memory.
const EVENTS_MAX: usize = 256;
/// The end of the log that `X-Amz-Log-Type: Tail` shows, in bytes: Lambda's.
const LOG_TAIL_BYTES: usize = 4 * 1024;

static EVENT_SLOTS: Semaphore = Semaphore::const_new(EVENTS_MAX);

/// Answers Invoke. A caller that goes away does not end the function.
///
/// An event (`Event`) is worked on once, in memory: one that fails is logged and not tried again, and those that wait
/// when the process ends are lost.
pub(super) async fn invoke(context: OpContext, request: api::InvocationRequest) -> OpResult<Response<Body>> {
    let name = names::read(&request.function_name, request.qualifier.as_deref())?;
    documents::check_exists(&context.app, &name).await?;
    let payload = payload(request.payload.map(|blob| blob.0).unwrap_or_default());
    match request.invocation_type.unwrap_or(api::InvocationType::RequestResponse) {
        api::InvocationType::DryRun => Ok(empty(&context, 204)),
        api::InvocationType::Event => {
            check_payload(&payload, EVENT_BYTES_MAX)?;
            start(&context, name, payload)?;
            Ok(empty(&context, 202))
        }
        api::InvocationType::RequestResponse => {
            check_payload(&payload, PAYLOAD_BYTES_MAX)?;
            let log_tail = request.log_type == Some(api::LogType::Tail);
            let reply = call(&context, name, payload, log_tail).await?;
            Ok(response(&context.request_id, reply, log_tail))
        }
    }
}

/// No payload is an empty object.
fn payload(bytes: Bytes) -> Bytes {
    if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes }
}

fn check_payload(payload: &[u8], bytes_max: usize) -> OpResult<()> {
    if payload.len() > bytes_max {
        return Err(ApiError::new(
            "RequestTooLargeException",
            format!("Request must be smaller than {bytes_max} bytes for the InvokeFunction operation"),
        ));
    }
    // Strings that are passed over are not looked at, so the text is checked first.
    let problem = match std::str::from_utf8(payload) {
        Ok(text) => serde_json::from_str::<IgnoredAny>(text).err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    match problem {
        Some(problem) => Err(ApiError::new(
            "InvalidRequestContentException",
            format!("Could not parse request body into json: Could not parse payload into json: {problem}"),
        )),
        None => Ok(()),
    }
}

async fn call(context: &OpContext, name: FunctionName, payload: Bytes, log_tail: bool) -> OpResult<FunctionReply> {
    let app = context.app.clone();
    let task = context.turns.spawn(async move {
        let arn = name.arn(&app.settings);
        let replied = app.functions.invoke(&arn, payload, limits(&app), log_tail).await;
        replied.map_err(|failure| refused(&app, &name, failure))
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "an invocation broke off");
        Err(common::internal())
    })
}

fn start(context: &OpContext, name: FunctionName, payload: Bytes) -> OpResult<()> {
    let slot = EVENT_SLOTS.try_acquire().map_err(|_| {
        let mut error = ApiError::new(
            "TooManyRequestsException",
            format!("{EVENTS_MAX} events are waiting already. Send it again later."),
        );
        error.members.insert("Reason".to_owned(), "ConcurrentInvocationLimitExceeded".into());
        error
    })?;
    let (app, request_id) = (context.app.clone(), context.request_id.clone());
    context.turns.spawn(async move {
        let _slot: SemaphorePermit<'static> = slot;
        let arn = name.arn(&app.settings);
        let function = name.name;
        match app.functions.invoke(&arn, payload, limits(&app), false).await {
            Ok(reply) if !reply.function_error => {
                tracing::debug!(function, request_id, "the function {function} worked an event");
            }
            Ok(_) => tracing::warn!(
                function,
                request_id,
                "the function {function} failed on an event; it is not tried again"
            ),
            Err(failure) => {
                let cause = failure.message;
                tracing::warn!(
                    function,
                    request_id,
                    cause,
                    "the function {function} did not work an event; it is not tried again"
                );
            }
        }
    });
    Ok(())
}

fn limits(app: &App) -> ToolLimits {
    ToolLimits { timeout: app.settings.tool_call_timeout, response_bytes_max: app.settings.tool_response_bytes_max }
}

/// The function could not be called at all; what it does wrong itself is a reply.
fn refused(app: &App, name: &FunctionName, failure: ToolFailure) -> ApiError {
    match failure.cause {
        ToolFailureCause::NotFound => errors::function_not_found(app, name),
        // All its processes were busy for longer than the caller may wait.
        ToolFailureCause::TimedOut => ApiError::new("TooManyRequestsException", failure.message),
        _ => {
            tracing::warn!(
                function = name.name,
                cause = failure.message,
                detail = failure.detail,
                "cannot call the function {}",
                name.name
            );
            ApiError::new("ServiceException", failure.message)
        }
    }
}

fn response(request_id: &str, reply: FunctionReply, log_tail: bool) -> Response<Body> {
    let mut response = respond::json(200, request_id, reply.payload);
    let headers = response.headers_mut();
    headers.insert("x-amz-executed-version", HeaderValue::from_static(LATEST));
    if reply.function_error {
        headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    if log_tail {
        let end = &reply.log_tail[reply.log_tail.len().saturating_sub(LOG_TAIL_BYTES)..];
        let value = HeaderValue::from_str(&STANDARD.encode(end)).expect("base64 is fit for a header");
        headers.insert("x-amz-log-result", value);
    }
    response
}

/// An answer without body.
fn empty(context: &OpContext, status: u16) -> Response<Body> {
    let mut response = respond::json(status, &context.request_id, Bytes::new());
    response.headers_mut().remove(http::header::CONTENT_TYPE);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_json_within_limits() {
        let check = |bytes: &[u8], expected: Option<(&str, &str)>| {
            let found = check_payload(&payload(Bytes::copy_from_slice(bytes)), 20).err();
            let found = found.as_ref().map(|error| (error.code, error.message.as_str()));
            match (found, expected) {
                (Some((code, message)), Some((expected, words))) => {
                    assert_eq!(code, expected);
                    assert!(message.starts_with(words), "{message}");
                }
                (found, expected) => assert_eq!(found, expected),
            }
        };
        let not_json = Some((
            "InvalidRequestContentException",
            "Could not parse request body into json: Could not parse payload into json: ",
        ));
        for good in ["", "{}", "null", "7", " [1] ", "\"text\"", "[[[[[[[[[]]]]]]]]]"] {
            check(good.as_bytes(), None);
        }
        for bad in [&b"{"[..], b"not json", b"{} {}", b"\"\xff\"", b"[1,]"] {
            check(bad, not_json);
        }
        check(&[b' '; 21], Some(("RequestTooLargeException", "Request must be smaller than 20 bytes")));
    }
}
