//! Asks a model for a caller of the gateway.

use super::guarded::Told;
use super::models::Named;
use crate::errors::{self, ApiError};
use crate::ops::OpContext;
use outcrop_ports::{DeltaSink, ModelError, ModelErrorKind, ModelReply, ModelRequest};
use tokio::time::Instant;

/// An answer and how long it took.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) reply: ModelReply,
    pub(super) latency_ms: i64,
    /// What guardrails say of it, where some are applied.
    pub(super) guardrail: Option<Told>,
}

/// Asks, within the time that one call of a model may take, and writes the call down. Dropping the future ends the
/// call: whoever hung up pays for no more tokens than were made.
pub(super) async fn ask(
    cx: &OpContext,
    named: &Named,
    request: &ModelRequest,
    deltas: Option<&dyn DeltaSink>,
) -> Result<Asked, ModelError> {
    let model = cx.models.model(&request.model_id);
    if !model.is_language_model() {
        let message = format!(
            "The model {} is served by the built-in planner, which is no language model. Write a [[model]] for it into outcrop.toml, or set OPENAI_API_KEY, to ask one.",
            request.model_id
        );
        return Err(ModelError::new(ModelErrorKind::NotFound, message));
    }
    let (began, patience) = (Instant::now(), cx.settings.model_call_timeout);
    let answered = tokio::time::timeout(patience, model.converse(request, deltas)).await.unwrap_or_else(|_| {
        let message = format!("The model did not answer within {} s.", patience.as_secs());
        Err(ModelError::new(ModelErrorKind::TimedOut, message))
    });
    cx.model_answered(&named.payer, &request.model_id, answered.as_ref().ok());
    let latency_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    match answered {
        Ok(reply) => Ok(Asked { reply, latency_ms, guardrail: None }),
        Err(error) => {
            tracing::warn!(
                request_id = cx.request_id,
                model = request.model_id,
                kind = ?error.kind,
                reason = error.message,
                "model call failed"
            );
            Err(error)
        }
    }
}

/// A failure of a model as the runtime's exception.
pub(super) fn exception(error: ModelError) -> ApiError {
    let ModelError { kind, message, .. } = error;
    let code = match kind {
        ModelErrorKind::Throttled => "ThrottlingException",
        ModelErrorKind::AccessDenied => "AccessDeniedException",
        ModelErrorKind::Invalid => "ValidationException",
        // Programs look for these words to shorten what they ask.
        ModelErrorKind::TooLong => {
            return errors::validation(format!("Input is too long for requested model. {message}"));
        }
        ModelErrorKind::NotFound => "ResourceNotFoundException",
        ModelErrorKind::Unavailable => "ServiceUnavailableException",
        ModelErrorKind::TimedOut => "ModelTimeoutException",
        ModelErrorKind::BadReply => "ModelErrorException",
    };
    ApiError::new(code, message)
}

/// The same where a stream has begun: fewer exceptions have a place there.
pub(super) fn exception_in_stream(error: ModelError, has_timeout: bool) -> ApiError {
    let mut error = exception(error);
    let has_place = ["ThrottlingException", "ValidationException", "ServiceUnavailableException"].contains(&error.code)
        || (has_timeout && error.code == "ModelTimeoutException");
    if !has_place {
        error.code = "ModelStreamErrorException";
    }
    error
}
