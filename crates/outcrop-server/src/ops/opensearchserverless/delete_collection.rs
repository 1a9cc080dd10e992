//! DeleteCollection: gone at once, though the answer says DELETING as it does on AWS.

use super::collections;
use crate::errors::{ApiError, OpResult, validation};
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;
use outcrop_store::{Kind, Tx};

/// Answers DeleteCollection.
pub(super) async fn delete_collection(
    context: OpContext,
    request: api::DeleteCollectionRequest,
) -> OpResult<api::DeleteCollectionResponse> {
    let id = request.id;
    let arn = collections::arn(&context.app, &id);
    let delete = move |tx: &mut Tx<'_>| {
        let detail = collections::find(tx, &id)?;
        if detail.deletion_protection == Some(api::DeletionProtection::Enabled) {
            return Err(validation(format!("Collection with ID {id} is protected from deletion.")));
        }
        tx.delete(Kind::AossCollection, "", &id)?;
        tx.delete_tags(&arn)?;
        Ok(detail)
    };
    let detail = context.store.write::<_, ApiError, _>(delete).await?;
    let answer = api::DeleteCollectionDetail {
        id: detail.id,
        name: detail.name,
        status: Some(api::CollectionStatus::Deleting),
        deletion_protection: detail.deletion_protection,
    };
    Ok(api::DeleteCollectionResponse { delete_collection_detail: Some(answer) })
}
