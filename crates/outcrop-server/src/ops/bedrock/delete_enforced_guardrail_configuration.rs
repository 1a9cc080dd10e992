//! DeleteEnforcedGuardrailConfiguration: a guardrail holds for all of the account no longer.

use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock as api;
use outcrop_store::Kind;

pub(super) async fn delete_enforced_guardrail_configuration(
    cx: OpContext,
    req: api::DeleteEnforcedGuardrailConfigurationRequest,
) -> OpResult<api::DeleteEnforcedGuardrailConfigurationResponse> {
    let work = move |tx: &mut outcrop_store::Tx<'_>| match tx.delete(Kind::EnforcedGuardrail, "", &req.config_id)? {
        true => Ok::<_, ApiError>(()),
        false => Err(errors::not_found()),
    };
    cx.store.write(work).await?;
    cx.guardrails.enforced_changed();
    Ok(api::DeleteEnforcedGuardrailConfigurationResponse {})
}
