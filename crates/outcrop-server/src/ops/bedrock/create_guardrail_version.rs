//! CreateGuardrailVersion: an immutable copy of the draft under the next number.

use crate::agents::documents::put_error;
use crate::agents::tokens::TokenUse;
use crate::errors::{self, ApiError, OpResult};
use crate::guardrails::documents;
use crate::ops::OpContext;
use outcrop_api::bedrock as api;
use outcrop_store::{Kind, Resource};

/// The largest number that the model's version has room for.
const VERSION_MAX: u32 = 99_999_999;

pub(super) async fn create_guardrail_version(
    cx: OpContext,
    req: api::CreateGuardrailVersionRequest,
) -> OpResult<api::CreateGuardrailVersionResponse> {
    let token = TokenUse::new("CreateGuardrailVersion", req.client_request_token.as_ref(), &req);
    let now = cx.clock.now().to_micros();
    let (app, quotas) = (cx.app.clone(), cx.settings.quotas);
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let id = documents::id_of(&app, tx, &req.guardrail_identifier)?;
        let mut stored = documents::guardrail(tx, &id)?;
        // A token whose version was deleted since makes a new one.
        if let Some(earlier) = token.earlier(tx, now)?
            && tx.exists(Kind::GuardrailVersion, &id, &earlier)?
        {
            return Ok((id, earlier));
        }
        if stored.last_version >= VERSION_MAX {
            return Err(errors::quota_exceeded(format!("A guardrail has at most {VERSION_MAX} versions.")));
        }
        quotas.versions_per_guardrail(tx.count(Kind::GuardrailVersion, &id)? + 1)?;
        stored.last_version += 1;
        documents::put(tx, &stored)?;
        let number = stored.last_version.to_string();
        let version = api::GetGuardrailResponse {
            version: number.clone(),
            description: req.description.or(stored.guardrail.description),
            created_at: now,
            updated_at: now,
            ..stored.guardrail
        };
        let resource = Resource {
            kind: Kind::GuardrailVersion,
            parent: &id,
            id: &number,
            name: None,
            created_at: now,
            updated_at: now,
        };
        tx.insert(&resource, &version).map_err(put_error)?;
        token.remember(tx, &number, now)?;
        Ok::<_, ApiError>((id, number))
    };
    let (guardrail_id, version) = cx.store.write(work).await?;
    Ok(api::CreateGuardrailVersionResponse { guardrail_id, version })
}
