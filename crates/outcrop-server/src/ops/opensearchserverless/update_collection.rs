//! UpdateCollection: what is not given stays.

use super::collections;
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;

/// Answers UpdateCollection.
pub(super) async fn update_collection(
    context: OpContext,
    request: api::UpdateCollectionRequest,
) -> OpResult<api::UpdateCollectionResponse> {
    let api::UpdateCollectionRequest {
        id, description, vector_options, deletion_protection, encryption_config, ..
    } = request;
    let change = move |detail: &mut api::CollectionDetail| {
        detail.description = description.or(detail.description.take());
        detail.vector_options = vector_options.or(detail.vector_options.take());
        detail.deletion_protection = deletion_protection.or(detail.deletion_protection);
        let key = encryption_config.and_then(|config| config.kms_key_arn);
        detail.kms_key_arn = key.or(detail.kms_key_arn.take());
        Ok(())
    };
    let detail = collections::change(&context, id, change).await?;
    let answer = api::UpdateCollectionDetail {
        id: detail.id,
        name: detail.name,
        status: detail.status,
        r#type: detail.r#type,
        description: detail.description,
        vector_options: detail.vector_options,
        kms_key_arn: detail.kms_key_arn,
        arn: detail.arn,
        created_date: detail.created_date,
        last_modified_date: detail.last_modified_date,
        deletion_protection: detail.deletion_protection,
    };
    Ok(api::UpdateCollectionResponse { update_collection_detail: Some(answer) })
}
