//! What a `modelId` names: a model, an inference profile, or another resource that leads to a model.

use crate::App;
use crate::bill::Payer;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::bedrock::inference_profiles;
use std::sync::Arc;

/// The model that a caller means.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The id under which models are looked up.
    pub(super) model_id: String,
    /// Who the call is written down for.
    pub(super) payer: Payer,
}

/// Finds out what a `modelId` names.
///
/// An application inference profile of this server leads to its model, and its calls are written down for it. A prompt is
/// refused: it is not yet run from here. Everything else goes to the catalog as it is, which serves every id.
pub(super) async fn named(app: &Arc<App>, model_id: &str) -> OpResult<Named> {
    if model_id.contains(":prompt/") {
        return Err(errors::validation(
            "A prompt cannot be invoked by its ARN by this version of Outcrop. Give the id of a model and the prompt's text as messages.",
        ));
    }
    if model_id.contains(":guardrail/") || model_id.contains(":agent/") {
        return Err(invalid_identifier());
    }
    Ok(match inference_profiles::behind(app, model_id).await? {
        Some(profile) => Named { payer: Payer::profile(&profile.profile), model_id: profile.copied_from },
        None => Named { model_id: model_id.to_owned(), payer: Payer::gateway() },
    })
}

/// The service's words for an id that is none.
fn invalid_identifier() -> ApiError {
    errors::validation("The provided model identifier is invalid.")
}
