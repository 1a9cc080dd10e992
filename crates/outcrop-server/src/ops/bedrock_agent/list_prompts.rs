//! ListPrompts: the drafts, last changed first; or one prompt's draft and versions, newest first.

use super::paging;
use crate::agents::prompts::{self, Named, StoredPrompt};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::{Kind, ReadTx};

pub(super) async fn list_prompts(cx: OpContext, req: api::ListPromptsRequest) -> OpResult<api::ListPromptsResponse> {
    let named = req.prompt_identifier.map(|identifier| Named::new(&cx, &identifier, None)).transpose()?;
    let (limit, token) = (req.max_results, req.next_token);
    let work = move |tx: &ReadTx<'_>| {
        let Some(Named { id, .. }) = named else {
            let (drafts, next) = paging::page::<StoredPrompt>(tx, Kind::Prompt, "", limit, token.as_deref())?;
            return Ok((drafts.into_iter().map(|stored| stored.prompt).collect(), next));
        };
        let draft = prompts::prompt(tx, &id)?.prompt;
        paging::page_after(tx, draft, Kind::PromptVersion, &id, limit, token.as_deref())
    };
    let (page, next_token) = cx.store.read::<(Vec<_>, _), ApiError, _>(work).await?;
    Ok(api::ListPromptsResponse { prompt_summaries: page.into_iter().map(summary).collect(), next_token })
}

fn summary(prompt: api::GetPromptResponse) -> api::PromptSummary {
    api::PromptSummary {
        name: prompt.name,
        description: prompt.description,
        id: prompt.id,
        arn: prompt.arn,
        version: prompt.version,
        created_at: prompt.created_at,
        updated_at: prompt.updated_at,
    }
}
