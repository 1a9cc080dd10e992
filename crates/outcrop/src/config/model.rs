//! `[[model]]` and `[models]`: who serves which model, how calls are looked after, and which model does what.

use super::Source;
use super::duration::Time;
use outcrop_models::{ApiKey, BreakerSettings, Care, Given, GivenFamily, QueueSettings, Retries, Sampling, TimeOuts};
use outcrop_server::{ModelRole, PhaseModels};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// What serves a model id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelEntry {
    /// Glob over the id, after an ARN is reduced to its id and an inference-profile prefix is cut.
    #[serde(rename = "match")]
    pub(crate) pattern: String,
    /// Who serves it.
    pub(crate) provider: Provider,
    /// Address before the provider's own paths; of an OpenAI-compatible endpoint with its /v1.
    pub(crate) base_url: Option<String>,
    /// Model name sent upstream; the id as it came when absent.
    pub(crate) model: Option<String>,
    /// Environment variable that holds the key.
    pub(crate) api_key_env: Option<String>,
    /// File that holds the key.
    pub(crate) api_key_file: Option<PathBuf>,
    /// AWS region, for provider "bedrock"; that of the AWS configuration when absent.
    pub(crate) region: Option<String>,
    /// Profile of the AWS configuration, for provider "bedrock".
    pub(crate) profile: Option<String>,
    /// Turns to play, for provider "scripted".
    pub(crate) script: Option<PathBuf>,
    /// Folder of recorded calls, for provider "replay".
    pub(crate) cassette: Option<PathBuf>,
    /// Whether calls that are not in the cassette are made and recorded, for provider "replay"; no when absent.
    pub(crate) record: Option<bool>,
    /// The provider that is recorded, for provider "replay"; its own keys stand in the same entry.
    pub(crate) over: Option<Provider>,
    /// Ids of models that are asked in this order when this one does not answer; entries of this table serve them.
    #[serde(default)]
    pub(crate) fallback: Vec<String>,
    /// Tokens that fit into the model's window, question and answer together; known families have a default.
    pub(crate) context_tokens: Option<u32>,
    /// Whether the model sees pictures; known families have a default.
    pub(crate) images: Option<bool>,
    /// Whether the endpoint takes documents such as PDF; known families have a default with providers bedrock, anthropic
    /// and gemini, others do not.
    pub(crate) documents: Option<bool>,
    /// Which sampling settings the model takes: all, one (temperature or top P) or none; known families have a default.
    pub(crate) sampling: Option<SamplingSetting>,
    /// Whether the model's thinking goes back to it while it uses tools, for provider "openai"; known families have a
    /// default.
    pub(crate) send_reasoning: Option<bool>,
    /// Longest time for a connection; 10s when absent.
    pub(crate) connect_timeout: Option<Time>,
    /// Longest time until the first piece of a streamed answer; 2m when absent.
    pub(crate) first_token_timeout: Option<Time>,
    /// Longest silence between two pieces of a streamed answer; 1m when absent.
    pub(crate) between_token_timeout: Option<Time>,
    /// Longest time of one attempt; 5m when absent.
    pub(crate) total_timeout: Option<Time>,
    /// Most further attempts after what may pass: 429, 5xx, broken connections and answers; 2 when absent.
    pub(crate) retries: Option<u32>,
    /// Wait before the second attempt, doubled for each further one; 400ms when absent.
    pub(crate) retry_delay: Option<Time>,
    /// Most calls at once; 256 when absent.
    pub(crate) concurrency_max: Option<usize>,
    /// Most calls in a minute; as many as come when absent.
    pub(crate) calls_per_minute: Option<u32>,
    /// Most calls that wait for their turn; 1024 when absent.
    pub(crate) queue_length_max: Option<usize>,
    /// Longest wait for a turn; 1m when absent.
    pub(crate) queue_timeout: Option<Time>,
    /// Failures in a row after which the provider is left alone for a while, 0 for never; 10 when absent.
    pub(crate) breaker_failures: Option<u32>,
    /// How long it is left alone; 15s when absent.
    pub(crate) breaker_pause: Option<Time>,
}

