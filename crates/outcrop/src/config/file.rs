//! What may stand in `outcrop.toml`. The JSON schema and the reference page are made from these declarations.

use super::duration::{KeepFor, Time};
use super::model::{ModelEntry, ModelsSection};
use outcrop_store::StoreOptions;
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
    /// What models cost, in place of the built-in table: the first entry that matches.
    pub(crate) price: Vec<PriceEntry>,
    /// Models for work beside the loop of an agent, in place of the agent's own.
    pub(crate) models: ModelsSection,
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
    /// How many of what there may be; one more is a ServiceQuotaExceededException.
    pub(crate) quotas: QuotasSection,
    /// Guardrails that no agent names.
    pub(crate) guardrails: GuardrailsSection,
    /// Sessions that other frameworks keep here (CreateSession and its kin).
    pub(crate) session_store: SessionStoreSection,
    /// What agents remember of sessions that are over.
    pub(crate) memory: MemorySection,
    /// How long things are kept.
    pub(crate) retention: RetentionSection,
    /// What requests do that want one session of an agent at once.
    pub(crate) sessions: SessionsSection,
    /// Schemas of answers, by the names that tags give them.
    pub(crate) answer_schema: Vec<AnswerSchemaEntry>,
}

impl Default for File {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            model: Vec::new(),
            price: Vec::new(),
            models: ModelsSection::default(),
            function: Vec::new(),
            store: StoreSection::default(),
            objects: ObjectsSection::default(),
            auth: AuthSection::default(),
            limits: LimitsSection::default(),
            quotas: QuotasSection::default(),
            guardrails: GuardrailsSection::default(),
            session_store: SessionStoreSection::default(),
            memory: MemorySection::default(),
            retention: RetentionSection::default(),
            sessions: SessionsSection::default(),
            answer_schema: Vec::new(),
        }
    }
}

/// What a model costs, in US dollars per million tokens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceEntry {
    /// Who answers: anthropic, bedrock, gemini, openai; anybody when absent.
    pub(crate) provider: Option<String>,
    /// Glob over the model's name as it is sent to the provider.
    #[serde(rename = "match")]
    pub(crate) pattern: String,
    /// First day on which it counts, such as 2026-01-31; always when absent.
    pub(crate) since: Option<String>,
    /// Tokens read that no cache knew.
    pub(crate) input: f64,
    /// Tokens made.
    pub(crate) output: f64,
    /// Tokens read from a prompt cache; as input when absent.
    pub(crate) cache_read: Option<f64>,
    /// Tokens written to a prompt cache; as input when absent.
    pub(crate) cache_write: Option<f64>,
    /// Tokens written to a prompt cache for an hour; as cache_write when absent.
    pub(crate) cache_write_hour: Option<f64>,
    /// Calls that read more tokens than this cost what long says.
    pub(crate) long_above: Option<u64>,
    /// Prices of calls that read more; what is absent costs as much as in short ones.
    pub(crate) long: Option<LongPriceEntry>,
}

/// What a model costs when it reads much, in US dollars per million tokens.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LongPriceEntry {
    /// Tokens read that no cache knew.
    pub(crate) input: Option<f64>,
    /// Tokens made.
    pub(crate) output: Option<f64>,
    /// Tokens read from a prompt cache.
    pub(crate) cache_read: Option<f64>,
    /// Tokens written to a prompt cache.
    pub(crate) cache_write: Option<f64>,
    /// Tokens written to a prompt cache for an hour.
    pub(crate) cache_write_hour: Option<f64>,
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
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct StoreSection {
    /// sqlite:PATH or postgres://USER@HOST/DATABASE; outcrop.db in the data folder when absent.
    pub(crate) url: Option<String>,
    /// The variable of the server that holds the password of PostgreSQL; PGPASSWORD when absent.
    pub(crate) password_env: Option<String>,
    /// The file that holds the password of PostgreSQL.
    pub(crate) password_file: Option<PathBuf>,
    /// Connections to PostgreSQL at most, for reading and for writing together.
    pub(crate) connections: usize,
    /// The schema of PostgreSQL that holds the tables; made when it is not there.
    pub(crate) schema: Option<String>,
    /// How long a connection to PostgreSQL may take.
    pub(crate) connect_timeout: Time,
    /// How long PostgreSQL may work on one statement.
    pub(crate) statement_timeout: Time,
}

