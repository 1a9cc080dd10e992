//! Which model serves what: from the configuration, and where it says nothing, from what is there.

use crate::config::{ConfigError, ModelSetting, ProviderSetting};
use outcrop_http::{HttpClient, HttpLimits};
use outcrop_models::offline::OfflinePlanner;
use outcrop_models::replay::{Clean, Replay};
use outcrop_models::{ApiKey, Catalog, CatalogEntry, OpenAi, OpenAiConfig, ScriptedModel};
use outcrop_ports::Model;
use outcrop_server::secrets::Secrets;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Where Ollama listens unless told otherwise.
const OLLAMA: &str = "http://127.0.0.1:11434";
/// How long a look for Ollama may take: start-up waits for it.
const OLLAMA_LIMITS: HttpLimits = HttpLimits {
    total_timeout: Duration::from_millis(300),
    idle_timeout: Duration::from_millis(300),
    response_bytes_max: 256 * 1024,
};
/// Sent upstream when OPENAI_API_KEY is all that is known.
const OPENAI_MODEL: &str = "gpt-4.1-mini";

/// The catalog, and what is to be said about it at start.
pub(crate) struct Models {
    pub(crate) catalog: Catalog,
    pub(crate) notes: Vec<String>,
}

/// Builds the catalog.
pub(crate) async fn build(
    settings: Vec<ModelSetting>,
    http: &HttpClient,
    secrets: &Arc<Secrets>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Models, ConfigError> {
    let mut entries = Vec::new();
    let mut problems = Vec::new();
    let takes_all = settings.iter().any(|setting| setting.pattern == "*");
    for setting in settings {
        match configured(&setting.provider, http, secrets) {
            Ok((label, model)) => {
                entries.push(CatalogEntry { pattern: setting.pattern, label, model, given: setting.given });
            }
            Err(problem) => problems.push(format!("model.match = \"{}\": {problem}", setting.pattern)),
        }
    }
    if !problems.is_empty() {
        return Err(ConfigError(problems));
    }
    let found = if takes_all { Found::offline() } else { found(http, environment).await? };
    let mut notes = Vec::new();
    if !takes_all {
        notes.push(found.note);
    }
    let catalog = Catalog::new(entries, found.label, found.model)
        .map_err(|error| ConfigError(vec![format!("model.match: {error}")]))?;
    notes.splice(0..0, catalog.describe());
    Ok(Models { catalog, notes })
}

fn configured(
    provider: &ProviderSetting,
    http: &HttpClient,
    secrets: &Arc<Secrets>,
) -> Result<(String, Arc<dyn Model>), String> {
    match provider {
        ProviderSetting::OpenAi { base_url, model, api_key } => {
            let config = OpenAiConfig { model: model.clone(), api_key: api_key.clone(), ..OpenAiConfig::new(base_url) };
            openai(config, http)
        }
        ProviderSetting::Scripted { script } => {
            let model = ScriptedModel::from_file(script).map_err(|error| error.to_string())?;
            Ok((format!("scripted, {}", script.display()), Arc::new(model)))
        }
        ProviderSetting::Replay { cassette, over } => {
            let clean: Clean = {
                let secrets = Arc::clone(secrets);
                Arc::new(move |document| secrets.remove(document))
            };
            let (label, model) = match over {
                None => (String::new(), Replay::play(cassette, clean)),
                Some(over) => {
                    let (label, over) = configured(over, http, secrets)?;
                    (format!(", recording {label}"), Replay::record(cassette, over, clean))
                }
            };
            let model = model.map_err(|error| error.to_string())?;
            let label = format!("replay, {} recorded calls in {}{label}", model.recordings(), cassette.display());
            Ok((label, Arc::new(model)))
        }
        ProviderSetting::Offline => {
            Ok(("offline, the built-in planner (no language model)".to_owned(), Arc::new(OfflinePlanner)))
        }
    }
}

fn openai(config: OpenAiConfig, http: &HttpClient) -> Result<(String, Arc<dyn Model>), String> {
    let model = OpenAi::new(config, http.clone()).map_err(|error| error.to_string())?;
    Ok((model.label(), Arc::new(model)))
}

/// What serves ids that the configuration does not name.
struct Found {
    label: String,
    model: Arc<dyn Model>,
    note: String,
}

impl Found {
    fn offline() -> Self {
        Self {
            label: "offline, the built-in planner (no language model)".to_owned(),
            model: Arc::new(OfflinePlanner),
            note: "no language model is configured and none was found: the built-in offline planner answers; it is no language model. \
                   Set OPENAI_API_KEY (and OPENAI_BASE_URL for another endpoint), start Ollama, or write a [[model]] into outcrop.toml to use one"
                .to_owned(),
        }
    }
}

async fn found(http: &HttpClient, environment: &dyn Fn(&str) -> Option<String>) -> Result<Found, ConfigError> {
    if let Some(key) = environment("OPENAI_API_KEY").filter(|key| !key.trim().is_empty()) {
        let base_url = environment("OPENAI_BASE_URL").unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
        let name = environment("OPENAI_MODEL").unwrap_or_else(|| OPENAI_MODEL.to_owned());
        let config =
            OpenAiConfig { model: Some(name), api_key: Some(ApiKey::new(&key)), ..OpenAiConfig::new(base_url) };
        let (label, model) = openai(config, http)
            .map_err(|problem| ConfigError(vec![format!("OPENAI_BASE_URL or OPENAI_API_KEY: {problem}")]))?;
        let note =
            "OPENAI_API_KEY is set: models that the configuration does not name go there (OPENAI_MODEL chooses which)"
                .to_owned();
        return Ok(Found { label, model, note });
    }
    if let Some(name) = ollama(http).await {
        let config = OpenAiConfig { model: Some(name), ..OpenAiConfig::new(format!("{OLLAMA}/v1")) };
        let (label, model) = openai(config, http).map_err(|problem| ConfigError(vec![problem]))?;
        let note =
            "Ollama answers on its usual port: models that the configuration does not name go to its first model"
                .to_owned();
        return Ok(Found { label, model, note });
    }
    Ok(Found::offline())
}

/// The first model of an Ollama on this machine, if there is one.
async fn ollama(http: &HttpClient) -> Option<String> {
    let request = http::Request::get(format!("{OLLAMA}/api/tags")).body(bytes::Bytes::new()).ok()?;
    let response = http.send(request, OLLAMA_LIMITS).await.ok()?;
    let tags: Value = serde_json::from_slice(&response.body).ok()?;
    Some(tags["models"].as_array()?.first()?["name"].as_str()?.to_owned())
}
