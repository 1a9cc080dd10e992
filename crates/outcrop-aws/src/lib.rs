//! The user's AWS: region, endpoint and credentials, found where every AWS tool finds them.
//!
//! A crate of its own because what it is made of weighs on the build: `aws-config` knows the variables, shared files and
//! profiles, roles, single sign-on, processes, containers, web identities and the instance's own service, and keeps
//! knowing them. It goes out through our client, so that there is one TLS.

mod http;

use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use outcrop_http::HttpClient;
use outcrop_wire::Timestamp;
use outcrop_wire::sigv4::{Credentials, Secret};
use std::error::Error;
use std::time::UNIX_EPOCH;
use tokio::sync::Mutex;

/// What the command line says; the rest comes from the environment and the shared files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsOptions {
    /// Profile of the shared files; none: `AWS_PROFILE` or `default`.
    pub profile: Option<String>,
    /// Region; none: `AWS_REGION` or the profile's.
    pub region: Option<String>,
}

/// Who the user is to AWS.
#[derive(Clone, Debug)]
pub struct AwsUser {
    /// Signs requests. Temporary ones hold for a while; they are not renewed.
    pub credentials: Credentials,
    /// Where the user works.
    pub region: String,
    /// Where services are, when the user says that they are elsewhere (`AWS_ENDPOINT_URL`).
    pub endpoint: Option<String>,
}

/// Why it is not known who the user is.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// No region is set.
    #[error("no AWS region is set; name one with --region, or set AWS_REGION or the profile's region")]
    NoRegion,
    /// No credentials are found, or those that are found cannot be had.
    #[error(
        "no AWS credentials: {0}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with --profile"
    )]
    NoCredentials(String),
}

/// Finds out who the user is. May ask services for it: to assume a role, say.
///
/// # Errors
/// When there is no region or no credentials; the message names what was tried, and no secret.
pub async fn find(options: &AwsOptions, http: &HttpClient) -> Result<AwsUser, AwsError> {
    of_config(&load(options, http).await).await
}

async fn load(options: &AwsOptions, http: &HttpClient) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http::Outgoing(http.clone()));
    if let Some(profile) = &options.profile {
        // A profile that is named goes before variables, as with AWS's own command line.
        let provider_config = ProviderConfig::without_region().with_http_client(http::Outgoing(http.clone()));
        let region = ProfileFileRegionProvider::builder().profile_name(profile).build();
        let region = options.region.clone().map(Region::new).or(region.region().await);
        let named = ProfileFileCredentialsProvider::builder()
            .configure(&provider_config.with_region(region))
            .profile_name(profile)
            .build();
        loader = loader.profile_name(profile).credentials_provider(named);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    loader.load().await
}

async fn of_config(config: &SdkConfig) -> Result<AwsUser, AwsError> {
    let region = config.region().ok_or(AwsError::NoRegion)?.to_string();
    let credentials = signing(&provided(config).await?);
    Ok(AwsUser { credentials, region, endpoint: config.endpoint_url().map(str::to_owned) })
}

async fn provided(config: &SdkConfig) -> Result<aws_credential_types::Credentials, AwsError> {
    let provider = config.credentials_provider().ok_or_else(|| AwsError::NoCredentials("none are set".to_owned()))?;
    provider.provide_credentials().await.map_err(|error| AwsError::NoCredentials(chain(&error)))
}

fn signing(found: &aws_credential_types::Credentials) -> Credentials {
    Credentials {
        access_key_id: found.access_key_id().to_owned(),
        secret_access_key: Secret::new(found.secret_access_key()),
        session_token: found.session_token().map(Secret::new),
    }
}

/// An error with its causes, each once.
fn chain(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        source = cause.source();
    }
    told
}

/// The user's credentials for a process that lives long: found once, renewed before they run out.
#[derive(Debug)]
pub struct AwsSession {
    config: SdkConfig,
    known: Mutex<Option<Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    credentials: Credentials,
    /// When they are asked for again.
    renew_at: Timestamp,
}

/// Credentials are renewed so long before they run out.
const RENEW_SECONDS: i64 = 300;
/// Credentials that do not run out are looked up again after so long: somebody may have changed them.
const LOOK_SECONDS: i64 = 60;

impl AwsSession {
    /// Reads the user's configuration; asks nobody yet.
    pub async fn load(options: &AwsOptions, http: &HttpClient) -> Self {
        Self { config: load(options, http).await, known: Mutex::default() }
    }

    /// Where the user works, as far as it is set.
    pub fn region(&self) -> Option<String> {
        self.config.region().map(ToString::to_string)
    }

    /// Credentials that hold now. One call at a time asks for new ones; the others wait for it.
    ///
    /// # Errors
    /// When there are none; the message names what was tried, and no secret.
    pub async fn credentials(&self, now: Timestamp) -> Result<Credentials, AwsError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| now < known.renew_at) {
            return Ok(known.credentials.clone());
        }
        let found = provided(&self.config).await?;
        let until = found.expiry().and_then(|expiry| expiry.duration_since(UNIX_EPOCH).ok());
        let until = until.and_then(|since| i64::try_from(since.as_millis()).ok()).map(Timestamp::from_millis);
        let renew_at = until.map_or_else(|| now.plus_seconds(LOOK_SECONDS), |until| until.plus_seconds(-RENEW_SECONDS));
        let credentials = signing(&found);
        *known = Some(Known { credentials: credentials.clone(), renew_at });
        Ok(credentials)
    }
}
