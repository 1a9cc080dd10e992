//! The service's errors. Set-up code passes over conflicts and looks for what is not there.

use crate::errors::ApiError;

fn not_found(message: String) -> ApiError {
    ApiError::new("ResourceNotFoundException", message)
}

pub(super) fn no_collection(id: &str) -> ApiError {
    not_found(format!("Collection with ID {id} cannot be found."))
}

pub(super) fn no_policy(name: &str, kind: &str) -> ApiError {
    not_found(format!("Policy with name {name} and type {kind} is not found"))
}

pub(super) fn no_resource(arn: &str) -> ApiError {
    not_found(format!("Resource with ARN {arn} cannot be found."))
}

pub(super) fn collection_exists(name: &str) -> ApiError {
    ApiError::new("ConflictException", format!("Collection with name {name} already exists"))
}

pub(super) fn policy_exists(name: &str, kind: &str) -> ApiError {
    ApiError::new("ConflictException", format!("Policy with name {name} and type {kind} already exists"))
}
