//! PutEnforcedGuardrailConfiguration: has a version of a guardrail hold for all of the account.

use crate::errors::{self, ApiError, OpResult};
use crate::guardrails::documents;
use crate::ops::OpContext;
use outcrop_api::bedrock as api;
use outcrop_store::{Kind, PutError, Resource};

/// Configurations of the account at most: each costs every call of a model a check.
const CONFIGURATIONS_MAX: usize = 10;

pub(super) async fn put_enforced_guardrail_configuration(
    cx: OpContext,
    req: api::PutEnforcedGuardrailConfigurationRequest,
) -> OpResult<api::PutEnforcedGuardrailConfigurationResponse> {
    let (made_id, now) = (cx.ids.resource_id().to_ascii_lowercase(), cx.clock.now().to_micros());
    let by = format!("arn:aws:iam::{}:root", cx.settings.account_id);
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let given = req.guardrail_inference_config;
        let id = documents::id_of(&app, tx, &given.guardrail_identifier)?;
        if !documents::exists(tx, &id, &given.guardrail_version)? {
            return Err(errors::not_found());
        }
        let earlier = match &req.config_id {
            Some(config) => Some(
                tx.get::<api::AccountEnforcedGuardrailOutputConfiguration>(Kind::EnforcedGuardrail, "", config)?
                    .ok_or_else(errors::not_found)?,
            ),
            None if tx.count(Kind::EnforcedGuardrail, "")? >= CONFIGURATIONS_MAX => {
                return Err(errors::quota_exceeded(format!(
                    "The account has {CONFIGURATIONS_MAX} enforced guardrail configurations, and cannot have more. Delete one first."
                )));
            }
            None => None,
        };
        let config_id = req.config_id.unwrap_or(made_id);
        let created_at = earlier.as_ref().and_then(|earlier| earlier.created_at).unwrap_or(now);
        let configuration = api::AccountEnforcedGuardrailOutputConfiguration {
            config_id: Some(config_id.clone()),
            guardrail_arn: Some(documents::arn(&app, &id)),
            guardrail_id: Some(id),
            input_tags: None,
            selective_content_guarding: given.selective_content_guarding,
            guardrail_version: Some(given.guardrail_version),
            created_at: Some(created_at),
            created_by: Some(by.clone()),
            updated_at: Some(now),
            updated_by: Some(by.clone()),
            owner: Some(api::ConfigurationOwner::Account),
            model_enforcement: given.model_enforcement,
        };
        let resource = Resource {
            kind: Kind::EnforcedGuardrail,
            parent: "",
            id: &config_id,
            name: None,
            created_at,
            updated_at: now,
        };
        tx.put(&resource, &configuration).map_err(|error| match error {
            PutError::Store(error) => ApiError::from(error),
            PutError::NameTaken | PutError::IdTaken => errors::internal(),
        })?;
        Ok::<_, ApiError>(api::PutEnforcedGuardrailConfigurationResponse {
            config_id: Some(config_id),
            updated_at: Some(now),
            updated_by: Some(by),
        })
    };
    let put = cx.store.write(work).await?;
    cx.guardrails.enforced_changed();
    Ok(put)
}
