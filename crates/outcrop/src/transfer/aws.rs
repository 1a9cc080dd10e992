//! AWS as the server that agents come from, with the user's own credentials.

use super::fetch::{self, FetchError};
use super::objects::Objects;
use super::{AwsSource, Bundle, TransferError};
use crate::client::{Client, ClientError, Signer};
use outcrop_aws::{AwsError, AwsUser};
use outcrop_http::HttpClient;
use serde_json::Value;
use std::collections::BTreeSet;

/// Reads agents from AWS.
pub(super) async fn fetch(source: &AwsSource) -> Result<Bundle, TransferError> {
    let user = outcrop_aws::find(&source.user, &HttpClient::new()).await.map_err(|error| match error {
        error @ AwsError::NoRegion => TransferError::Usage(error.to_string()),
        error => TransferError::Failed(error.to_string()),
    })?;
    let AwsUser { credentials, region, endpoint } = user;
    let elsewhere = source.endpoint.clone().or(endpoint);
    let of = |service: &str| elsewhere.clone().unwrap_or_else(|| endpoint_of(service, &region));
    let signer = Signer::Key { credentials, region: region.clone() };
    let client = Client::new(&of("bedrock-agent")).signed_by(signer.clone());
    let objects = Objects::new(Client::new(&of("s3")).signed_by(signer));
    let fetched = fetch::fetch(&client, Some(&objects), &source.agents, source.collaborators).await;
    let mut bundle = fetched.map_err(|error| match error {
        // What is said otherwise is about a server of ours.
        FetchError::Client(ClientError::Unreachable { endpoint, reason }) => TransferError::Failed(format!(
            "AWS does not answer at {endpoint} ({reason}); check --region and the network"
        )),
        error => error.into(),
    })?;
    let functions = functions(&bundle);
    if !functions.is_empty() {
        let names = functions.into_iter().collect::<Vec<_>>().join(", ");
        bundle.notes.push(format!(
            "these functions are called by their ARNs: {names}; say in outcrop.toml ([[function]]) what answers them"
        ));
    }
    Ok(bundle)
}

/// Where a service of AWS is.
fn endpoint_of(service: &str, region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{service}.{region}.{domain}")
}

/// ARNs of all functions that agents call.
fn functions(bundle: &Bundle) -> BTreeSet<String> {
    let contents = bundle.agents.iter().flat_map(|agent| agent.versions.values().chain([&agent.draft]));
    let arns = contents.flat_map(|content| {
        let of_groups = content.action_groups.iter().map(|group| &group.members);
        let executors = of_groups.filter_map(|members| members.get("actionGroupExecutor")?.get("lambda"));
        let parser = content.agent.get("promptOverrideConfiguration").and_then(|all| all.get("overrideLambda"));
        let custom = content.agent.get("customOrchestration").and_then(|custom| custom["executor"].get("lambda"));
        executors.chain(parser).chain(custom)
    });
    arns.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_where_aws_says() {
        assert_eq!(endpoint_of("bedrock-agent", "eu-west-1"), "https://bedrock-agent.eu-west-1.amazonaws.com");
        assert_eq!(endpoint_of("s3", "cn-north-1"), "https://s3.cn-north-1.amazonaws.com.cn");
    }
}
