//! Lambda's errors: its codes, its words, its form.

use super::names::FunctionName;
use crate::App;
use crate::errors::ApiError;
use serde_json::Value;

/// Gives an error the members that Lambda's have beside `message`: who is at fault, and the text once more under the
/// name that some of its shapes use.
pub(super) fn in_form(mut error: ApiError) -> ApiError {
    if error.code == "InternalServerException" {
        error.code = "ServiceException";
    }
    let at_fault = if error.code == "ServiceException" { "Service" } else { "User" };
    error.members.insert("Type".to_owned(), Value::from(at_fault));
    error.members.insert("Message".to_owned(), Value::from(error.message.as_str()));
    error
}

/// What the caller sent cannot be used.
pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValueException", message)
}

/// There is no function, or none of this version.
pub(super) fn function_not_found(app: &App, name: &FunctionName) -> ApiError {
    let qualifier = name.qualifier.as_deref().map(|qualifier| format!(":{qualifier}")).unwrap_or_default();
    not_found(format!("Function not found: {}{qualifier}", name.arn(&app.settings)))
}

/// Something else than a function is not there.
pub(super) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new("ResourceNotFoundException", message)
}

/// Deploy scripts look for these words.
pub(super) fn function_exists(name: &str) -> ApiError {
    ApiError::new("ResourceConflictException", format!("Function already exist: {name}"))
}

/// Deploy scripts look for these words.
pub(super) fn statement_exists(id: &str) -> ApiError {
    ApiError::new(
        "ResourceConflictException",
        format!(
            "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing statement."
        ),
    )
}

/// The caller's revision is not the current one. `from` names the operation that tells the current one.
pub(super) fn wrong_revision(from: &str) -> ApiError {
    ApiError::new(
        "PreconditionFailedException",
        format!(
            "The RevisionId provided does not match the latest RevisionId. Call the {from} API to retrieve the latest RevisionId"
        ),
    )
}

/// Checks a revision, where the caller gave one.
pub(super) fn check_revision(given: Option<&str>, current: Option<&str>, from: &str) -> Result<(), ApiError> {
    match given {
        Some(given) if Some(given) != current => Err(wrong_revision(from)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn have_all_the_members_that_clients_read() {
        let body = |error: ApiError| serde_json::from_slice::<Value>(&in_form(error).body()).expect("JSON");
        let user = json!({"message": "no", "Message": "no", "Type": "User"});
        assert_eq!(body(invalid("no")), user);
        let ours = in_form(crate::errors::internal());
        assert_eq!((ours.code, &ours.members["Type"]), ("ServiceException", &json!("Service")));
    }
}
