//! What may stand in `outcrop.toml`. The JSON schema and the reference page are made from these declarations.

use super::duration::Time;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// The configuration of Outcrop. Every key is optional; an unknown key is an error.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    /// Region as it appears in ARNs.
    pub(crate) region: String,
    /// Account as it appears in ARNs: twelve digits.
    pub(crate) account_id: String,
    /// What serves a model id: the first entry that matches.
    pub(crate) model: Vec<ModelEntry>,
    /// What answers a Lambda ARN: the first entry that matches.
    pub(crate) function: Vec<FunctionEntry>,
    /// Where state is kept.
    pub(crate) store: StoreSection,
    /// What answers s3://bucket/key.
    pub(crate) objects: ObjectsSection,
    /// Who may call.
    pub(crate) auth: AuthSection,
    /// Limits on everything.
    pub(crate) limits: LimitsSection,
}

impl Default for File {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            model: Vec::new(),
            function: Vec::new(),
            store: StoreSection::default(),
            objects: ObjectsSection::default(),
            auth: AuthSection::default(),
            limits: LimitsSection::default(),
        }
    }
}

/// What serves a model id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelEntry {
    /// Glob over the id, after an ARN is reduced to its id and an inference-profile prefix is cut.
    #[serde(rename = "match")]
    pub(crate) pattern: String,
    /// Who serves it.
    pub(crate) provider: Provider,
    /// Address of an OpenAI-compatible endpoint, with its /v1.
    pub(crate) base_url: Option<String>,
    /// Model name sent upstream; the id as it came when absent.
    pub(crate) model: Option<String>,
    /// Environment variable that holds the key.
    pub(crate) api_key_env: Option<String>,
    /// File that holds the key.
    pub(crate) api_key_file: Option<PathBuf>,
    /// Turns to play, for provider "scripted".
    pub(crate) script: Option<PathBuf>,
}

/// Providers of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provider {
    /// Amazon Bedrock (later).
    Bedrock,
    /// Anthropic (later).
    Anthropic,
    /// Any endpoint with OpenAI's Chat Completions.
    Openai,
    /// Gemini (later).
    Gemini,
    /// The built-in planner, which is no language model.
    Offline,
    /// A file of turns, for tests.
    Scripted,
    /// Recorded calls (later).
    Replay,
}

/// What answers a Lambda ARN: code run here, or an endpoint with Lambda's Invoke API.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FunctionEntry {
    /// Function name, or a glob over the ARN.
    #[serde(rename = "match")]
    pub(crate) pattern: String,
    /// A folder or zip.
    pub(crate) code: Option<PathBuf>,
    /// python3, nodejs or provided, with any version suffix of AWS's names.
    pub(crate) runtime: Option<String>,
    /// `module.function`; app.lambda_handler when absent.
    pub(crate) handler: Option<String>,
    /// Longest time for one call; 30s when absent.
    pub(crate) timeout: Option<Time>,
    /// Variables the function sees; it sees no others of ours.
    #[serde(default)]
    pub(crate) environment: HashMap<String, String>,
    /// An endpoint with Lambda's Invoke API.
    pub(crate) url: Option<String>,
}

/// Where state is kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreSection {
    /// sqlite:PATH; outcrop.db in the data folder when absent.
    pub(crate) url: Option<String>,
}

/// What answers s3://bucket/key.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ObjectsSection {
    /// One folder per bucket; objects in the data folder when absent.
    pub(crate) root: Option<PathBuf>,
}

/// Who may call.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuthSection {
    /// open (this machine only) or sigv4 (later).
    pub(crate) mode: AuthMode,
    /// Keys that may sign (later).
    pub(crate) key: Vec<AuthKey>,
}

/// How callers are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuthMode {
    /// Not at all; loopback only.
    #[default]
    Open,
    /// By signature.
    Sigv4,
}

/// A key that may sign.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the form is fixed; reading it comes with signatures")]
pub(crate) struct AuthKey {
    /// As it stands in requests.
    pub(crate) access_key_id: String,
    /// File that holds the secret.
    pub(crate) secret_access_key_file: PathBuf,
}

/// Limits on everything.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsSection {
    /// Most model calls in one turn.
    pub(crate) iterations_max: u32,
    /// Most replies in a row that cannot be acted on and are given back to the model.
    pub(crate) reprompts_max: u32,
    /// Most bytes of one tool result that a model is shown.
    pub(crate) tool_result_bytes_max: usize,
    /// Longest time of a turn.
    pub(crate) turn_timeout: Time,
    /// Longest time of one model call.
    pub(crate) model_call_timeout: Time,
    /// Longest time of one tool call, whatever its function says.
    pub(crate) tool_call_timeout: Time,
    /// Largest answer read from a function, in bytes.
    pub(crate) tool_response_bytes_max: usize,
    /// Largest request body, in bytes.
    pub(crate) request_bytes_max: usize,
}

impl Default for LimitsSection {
    fn default() -> Self {
        let turn = outcrop_server::TurnLimits::default();
        let settings = outcrop_server::Settings::default();
        Self {
            iterations_max: turn.iterations_max,
            reprompts_max: turn.reprompts_max,
            tool_result_bytes_max: turn.tool_result_bytes_max,
            turn_timeout: Time(Duration::from_secs(turn.wall_time_seconds)),
            model_call_timeout: Time(settings.model_call_timeout),
            tool_call_timeout: Time(settings.tool_call_timeout),
            tool_response_bytes_max: settings.tool_response_bytes_max,
            request_bytes_max: settings.body_bytes_max,
        }
    }
}
