//! Policy documents: kept as text, checked for their form, answered percent-encoded as IAM does.

use super::errors;
use crate::errors::{ApiError, OpResult};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// Everything but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A document as it stands in an answer.
pub(super) fn encoded(document: &str) -> String {
    utf8_percent_encode(document, ENCODED).to_string()
}

/// Checks a document that says who may take a role.
pub(super) fn check_trust(document: &str) -> OpResult<()> {
    check(document, |statement| {
        if statement.contains_key("Resource") || statement.contains_key("NotResource") {
            return Err(errors::malformed("Has prohibited field Resource"));
        }
        if !statement.contains_key("Principal") && !statement.contains_key("NotPrincipal") {
            return Err(errors::malformed("Missing required field Principal"));
        }
        need_action(statement)
    })
}

/// Checks a document that says what may be done.
pub(super) fn check_permissions(document: &str) -> OpResult<()> {
    check(document, |statement| {
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err(errors::malformed("Policy document should not specify a principal."));
        }
        need_action(statement)?;
        if !statement.contains_key("Resource") && !statement.contains_key("NotResource") {
            return Err(errors::malformed("Policy statement must contain resources."));
        }
        Ok(())
    })
}

fn need_action(statement: &Map<String, Value>) -> OpResult<()> {
    if statement.contains_key("Action") || statement.contains_key("NotAction") {
        Ok(())
    } else {
        Err(errors::malformed("Policy statement must contain actions."))
    }
}

/// What the policy language asks of every document; nothing of it is ever evaluated.
fn check(document: &str, statement: impl Fn(&Map<String, Value>) -> OpResult<()>) -> OpResult<()> {
    let syntax = || errors::malformed("Syntax errors in policy.");
    let whole: Value =
        serde_json::from_str(document).map_err(|_| errors::malformed("This policy contains invalid Json"))?;
    let members = whole.as_object().ok_or_else(syntax)?;
    let version = members.get("Version");
    if version.is_some_and(|version| version != "2012-10-17" && version != "2008-10-17") {
        return Err(syntax());
    }
    let statements = match members.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err(syntax()),
    };
    statements.into_iter().try_for_each(|one| {
        let one = one.as_object().ok_or_else(syntax)?;
        match one.get("Effect").and_then(Value::as_str) {
            Some("Allow" | "Deny") => statement(one),
            _ => Err::<(), ApiError>(syntax()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_a_form() {
        let words = |answer: OpResult<()>| answer.map_err(|error| error.message).err().unwrap_or_default();
        let trust = |text: &str, expected: &str| assert_eq!(words(check_trust(text)), expected, "{text}");
        let permissions = |text: &str, expected: &str| assert_eq!(words(check_permissions(text)), expected, "{text}");
        let principal = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let resource = r#"{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#;
        trust(principal, "");
        permissions(resource, "");
        trust(resource, "Has prohibited field Resource");
        permissions(principal, "Policy document should not specify a principal.");
        permissions(
            &resource.replace("\"Resource\":\"*\"", "\"Sid\":\"a\""),
            "Policy statement must contain resources.",
        );
        permissions(&resource.replace("Action", "Actions"), "Policy statement must contain actions.");
        trust(&principal.replace("Principal", "Principals"), "Missing required field Principal");
        for broken in ["", "{", "not json"] {
            trust(broken, "This policy contains invalid Json");
        }
        for wrong in [
            "[]",
            "{}",
            r#"{"Statement":[]}"#,
            r#"{"Statement":["x"]}"#,
            r#"{"Version":"2020-01-01","Statement":[{"Effect":"Allow","Action":"a","Resource":"*"}]}"#,
            r#"{"Statement":[{"Effect":"allow","Action":"a","Resource":"*"}]}"#,
        ] {
            permissions(wrong, "Syntax errors in policy.");
        }
    }
}
