//! `/healthz`: the process is up. `/readyz`: the store answers. Nobody is asked who they are for these two.
//! `/metrics`: counters, for Prometheus.

use crate::App;
use crate::edge::respond::{self, Body};
use crate::errors;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response};
use outcrop_store::StoreError;
use std::time::Duration;

/// Whoever asks wants to know now: a database that is away is waited for by turns, not here.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// Answers when the path is one of these.
pub async fn answer(app: &App, method: &Method, path: &str, request_id: &str) -> Option<Response<Body>> {
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    match path {
        "/healthz" => Some(respond::json(200, request_id, r#"{"status":"ok"}"#)),
        "/readyz" => Some(match tokio::time::timeout(READY_TIMEOUT, app.store.ping()).await {
            Ok(Ok(())) => respond::json(200, request_id, r#"{"status":"ready"}"#),
            failed => {
                let body = match failed {
                    Ok(Err(StoreError::Disk { .. })) => {
                        r#"{"status":"not ready","reason":"the store cannot be written"}"#
                    }
                    _ => r#"{"status":"not ready","reason":"the store does not answer"}"#,
                };
                let why = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => format!("no answer within {} s", READY_TIMEOUT.as_secs()),
                };
                tracing::error!(why, "store does not answer: {why}");
                respond::json(503, request_id, body)
            }
        }),
        _ => None,
    }
}

/// The counters, for whoever may call.
pub fn metrics(app: &App, method: &Method, request_id: &str) -> Response<Body> {
    if method != Method::GET && method != Method::HEAD {
        return respond::error(request_id, None, &errors::unknown_operation(method.as_str(), "/metrics"));
    }
    let mut response = respond::json(200, request_id, app.metrics.text());
    let form = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, form);
    response
}
