//! Application inference profiles: a model under an id of one's own, so that what it costs can be told apart.

use super::foundation_models;
use crate::App;
use crate::errors::{self, ApiError, OpResult};
use outcrop_api::bedrock as api;
use outcrop_store::{Kind, ReadTx};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A profile with what its document does not show.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredProfile {
    /// The document as it is served.
    pub(crate) profile: api::GetInferenceProfileResponse,
    /// The id of the model or system profile that it copies.
    pub(crate) copied_from: String,
}

/// Letters and digits of a profile's id.
pub(super) const ID_CHARS: usize = 12;

/// The id of an application inference profile of this server, where an identifier has the form of one: its ARN, or
/// twelve letters and digits.
pub(crate) fn application_id<'a>(app: &App, identifier: &'a str) -> Option<&'a str> {
    let id = match identifier.split_once(":application-inference-profile/") {
        Some((owner, id)) if app.arn("").starts_with(&format!("{owner}:")) => id,
        Some(_) => return None,
        None => identifier,
    };
    let is_id = id.len() == ID_CHARS && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    is_id.then_some(id)
}

/// The id that is asked in place of this one: that of the model behind an application inference profile of this server.
///
/// # Errors
/// A ResourceNotFoundException for the ARN of a profile that there is not.
pub(crate) async fn behind(app: &Arc<App>, model_id: &str) -> OpResult<Option<StoredProfile>> {
    let Some(id) = application_id(app, model_id) else { return Ok(None) };
    let (id, is_arn) = (id.to_owned(), model_id.starts_with("arn:"));
    let found =
        app.store.read(move |tx| Ok::<_, ApiError>(tx.get::<StoredProfile>(Kind::InferenceProfile, "", &id)?));
    match found.await? {
        Some(profile) => Ok(Some(profile)),
        // A bare id may be the name of a model.
        None if !is_arn => Ok(None),
        None => Err(errors::not_found()),
    }
}

/// A profile by its id or ARN, whoever made it, or the caller's error.
pub(super) fn find(app: &App, tx: &ReadTx<'_>, identifier: &str) -> OpResult<api::GetInferenceProfileResponse> {
    if let Some(id) = application_id(app, identifier)
        && let Some(stored) = tx.get::<StoredProfile>(Kind::InferenceProfile, "", id)?
    {
        return Ok(stored.profile);
    }
    let of_system = foundation_models::system_profiles(app)
        .into_iter()
        .find(|profile| profile.inference_profile_id == identifier || profile.inference_profile_arn == identifier);
    of_system.map(whole).ok_or_else(errors::not_found)
}

/// A summary has the same members.
fn whole(summary: api::InferenceProfileSummary) -> api::GetInferenceProfileResponse {
    api::GetInferenceProfileResponse {
        inference_profile_name: summary.inference_profile_name,
        description: summary.description,
        created_at: summary.created_at,
        updated_at: summary.updated_at,
        inference_profile_arn: summary.inference_profile_arn,
        models: summary.models,
        inference_profile_id: summary.inference_profile_id,
        status: summary.status,
        r#type: summary.r#type,
    }
}

pub(super) fn summary(profile: api::GetInferenceProfileResponse) -> api::InferenceProfileSummary {
    api::InferenceProfileSummary {
        inference_profile_name: profile.inference_profile_name,
        description: profile.description,
        created_at: profile.created_at,
        updated_at: profile.updated_at,
        inference_profile_arn: profile.inference_profile_arn,
        models: profile.models,
        inference_profile_id: profile.inference_profile_id,
        status: profile.status,
        r#type: profile.r#type,
    }
}