/// Providers of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Provider {
    /// Amazon Bedrock's Converse.
    Bedrock,
    /// Anthropic's Messages.
    Anthropic,
    /// Any endpoint with OpenAI's Chat Completions.
    Openai,
    /// Google's Gemini.
    Gemini,
    /// The built-in planner, which is no language model.
    Offline,
    /// A file of turns, for tests.
    Scripted,
    /// Recorded calls.
    Replay,
}

/// Which sampling settings a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SamplingSetting {
    /// Temperature and top P side by side.
    All,
    /// One of the two.
    One,
    /// None.
    None,
}

/// Models for work beside the loop of an agent. An agent's tag and the model of its own prompt go before.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ModelsSection {
    /// Whether a request may be worked on.
    pub(crate) pre_processing: Option<String>,
    /// Answers out of search results.
    pub(crate) knowledge_base_response_generation: Option<String>,
    /// Answers as the user reads them.
    pub(crate) post_processing: Option<String>,
    /// Which collaborator a request is for.
    pub(crate) routing_classifier: Option<String>,
    /// What is remembered of a session.
    pub(crate) memory_summarization: Option<String>,
    /// Summaries of conversations that outgrow the window.
    pub(crate) conversation_summary: Option<String>,
}

impl ModelsSection {
    pub(super) fn mean(self) -> PhaseModels {
        let named = [
            (ModelRole::PreProcessing, self.pre_processing),
            (ModelRole::KnowledgeBaseResponseGeneration, self.knowledge_base_response_generation),
            (ModelRole::PostProcessing, self.post_processing),
            (ModelRole::RoutingClassifier, self.routing_classifier),
            (ModelRole::MemorySummarization, self.memory_summarization),
            (ModelRole::ConversationSummary, self.conversation_summary),
        ];
        named.into_iter().filter_map(|(role, model)| Some((role, model?.as_str().into()))).collect()
    }
}

/// One line of the model table.
#[derive(Debug)]
pub(crate) struct ModelSetting {
    pub(crate) pattern: String,
    pub(crate) provider: ProviderSetting,
    /// Ids of models that are asked in its place.
    pub(crate) fallback: Vec<String>,
    /// What the file says of the model itself.
    pub(crate) given: Given,
}

/// What serves it.
#[derive(Debug)]
pub(crate) enum ProviderSetting {
    OpenAi(Reached),
    Anthropic(Reached),
    Gemini(Reached),
    Bedrock {
        reached: Reached,
        region: Option<String>,
        profile: Option<String>,
    },
    Scripted {
        script: PathBuf,
    },
    Offline,
    /// Recorded calls, and what is asked for those that are not recorded yet.
    Replay {
        cassette: PathBuf,
        over: Option<Box<ProviderSetting>>,
    },
}

/// A provider over the network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reached {
    /// The provider's own address when absent.
    pub(crate) base_url: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) api_key: Option<ApiKey>,
    /// Of our client when absent.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) time: TimeOuts,
    pub(crate) care: Care,
    pub(crate) family: GivenFamily,
}

/// A window that is smaller than this holds no agent's prompt.
const CONTEXT_TOKENS_MIN: u32 = 1_024;

