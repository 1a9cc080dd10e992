//! The Lambda Runtime API, as one process sees it.

use super::instance::{Event, Instance, Reply};
use super::pool::Pool;
use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::net::TcpStream;

/// A body that is too long is read and thrown away up to this size, so that its sender hears why; beyond, the
/// connection is closed.
const DISCARDED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Largest error payload, in bytes.
const ERROR_BYTES_MAX: usize = 1024 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
const DEADLINE: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
const FUNCTION_ARN: HeaderName = HeaderName::from_static("lambda-runtime-invoked-function-arn");
const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("lambda-runtime-client-context");
const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");

/// Serves one connection of a process until either side closes it.
pub(super) async fn serve(socket: TcpStream, instance: Arc<Instance>, pool: Arc<Pool>) {
    // Without it every second answer would wait for the system's delay; a socket that refuses is slow, not wrong.
    let _ = socket.set_nodelay(true);
    let service = service_fn(|request| answer(request, &instance, &pool));
    let served = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(socket), service).await;
    if let Err(error) = served {
        tracing::debug!(function = &*pool.function.name, %error, "a connection of a function's process broke");
    }
}

async fn answer(
    request: Request<Incoming>,
    instance: &Arc<Instance>,
    pool: &Arc<Pool>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().strip_prefix("/2018-06-01/runtime/").unwrap_or_default();
    let parts: Vec<&str> = path.splitn(4, '/').collect();
    match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => Ok(next(instance, pool).await),
        (&Method::POST, ["invocation", request_id, "response"]) => {
            let request_id = (*request_id).to_owned();
            response(&request_id, request.into_body(), instance, pool).await
        }
        (&Method::POST, ["invocation", request_id, "error"]) => {
            let request_id = (*request_id).to_owned();
            let payload = read_error(request.into_body()).await?;
            Ok(taken(instance.answer(&request_id, Reply::Failed(payload), || pool.answered())))
        }
        (&Method::POST, ["init", "error"]) => {
            let payload = read_error(request.into_body()).await?;
            Ok(if instance.refuse(payload) { accepted() } else { wrong_state() })
        }
        // Extensions, logs and telemetry among them: there are none here.
        _ => Ok(refusal(StatusCode::NOT_FOUND, "ResourceNotFound", "no such call of the Runtime API here")),
    }
}

async fn next(instance: &Arc<Instance>, pool: &Arc<Pool>) -> Response<Full<Bytes>> {
    let Some((event, before)) = instance.ask() else { return wrong_state() };
    if let Some(before) = before {
        pool.became_idle(instance, before);
    }
    match event.await {
        Ok(event) => event_response(event),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "Container", "there are no more events: end"),
    }
}

async fn response(
    request_id: &str,
    body: Incoming,
    instance: &Arc<Instance>,
    pool: &Arc<Pool>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let Some(limit) = instance.response_bytes_max(request_id) else { return Ok(taken(false)) };
    match read(body, limit).await? {
        Ok(payload) => Ok(taken(instance.answer(request_id, Reply::Answered(payload), || pool.answered()))),
        Err(excess) => {
            let reply = Reply::TooLarge { bytes: excess.bytes, limit };
            instance.answer(request_id, reply, || pool.answered());
            if !excess.is_read {
                // The rest would be taken for the next request.
                instance.kill();
            }
            let message = format!("the response may be {limit} bytes long");
            Ok(refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message))
        }
    }
}

fn event_response(event: Event) -> Response<Full<Bytes>> {
    let trace_id = trace_id(&event);
    let mut response = Response::new(Full::new(event.payload));
    let headers = response.headers_mut();
    // awslambdaric hands raw bytes to the handler under any other type.
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(DEADLINE, HeaderValue::from(event.deadline_millis));
    let named = [(REQUEST_ID, event.request_id), (FUNCTION_ARN, event.arn), (TRACE_ID, trace_id)];
    let context = event.client_context.map(|context| (CLIENT_CONTEXT, context));
    for (name, value) in named.into_iter().chain(context) {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// A trace id in X-Ray's form, made of what the event has: time and request id. Not sampled.
fn trace_id(event: &Event) -> String {
    let seconds = u32::try_from(event.deadline_millis / 1000).unwrap_or_default();
    let random: String = event.request_id.chars().filter(char::is_ascii_hexdigit).take(24).collect();
    format!("Root=1-{seconds:08x}-{random:0>24};Sampled=0")
}

/// A body that is longer than allowed.
struct Excess {
    /// Its length, when known.
    bytes: Option<u64>,
    /// Whether it has been read to its end.
    is_read: bool,
}

async fn read(mut body: Incoming, limit: usize) -> Result<Result<Bytes, Excess>, hyper::Error> {
    let announced = body.size_hint().exact();
    if announced.is_some_and(|bytes| bytes > DISCARDED_BYTES_MAX) {
        return Ok(Err(Excess { bytes: announced, is_read: false }));
    }
    let mut kept = BytesMut::new();
    let mut first: Option<Bytes> = None;
    let mut length = 0u64;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        length = length.saturating_add(data.len() as u64);
        if length > DISCARDED_BYTES_MAX {
            return Ok(Err(Excess { bytes: announced, is_read: false }));
        }
        if length > limit as u64 {
            continue;
        }
        match first.take() {
            // The usual answer comes in one piece and is not copied.
            None if kept.is_empty() => first = Some(data),
            None => kept.extend_from_slice(&data),
            Some(begin) => {
                kept.extend_from_slice(&begin);
                kept.extend_from_slice(&data);
            }
        }
    }
    if length > limit as u64 {
        return Ok(Err(Excess { bytes: Some(length), is_read: true }));
    }
    Ok(Ok(first.unwrap_or_else(|| kept.freeze())))
}

async fn read_error(body: Incoming) -> Result<Bytes, hyper::Error> {
    let payload = read(body, ERROR_BYTES_MAX).await?;
    Ok(payload.unwrap_or(Bytes::from_static(
        br#"{"errorType":"Runtime.ErrorTooLarge","errorMessage":"the error is too long to be shown"}"#,
    )))
}

fn taken(known: bool) -> Response<Full<Bytes>> {
    if known { accepted() } else { refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "no such event is worked on") }
}

fn accepted() -> Response<Full<Bytes>> {
    json_response(StatusCode::ACCEPTED, Bytes::from_static(br#"{"status":"OK"}"#))
}

fn wrong_state() -> Response<Full<Bytes>> {
    refusal(StatusCode::FORBIDDEN, "InvalidStateTransition", "not now: an event is worked on, or the process is ending")
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    let body = serde_json::json!({"errorType": kind, "errorMessage": message});
    json_response(status, Bytes::from(body.to_string()))
}

fn json_response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
