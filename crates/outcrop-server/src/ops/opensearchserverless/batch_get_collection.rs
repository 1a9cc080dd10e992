//! BatchGetCollection: what scripts poll until it is ACTIVE.

use super::collections;
use crate::errors::{ApiError, OpResult, validation};
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;
use outcrop_store::{Kind, ReadTx};

/// Answers BatchGetCollection, by ids or by names.
pub(super) async fn batch_get_collection(
    context: OpContext,
    request: api::BatchGetCollectionRequest,
) -> OpResult<api::BatchGetCollectionResponse> {
    let (by_id, wanted) = match (request.ids, request.names) {
        (Some(ids), None) => (true, ids),
        (None, Some(names)) => (false, names),
        _ => return Err(validation("Exactly one of ids and names has to be given.")),
    };
    let read = move |tx: &ReadTx<'_>| {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for one in wanted {
            let detail: Option<api::CollectionDetail> = match by_id {
                true => tx.get(Kind::AossCollection, "", &one)?,
                false => tx.find_by_name(Kind::AossCollection, "", &one)?,
            };
            match detail {
                Some(detail) => found.push(detail),
                None => missing.push(api::CollectionErrorDetail {
                    error_message: Some("The specified Collection is not found.".to_owned()),
                    error_code: Some("NOT_FOUND".to_owned()),
                    id: by_id.then(|| one.clone()),
                    name: (!by_id).then_some(one),
                }),
            }
        }
        Ok::<_, ApiError>((found, missing))
    };
    let (found, missing) = context.store.read(read).await?;
    Ok(api::BatchGetCollectionResponse {
        collection_details: Some(found.into_iter().map(|one| collections::served(&context.app, one)).collect()),
        collection_error_details: Some(missing),
    })
}
