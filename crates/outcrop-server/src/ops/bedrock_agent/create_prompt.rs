//! CreatePrompt: begins a prompt as a draft.

use super::prompts as rules;
use crate::agents::prompts::{self, StoredPrompt};
use crate::agents::tags;
use crate::agents::tokens::TokenUse;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn create_prompt(cx: OpContext, req: api::CreatePromptRequest) -> OpResult<api::CreatePromptResponse> {
    rules::check(req.default_variant.as_deref(), req.variants.as_deref())?;
    let tags = req.tags.clone().unwrap_or_default();
    tags::check(&tags)?;
    let token = TokenUse::new("CreatePrompt", req.client_token.as_ref(), &req);
    let (id, now) = (cx.ids.resource_id(), cx.clock.now().to_micros());
    let prompt = api::GetPromptResponse {
        name: req.name,
        description: req.description,
        customer_encryption_key_arn: req.customer_encryption_key_arn,
        default_variant: req.default_variant,
        variants: Some(req.variants.unwrap_or_default()),
        arn: prompts::arn(&cx, &id),
        id,
        version: prompts::DRAFT.to_owned(),
        created_at: now,
        updated_at: now,
    };
    let (app, quotas) = (cx.app.clone(), cx.settings.quotas);
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        // A token whose prompt was deleted since makes a new one.
        if let Some(earlier) = token.earlier(tx, now)?
            && let Some(stored) = tx.get::<StoredPrompt>(Kind::Prompt, "", &earlier)?
        {
            return Ok::<_, ApiError>(stored.prompt);
        }
        app.prompt_count.admit(|count| quotas.prompts(count), || tx.count(Kind::Prompt, ""))?;
        let stored = StoredPrompt { prompt, last_version: 0 };
        prompts::put(tx, &stored)?;
        tags::set(tx, &quotas, &stored.prompt.arn, &tags)?;
        token.remember(tx, &stored.prompt.id, now)?;
        Ok(stored.prompt)
    };
    Ok(rules::answer!(CreatePromptResponse, cx.store.write(work).await?))
}
