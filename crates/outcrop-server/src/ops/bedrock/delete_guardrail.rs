//! DeleteGuardrail: a version of a guardrail, or the guardrail with all its versions. Not while an agent uses it.

use crate::errors::{self, ApiError, OpResult};
use crate::guardrails::{documents, uses};
use crate::ops::OpContext;
use outcrop_api::bedrock as api;
use outcrop_store::Kind;

pub(super) async fn delete_guardrail(
    cx: OpContext,
    req: api::DeleteGuardrailRequest,
) -> OpResult<api::DeleteGuardrailResponse> {
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let id = documents::id_of(&app, tx, &req.guardrail_identifier)?;
        let version = req.guardrail_version.as_deref();
        match version {
            Some(number) if !tx.exists(Kind::GuardrailVersion, &id, number)? => return Err(errors::not_found()),
            None if !tx.exists(Kind::Guardrail, "", &id)? => return Err(errors::not_found()),
            _ => {}
        }
        uses::check_unused(tx, &id, version)?;
        match version {
            Some(number) => {
                tx.delete(Kind::GuardrailVersion, &id, number)?;
            }
            None => {
                tx.delete(Kind::Guardrail, "", &id)?;
                tx.delete_children(Kind::GuardrailVersion, &id)?;
                uses::forget(tx, &id)?;
                tx.delete_tags(&documents::arn(&app, &id))?;
            }
        }
        Ok::<_, ApiError>(())
    };
    cx.store.write(work).await?;
    cx.guardrails.deleted();
    Ok(api::DeleteGuardrailResponse {})
}
