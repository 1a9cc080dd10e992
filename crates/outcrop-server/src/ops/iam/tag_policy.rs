//! TagPolicy.

use super::{policies, tags};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::Empty;
use outcrop_api::iam as api;

/// Answers TagPolicy.
pub(super) async fn tag_policy(context: OpContext, request: api::TagPolicyRequest) -> OpResult<Empty> {
    let given = request.tags;
    let change = |stored: &mut policies::StoredPolicy| tags::add(&mut stored.policy.tags, given);
    policies::change(&context, request.policy_arn, change).await?;
    Ok(Empty {})
}
