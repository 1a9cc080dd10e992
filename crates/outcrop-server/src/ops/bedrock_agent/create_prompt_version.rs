//! CreatePromptVersion: an immutable copy of the draft under the next number.

use super::prompts as rules;
use crate::agents::documents::put_error;
use crate::agents::prompts::{self, Named};
use crate::agents::tags;
use crate::agents::tokens::TokenUse;
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, Resource};

/// The largest number that the model's version has room for.
const VERSION_MAX: u32 = 99_999;

pub(super) async fn create_prompt_version(
    cx: OpContext,
    req: api::CreatePromptVersionRequest,
) -> OpResult<api::CreatePromptVersionResponse> {
    let tags = req.tags.clone().unwrap_or_default();
    tags::check(&tags)?;
    let token = TokenUse::new("CreatePromptVersion", req.client_token.as_ref(), &req);
    let id = Named::new(&cx, &req.prompt_identifier, None)?.draft()?;
    let now = cx.clock.now().to_micros();
    let quotas = cx.settings.quotas;
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let mut stored = prompts::prompt(tx, &id)?;
        // A token whose version was deleted since makes a new one.
        if let Some(earlier) = token.earlier(tx, now)?
            && let Some(version) = tx.get(Kind::PromptVersion, &id, &earlier)?
        {
            return Ok(version);
        }
        if stored.last_version >= VERSION_MAX {
            return Err(errors::quota_exceeded(format!("A prompt has at most {VERSION_MAX} versions.")));
        }
        quotas.versions_per_prompt(tx.count(Kind::PromptVersion, &id)? + 1)?;
        stored.last_version += 1;
        prompts::put(tx, &stored)?;
        let draft = stored.prompt;
        let number = stored.last_version.to_string();
        let version = api::GetPromptResponse {
            arn: format!("{}:{number}", draft.arn),
            version: number,
            description: req.description.or(draft.description),
            created_at: now,
            updated_at: now,
            ..draft
        };
        let resource = Resource {
            kind: Kind::PromptVersion,
            parent: &id,
            id: &version.version,
            name: None,
            created_at: now,
            updated_at: now,
        };
        tx.insert(&resource, &version).map_err(put_error)?;
        tags::set(tx, &quotas, &version.arn, &tags)?;
        token.remember(tx, &version.version, now)?;
        Ok::<_, ApiError>(version)
    };
    Ok(rules::answer!(CreatePromptVersionResponse, cx.store.write(work).await?))
}
