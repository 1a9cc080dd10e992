//! GetPrompt: the draft of a prompt, or one of its versions.

use crate::agents::prompts::{self, Named};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;

pub(super) async fn get_prompt(cx: OpContext, req: api::GetPromptRequest) -> OpResult<api::GetPromptResponse> {
    let named = Named::new(&cx, &req.prompt_identifier, req.prompt_version)?;
    let mut prompt = cx.store.read(move |tx| prompts::version(tx, &named.id, named.version.as_deref())).await?;
    if req.included_data == Some(api::IncludedData::MetadataOnly) {
        prompt.variants = None;
    }
    Ok(prompt)
}
