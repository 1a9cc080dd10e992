//! Bedrock with what the user's AWS configuration has.

use super::{Means, endpoint, found};
use crate::config::Reached;
use outcrop_aws::{AwsOptions, AwsSession};
use outcrop_models::bedrock::{self, BedrockAccess};
use outcrop_models::{AwsCredentials, Served};
use outcrop_ports::{BoxFuture, Clock};
use outcrop_wire::sigv4::Credentials;
use std::sync::Arc;

/// Where Bedrock is asked when no region is set anywhere.
const REGION: &str = "us-east-1";

/// The user's credentials, renewed when they run out.
struct Renewed {
    session: AwsSession,
    clock: Arc<dyn Clock>,
}

impl AwsCredentials for Renewed {
    fn current(&self) -> BoxFuture<'_, Result<Credentials, String>> {
        Box::pin(async {
            let found = self.session.credentials(self.clock.now()).await;
            found.map_err(|error| error.to_string())
        })
    }
}

/// Bedrock behind a bearer key where there is one (the entry's, else `AWS_BEARER_TOKEN_BEDROCK`), else signed. A profile that is
/// named goes before the key of the environment.
pub(super) async fn bedrock(
    mut reached: Reached,
    region: Option<String>,
    profile: Option<String>,
    means: &Means<'_>,
) -> Result<Served, String> {
    if profile.is_none() {
        reached.api_key = reached.api_key.or_else(|| found::key(means.environment, &["AWS_BEARER_TOKEN_BEDROCK"]));
    }
    let (access, region) = if reached.api_key.is_some() {
        let of_environment = || ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| (means.environment)(name));
        (BedrockAccess::Key, region.or_else(of_environment).unwrap_or_else(|| REGION.to_owned()))
    } else {
        let options = AwsOptions { profile, region };
        let session = AwsSession::load(&options, means.http).await;
        let region = session.region().unwrap_or_else(|| REGION.to_owned());
        let clock = means.clock.clone();
        let credentials = Arc::new(Renewed { session, clock: clock.clone() });
        (BedrockAccess::Signed { credentials, region: region.clone(), clock }, region)
    };
    let (endpoint, client) = endpoint(reached, &bedrock::base_url(&region), means.http);
    bedrock::serve(endpoint, access, client).map_err(|error| error.to_string())
}
