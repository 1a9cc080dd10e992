//! CreateServiceLinkedRole: records the role that a service of AWS's would make for itself.

use super::create_role::record;
use super::roles::{SERVICE_LINKED_PATH, StoredRole};
use super::{arn, errors, now, unique_id};
use crate::errors::OpResult;
use crate::ops::OpContext;
use outcrop_api::iam as api;
use std::collections::BTreeMap;

const SESSION_SECONDS: i64 = 3_600;
/// Names of such roles that are not made of the service's own.
const NAMES: [(&str, &str); 3] = [
    ("observability.aoss.amazonaws.com", "AmazonOpenSearchServerless"),
    ("opensearchservice.amazonaws.com", "AmazonOpenSearchService"),
    ("bedrock.amazonaws.com", "AmazonBedrock"),
];

/// Answers CreateServiceLinkedRole.
pub(super) async fn create_service_linked_role(
    context: OpContext,
    request: api::CreateServiceLinkedRoleRequest,
) -> OpResult<api::CreateServiceLinkedRoleResponse> {
    let service = request.aws_service_name;
    let suffix = request.custom_suffix.map(|suffix| format!("_{suffix}")).unwrap_or_default();
    let name = format!("AWSServiceRoleFor{}{suffix}", called(&service));
    let path = format!("{SERVICE_LINKED_PATH}{service}/");
    let trust = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": [service]}, "Action": ["sts:AssumeRole"]}],
    });
    let role = api::Role {
        arn: arn(&context.app, &format!("role{path}{name}")),
        path,
        role_name: name.clone(),
        role_id: unique_id(&context.app, "AROA"),
        create_date: now(&context.app),
        assume_role_policy_document: Some(trust.to_string()),
        description: request.description,
        max_session_duration: Some(SESSION_SECONDS),
        ..api::Role::default()
    };
    let stored = StoredRole { role, attached: Vec::new(), inline: BTreeMap::new() };
    let role = record(&context, stored).await.map_err(|error| match error.code {
        "EntityAlreadyExists" => errors::invalid(format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        )),
        _ => error,
    })?;
    Ok(api::CreateServiceLinkedRoleResponse { role: Some(role) })
}

/// `elastic-beanstalk.amazonaws.com` → `ElasticBeanstalk`, but for those that are known.
fn called(service: &str) -> String {
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == service) {
        return (*name).to_owned();
    }
    let label = service.split('.').next().unwrap_or_default();
    label.split(|letter: char| !letter.is_ascii_alphanumeric()).map(capital).collect()
}

fn capital(word: &str) -> String {
    let mut word = word.to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    word
}
