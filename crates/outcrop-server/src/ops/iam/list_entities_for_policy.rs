//! ListEntitiesForPolicy: the roles that have a policy. There are no users and groups.

use super::{errors, paging, policies, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers ListEntitiesForPolicy.
pub(super) async fn list_entities_for_policy(
    context: OpContext,
    request: api::ListEntitiesForPolicyRequest,
) -> OpResult<api::ListEntitiesForPolicyResponse> {
    let arn = request.policy_arn;
    let read = move |tx: &outcrop_store::ReadTx<'_>| {
        if !policies::exists(tx, &arn)? {
            return Err(errors::no_policy(&arn));
        }
        let mut having = roles::all(tx)?;
        having.retain(|role| role.attached.contains(&arn));
        Ok(having)
    };
    let mut having = context.store.read(read).await?;
    let prefix = request.path_prefix.unwrap_or_default();
    let wants_roles = request.entity_filter.is_none_or(|filter| filter == api::EntityType::Role)
        && request.policy_usage_filter != Some(api::PolicyUsageType::PermissionsBoundary);
    having.retain(|stored| wants_roles && stored.role.path.starts_with(&prefix));
    let page = paging::page(having, |stored| &stored.role.role_name, request.marker.as_deref(), request.max_items)?;
    let named = |stored: roles::StoredRole| api::PolicyRole {
        role_name: Some(stored.role.role_name),
        role_id: Some(stored.role.role_id),
    };
    Ok(api::ListEntitiesForPolicyResponse {
        policy_groups: Some(Vec::new()),
        policy_users: Some(Vec::new()),
        policy_roles: Some(page.items.into_iter().map(named).collect()),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
