//! `/healthz`: the process is up. `/readyz`: the store answers.

use crate::App;
use crate::edge::respond::{self, Body};
use http::{Method, Response};

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
                tracing::error!(error = &error as &dyn std::error::Error, "store does not answer");
                respond::json(503, request_id, r#"{"status":"not ready","reason":"the store does not answer"}"#)
            }
        }),
        _ => None,
    }
}
