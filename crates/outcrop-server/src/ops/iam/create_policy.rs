//! CreatePolicy: records a managed policy with its first version.

use super::policies::{self, StoredPolicy};
use super::{arn, documents, errors, now, tags, unique_id};
use crate::errors::{ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::iam as api;
use outcrop_store::{Kind, LIST_ALL_MAX, Tx};

/// Answers CreatePolicy.
pub(super) async fn create_policy(
    context: OpContext,
    request: api::CreatePolicyRequest,
) -> OpResult<api::CreatePolicyResponse> {
    documents::check_permissions(&request.policy_document)?;
    let mut tags = None;
    tags::add(&mut tags, request.tags.unwrap_or_default())?;
    let (name, now) = (request.policy_name, now(&context.app));
    let path = request.path.unwrap_or_else(|| "/".to_owned());
    let policy = api::Policy {
        arn: Some(arn(&context.app, &format!("policy{path}{name}"))),
        policy_name: Some(name.clone()),
        policy_id: Some(unique_id(&context.app, "ANPA")),
        path: Some(path),
        attachment_count: Some(0),
        permissions_boundary_usage_count: Some(0),
        is_attachable: Some(true),
        description: request.description,
        create_date: Some(now),
        tags: tags.filter(|tags| !tags.is_empty()),
        ..api::Policy::default()
    };
    let mut stored = StoredPolicy { policy, versions: Vec::new(), next_version: 1 };
    stored.add_version(request.policy_document, true, now);
    // Only GetPolicy tells the description.
    let answer = api::Policy { description: None, ..stored.policy.clone() };
    let insert = move |tx: &mut Tx<'_>| {
        if tx.count(Kind::IamPolicy, "")? >= LIST_ALL_MAX {
            return Err(errors::limit(format!("Cannot exceed quota for PoliciesPerAccount: {LIST_ALL_MAX}")));
        }
        policies::insert(tx, &stored)
    };
    context.store.write::<_, ApiError, _>(insert).await?;
    tracing::info!(policy = name, "recorded the policy {name}; roles and policies are not enforced here");
    Ok(api::CreatePolicyResponse { policy: Some(answer) })
}
