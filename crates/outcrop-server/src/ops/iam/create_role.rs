//! CreateRole: records a role with the document that says who may take it.

use super::roles::{self, StoredRole};
use super::{arn, documents, errors, now, tags, unique_id};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::iam as api;
use outcrop_store::{Kind, LIST_ALL_MAX, Tx};
use std::collections::BTreeMap;

/// Seconds a session of the role may last when nothing else is said.
const SESSION_SECONDS: i64 = 3_600;

/// Answers CreateRole.
pub(super) async fn create_role(
    context: OpContext,
    request: api::CreateRoleRequest,
) -> OpResult<api::CreateRoleResponse> {
    documents::check_trust(&request.assume_role_policy_document)?;
    let path = request.path.unwrap_or_else(|| "/".to_owned());
    if path.starts_with(roles::SERVICE_LINKED_PATH) {
        return Err(errors::invalid(format!("The path {path} is for roles of AWS's services only.")));
    }
    let mut tags = None;
    tags::add(&mut tags, request.tags.unwrap_or_default())?;
    let boundary = request.permissions_boundary.map(|arn| api::AttachedPermissionsBoundary {
        permissions_boundary_type: Some(api::PermissionsBoundaryAttachmentType::PermissionsBoundaryPolicy),
        permissions_boundary_arn: Some(arn),
    });
    let role = api::Role {
        arn: arn(&context.app, &format!("role{path}{}", request.role_name)),
        path,
        role_name: request.role_name,
        role_id: unique_id(&context.app, "AROA"),
        create_date: now(&context.app),
        assume_role_policy_document: Some(request.assume_role_policy_document),
        description: request.description,
        max_session_duration: Some(request.max_session_duration.unwrap_or(SESSION_SECONDS)),
        permissions_boundary: boundary,
        tags: tags.filter(|tags| !tags.is_empty()),
        ..api::Role::default()
    };
    let stored = StoredRole { role, attached: Vec::new(), inline: BTreeMap::new() };
    Ok(api::CreateRoleResponse { role: record(&context, stored).await? })
}

/// Records a new role and says in the log what that means.
pub(super) async fn record(context: &OpContext, stored: StoredRole) -> OpResult<api::Role> {
    let role = stored.clone();
    let insert = move |tx: &mut Tx<'_>| {
        if tx.count(Kind::IamRole, "")? >= LIST_ALL_MAX {
            return Err(errors::limit(format!("Cannot exceed quota for RolesPerAccount: {LIST_ALL_MAX}")));
        }
        roles::insert(tx, &role)
    };
    context.store.write::<_, ApiError, _>(insert).await?;
    let name = &stored.role.role_name;
    tracing::info!(role = name, "recorded the role {name}; roles and policies are not enforced here");
    Ok(stored.brief_with_tags())
}
