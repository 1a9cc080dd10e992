//! CreateGuardrail: begins a guardrail as a draft.

use super::guardrails::written;
use super::tags as tag_lists;
use crate::agents::tags;
use crate::agents::tokens::TokenUse;
use crate::errors::{ApiError, OpResult};
use crate::guardrails::documents::{self, StoredGuardrail};
use crate::ops::OpContext;
use outcrop_api::bedrock as api;
use outcrop_store::Kind;

pub(super) async fn create_guardrail(
    cx: OpContext,
    req: api::CreateGuardrailRequest,
) -> OpResult<api::CreateGuardrailResponse> {
    let token = TokenUse::new("CreateGuardrail", req.client_request_token.as_ref(), &req);
    let tags = tag_lists::to_map(req.tags.clone().unwrap_or_default())?;
    let (id, now) = (id(&cx), cx.clock.now().to_micros());
    let guardrail = written!(req).document(&cx, &id, now, now)?;
    let (app, quotas) = (cx.app.clone(), cx.settings.quotas);
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        // A token whose guardrail was deleted since makes a new one.
        if let Some(earlier) = token.earlier(tx, now)?
            && let Some(stored) = tx.get::<StoredGuardrail>(Kind::Guardrail, "", &earlier)?
        {
            return Ok::<_, ApiError>(stored.guardrail);
        }
        app.guardrail_count.admit(|count| quotas.guardrails(count), || tx.count(Kind::Guardrail, ""))?;
        let stored = StoredGuardrail { guardrail, last_version: 0 };
        documents::put(tx, &stored)?;
        tags::set(tx, &quotas, &stored.guardrail.guardrail_arn, &tags)?;
        token.remember(tx, &stored.guardrail.guardrail_id, now)?;
        Ok(stored.guardrail)
    };
    let guardrail = cx.store.write(work).await?;
    Ok(api::CreateGuardrailResponse {
        guardrail_id: guardrail.guardrail_id,
        guardrail_arn: guardrail.guardrail_arn,
        version: documents::DRAFT.to_owned(),
        created_at: guardrail.created_at,
    })
}

/// Twelve characters of `[a-z0-9]`, as the service makes them.
fn id(cx: &OpContext) -> String {
    const CHARS: usize = 12;
    let mut id = (cx.ids.resource_id() + &cx.ids.resource_id()).to_ascii_lowercase();
    id.truncate(CHARS);
    id
}