pub(super) fn mean(
    entry: ModelEntry,
    source: &Source,
    index: usize,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ModelSetting, String> {
    let place = |key: &str| source.place("model", index, key);
    check(&entry, &place)?;
    let given = Given { context_tokens: entry.context_tokens, images: entry.images, documents: entry.documents };
    let provider = provider(&entry, entry.provider, source, &place, environment)?;
    Ok(ModelSetting { pattern: entry.pattern, provider, fallback: entry.fallback, given })
}

/// A provider with its keys, which stand in the entry whether it serves itself or is recorded.
fn provider(
    entry: &ModelEntry,
    provider: Provider,
    source: &Source,
    place: &dyn Fn(&str) -> String,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ProviderSetting, String> {
    Ok(match provider {
        Provider::Openai => ProviderSetting::OpenAi(reached(entry, source, place, environment)?),
        Provider::Anthropic => ProviderSetting::Anthropic(reached(entry, source, place, environment)?),
        Provider::Gemini => ProviderSetting::Gemini(reached(entry, source, place, environment)?),
        Provider::Bedrock => ProviderSetting::Bedrock {
            reached: reached(entry, source, place, environment)?,
            region: entry.region.clone(),
            profile: entry.profile.clone(),
        },
        Provider::Scripted => {
            let script = entry
                .script
                .as_ref()
                .ok_or_else(|| format!("{}: provider \"scripted\" needs script = \"FILE\"", place("provider")))?;
            let script = source.resolve(script);
            outcrop_models::ScriptedModel::from_file(&script)
                .map_err(|error| format!("{}: {error}", place("script")))?;
            ProviderSetting::Scripted { script }
        }
        Provider::Offline => ProviderSetting::Offline,
        Provider::Replay => replay(entry, source, place, environment)?,
    })
}

/// A cassette is played without the provider that it was recorded from: its keys may stand there or not.
fn replay(
    entry: &ModelEntry,
    source: &Source,
    place: &dyn Fn(&str) -> String,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ProviderSetting, String> {
    let cassette = entry
        .cassette
        .as_ref()
        .ok_or_else(|| format!("{}: provider \"replay\" needs cassette = \"FOLDER\"", place("provider")))?;
    let over = match (entry.record == Some(true), entry.over) {
        (true, Some(Provider::Replay)) => return Err(format!("{}: a cassette cannot be recorded", place("over"))),
        (true, Some(over)) => Some(Box::new(provider(entry, over, source, place, environment)?)),
        (true, None) => {
            return Err(format!(
                "{}: recording needs over = \"PROVIDER\", the provider that is asked, with its own keys beside it",
                place("record")
            ));
        }
        (false, _) => None,
    };
    Ok(ProviderSetting::Replay { cassette: source.resolve(cassette), over })
}

fn check(entry: &ModelEntry, place: &dyn Fn(&str) -> String) -> Result<(), String> {
    let zero = |time: &Option<Time>| time.as_ref().is_some_and(|time| time.is_zero());
    let wrong = [
        ("context_tokens", entry.context_tokens.is_some_and(|tokens| tokens < CONTEXT_TOKENS_MIN), "is at least 1024"),
        ("connect_timeout", zero(&entry.connect_timeout), "is more than nothing"),
        ("first_token_timeout", zero(&entry.first_token_timeout), "is more than nothing"),
        ("between_token_timeout", zero(&entry.between_token_timeout), "is more than nothing"),
        ("total_timeout", zero(&entry.total_timeout), "is more than nothing"),
        ("queue_timeout", zero(&entry.queue_timeout), "is more than nothing"),
        ("concurrency_max", entry.concurrency_max == Some(0), "is at least 1"),
        ("calls_per_minute", entry.calls_per_minute == Some(0), "is at least 1"),
        ("region", entry.region.as_deref().is_some_and(|region| !is_region(region)), "a region looks like us-east-1"),
        ("fallback", entry.fallback.len() > FALLBACKS_MAX, "names at most 8 models"),
    ];
    if let Some((key, _, rule)) = wrong.iter().find(|(_, is_wrong, _)| *is_wrong) {
        return Err(format!("{}: {rule}", place(key)));
    }
    // A cassette's entry has the keys of who is recorded, also while nobody is.
    let is_replay = entry.provider == Provider::Replay;
    let asked = if is_replay { entry.over.unwrap_or(Provider::Replay) } else { entry.provider };
    let is_reached = !matches!(asked, Provider::Offline | Provider::Scripted | Provider::Replay);
    let is_bedrock = asked == Provider::Bedrock;
    let meaningless = [
        ("base_url", entry.base_url.is_some() && !is_reached),
        ("model", entry.model.is_some() && !is_reached),
        ("api_key_env", entry.api_key_env.is_some() && !is_reached),
        ("api_key_file", entry.api_key_file.is_some() && !is_reached),
        ("region", entry.region.is_some() && !is_bedrock),
        ("profile", entry.profile.is_some() && !is_bedrock),
        ("send_reasoning", entry.send_reasoning.is_some() && asked != Provider::Openai),
        ("cassette", entry.cassette.is_some() && !is_replay),
        ("record", entry.record.is_some() && !is_replay),
        ("over", entry.over.is_some() && !is_replay),
        ("sampling", entry.sampling.is_some() && !is_reached),
        ("connect_timeout", entry.connect_timeout.is_some() && !is_reached),
        ("first_token_timeout", entry.first_token_timeout.is_some() && !is_reached),
        ("between_token_timeout", entry.between_token_timeout.is_some() && !is_reached),
        ("total_timeout", entry.total_timeout.is_some() && !is_reached),
        ("retries", entry.retries.is_some() && !is_reached),
        ("retry_delay", entry.retry_delay.is_some() && !is_reached),
        ("concurrency_max", entry.concurrency_max.is_some() && !is_reached),
        ("calls_per_minute", entry.calls_per_minute.is_some() && !is_reached),
        ("queue_length_max", entry.queue_length_max.is_some() && !is_reached),
        ("queue_timeout", entry.queue_timeout.is_some() && !is_reached),
        ("breaker_failures", entry.breaker_failures.is_some() && !is_reached),
        ("breaker_pause", entry.breaker_pause.is_some() && !is_reached),
    ];
    if let Some((key, _)) = meaningless.iter().find(|(_, is_wrong)| *is_wrong) {
        let provider = format!("{:?}", entry.provider).to_ascii_lowercase();
        return Err(format!("{}: means nothing to provider \"{provider}\"", place(key)));
    }
    Ok(())
}

/// Most fallbacks of a model.
const FALLBACKS_MAX: usize = 8;

fn is_region(region: &str) -> bool {
    region.split('-').filter(|part| !part.is_empty()).count() >= 3
        && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn reached(
    entry: &ModelEntry,
    source: &Source,
    place: &dyn Fn(&str) -> String,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Reached, String> {
    let api_key = match (&entry.api_key_env, &entry.api_key_file) {
        (Some(_), Some(_)) => {
            return Err(format!("{}: give either api_key_env or api_key_file", place("api_key_env")));
        }
        (Some(name), None) => match environment(name) {
            Some(key) => Some(ApiKey::new(&key)),
            None => return Err(format!("{}: the variable {name} is not set", place("api_key_env"))),
        },
        (None, Some(file)) => {
            let file = source.resolve(file);
            let key = std::fs::read_to_string(&file)
                .map_err(|error| format!("{}: {}: {error}", place("api_key_file"), file.display()))?;
            Some(ApiKey::new(key.trim()))
        }
        (None, None) => None,
    };
    let usual = TimeOuts::default();
    let (retries, queue, breaker) = (Retries::default(), QueueSettings::default(), BreakerSettings::default());
    let or = |time: &Option<Time>, usual: Duration| time.as_ref().map_or(usual, |time| **time);
    Ok(Reached {
        base_url: entry.base_url.clone(),
        model: entry.model.clone(),
        api_key,
        connect_timeout: entry.connect_timeout.as_ref().map(|time| **time),
        time: TimeOuts {
            first_token: or(&entry.first_token_timeout, usual.first_token),
            between_tokens: or(&entry.between_token_timeout, usual.between_tokens),
            total: or(&entry.total_timeout, usual.total),
        },
        care: Care {
            retries: Retries {
                count_max: entry.retries.unwrap_or(retries.count_max),
                base: or(&entry.retry_delay, retries.base),
            },
            queue: QueueSettings {
                concurrency_max: entry.concurrency_max.unwrap_or(queue.concurrency_max),
                calls_per_minute: entry.calls_per_minute,
                length_max: entry.queue_length_max.unwrap_or(queue.length_max),
                timeout: or(&entry.queue_timeout, queue.timeout),
            },
            breaker: BreakerSettings {
                failures: entry.breaker_failures.unwrap_or(breaker.failures),
                pause: or(&entry.breaker_pause, breaker.pause),
            },
        },
        family: GivenFamily {
            sampling: entry.sampling.map(|sampling| match sampling {
                SamplingSetting::All => Sampling::All,
                SamplingSetting::One => Sampling::One,
                SamplingSetting::None => Sampling::None,
            }),
            thinking_back: entry.send_reasoning,
        },
    })
}
