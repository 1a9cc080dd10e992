//! ListEnforcedGuardrailsConfiguration: the guardrails that hold for all of the account. They are few: one page.

use crate::errors::{self, OpResult};
use crate::guardrails::enforced;
use crate::ops::OpContext;
use outcrop_api::bedrock as api;

pub(super) async fn list_enforced_guardrails_configuration(
    cx: OpContext,
    req: api::ListEnforcedGuardrailsConfigurationRequest,
) -> OpResult<api::ListEnforcedGuardrailsConfigurationResponse> {
    if req.next_token.is_some() {
        return Err(errors::bad_token());
    }
    let guardrails_config = cx.store.read(enforced::all).await?;
    Ok(api::ListEnforcedGuardrailsConfigurationResponse { guardrails_config, next_token: None })
}
