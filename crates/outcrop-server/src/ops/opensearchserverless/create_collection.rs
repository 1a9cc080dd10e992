//! CreateCollection: recorded and ACTIVE at once, though the answer says CREATING as it does on AWS.

use super::{collections, policies};
use crate::errors::{ApiError, OpResult, validation};
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;
use outcrop_store::{Kind, LIST_ALL_MAX, Tx};

/// Answers CreateCollection. Like AWS it wants an encryption policy first, unless the request says how to encrypt.
pub(super) async fn create_collection(
    context: OpContext,
    request: api::CreateCollectionRequest,
) -> OpResult<api::CreateCollectionResponse> {
    let now = context.clock.now();
    let id = collections::new_id(&context.app);
    let arn = collections::arn(&context.app, &id);
    let encryption = request.encryption_config.clone();
    let key_of_request = encryption.map(|config| config.kms_key_arn.unwrap_or_else(|| "auto".to_owned()));
    let mut detail = api::CollectionDetail {
        id: Some(id),
        name: Some(request.name.clone()),
        status: Some(api::CollectionStatus::Active),
        r#type: Some(request.r#type.unwrap_or(api::CollectionType::Timeseries)),
        description: request.description.clone(),
        arn: Some(arn.clone()),
        standby_replicas: Some(request.standby_replicas.unwrap_or(api::StandbyReplicas::Enabled)),
        deletion_protection: request.deletion_protection,
        vector_options: request.vector_options.clone(),
        collection_group_name: request.collection_group_name.clone(),
        created_date: Some(now.as_millis()),
        last_modified_date: Some(now.as_millis()),
        ..api::CollectionDetail::default()
    };
    let tags = request.tags.unwrap_or_default();
    let name = request.name;
    let insert = {
        let name = name.clone();
        move |tx: &mut Tx<'_>| {
            if tx.count(Kind::AossCollection, "")? >= LIST_ALL_MAX {
                return Err(ApiError::new("ServiceQuotaExceededException", "There are too many collections."));
            }
            let key = match key_of_request {
                Some(key) => Some(key),
                None => policies::key_for(tx, &name)?,
            };
            detail.kms_key_arn = Some(key.ok_or_else(|| {
                validation(format!(
                    "No matching security policy of encryption type found for collection name: {name}. Please create security policy of encryption type for this collection."
                ))
            })?);
            collections::insert(tx, &detail, now)?;
            tx.set_tags(&arn, tags.iter().map(|tag| (&tag.key, &tag.value)))?;
            Ok(detail)
        }
    };
    let detail = context.store.write::<_, ApiError, _>(insert).await?;
    tracing::info!(
        collection = name,
        "recorded the collection {name}; it holds nothing: a knowledge base keeps its vectors itself"
    );
    let answer = api::CreateCollectionDetail {
        id: detail.id,
        name: detail.name,
        status: Some(api::CollectionStatus::Creating),
        r#type: detail.r#type,
        description: detail.description,
        arn: detail.arn,
        kms_key_arn: detail.kms_key_arn,
        standby_replicas: detail.standby_replicas,
        deletion_protection: detail.deletion_protection,
        vector_options: detail.vector_options,
        created_date: detail.created_date,
        last_modified_date: detail.last_modified_date,
        collection_group_name: detail.collection_group_name,
    };
    Ok(api::CreateCollectionResponse { create_collection_detail: Some(answer) })
}