impl Default for StoreSection {
    fn default() -> Self {
        let StoreOptions { connections, connect_timeout, statement_timeout, .. } = StoreOptions::new("");
        Self {
            url: None,
            password_env: None,
            password_file: None,
            connections,
            schema: None,
            connect_timeout: Time(connect_timeout),
            statement_timeout: Time(statement_timeout),
        }
    }
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
    /// open (this machine only) or sigv4.
    pub(crate) mode: AuthMode,
    /// Keys that requests may be signed with.
    pub(crate) key: Vec<SigningKey>,
    /// Bearer keys, such as AWS_BEARER_TOKEN_BEDROCK holds.
    pub(crate) bearer: Vec<BearerKey>,
}

/// How callers are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuthMode {
    /// Not at all; loopback only.
    #[default]
    Open,
    /// By signature or bearer key.
    Sigv4,
}

/// A key that requests may be signed with. One of the two places of its secret is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SigningKey {
    /// As it stands in requests.
    pub(crate) access_key_id: String,
    /// File that holds the secret.
    pub(crate) secret_access_key_file: Option<PathBuf>,
    /// Environment variable that holds the secret.
    pub(crate) secret_access_key_env: Option<String>,
}

/// A bearer key. One of its two places is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BearerKey {
    /// What the log calls its holder.
    pub(crate) name: String,
    /// File that holds the key.
    pub(crate) key_file: Option<PathBuf>,
    /// Environment variable that holds the key.
    pub(crate) key_env: Option<String>,
}

/// Sessions that other frameworks keep here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SessionStoreSection {
    /// Time after the last write at which a session expires; never when absent.
    pub(crate) idle_timeout: Option<Time>,
}

/// What agents remember of sessions that are over.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MemorySection {
    /// How often idle sessions and attempts that are due are looked for.
    pub(crate) sweep_interval: Time,
    /// Sessions that are summed up at once.
    pub(crate) jobs_at_once_max: usize,
    /// Attempts to sum a session up; then it is given up.
    pub(crate) attempts_max: u32,
    /// Time before the second attempt; each further one takes twice as long, up to an hour.
    pub(crate) retry_delay: Time,
}

impl Default for MemorySection {
    fn default() -> Self {
        let memory = outcrop_server::MemorySettings::default();
        Self {
            sweep_interval: Time(memory.sweep_interval),
            jobs_at_once_max: memory.jobs_at_once_max,
            attempts_max: memory.attempts_max,
            retry_delay: Time(memory.retry_delay),
        }
    }
}

/// How long things are kept: times such as 12h and 90d, or never for no end.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RetentionSection {
    /// Sessions of agents that are over, from their last turn on, with all that belongs to them.
    pub(crate) sessions: KeepFor,
    /// How turns came to their ends, from there on: their traces. What was said stays with the session.
    pub(crate) journals: KeepFor,
    /// Sessions of the session store, from their last write on.
    pub(crate) session_store: KeepFor,
    /// How often it is looked for what has been kept long enough.
    pub(crate) sweep_interval: Time,
    /// Most rows that are deleted in a second.
    pub(crate) rows_per_second: u32,
}

impl Default for RetentionSection {
    fn default() -> Self {
        let retention = outcrop_server::RetentionSettings::default();
        Self {
            sessions: KeepFor(retention.sessions),
            journals: KeepFor(retention.journals),
            session_store: KeepFor(retention.session_store),
            sweep_interval: Time(retention.sweep_interval),
            rows_per_second: retention.rows_per_second,
        }
    }
}

/// What requests do that want one session of an agent at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SessionsSection {
    /// What a request does that finds another one at work in its session.
    pub(crate) concurrent: Concurrent,
    /// How long a request waits before it is refused.
    pub(crate) wait: Time,
    /// Most requests that queue for one session.
    pub(crate) queue_length_max: usize,
    /// How long a request queues, or waits for the turn that it interrupts.
    pub(crate) queue_timeout: Time,
}

impl Default for SessionsSection {
    fn default() -> Self {
        let sessions = outcrop_server::SessionSettings::default();
        Self {
            concurrent: Concurrent::Refuse,
            wait: Time(sessions.wait),
            queue_length_max: sessions.queue_length_max,
            queue_timeout: Time(sessions.queue_timeout),
        }
    }
}

/// What a request does that finds another one at work in its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Concurrent {
    /// It is refused.
    Refuse,
    /// It waits for its place in the queue.
    Queue,
    /// The other one is called off.
    Interrupt,
}

/// The JSON Schema of an answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerSchemaEntry {
    /// What the tag outcrop:answer-schema calls it.
    pub(crate) name: String,
    /// A JSON file.
    pub(crate) file: PathBuf,
}

