//! DeleteLayerVersion: functions that have it keep it.

use super::{changes, code, errors, layers};
use crate::App;
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::{Empty, lambda as api};
use outcrop_store::Kind;

/// Answers DeleteLayerVersion. One that is not there is no matter, as on AWS.
pub(super) async fn delete_layer_version(
    context: OpContext,
    request: api::DeleteLayerVersionRequest,
) -> OpResult<Empty> {
    changes::one_at_a_time(&context.app, |app| async move { delete(&app, request).await }).await?;
    Ok(Empty {})
}

async fn delete(app: &App, request: api::DeleteLayerVersionRequest) -> OpResult<()> {
    let name = layers::bare_name(&request.layer_name).to_owned();
    let found = match layers::find(app, &name, request.version_number).await {
        Ok(found) => found,
        Err(error) if error.code == errors::not_found("").code => return Ok(()),
        Err(error) => return Err(error),
    };
    let id = layers::version_id(request.version_number);
    app.store.write(move |tx| Ok::<_, ApiError>(tx.delete(Kind::LayerVersion, &name, &id)?)).await?;
    code::remove_unused(app, &found.code.hash).await;
    Ok(())
}
