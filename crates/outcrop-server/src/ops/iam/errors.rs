//! IAM's errors: its codes and words. Set-up and clean-up code catches them by code.

use crate::errors::ApiError;

/// A fault of ours under IAM's name for it.
pub(super) fn in_form(mut error: ApiError) -> ApiError {
    if error.code == "InternalServerException" {
        error.code = "ServiceFailure";
    }
    error
}

fn no_such_entity(message: String) -> ApiError {
    ApiError::new("NoSuchEntity", message)
}

pub(super) fn no_role(name: &str) -> ApiError {
    no_such_entity(format!("The role with name {name} cannot be found."))
}

pub(super) fn no_role_policy(name: &str) -> ApiError {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}

pub(super) fn no_policy(arn: &str) -> ApiError {
    no_such_entity(format!("Policy {arn} was not found."))
}

pub(super) fn not_attachable(arn: &str) -> ApiError {
    no_such_entity(format!("Policy {arn} does not exist or is not attachable."))
}

pub(super) fn no_version(arn: &str, version: &str) -> ApiError {
    no_such_entity(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

pub(super) fn no_user(name: &str) -> ApiError {
    no_such_entity(format!("The user with name {name} cannot be found."))
}

pub(super) fn role_exists(name: &str) -> ApiError {
    ApiError::new("EntityAlreadyExists", format!("Role with name {name} already exists."))
}

pub(super) fn policy_exists(name: &str) -> ApiError {
    ApiError::new(
        "EntityAlreadyExists",
        format!("A policy called {name} already exists. Duplicate names are not allowed."),
    )
}

pub(super) fn delete_conflict(message: &str) -> ApiError {
    ApiError::new("DeleteConflict", message)
}

pub(super) fn malformed(message: impl Into<String>) -> ApiError {
    ApiError::new("MalformedPolicyDocument", message)
}

pub(super) fn limit(message: impl Into<String>) -> ApiError {
    ApiError::new("LimitExceeded", message)
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidInput", message)
}

pub(super) fn protected(role: &str) -> ApiError {
    ApiError::new(
        "UnmodifiableEntity",
        format!("Cannot perform the operation on the protected role '{role}' - this role is only modifiable by AWS"),
    )
}

/// AWS's own policies are nobody's to change.
pub(super) fn not_yours(arn: &str) -> ApiError {
    ApiError::new("AccessDeniedException", format!("The policy {arn} is AWS's own and cannot be changed."))
}