/// Limits on everything.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsSection {
    /// Most model calls in one turn.
    pub(crate) iterations_max: u32,
    /// Tokens, read and written, after which a turn asks no model any more; no limit when absent.
    pub(crate) tokens_max: Option<u64>,
    /// What the user reads when a limit ends a turn.
    pub(crate) message: Option<String>,
    /// Most replies in a row that cannot be acted on and are given back to the model.
    pub(crate) reprompts_max: u32,
    /// Most bytes of a tool result that a model is shown at once; a longer one is an excerpt, on which it can read.
    pub(crate) tool_result_excerpt_bytes: usize,
    /// Most bytes of a collaborator's answer that a model is shown whole.
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
    /// How long a reader of a stream may take nothing before its turn goes on without it.
    pub(crate) reader_timeout: Time,
}

impl Default for LimitsSection {
    fn default() -> Self {
        let turn = outcrop_server::TurnLimits::default();
        let settings = outcrop_server::Settings::default();
        Self {
            iterations_max: turn.iterations_max,
            tokens_max: turn.tokens_max,
            message: None,
            reprompts_max: turn.reprompts_max,
            tool_result_excerpt_bytes: turn.tool_result_excerpt_bytes.unwrap_or(turn.tool_result_bytes_max),
            tool_result_bytes_max: turn.tool_result_bytes_max,
            turn_timeout: Time(Duration::from_secs(turn.wall_time_seconds)),
            model_call_timeout: Time(settings.model_call_timeout),
            tool_call_timeout: Time(settings.tool_call_timeout),
            tool_response_bytes_max: settings.tool_response_bytes_max,
            request_bytes_max: settings.body_bytes_max,
            reader_timeout: Time(settings.reader_timeout),
        }
    }
}

/// Guardrails that no agent names.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GuardrailsSection {
    /// The guardrail that assesses results of tools before a model reads them, as `ID` or `ID:VERSION`: an id, an ARN or a
    /// name. The tag `outcrop:result-guardrail` of an agent or alias wins over it.
    pub(crate) results: Option<String>,
    /// A model that judges denied topics, content filters and grounding in place of the embedded detectors, by a model id as
    /// agents name them.
    pub(crate) classifier: Option<String>,
}

/// How many of what there may be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct QuotasSection {
    /// Most agents.
    pub(crate) agents: usize,
    /// Most action groups of an agent's draft.
    pub(crate) action_groups_per_agent: usize,
    /// Most action groups of an agent's draft that are enabled.
    pub(crate) enabled_action_groups_per_agent: usize,
    /// Most functions and API operations in the enabled action groups of an agent.
    pub(crate) apis_per_agent: usize,
    /// Most functions in the function schema of an action group.
    pub(crate) functions_per_action_group: usize,
    /// Most parameters of a function.
    pub(crate) parameters_per_function: usize,
    /// Most collaborators of an agent's draft.
    pub(crate) collaborators_per_agent: usize,
    /// Most knowledge bases of an agent's draft.
    pub(crate) knowledge_bases_per_agent: usize,
    /// Most aliases of an agent, the test alias left out.
    pub(crate) aliases_per_agent: usize,
    /// Most versions of an agent.
    pub(crate) versions_per_agent: usize,
    /// Most prompts.
    pub(crate) prompts: usize,
    /// Most versions of a prompt.
    pub(crate) versions_per_prompt: usize,
    /// Most guardrails.
    pub(crate) guardrails: usize,
    /// Most versions of a guardrail.
    pub(crate) versions_per_guardrail: usize,
    /// Most invocations in a session of the session store.
    pub(crate) invocations_per_session: usize,
    /// Most steps in a session of the session store, over all its invocations.
    pub(crate) steps_per_session: usize,
    /// Most tags of a resource.
    pub(crate) tags_per_resource: usize,
}

impl Default for QuotasSection {
    fn default() -> Self {
        let quotas = outcrop_server::Quotas::default();
        Self {
            agents: quotas.agents,
            action_groups_per_agent: quotas.action_groups_per_agent,
            enabled_action_groups_per_agent: quotas.enabled_action_groups_per_agent,
            apis_per_agent: quotas.apis_per_agent,
            functions_per_action_group: quotas.functions_per_action_group,
            parameters_per_function: quotas.parameters_per_function,
            collaborators_per_agent: quotas.collaborators_per_agent,
            knowledge_bases_per_agent: quotas.knowledge_bases_per_agent,
            aliases_per_agent: quotas.aliases_per_agent,
            versions_per_agent: quotas.versions_per_agent,
            prompts: quotas.prompts,
            versions_per_prompt: quotas.versions_per_prompt,
            guardrails: quotas.guardrails,
            versions_per_guardrail: quotas.versions_per_guardrail,
            invocations_per_session: quotas.invocations_per_session,
            steps_per_session: quotas.steps_per_session,
            tags_per_resource: quotas.tags_per_resource,
        }
    }
}
