//! ListGuardrails: the drafts, last changed first; or one guardrail's draft and versions, newest first.

use crate::errors::{ApiError, OpResult};
use crate::guardrails::documents::{self, StoredGuardrail};
use crate::ops::OpContext;
use crate::ops::bedrock_agent::paging;
use outcrop_api::bedrock as api;
use outcrop_store::{Kind, ReadTx};

pub(super) async fn list_guardrails(
    cx: OpContext,
    req: api::ListGuardrailsRequest,
) -> OpResult<api::ListGuardrailsResponse> {
    let (app, limit, token) = (cx.app.clone(), req.max_results, req.next_token);
    let work = move |tx: &ReadTx<'_>| {
        let Some(identifier) = req.guardrail_identifier.filter(|identifier| !identifier.is_empty()) else {
            let (drafts, next) = paging::page::<StoredGuardrail>(tx, Kind::Guardrail, "", limit, token.as_deref())?;
            return Ok((drafts.into_iter().map(|stored| stored.guardrail).collect(), next));
        };
        let id = documents::id_of(&app, tx, &identifier)?;
        let draft = documents::guardrail(tx, &id)?.guardrail;
        paging::page_after(tx, draft, Kind::GuardrailVersion, &id, limit, token.as_deref())
    };
    let (page, next_token) = cx.store.read::<(Vec<_>, _), ApiError, _>(work).await?;
    Ok(api::ListGuardrailsResponse { guardrails: page.into_iter().map(summary).collect(), next_token })
}

fn summary(guardrail: api::GetGuardrailResponse) -> api::GuardrailSummary {
    api::GuardrailSummary {
        id: guardrail.guardrail_id,
        arn: guardrail.guardrail_arn,
        status: guardrail.status,
        name: guardrail.name,
        description: guardrail.description,
        version: guardrail.version,
        created_at: guardrail.created_at,
        updated_at: guardrail.updated_at,
        cross_region_details: guardrail.cross_region_details,
    }
}
