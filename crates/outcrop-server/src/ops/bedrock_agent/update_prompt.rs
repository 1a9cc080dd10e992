//! UpdatePrompt: replaces the draft whole; what is left out is cleared.

use super::prompts as rules;
use crate::agents::prompts::{self, Named};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;

pub(super) async fn update_prompt(cx: OpContext, req: api::UpdatePromptRequest) -> OpResult<api::UpdatePromptResponse> {
    rules::check(req.default_variant.as_deref(), req.variants.as_deref())?;
    let id = Named::new(&cx, &req.prompt_identifier, None)?.draft()?;
    let now = cx.clock.now().to_micros();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut stored = prompts::prompt(tx, &id)?;
        stored.prompt = api::GetPromptResponse {
            name: req.name,
            description: req.description,
            customer_encryption_key_arn: req.customer_encryption_key_arn,
            default_variant: req.default_variant,
            variants: Some(req.variants.unwrap_or_default()),
            updated_at: now,
            ..stored.prompt
        };
        prompts::put(tx, &stored)?;
        Ok::<_, ApiError>(stored.prompt)
    };
    Ok(rules::answer!(UpdatePromptResponse, cx.store.write(work).await?))
}
