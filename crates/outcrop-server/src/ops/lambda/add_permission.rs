//! AddPermission: records who may call a function. Nothing enforces it.

use super::policy::{self, StoredPolicy};
use super::{documents, errors, names};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::lambda as api;
use outcrop_store::Tx;

/// Answers AddPermission.
pub(super) async fn add_permission(
    context: OpContext,
    request: api::AddPermissionRequest,
) -> OpResult<api::AddPermissionResponse> {
    let name = names::read(&request.function_name, request.qualifier.as_deref())?;
    documents::check_exists(&context.app, &name).await?;
    let arn = policy::resource_arn(context.function_arn(&name.name), &name);
    let statement = policy::statement(&arn, &request)?;
    let text = statement.to_string();
    let (function, revision_id, now) = (name.name.clone(), context.ids.uuid(), context.clock.now());
    let (statement_id, principal) = (request.statement_id.clone(), request.principal.clone());
    let add = move |tx: &mut Tx<'_>| {
        let found = policy::find(tx, &function)?;
        let current = found.as_ref().map(|policy| policy.revision_id.as_str());
        errors::check_revision(request.revision_id.as_deref(), current, "GetPolicy")?;
        let mut statements = match found {
            Some(policy) if policy.has(&request.statement_id) => {
                return Err(errors::statement_exists(&request.statement_id));
            }
            Some(policy) => policy.statements,
            None => Vec::new(),
        };
        statements.push(statement);
        policy::put(tx, &function, &StoredPolicy { revision_id, statements }, now)
    };
    context.store.write::<_, ApiError, _>(add).await?;
    tracing::info!(
        function = name.name,
        statement_id,
        principal,
        "recorded a permission of the function {}; permissions are not enforced here",
        name.name
    );
    Ok(api::AddPermissionResponse { statement: Some(text) })
}
