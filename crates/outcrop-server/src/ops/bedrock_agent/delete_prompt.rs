//! DeletePrompt: a version of a prompt, or the prompt with all its versions.

use crate::agents::prompts::{self, Named};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use outcrop_store::Kind;

pub(super) async fn delete_prompt(cx: OpContext, req: api::DeletePromptRequest) -> OpResult<api::DeletePromptResponse> {
    // An ARN with a version names that version here too: all of them would be far more than was said.
    let named = Named::new(&cx, &req.prompt_identifier, req.prompt_version)?;
    let arn = prompts::arn(&cx, &named.id);
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let Named { id, version } = named;
        match &version {
            Some(number) => {
                if !tx.delete(Kind::PromptVersion, &id, number)? {
                    return Err(errors::not_found());
                }
                tx.delete_tags(&format!("{arn}:{number}"))?;
            }
            None => {
                if !tx.delete(Kind::Prompt, "", &id)? {
                    return Err(errors::not_found());
                }
                tx.delete_children(Kind::PromptVersion, &id)?;
                tx.delete_tags(&arn)?;
                tx.delete_tags_below(&format!("{arn}:"))?;
            }
        }
        Ok::<_, ApiError>(api::DeletePromptResponse { id, version })
    };
    cx.store.write(work).await
}
