//! `bedrock`: guardrails, lists of models and inference profiles.

mod create_guardrail;
mod create_guardrail_version;
mod create_inference_profile;
mod delete_enforced_guardrail_configuration;
mod delete_guardrail;
mod delete_inference_profile;
mod foundation_models;
mod get_foundation_model;
mod get_guardrail;
mod get_inference_profile;
mod guardrails;
pub(crate) mod inference_profiles;
mod list_enforced_guardrails_configuration;
mod list_foundation_models;
mod list_guardrails;
mod list_inference_profiles;
mod put_enforced_guardrail_configuration;
mod tags;
mod update_guardrail;

use super::OperationTable;
use outcrop_api::bedrock as api;

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    table.unary::<api::CreateGuardrail, _, _>(create_guardrail::create_guardrail);
    table.unary::<api::UpdateGuardrail, _, _>(update_guardrail::update_guardrail);
    table.unary::<api::CreateGuardrailVersion, _, _>(create_guardrail_version::create_guardrail_version);
    table.unary::<api::GetGuardrail, _, _>(get_guardrail::get_guardrail);
    table.unary::<api::ListGuardrails, _, _>(list_guardrails::list_guardrails);
    table.unary::<api::DeleteGuardrail, _, _>(delete_guardrail::delete_guardrail);
    table.unary::<api::PutEnforcedGuardrailConfiguration, _, _>(
        put_enforced_guardrail_configuration::put_enforced_guardrail_configuration,
    );
    table.unary::<api::ListEnforcedGuardrailsConfiguration, _, _>(
        list_enforced_guardrails_configuration::list_enforced_guardrails_configuration,
    );
    table.unary::<api::DeleteEnforcedGuardrailConfiguration, _, _>(
        delete_enforced_guardrail_configuration::delete_enforced_guardrail_configuration,
    );
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
