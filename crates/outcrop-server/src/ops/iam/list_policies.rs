//! ListPolicies: the recorded ones, and of AWS's those that a role has.

use super::{paging, policies, roles};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;
use std::collections::BTreeSet;

/// Answers ListPolicies.
pub(super) async fn list_policies(
    context: OpContext,
    request: api::ListPoliciesRequest,
) -> OpResult<api::ListPoliciesResponse> {
    let scope = request.scope.unwrap_or(api::PolicyScopeType::All);
    let mut found = context.store.read(move |tx| of_scope(tx, scope)).await?;
    let prefix = request.path_prefix.unwrap_or_default();
    let only_attached = request.only_attached.unwrap_or(false);
    // As a boundary none is ever used: boundaries are noted at roles only.
    let usable = request.policy_usage_filter != Some(api::PolicyUsageType::PermissionsBoundary);
    found.retain(|policy| {
        usable
            && policy.path.as_deref().is_some_and(|path| path.starts_with(&prefix))
            && (!only_attached || policy.attachment_count.unwrap_or_default() > 0)
    });
    let arn = |policy: &api::Policy| policy.arn.clone().unwrap_or_default();
    let found: Vec<_> = found.into_iter().map(|policy| (arn(&policy), policy)).collect();
    let page = paging::page(found, |(arn, _)| arn, request.marker.as_deref(), request.max_items)?;
    Ok(api::ListPoliciesResponse {
        policies: Some(page.items.into_iter().map(|(_, policy)| policy).collect()),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

fn of_scope(tx: &outcrop_store::ReadTx<'_>, scope: api::PolicyScopeType) -> OpResult<Vec<api::Policy>> {
    let mut found = Vec::new();
    if scope != api::PolicyScopeType::Aws {
        // Lists tell no description and no tags.
        found.extend(policies::all(tx)?.into_iter().map(|one| api::Policy {
            description: None,
            tags: None,
            ..one.policy
        }));
    }
    if scope != api::PolicyScopeType::Local {
        let roles = roles::all(tx)?;
        let attached: BTreeSet<&String> =
            roles.iter().flat_map(|role| &role.attached).filter(|arn| policies::is_awss(arn)).collect();
        for arn in attached {
            found.push(policies::awss(tx, arn)?);
        }
    }
    Ok(found)
}
