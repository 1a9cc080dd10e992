//! CreateInferenceProfile: gives a model an id of one's own.

use super::foundation_models;
use super::inference_profiles::{self, ID_CHARS, StoredProfile};
use super::tags;
use crate::agents::tokens::TokenUse;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock as api;
use outcrop_store::{Kind, PutError, Resource};

pub(super) async fn create_inference_profile(
    cx: OpContext,
    req: api::CreateInferenceProfileRequest,
) -> OpResult<api::CreateInferenceProfileResponse> {
    let token = TokenUse::new("CreateInferenceProfile", req.client_request_token.as_ref(), &req);
    let tags = tags::to_map(req.tags.unwrap_or_default())?;
    let api::InferenceProfileModelSource::CopyFrom(source) = req.model_source;
    let (copied_from, models) = copied(&cx, &source)?;
    let now = cx.clock.now().to_micros();
    let id: String = cx.ids.uuid().bytes().filter(u8::is_ascii_alphanumeric).take(ID_CHARS).map(char::from).collect();
    let arn = cx.arn(&format!("application-inference-profile/{id}"));
    let profile = api::GetInferenceProfileResponse {
        inference_profile_name: req.inference_profile_name,
        description: req.description,
        created_at: Some(now),
        updated_at: Some(now),
        inference_profile_arn: arn.clone(),
        models,
        inference_profile_id: id.clone(),
        status: api::InferenceProfileStatus::Active,
        r#type: api::InferenceProfileType::Application,
    };
    let quotas = cx.settings.quotas;
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        if let Some(earlier) = token.earlier(tx, now)? {
            return Ok::<_, ApiError>(inference_profiles::find(&app, tx, &earlier)?.inference_profile_arn);
        }
        let stored = StoredProfile { profile, copied_from };
        let resource = Resource {
            kind: Kind::InferenceProfile,
            parent: "",
            id: &id,
            name: Some(&stored.profile.inference_profile_name),
            created_at: now,
            updated_at: now,
        };
        tx.put(&resource, &stored).map_err(|error| match error {
            PutError::Store(error) => error.into(),
            PutError::NameTaken | PutError::IdTaken => {
                errors::conflict("An inference profile with this name exists already. Give it another name.")
            }
        })?;
        crate::agents::tags::set(tx, &quotas, &arn, &tags)?;
        token.remember(tx, &id, now)?;
        Ok(arn)
    };
    let inference_profile_arn = cx.store.write(work).await?;
    Ok(api::CreateInferenceProfileResponse { inference_profile_arn, status: Some(api::InferenceProfileStatus::Active) })
}

/// The id that is asked for when the profile is, and the models it shows.
fn copied(cx: &OpContext, source: &str) -> OpResult<(String, Vec<api::InferenceProfileModel>)> {
    if let Some((_, id)) = source.split_once(":foundation-model/") {
        let model_arn = Some(source.to_owned());
        return Ok((id.to_owned(), vec![api::InferenceProfileModel { model_arn }]));
    }
    if let Some((_, id)) = source.split_once(":inference-profile/") {
        let known = foundation_models::system_profiles(cx).into_iter().find(|one| one.inference_profile_id == id);
        // A profile that is not in the table leads to the model whose id it has behind its prefix.
        let models = known.map_or_else(
            || {
                let model = id.split_once('.').map_or(id, |(_, model)| model);
                vec![api::InferenceProfileModel { model_arn: Some(foundation_models::arn(cx, model)) }]
            },
            |known| known.models,
        );
        return Ok((id.to_owned(), models));
    }
    Err(errors::validation(
        "The copyFrom of the modelSource must be the ARN of a foundation model or of a system-defined inference profile.",
    ))
}
