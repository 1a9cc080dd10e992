//! GetUser: the one user there is.

use super::{errors, user};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;

/// Answers GetUser.
pub(super) async fn get_user(context: OpContext, request: api::GetUserRequest) -> OpResult<api::GetUserResponse> {
    let user = user::of(&context.app);
    match request.user_name {
        Some(name) if name != user.user_name => Err(errors::no_user(&name)),
        _ => Ok(api::GetUserResponse { user }),
    }
}
