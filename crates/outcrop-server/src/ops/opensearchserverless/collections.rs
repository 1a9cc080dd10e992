//! Collections as they are stored.

use super::errors;
use crate::App;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::opensearchserverless as api;
use outcrop_store::{Kind, PutError, ReadTx, Resource, Tx};
use outcrop_wire::Timestamp;

/// An id in the service's form: letters and digits, small.
pub(super) fn new_id(app: &App) -> String {
    format!("{}{}", app.ids.resource_id(), app.ids.resource_id()).to_ascii_lowercase()
}

/// ARN of a collection.
pub(super) fn arn(app: &App, id: &str) -> String {
    format!("arn:aws:aoss:{}:{}:collection/{id}", app.settings.region, app.settings.account_id)
}

/// The collection as it is served: with where it is. That is this server, whatever port it has today.
pub(super) fn served(app: &App, detail: api::CollectionDetail) -> api::CollectionDetail {
    let endpoint = &app.settings.endpoint;
    api::CollectionDetail {
        collection_endpoint: Some(endpoint.clone()),
        dashboard_endpoint: Some(format!("{endpoint}/_dashboards")),
        ..detail
    }
}

/// The collection of this id.
pub(super) fn find(tx: &ReadTx<'_>, id: &str) -> OpResult<api::CollectionDetail> {
    tx.get(Kind::AossCollection, "", id)?.ok_or_else(|| errors::no_collection(id))
}

/// Stores a new collection.
pub(super) fn insert(tx: &mut Tx<'_>, detail: &api::CollectionDetail, now: Timestamp) -> OpResult<()> {
    let name = detail.name.as_deref().unwrap_or_default();
    tx.insert(&resource(detail, now), detail).map_err(|error| match error {
        PutError::Store(error) => error.into(),
        PutError::IdTaken | PutError::NameTaken => errors::collection_exists(name),
    })
}

/// Changes a collection in one write; gives it as it is then.
pub(super) async fn change(
    context: &OpContext,
    id: String,
    work: impl FnOnce(&mut api::CollectionDetail) -> OpResult<()> + Send + 'static,
) -> OpResult<api::CollectionDetail> {
    let now = context.clock.now();
    let change = move |tx: &mut Tx<'_>| {
        let mut detail = find(tx, &id)?;
        work(&mut detail)?;
        detail.last_modified_date = Some(now.as_millis());
        tx.update(&resource(&detail, now), &detail).map_err(|error| match error {
            PutError::Store(error) => ApiError::from(error),
            PutError::IdTaken | PutError::NameTaken => {
                errors::collection_exists(detail.name.as_deref().unwrap_or_default())
            }
        })?;
        Ok(detail)
    };
    context.store.write::<_, ApiError, _>(change).await
}

fn resource(detail: &api::CollectionDetail, now: Timestamp) -> Resource<'_> {
    Resource {
        kind: Kind::AossCollection,
        parent: "",
        id: detail.id.as_deref().unwrap_or_default(),
        name: detail.name.as_deref(),
        created_at: now,
        updated_at: now,
    }
}
