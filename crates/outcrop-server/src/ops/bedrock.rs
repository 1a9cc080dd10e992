//! `bedrock`: lists of models and inference profiles.

mod create_inference_profile;
mod delete_inference_profile;
mod foundation_models;
mod get_foundation_model;
mod get_inference_profile;
pub(crate) mod inference_profiles;
mod list_foundation_models;
mod list_inference_profiles;
mod tags;

use super::OperationTable;
use outcrop_api::bedrock as api;

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    table.unary::<api::ListFoundationModels, _, _>(list_foundation_models::list_foundation_models);
    table.unary::<api::GetFoundationModel, _, _>(get_foundation_model::get_foundation_model);
    table.unary::<api::CreateInferenceProfile, _, _>(create_inference_profile::create_inference_profile);
    table.unary::<api::GetInferenceProfile, _, _>(get_inference_profile::get_inference_profile);
    table.unary::<api::ListInferenceProfiles, _, _>(list_inference_profiles::list_inference_profiles);
    table.unary::<api::DeleteInferenceProfile, _, _>(delete_inference_profile::delete_inference_profile);
    table.unary::<api::TagResource, _, _>(tags::tag_resource);
    table.unary::<api::UntagResource, _, _>(tags::untag_resource);
    table.unary::<api::ListTagsForResource, _, _>(tags::list_tags_for_resource);
}
