//! GetCallerIdentity: the configured account, and the one user there is.

use crate::errors::OpResult;
use crate::ops::OpContext;
use crate::ops::iam::user;
use outcrop_api::sts as api;

/// Answers GetCallerIdentity. Every caller is the same user: there are no others.
pub(super) async fn get_caller_identity(
    context: OpContext,
    _: api::GetCallerIdentityRequest,
) -> OpResult<api::GetCallerIdentityResponse> {
    let user = user::of(&context.app);
    Ok(api::GetCallerIdentityResponse {
        user_id: Some(user.user_id),
        account: Some(context.settings.account_id.clone()),
        arn: Some(user.arn),
    })
}
