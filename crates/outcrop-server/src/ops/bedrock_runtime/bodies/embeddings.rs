//! Bodies of models that make vectors of texts, which no provider does yet.

use crate::errors::{self, ApiError};
use serde_json::{Map, Value};

/// Whether a model makes vectors, or a body asks for some.
pub(super) fn is_meant(model_id: &str, members: &Map<String, Value>) -> bool {
    model_id.contains("amazon.titan-embed") || model_id.contains("cohere.embed") || members.contains_key("texts")
}

/// Says that there is nobody to ask.
pub(super) fn refuse(model_id: &str) -> ApiError {
    errors::validation(format!(
        "The model {model_id} makes embeddings, and models that do are not served by this version of Outcrop."
    ))
}
