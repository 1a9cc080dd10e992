//! UpdateGuardrail: replaces the draft whole; a policy that is left out is gone.

use super::guardrails::written;
use crate::errors::{ApiError, OpResult};
use crate::guardrails::documents;
use crate::ops::OpContext;
use outcrop_api::bedrock as api;

pub(super) async fn update_guardrail(
    cx: OpContext,
    req: api::UpdateGuardrailRequest,
) -> OpResult<api::UpdateGuardrailResponse> {
    let now = cx.clock.now().to_micros();
    let identifier = req.guardrail_identifier.clone();
    let app = cx.app.clone();
    // Compiled before the write, which others wait for. Id and time of creation follow.
    let document = written!(req).document(&cx, "", now, now)?;
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let id = documents::id_of(&app, tx, &identifier)?;
        let mut stored = documents::guardrail(tx, &id)?;
        stored.guardrail = api::GetGuardrailResponse {
            guardrail_id: stored.guardrail.guardrail_id,
            guardrail_arn: stored.guardrail.guardrail_arn,
            created_at: stored.guardrail.created_at,
            ..document
        };
        documents::put(tx, &stored)?;
        Ok::<_, ApiError>(stored.guardrail)
    };
    let guardrail = cx.store.write(work).await?;
    Ok(api::UpdateGuardrailResponse {
        guardrail_id: guardrail.guardrail_id,
        guardrail_arn: guardrail.guardrail_arn,
        version: guardrail.version,
        updated_at: guardrail.updated_at,
    })
}
