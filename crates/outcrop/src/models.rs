//! Which model serves what: from the configuration, and where it says nothing, from what is there.

mod aws;
mod found;

use crate::config::{ConfigError, ModelSetting, ProviderSetting, Reached};
use outcrop_http::HttpClient;
use outcrop_models::offline::OfflinePlanner;
use outcrop_models::replay::{Clean, Replay};
use outcrop_models::{BadEndpoint, Catalog, CatalogEntry, Endpoint, ScriptedModel, Served, anthropic, gemini, openai};
use outcrop_ports::{Clock, Model};
use outcrop_server::secrets::Secrets;
use std::path::Path;
use std::sync::Arc;

/// The catalog, and what is to be said about it at start.
pub(crate) struct Models {
    pub(crate) catalog: Catalog,
    pub(crate) notes: Vec<String>,
}

/// What models are made with.
pub(crate) struct Means<'a> {
    pub(crate) http: &'a HttpClient,
    pub(crate) clock: &'a Arc<dyn Clock>,
    /// What recordings leave out.
    pub(crate) secrets: &'a Arc<Secrets>,
    pub(crate) environment: &'a dyn Fn(&str) -> Option<String>,
}

/// What a provider is, for people, and the provider.
type Made = (String, Arc<dyn Model>);

/// Builds the catalog.
pub(crate) async fn build(settings: Vec<ModelSetting>, means: &Means<'_>) -> Result<Models, ConfigError> {
    let mut entries = Vec::new();
    let mut fallbacks = Vec::new();
    let mut problems = Vec::new();
    let takes_all = settings.iter().any(|setting| setting.pattern == "*");
    for setting in settings {
        match configured(setting.provider, means).await {
            Ok((label, model)) => {
                if !setting.fallback.is_empty() {
                    fallbacks.push((entries.len(), setting.fallback));
                }
                entries.push(CatalogEntry { pattern: setting.pattern, label, model, given: setting.given });
            }
            Err(problem) => problems.push(format!("model.match = \"{}\": {problem}", setting.pattern)),
        }
    }
    if !problems.is_empty() {
        return Err(ConfigError(problems));
    }
    let found = if takes_all { found::offline() } else { found::find(means).await? };
    let mut notes = Vec::new();
    if !takes_all {
        notes.push(found.note);
    }
    entries.extend(found.entries);
    let bad_pattern = |error| ConfigError(vec![format!("model.match: {error}")]);
    let catalog = Catalog::new(entries, found.label, found.model).map_err(bad_pattern)?;
    let catalog =
        catalog.with_fallbacks(&fallbacks).map_err(|error| ConfigError(vec![format!("model.fallback: {error}")]))?;
    notes.splice(0..0, catalog.describe());
    Ok(Models { catalog, notes })
}

async fn configured(provider: ProviderSetting, means: &Means<'_>) -> Result<Made, String> {
    let told = |error: BadEndpoint| error.to_string();
    match provider {
        ProviderSetting::OpenAi(reached) => {
            let (endpoint, client) = endpoint(reached, "https://api.openai.com/v1", means.http);
            openai::serve(endpoint, client).map(made).map_err(told)
        }
        ProviderSetting::Anthropic(mut reached) => {
            reached.api_key = reached.api_key.or_else(|| found::key(means.environment, &["ANTHROPIC_API_KEY"]));
            let (endpoint, client) = endpoint(reached, anthropic::BASE_URL, means.http);
            anthropic::serve(endpoint, client).map(made).map_err(told)
        }
        ProviderSetting::Gemini(mut reached) => {
            reached.api_key =
                reached.api_key.or_else(|| found::key(means.environment, &["GEMINI_API_KEY", "GOOGLE_API_KEY"]));
            let (endpoint, client) = endpoint(reached, gemini::BASE_URL, means.http);
            gemini::serve(endpoint, client).map(made).map_err(told)
        }
        ProviderSetting::Bedrock { reached, region, profile } => {
            aws::bedrock(reached, region, profile, means).await.map(made)
        }
        ProviderSetting::Scripted { script } => {
            let model = ScriptedModel::from_file(&script).map_err(|error| error.to_string())?;
            Ok((format!("scripted, {}", script.display()), Arc::new(model)))
        }
        ProviderSetting::Replay { cassette, over } => {
            let over = match over {
                Some(over) => Some(Box::pin(configured(*over, means)).await?),
                None => None,
            };
            replay(&cassette, over, means.secrets)
        }
        ProviderSetting::Offline => Ok((found::OFFLINE.to_owned(), Arc::new(OfflinePlanner))),
    }
}

/// Recorded calls, and what is asked for others.
fn replay(cassette: &Path, over: Option<Made>, secrets: &Arc<Secrets>) -> Result<Made, String> {
    let secrets = Arc::clone(secrets);
    let clean: Clean = Arc::new(move |document| secrets.remove(document));
    let (model, over) = match over {
        None => (Replay::play(cassette, clean), String::new()),
        Some((label, over)) => (Replay::record(cassette, over, clean), format!(", recording {label}")),
    };
    let model = model.map_err(|error| error.to_string())?;
    let label = format!("replay, {} recorded calls in {}{over}", model.recordings(), cassette.display());
    Ok((label, Arc::new(model)))
}

fn made(served: Served) -> Made {
    (served.label().to_owned(), Arc::new(served))
}

/// An endpoint at this address unless the configuration has another, and the client for it.
fn endpoint(reached: Reached, base_url: &str, http: &HttpClient) -> (Endpoint, HttpClient) {
    let client = reached.connect_timeout.map_or_else(|| http.clone(), HttpClient::with_connect_timeout);
    let base_url = reached.base_url.unwrap_or_else(|| base_url.to_owned());
    let endpoint = Endpoint {
        model: reached.model,
        api_key: reached.api_key,
        time: reached.time,
        care: reached.care,
        family: reached.family,
        ..Endpoint::new(base_url)
    };
    (endpoint, client)
}
