//! The models that are listed: those that Bedrock is known to have, and those that the configuration names.
//!
//! Every id is answered by some model here, so the list is not what can be asked but what is worth showing: the table in
//! `data/foundation_models.json`, whose ids programs know, and the ids of the configuration that are no patterns.

use crate::App;
use outcrop_api::bedrock as api;
use serde::Deserialize;
use std::sync::OnceLock;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Known {
    id: String,
    name: String,
    provider: String,
    input: Vec<api::ModelModality>,
    output: Vec<api::ModelModality>,
    streams: bool,
    #[serde(default)]
    is_legacy: bool,
    /// Prefixes of the inference profiles that lead to it.
    #[serde(default)]
    profiles: Vec<String>,
}

/// The table, which a test has read.
fn known() -> &'static [Known] {
    static KNOWN: OnceLock<Vec<Known>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        serde_json::from_str(include_str!("../../../data/foundation_models.json")).unwrap_or_else(|error| {
            tracing::error!(%error, "the table of foundation models cannot be read");
            Vec::new()
        })
    })
}

/// All models, in the order of vendors and names; those of the configuration last.
pub(super) fn all(app: &App) -> Vec<api::FoundationModelDetails> {
    let known_models = known().iter().map(|known| details(app, known));
    let configured =
        app.models.configured().into_iter().filter(|id| is_id(id) && !known().iter().any(|one| one.id == *id));
    known_models.chain(configured.map(|id| of_configuration(app, id))).collect()
}

/// The model of an id or an ARN.
pub(super) fn find(app: &App, identifier: &str) -> Option<api::FoundationModelDetails> {
    let id = match identifier.split_once(":foundation-model/") {
        Some((_, id)) => id,
        None => identifier,
    };
    all(app).into_iter().find(|model| model.model_id == id)
}

/// ARN of a model.
pub(super) fn arn(app: &App, id: &str) -> String {
    format!("arn:aws:bedrock:{}::foundation-model/{id}", app.settings.region)
}

/// Inference profiles of the system: a prefix of regions and a model's id.
pub(super) fn system_profiles(app: &App) -> Vec<api::InferenceProfileSummary> {
    let profile = |prefix: &String, known: &Known| {
        let id = format!("{prefix}.{}", known.id);
        api::InferenceProfileSummary {
            inference_profile_name: format!("{} {}", title(prefix), known.name),
            description: Some(format!("Routes requests to the model in regions of {prefix}.")),
            created_at: None,
            updated_at: None,
            inference_profile_arn: app.arn(&format!("inference-profile/{id}")),
            models: vec![api::InferenceProfileModel { model_arn: Some(arn(app, &known.id)) }],
            inference_profile_id: id,
            status: api::InferenceProfileStatus::Active,
            r#type: api::InferenceProfileType::SystemDefined,
        }
    };
    known().iter().flat_map(|known| known.profiles.iter().map(move |prefix| profile(prefix, known))).collect()
}

fn title(prefix: &str) -> String {
    match prefix {
        "global" => "Global".to_owned(),
        prefix => prefix.to_ascii_uppercase(),
    }
}

fn details(app: &App, known: &Known) -> api::FoundationModelDetails {
    let status = match known.is_legacy {
        true => api::FoundationModelLifecycleStatus::Legacy,
        false => api::FoundationModelLifecycleStatus::Active,
    };
    api::FoundationModelDetails {
        model_arn: arn(app, &known.id),
        model_id: known.id.clone(),
        model_name: Some(known.name.clone()),
        provider_name: Some(known.provider.clone()),
        input_modalities: Some(known.input.clone()),
        output_modalities: Some(known.output.clone()),
        response_streaming_supported: Some(known.streams),
        customizations_supported: Some(Vec::new()),
        inference_types_supported: Some(vec![api::InferenceType::OnDemand]),
        model_lifecycle: Some(lifecycle(status)),
    }
}

fn of_configuration(app: &App, id: String) -> api::FoundationModelDetails {
    let mut input = vec![api::ModelModality::Text];
    if app.models.takes(&id).images {
        input.push(api::ModelModality::Image);
    }
    api::FoundationModelDetails {
        model_arn: arn(app, &id),
        model_name: Some(id.clone()),
        provider_name: Some("Outcrop".to_owned()),
        input_modalities: Some(input),
        output_modalities: Some(vec![api::ModelModality::Text]),
        response_streaming_supported: Some(true),
        customizations_supported: Some(Vec::new()),
        inference_types_supported: Some(vec![api::InferenceType::OnDemand]),
        model_lifecycle: Some(lifecycle(api::FoundationModelLifecycleStatus::Active)),
        model_id: id,
    }
}

fn lifecycle(status: api::FoundationModelLifecycleStatus) -> api::FoundationModelLifecycle {
    api::FoundationModelLifecycle {
        status,
        start_of_life_time: None,
        end_of_life_time: None,
        legacy_time: None,
        public_extended_access_time: None,
    }
}

/// Whether a pattern of the configuration is an id.
fn is_id(pattern: &str) -> bool {
    !pattern.contains(['*', '?']) && !pattern.starts_with("arn:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_can_be_read_and_names_each_model_once() {
        let ids: BTreeSet<&str> = known().iter().map(|known| known.id.as_str()).collect();
        assert!(ids.len() > 50 && ids.len() == known().len());
        for known in known() {
            assert!(known.id.contains('.') && !known.name.is_empty() && !known.input.is_empty(), "{known:?}");
        }
    }
}
