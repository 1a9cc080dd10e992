//! Compiled guardrails in memory, by the content of their policies.
//!
//! A version never changes, so it is looked up once. The draft may change at any time, also through another process, so it
//! is read each time; what it compiles to is kept by its content.

use super::configuration;
use super::documents::{self, DRAFT};
use crate::App;
use crate::errors::{self, ApiError, OpResult};
use moka::sync::Cache;
use outcrop_api::bedrock as api;
use outcrop_guardrails::{Configuration, Guardrail};
use outcrop_store::snapshot_hash;
use std::sync::Arc;
use std::time::Duration;

/// Memory for compiled guardrails, in bytes as estimated: ten thousand words take some two megabytes.
const KEPT_BYTES: u64 = 128 << 20;

/// How long it may take until what another process enforces is enforced here.
const ENFORCED_KEPT: Duration = Duration::from_secs(1);

/// A guardrail ready to be applied.
#[derive(Debug)]
pub struct Compiled {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// `DRAFT` or a number.
    pub version: String,
    /// What stands in place of the user's words.
    pub blocked_input: String,
    /// What stands in place of the model's.
    pub blocked_outputs: String,
    /// What it was compiled from.
    pub configuration: Arc<Configuration>,
    /// Whether content filters are to look at images of the user, and of the model.
    pub images: (bool, bool),
    /// The policies.
    pub policies: Guardrail,
}

/// The caches.
pub struct CompiledGuardrails {
    versions: Cache<(String, String), Arc<Compiled>>,
    policies: Cache<String, (Arc<Configuration>, Guardrail)>,
    /// What is enforced for the account; under one key. Another process may change it, so it is not kept for long.
    enforced: Cache<(), Arc<Vec<api::AccountEnforcedGuardrailOutputConfiguration>>>,
}

impl Default for CompiledGuardrails {
    fn default() -> Self {
        let versions =
            Cache::builder().weigher(|_: &(String, String), compiled: &Arc<Compiled>| weight(&compiled.configuration));
        let policies = Cache::builder()
            .weigher(|_: &String, (configuration, _): &(Arc<Configuration>, Guardrail)| weight(configuration));
        Self {
            versions: versions.max_capacity(KEPT_BYTES).build(),
            policies: policies.max_capacity(KEPT_BYTES).build(),
            enforced: Cache::builder().max_capacity(1).time_to_live(ENFORCED_KEPT).build(),
        }
    }
}

/// Bytes that a compiled guardrail takes, roughly.
fn weight(configuration: &Configuration) -> u32 {
    const OF_ITS_OWN: usize = 16 << 10;
    const OF_A_WORD: usize = 256;
    const OF_A_REGEX: usize = 256 << 10;
    const OF_A_TOPIC: usize = 8 << 10;
    let bytes = OF_ITS_OWN
        + configuration.words.len() * OF_A_WORD
        + configuration.regexes.len() * OF_A_REGEX
        + configuration.topics.len() * OF_A_TOPIC;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl CompiledGuardrails {
    /// What is enforced for the account.
    pub async fn enforced(&self, app: &App) -> OpResult<Arc<Vec<api::AccountEnforcedGuardrailOutputConfiguration>>> {
        if let Some(kept) = self.enforced.get(&()) {
            return Ok(kept);
        }
        let read = Arc::new(app.store.read(super::enforced::all).await?);
        self.enforced.insert((), read.clone());
        Ok(read)
    }

    /// To be called after what is enforced was changed.
    pub fn enforced_changed(&self) {
        self.enforced.invalidate_all();
    }

    /// To be called after a guardrail's deletion was committed.
    pub fn deleted(&self) {
        self.versions.invalidate_all();
    }

    /// The guardrail of an identifier (id, ARN or name) and a version.
    ///
    /// # Errors
    /// Not found.
    pub async fn get(&self, app: &App, identifier: &str, version: &str) -> OpResult<Arc<Compiled>> {
        let version = if version.is_empty() { DRAFT } else { version };
        let key = (identifier.to_owned(), version.to_owned());
        if version != DRAFT
            && let Some(compiled) = self.versions.get(&key)
        {
            return Ok(compiled);
        }
        // The application lends itself to the read; what it needs is the prefix of ARNs.
        let (wanted, number, prefix) = (identifier.to_owned(), version.to_owned(), app.arn("guardrail/"));
        let document = app
            .store
            .read(move |tx| {
                let text = match wanted.starts_with("arn:") {
                    true => wanted.strip_prefix(&prefix).ok_or_else(errors::not_found)?.to_owned(),
                    false => wanted,
                };
                let id = documents::find(tx, &text)?.unwrap_or(text);
                documents::version(tx, &id, Some(&number))
            })
            .await
            .map_err(|error: ApiError| match error.code {
                // The service's words, and which one.
                "ResourceNotFoundException" => ApiError::new(
                    error.code,
                    format!("The guardrail identifier or version provided in the request does not exist: {identifier}, version {version}."),
                ),
                _ => error,
            })?;
        let compiled = Arc::new(self.compile(document)?);
        // A name may come to mean another guardrail; an id may not.
        if version != DRAFT && (identifier == compiled.id || identifier == compiled.arn) {
            self.versions.insert(key, compiled.clone());
        }
        Ok(compiled)
    }

    fn compile(&self, document: api::GetGuardrailResponse) -> OpResult<Compiled> {
        let parts = (
            &document.topic_policy,
            &document.content_policy,
            &document.word_policy,
            &document.sensitive_information_policy,
            &document.contextual_grounding_policy,
        );
        let content = serde_json::to_vec(&parts).expect("shapes have string keys and no failing members");
        let hash = snapshot_hash(&content);
        let (configuration, policies) = match self.policies.get(&hash) {
            Some(kept) => kept,
            None => {
                let configuration = configuration::of(&document);
                let policies = compile(&configuration)?;
                let made = (Arc::new(configuration), policies);
                self.policies.insert(hash, made.clone());
                made
            }
        };
        let images = images(document.content_policy.as_ref());
        Ok(Compiled {
            id: document.guardrail_id,
            arn: document.guardrail_arn,
            version: document.version,
            blocked_input: document.blocked_input_messaging,
            blocked_outputs: document.blocked_outputs_messaging,
            configuration,
            images,
            policies,
        })
    }
}

/// Whether filters that are in force look at images.
fn images(policy: Option<&api::GuardrailContentPolicy>) -> (bool, bool) {
    let filters = || policy.iter().flat_map(|policy| policy.filters.iter().flatten());
    let has = |modalities: &Option<Vec<api::GuardrailModality>>| {
        modalities.iter().flatten().any(|modality| *modality == api::GuardrailModality::Image)
    };
    let none = api::GuardrailFilterStrength::None;
    (
        filters().any(|filter| {
            filter.input_strength != none && filter.input_enabled != Some(false) && has(&filter.input_modalities)
        }),
        filters().any(|filter| {
            filter.output_strength != none && filter.output_enabled != Some(false) && has(&filter.output_modalities)
        }),
    )
}

/// Compiles, or says what is wrong.
///
/// # Errors
/// Validation: a pattern that is none, a threshold out of its range.
pub fn compile(configuration: &Configuration) -> OpResult<Guardrail> {
    Guardrail::compile(configuration)
        .map_err(|error| errors::validation(format!("The guardrail is not valid: {error}.")))
}

/// Checks a document that is to be stored: whether it compiles.
pub fn check(document: &api::GetGuardrailResponse) -> OpResult<()> {
    compile(&configuration::of(document)).map(drop)
}
