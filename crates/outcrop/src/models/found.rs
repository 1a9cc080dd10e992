//! Which model serves ids that the configuration does not name: the provider whose credentials are in the environment, else
//! an Ollama on this machine, else the offline planner.

use super::{Made, Means, aws, made};
use crate::config::{ConfigError, Reached};
use outcrop_http::{HttpClient, HttpLimits};
use outcrop_models::offline::OfflinePlanner;
use outcrop_models::{ApiKey, CatalogEntry, Endpoint, Given, anthropic, gemini, openai};
use outcrop_ports::Model;
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
/// Sent upstream when the key is all that is known.
const ANTHROPIC_MODEL: &str = "claude-sonnet-4-5";
const OPENAI_MODEL: &str = "gpt-4.1-mini";
const GEMINI_MODEL: &str = "gemini-2.5-flash";

/// What the offline planner is, for people.
pub(super) const OFFLINE: &str = "offline, the built-in planner (no language model)";

/// What serves ids that the configuration does not name.
pub(super) struct Found {
    pub(super) label: String,
    pub(super) model: Arc<dyn Model>,
    /// Ids that something else serves.
    pub(super) entries: Vec<CatalogEntry>,
    pub(super) note: String,
}

impl Found {
    fn of((label, model): Made, note: &str) -> Self {
        Self { label, model, entries: Vec::new(), note: note.to_owned() }
    }
}

pub(super) fn offline() -> Found {
    Found::of(
        (OFFLINE.to_owned(), Arc::new(OfflinePlanner)),
        "no language model is configured and none was found: the built-in offline planner answers; it is no language model. \
         Set ANTHROPIC_API_KEY, OPENAI_API_KEY (and OPENAI_BASE_URL for another endpoint), GEMINI_API_KEY or AWS credentials, \
         start Ollama, or write a [[model]] into outcrop.toml to use one",
    )
}

/// The first of these variables that holds a key.
pub(super) fn key(environment: &dyn Fn(&str) -> Option<String>, names: &[&str]) -> Option<ApiKey> {
    let mut values = names.iter().filter_map(|name| environment(name));
    values.find(|value| !value.trim().is_empty()).map(|value| ApiKey::new(&value))
}

