//! `POST /outcrop/callbacks/TOKEN`: the answer of an action that said it would answer later. Whoever has the token may send
//! it, without a signature: the token was given to the action with its call.
//!
//! The first answer stands. The same again is fine; another one is a conflict; one that comes too late is gone.

use crate::App;
use crate::edge::respond::{self, Body};
use crate::errors::{self, ApiError, OpResult};
use crate::turn::callback::{self, CallRef, CallbackResult};
use bytes::Bytes;
use http::{Method, Response};
use outcrop_store::CallbackState;
use serde_json::{Value, json};
use std::sync::Arc;

/// Takes an answer.
pub async fn answer(
    app: &Arc<App>,
    method: &Method,
    token: &str,
    body: Result<Bytes, ApiError>,
    request_id: &str,
) -> Response<Body> {
    let answered = match body {
        _ if method != Method::POST => Err(errors::unknown_operation(method.as_str(), "/outcrop/callbacks/TOKEN")),
        Ok(body) => take(app, token, &body).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(document) => respond::json(200, request_id, document.to_string()),
        Err(error) => {
            tracing::info!(request_id, code = error.code, reason = error.message, "a callback was not taken");
            respond::error(request_id, None, &error)
        }
    }
}

async fn take(app: &Arc<App>, token: &str, body: &Bytes) -> OpResult<Value> {
    let not_here = || ApiError::new("ResourceNotFoundException", "No action waits for an answer under this token.");
    let result: CallbackResult = serde_json::from_slice(body).map_err(|error| match error.is_data() {
        true => errors::validation(format!("The answer cannot be taken: {error}.")),
        false => ApiError::new("SerializationException", error.to_string()),
    })?;
    if result.body.is_some() == result.error.is_some() {
        return Err(errors::validation("An answer has either a body or an error."));
    }
    let bytes_max = app.settings.tool_response_bytes_max;
    if body.len() > bytes_max {
        return Err(errors::validation(format!("An answer has {bytes_max} bytes at most (tool_response_bytes_max).")));
    }
    let CallRef { session, turn, call_key } = callback::read_token(app, token).await?.ok_or_else(not_here)?;
    let kept = serde_json::to_vec(&result).map_err(|_| errors::internal())?;
    match app.store.keep_callback((session, turn), call_key, kept.clone(), app.clock.now()).await? {
        CallbackState::Taken { wakes } => {
            if wakes {
                app.recovery.look_again();
            }
            Ok(json!({"status": "ACCEPTED"}))
        }
        CallbackState::Repeated(before) if before == kept => Ok(json!({"status": "ACCEPTED"})),
        CallbackState::Repeated(_) => Err(errors::conflict("The action has answered otherwise before.")),
        CallbackState::Gone => Err(not_here()),
    }
}
