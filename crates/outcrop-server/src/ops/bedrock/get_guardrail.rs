//! GetGuardrail: the draft of a guardrail, or one of its versions.

use crate::errors::OpResult;
use crate::guardrails::documents;
use crate::ops::OpContext;
use outcrop_api::bedrock as api;

pub(super) async fn get_guardrail(cx: OpContext, req: api::GetGuardrailRequest) -> OpResult<api::GetGuardrailResponse> {
    let app = cx.app.clone();
    let work = move |tx: &outcrop_store::ReadTx<'_>| {
        let id = documents::id_of(&app, tx, &req.guardrail_identifier)?;
        documents::version(tx, &id, req.guardrail_version.as_deref())
    };
    cx.store.read(work).await
}