pub(super) async fn find(means: &Means<'_>) -> Result<Found, ConfigError> {
    let variable = |name: &str| (means.environment)(name).filter(|value| !value.trim().is_empty());
    let http = means.http;
    let endpoint = |base_url: String, model: Option<String>, key: ApiKey| Endpoint {
        model,
        api_key: Some(key),
        ..Endpoint::new(base_url)
    };
    let wrong = |what: &str, problem: &dyn std::fmt::Display| ConfigError(vec![format!("{what}: {problem}")]);
    if let Some(key) = key(means.environment, &["ANTHROPIC_API_KEY"]) {
        let base_url = variable("ANTHROPIC_BASE_URL").unwrap_or_else(|| anthropic::BASE_URL.to_owned());
        let serve = |model: Option<String>| {
            let served = anthropic::serve(endpoint(base_url.clone(), model, key.clone()), http.clone());
            served.map(made).map_err(|problem| wrong("ANTHROPIC_BASE_URL or ANTHROPIC_API_KEY", &problem))
        };
        let chosen = variable("ANTHROPIC_MODEL");
        let mut found = Found::of(
            serve(Some(chosen.clone().unwrap_or_else(|| ANTHROPIC_MODEL.to_owned())))?,
            "ANTHROPIC_API_KEY is set: models that the configuration does not name go there (ANTHROPIC_MODEL chooses one for all)",
        );
        if chosen.is_none() {
            let (label, model) = serve(None)?;
            for pattern in ["anthropic.claude-*", "claude-*"] {
                let entry = CatalogEntry {
                    pattern: pattern.to_owned(),
                    label: label.clone(),
                    model: model.clone(),
                    given: Given::default(),
                };
                found.entries.push(entry);
            }
        }
        return Ok(found);
    }
    if let Some(key) = key(means.environment, &["OPENAI_API_KEY"]) {
        let base_url = variable("OPENAI_BASE_URL").unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
        let name = variable("OPENAI_MODEL").unwrap_or_else(|| OPENAI_MODEL.to_owned());
        let served = openai::serve(endpoint(base_url, Some(name), key), http.clone());
        let served = served.map_err(|problem| wrong("OPENAI_BASE_URL or OPENAI_API_KEY", &problem))?;
        return Ok(Found::of(
            made(served),
            "OPENAI_API_KEY is set: models that the configuration does not name go there (OPENAI_MODEL chooses which)",
        ));
    }
    if let Some(key) = key(means.environment, &["GEMINI_API_KEY", "GOOGLE_API_KEY"]) {
        let name = variable("GEMINI_MODEL").unwrap_or_else(|| GEMINI_MODEL.to_owned());
        let served = gemini::serve(endpoint(gemini::BASE_URL.to_owned(), Some(name), key), http.clone());
        let served = served.map_err(|problem| wrong("GEMINI_API_KEY", &problem))?;
        return Ok(Found::of(
            made(served),
            "GEMINI_API_KEY is set: models that the configuration does not name go there (GEMINI_MODEL chooses which)",
        ));
    }
    if let Some(what) = aws_credentials(&variable) {
        let served = aws::bedrock(Reached::default(), None, None, means).await;
        let served = served.map_err(|problem| wrong(what, &problem))?;
        let note = format!("{what} is set: models that the configuration does not name go to Amazon Bedrock");
        return Ok(Found::of(made(served), &note));
    }
    if let Some(name) = ollama(http).await {
        let endpoint = Endpoint { model: Some(name), ..Endpoint::new(format!("{OLLAMA}/v1")) };
        let served = openai::serve(endpoint, http.clone()).map_err(|problem| wrong("Ollama", &problem))?;
        return Ok(Found::of(
            made(served),
            "Ollama answers on its usual port: models that the configuration does not name go to its first model",
        ));
    }
    Ok(offline())
}

/// The variable that leads to AWS credentials. Whoever talks to Outcrop sets made-up keys for it (`test`): a key id that
/// AWS would not give is none.
fn aws_credentials(variable: &dyn Fn(&str) -> Option<String>) -> Option<&'static str> {
    let is_real = |id: &str| id.len() >= 16 && (id.starts_with("AKIA") || id.starts_with("ASIA"));
    if variable("AWS_BEARER_TOKEN_BEDROCK").is_some() {
        return Some("AWS_BEARER_TOKEN_BEDROCK");
    }
    if let Some(id) = variable("AWS_ACCESS_KEY_ID") {
        return is_real(id.trim()).then_some("AWS_ACCESS_KEY_ID");
    }
    const OTHERS: [&str; 4] = [
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    OTHERS.into_iter().find(|name| variable(name).is_some())
}

/// The first model of an Ollama on this machine, if there is one.
async fn ollama(http: &HttpClient) -> Option<String> {
    let request = http::Request::get(format!("{OLLAMA}/api/tags")).body(bytes::Bytes::new()).ok()?;
    let response = http.send(request, OLLAMA_LIMITS).await.ok()?;
    let tags: Value = serde_json::from_slice(&response.body).ok()?;
    Some(tags["models"].as_array()?.first()?["name"].as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::aws_credentials;

    #[track_caller]
    fn check(set: &[(&str, &str)], expected: Option<&str>) {
        let variable = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(aws_credentials(&variable), expected, "{set:?}");
    }

    #[test]
    fn made_up_keys_lead_nowhere() {
        check(&[], None);
        check(&[("AWS_ACCESS_KEY_ID", "test"), ("AWS_PROFILE", "x")], None);
        check(&[("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")], None);
        check(&[("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")], Some("AWS_ACCESS_KEY_ID"));
        check(&[("AWS_PROFILE", "work")], Some("AWS_PROFILE"));
        check(&[("AWS_BEARER_TOKEN_BEDROCK", "k"), ("AWS_ACCESS_KEY_ID", "test")], Some("AWS_BEARER_TOKEN_BEDROCK"));
    }
}
