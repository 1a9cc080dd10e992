//! Resource policies of functions: recorded, shown, and never enforced. Every agent may call every function.

use super::errors;
use super::names::FunctionName;
use crate::errors::{ApiError, OpResult, internal};
use outcrop_api::lambda as api;
use outcrop_store::{Kind, PutError, ReadTx, Resource, Tx};
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Parent of the policies; a policy's id is the function's name. They stand apart from the functions because those of
/// the configuration file have a policy and no document.
pub(super) const PARENT: &str = "policy";
/// Longest policy, in bytes: Lambda's limit.
const POLICY_BYTES_MAX: usize = 20 * 1024;

/// A policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredPolicy {
    /// Changes with every change.
    pub(super) revision_id: String,
    /// Statements as they are shown, oldest first.
    pub(super) statements: Vec<Value>,
}

impl StoredPolicy {
    /// Whether there is a statement of this id.
    pub(super) fn has(&self, statement_id: &str) -> bool {
        self.statements.iter().any(|statement| is(statement, statement_id))
    }

    /// Takes a statement out; false when there was none.
    pub(super) fn remove(&mut self, statement_id: &str) -> bool {
        let before = self.statements.len();
        self.statements.retain(|statement| !is(statement, statement_id));
        self.statements.len() < before
    }

    /// The policy as JSON text.
    pub(super) fn text(&self) -> String {
        json!({"Version": "2012-10-17", "Id": "default", "Statement": self.statements}).to_string()
    }
}

fn is(statement: &Value, statement_id: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(statement_id)
}

/// The policy of a function, if it has one.
pub(super) fn find(tx: &ReadTx<'_>, function: &str) -> OpResult<Option<StoredPolicy>> {
    Ok(tx.get(Kind::Function, PARENT, function)?)
}

/// Stores a policy; one without statements is none.
pub(super) fn put(tx: &mut Tx<'_>, function: &str, policy: &StoredPolicy, now: Timestamp) -> OpResult<()> {
    if policy.statements.is_empty() {
        tx.delete(Kind::Function, PARENT, function)?;
        return Ok(());
    }
    let length = policy.text().len();
    if length > POLICY_BYTES_MAX {
        return Err(ApiError::new(
            "PolicyLengthExceededException",
            format!("The final policy size ({length}) is bigger than the limit ({POLICY_BYTES_MAX})."),
        ));
    }
    let resource =
        Resource { kind: Kind::Function, parent: PARENT, id: function, name: None, created_at: now, updated_at: now };
    tx.put(&resource, policy).map_err(|error| match error {
        PutError::Store(error) => error.into(),
        PutError::NameTaken | PutError::IdTaken => internal(),
    })
}

/// The statement that a request asks for.
pub(super) fn statement(resource_arn: &str, request: &api::AddPermissionRequest) -> OpResult<Value> {
    let mut equals = Map::new();
    let mut condition = Map::new();
    if let Some(account) = &request.source_account {
        equals.insert("AWS:SourceAccount".to_owned(), json!(account));
    }
    if let Some(token) = &request.event_source_token {
        equals.insert("lambda:EventSourceToken".to_owned(), json!(token));
    }
    if let Some(auth_type) = request.function_url_auth_type {
        equals.insert("lambda:FunctionUrlAuthType".to_owned(), json!(auth_type));
    }
    if let Some(organization) = &request.principal_org_id {
        equals.insert("aws:PrincipalOrgID".to_owned(), json!(organization));
    }
    if !equals.is_empty() {
        condition.insert("StringEquals".to_owned(), Value::Object(equals));
    }
    if let Some(arn) = &request.source_arn {
        condition.insert("ArnLike".to_owned(), json!({"AWS:SourceArn": arn}));
    }
    if let Some(by_url) = request.invoked_via_function_url {
        condition.insert("Bool".to_owned(), json!({"lambda:InvokedViaFunctionUrl": by_url.to_string()}));
    }
    let mut statement = json!({
        "Sid": request.statement_id,
        "Effect": "Allow",
        "Principal": principal(&request.principal)?,
        "Action": request.action,
        "Resource": resource_arn,
    });
    if !condition.is_empty() {
        statement["Condition"] = Value::Object(condition);
    }
    Ok(statement)
}

/// A service, an account, an ARN, or everybody.
fn principal(text: &str) -> OpResult<Value> {
    let is_service = text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn");
    let is_account = text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    match text {
        "*" => Ok(json!("*")),
        _ if is_service => Ok(json!({"Service": text})),
        _ if is_account => Ok(json!({"AWS": format!("arn:aws:iam::{text}:root")})),
        _ if text.starts_with("arn:") => Ok(json!({"AWS": text})),
        _ => Err(errors::invalid("The provided principal was invalid. Please check the principal and try again.")),
    }
}

/// What permissions are written for: the function, or the version that the caller names.
pub(super) fn resource_arn(function_arn: String, name: &FunctionName) -> String {
    match &name.qualifier {
        Some(qualifier) => format!("{function_arn}:{qualifier}"),
        None => function_arn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_lambdas_form() {
        let check = |members: Value, expected: Value| {
            let mut whole = json!({"FunctionName": "orders", "StatementId": "s", "Action": "lambda:InvokeFunction"});
            whole.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
            let request = serde_json::from_value(whole).expect("a request");
            let found = statement("arn", &request).map(|mut statement| {
                let members = statement.as_object_mut().expect("an object");
                let fixed = ["Sid", "Effect", "Action", "Resource"].map(|name| members.remove(name));
                assert_eq!(fixed, ["s", "Allow", "lambda:InvokeFunction", "arn"].map(|text| Some(json!(text))));
                statement
            });
            assert_eq!(found.unwrap_or_else(|error| json!(error.code)), expected);
        };
        check(
            json!({"Principal": "bedrock.amazonaws.com", "SourceAccount": "000000000000", "SourceArn": "arn:aws:bedrock:us-east-1:000000000000:agent/*"}),
            json!({"Principal": {"Service": "bedrock.amazonaws.com"}, "Condition": {
                "StringEquals": {"AWS:SourceAccount": "000000000000"},
                "ArnLike": {"AWS:SourceArn": "arn:aws:bedrock:us-east-1:000000000000:agent/*"},
            }}),
        );
        check(json!({"Principal": "*"}), json!({"Principal": "*"}));
        check(json!({"Principal": "123456789012"}), json!({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}));
        check(json!({"Principal": "arn:aws:iam::1:role/x"}), json!({"Principal": {"AWS": "arn:aws:iam::1:role/x"}}));
        check(
            json!({"Principal": "*", "FunctionUrlAuthType": "NONE", "InvokedViaFunctionUrl": true}),
            json!({"Principal": "*", "Condition": {
                "StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}, "Bool": {"lambda:InvokedViaFunctionUrl": "true"},
            }}),
        );
        check(json!({"Principal": "nobody"}), json!("InvalidParameterValueException"));
    }
}
