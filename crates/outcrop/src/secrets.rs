//! The secrets that the configuration holds: they are taken out of what is shown of agents' work.

use crate::config::{Config, ProviderSetting};
use outcrop_server::secrets::{Secrets, names_secret};
use outcrop_tools::FunctionSource;
use outcrop_wire::sigv4::Secret;

/// Variables whose values are secret.
const VARIABLES: [&str; 7] = [
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
];

/// Keys of callers and of models, variables of functions whose names say that they are secret, and those of the
/// environment that the server itself goes by.
pub(crate) fn known(config: &Config, environment: &dyn Fn(&str) -> Option<String>) -> Secrets {
    let callers = config.auth.keys.iter().chain(&config.auth.bearers).map(|(_, secret)| secret.clone());
    let models = config.models.iter().filter_map(|setting| of_provider(&setting.provider));
    let functions = config.functions.iter().filter_map(|function| match &function.source {
        FunctionSource::Local(local) => Some(&local.environment),
        FunctionSource::Url(_) => None,
    });
    let functions = functions.flatten().filter(|(name, _)| names_secret(name)).map(|(_, value)| Secret::new(value));
    let variables = VARIABLES.iter().filter_map(|name| environment(name)).map(|value| Secret::new(value.trim()));
    Secrets::new(callers.chain(models).chain(functions).chain(variables))
}

/// The key of a provider.
fn of_provider(provider: &ProviderSetting) -> Option<Secret> {
    match provider {
        ProviderSetting::OpenAi(reached)
        | ProviderSetting::Anthropic(reached)
        | ProviderSetting::Gemini(reached)
        | ProviderSetting::Bedrock { reached, .. } => reached.api_key.as_ref().map(|key| Secret::new(key.reveal())),
        ProviderSetting::Replay { over, .. } => over.as_deref().and_then(of_provider),
        ProviderSetting::Scripted { .. } | ProviderSetting::Offline => None,
    }
}
