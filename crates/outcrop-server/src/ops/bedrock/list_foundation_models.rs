//! ListFoundationModels: the models there are, filtered.

use super::foundation_models;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock as api;
use std::future::{Ready, ready};

pub(super) fn list_foundation_models(
    cx: OpContext,
    req: api::ListFoundationModelsRequest,
) -> Ready<OpResult<api::ListFoundationModelsResponse>> {
    let is_meant = |model: &api::FoundationModelDetails| {
        let has =
            |provider: &String| model.provider_name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(provider));
        req.by_provider.as_ref().is_none_or(has)
            && req
                .by_customization_type
                .is_none_or(|kind| model.customizations_supported.iter().flatten().any(|one| *one == kind))
            && req
                .by_output_modality
                .is_none_or(|kind| model.output_modalities.iter().flatten().any(|one| *one == kind))
            && req
                .by_inference_type
                .is_none_or(|kind| model.inference_types_supported.iter().flatten().any(|one| *one == kind))
    };
    let found = foundation_models::all(&cx).into_iter().filter(is_meant).map(summary).collect();
    ready(Ok(api::ListFoundationModelsResponse { model_summaries: Some(found) }))
}

fn summary(model: api::FoundationModelDetails) -> api::FoundationModelSummary {
    api::FoundationModelSummary {
        model_arn: model.model_arn,
        model_id: model.model_id,
        model_name: model.model_name,
        provider_name: model.provider_name,
        input_modalities: model.input_modalities,
        output_modalities: model.output_modalities,
        response_streaming_supported: model.response_streaming_supported,
        customizations_supported: model.customizations_supported,
        inference_types_supported: model.inference_types_supported,
        model_lifecycle: model.model_lifecycle,
    }
}
