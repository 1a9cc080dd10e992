//! `/healthz`: the process is up. `/readyz`: the store answers. Nobody is asked who they are for these two.
//! `/metrics`: counters, for Prometheus.

use crate::App;
use crate::edge::respond::{self, Body};
use crate::errors;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response};
use outcrop_store::StoreError;

/// Answers when the path is one of these.
pub async fn answer(app: &App, method: &Method, path: &str, request_id: &str) -> Option<Response<Body>> {
    if method != Method::GET && method != Method::HEAD {
        return None;
    }
    match path {
        "/healthz" => Some(respond::json(200, request_id, r#"{"status":"ok"}"#)),
        "/readyz" => Some(match app.store.ping().await {
            Ok(()) => respond::json(200, request_id, r#"{"status":"ready"}"#),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "store does not answer: {error}");
                let body = match error {
                    StoreError::Disk { .. } => r#"{"status":"not ready","reason":"the store cannot be written"}"#,
                    _ => r#"{"status":"not ready","reason":"the store does not answer"}"#,
                };
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
