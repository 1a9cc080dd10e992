//! PutResourcePolicy: records who else may use a knowledge base. Nothing is enforced by it.

use super::resource_policies::{self, StoredPolicy};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_agent as api;
use serde_json::{Map, Value};

pub(super) async fn put_resource_policy(
    cx: OpContext,
    req: api::PutResourcePolicyRequest,
) -> OpResult<api::PutResourcePolicyResponse> {
    check(&req.policy)?;
    let now = cx.clock.now().to_micros();
    let stored = StoredPolicy { policy: req.policy, revision_id: cx.ids.uuid() };
    let app = cx.app.clone();
    let work = move |tx: &mut outcrop_store::Tx<'_>| {
        let arn = req.resource_arn;
        resource_policies::check_exists(&app, tx, &arn)?;
        resource_policies::check_revision(
            resource_policies::find(tx, &arn)?.as_ref(),
            req.expected_revision_id.as_deref(),
        )?;
        resource_policies::put(tx, &arn, &stored, now)?;
        Ok::<_, ApiError>(api::PutResourcePolicyResponse { resource_arn: arn, revision_id: stored.revision_id })
    };
    let put = cx.store.write(work).await?;
    tracing::info!(resource = put.resource_arn, "recorded a resource policy; it is not enforced");
    Ok(put)
}

/// A policy is an object with statements; what they say is not looked into.
fn check(policy: &str) -> OpResult<()> {
    let refuse = |why: &str| Err(errors::invalid_field("policy", format!("The policy is not valid: {why}.")));
    match serde_json::from_str::<Map<String, Value>>(policy) {
        Err(_) => refuse("it is no JSON object"),
        Ok(members) => match members.get("Statement") {
            Some(Value::Object(_)) => Ok(()),
            Some(Value::Array(statements)) if !statements.is_empty() && statements.iter().all(Value::is_object) => {
                Ok(())
            }
            _ => refuse("it has no Statement"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_an_object_with_statements() {
        for good in [
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"bedrock:Retrieve","Resource":"*"}]}"#,
            r#" {"Statement": {"Effect": "Deny"}} "#,
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in
            ["", "{", "[]", "\"text\"", "{}", r#"{"Statement":[]}"#, r#"{"Statement":["x"]}"#, r#"{"statement":[{}]}"#]
        {
            assert_eq!(check(bad).map_err(|error| error.code), Err("ValidationException"), "{bad}");
        }
    }
}
