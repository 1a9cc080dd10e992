//! The configuration file: what may stand in it, and what it means.
//!
//! Two levels: [`file`] is what was written, [`Config`] is what it means, paths made absolute and texts read. Everything
//! after start-up sees the second only.

mod answer_schema;
mod auth;
mod duration;
pub(crate) mod file;
mod model;
mod price;
mod store;

pub(crate) use auth::Auth;
pub(crate) use model::{ModelSetting, ProviderSetting, Reached};

use crate::config::file::{Concurrent, File, FunctionEntry, QuotasSection, RetentionSection};
use outcrop_models::Prices;
use outcrop_server::agents::controls::GuardrailName;
use outcrop_server::{
    MemorySettings, PhaseModels, Quotas, RetentionSettings, SessionPolicy, SessionSettings, SessionStoreSettings,
    TurnLimits,
};
use outcrop_store::StoreOptions;
use outcrop_tools::{ConfiguredFunction, FunctionSource, LocalFunction, Runtime};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Largest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What a configuration means.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) auth: Auth,
    pub(crate) models: Vec<ModelSetting>,
    pub(crate) prices: Prices,
    pub(crate) phase_models: PhaseModels,
    pub(crate) functions: Vec<ConfiguredFunction>,
    pub(crate) store: StoreOptions,
    pub(crate) objects_root: PathBuf,
    pub(crate) turn: TurnLimits,
    pub(crate) limit_message: Option<String>,
    pub(crate) result_guardrail: Option<GuardrailName>,
    pub(crate) guardrail_classifier: Option<String>,
    pub(crate) model_call_timeout: Duration,
    pub(crate) tool_call_timeout: Duration,
    pub(crate) tool_response_bytes_max: usize,
    pub(crate) request_bytes_max: usize,
    pub(crate) quotas: Quotas,
    pub(crate) session_store: SessionStoreSettings,
    pub(crate) memory: MemorySettings,
    pub(crate) retention: RetentionSettings,
    pub(crate) sessions: SessionSettings,
    pub(crate) reader_timeout: Duration,
    pub(crate) answer_schemas: BTreeMap<String, Arc<serde_json::Value>>,
}

/// What is wrong with a configuration; one line each, with file, line and key where they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError(pub(crate) Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Reads a file, or takes the defaults where there is none. `data` is the folder for what has no place of its own,
/// `environment` gives the value of a variable.
pub(crate) fn load(
    path: Option<&Path>,
    data: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let Some(path) = path else { return mean(File::default(), &Source::none(), data, environment) };
    let refuse = |message: String| ConfigError(vec![format!("{}: {message}", path.display())]);
    let metadata = std::fs::metadata(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(refuse(format!("has more than {FILE_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let source = Source { path: path.to_owned(), text };
    let file: File = toml::from_str(&source.text).map_err(|error| ConfigError(vec![source.parse_error(&error)]))?;
    mean(file, &source, data, environment)
}

/// A configuration file as text, to say where in it something stands.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn none() -> Self {
        Self { path: PathBuf::new(), text: String::new() }
    }

    /// `outcrop.toml:12: timout = "30s": unknown field …`
    fn parse_error(&self, error: &toml::de::Error) -> String {
        let at = error.span().map_or(0, |span| span.start);
        let line_number = self.text[..at.min(self.text.len())].matches('\n').count() + 1;
        let line = self.text.lines().nth(line_number - 1).unwrap_or_default().trim();
        // The line may hold a secret; its key never does.
        let key = line.split('=').next().unwrap_or_default().trim();
        let message = error.message().lines().next().unwrap_or("cannot be understood");
        format!("{}:{line_number}: {key}: {message}", self.path.display())
    }

    /// Where the `index`th table of an array of tables stands, and in it the line of a key.
    fn place(&self, table: &str, index: usize, key: &str) -> String {
        let header = format!("[[{table}]]");
        let tables = self.text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with(&header));
        let Some((start, _)) = tables.clone().nth(index) else { return self.path.display().to_string() };
        let of_table =
            self.text.lines().enumerate().skip(start + 1).take_while(|(_, line)| !line.trim_start().starts_with('['));
        let line = of_table
            .into_iter()
            .find(|(_, line)| line.split('=').next().is_some_and(|name| name.trim() == key))
            .map_or(start, |(number, _)| number);
        format!("{}:{}: {table}.{key}", self.path.display(), line + 1)
    }

    /// Where a key of a table stands.
    fn key_of(&self, table: &str, key: &str) -> String {
        let header = format!("[{table}]");
        let start = self.text.lines().position(|line| line.trim_start().starts_with(&header)).unwrap_or(0);
        let mut lines =
            self.text.lines().enumerate().skip(start + 1).take_while(|(_, line)| !line.trim_start().starts_with('['));
        let line = lines.find(|(_, line)| line.split('=').next().is_some_and(|name| name.trim() == key));
        format!("{}:{}: {table}.{key}", self.path.display(), line.map_or(start, |(number, _)| number) + 1)
    }

    /// Where a key stands that is written once.
    fn key(&self, key: &str) -> String {
        let line = self.text.lines().position(|line| line.split('=').next().is_some_and(|name| name.trim() == key));
        format!("{}:{}: {key}", self.path.display(), line.map_or(1, |number| number + 1))
    }

    /// A path as written, seen from the file's folder.
    fn resolve(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }
}

fn mean(
    file: File,
    source: &Source,
    data: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let mut problems = Vec::new();
    let is_account = file.account_id.len() == 12 && file.account_id.bytes().all(|byte| byte.is_ascii_digit());
    if !is_account {
        problems.push(format!("{}: an account id has twelve digits", source.key("account_id")));
    }
    let is_region = file.region.split('-').filter(|part| !part.is_empty()).count() >= 3
        && file.region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_region {
        problems.push(format!("{}: a region looks like us-east-1", source.key("region")));
    }
    let auth = auth::mean(file.auth, source, environment, &mut problems);
    let mut models = Vec::new();
    let phase_models = file.models.mean();
    for (index, entry) in file.model.into_iter().enumerate() {
        match model::mean(entry, source, index, environment) {
            Ok(setting) => models.push(setting),
            Err(problem) => problems.push(problem),
        }
    }
    let prices = price::mean(file.price, source, &mut problems);
    let mut functions = Vec::new();
    for (index, entry) in file.function.into_iter().enumerate() {
        match function(entry, source, index) {
            Ok(setting) => functions.push(setting),
            Err(problem) => problems.push(problem),
        }
    }
    let store = store::mean(file.store, source, data, environment, &mut problems);
    let objects_root = file.objects.root.map_or_else(|| data.join("objects"), |root| source.resolve(&root));
    let limits = file.limits;
    let too_small = [
        ("iterations_max", limits.iterations_max == 0, "is at least 1"),
        ("tokens_max", limits.tokens_max == Some(0), "is at least 1"),
        ("message", limits.message.as_deref() == Some(""), "is not empty"),
        ("turn_timeout", limits.turn_timeout.as_secs() == 0, "is at least 1s"),
        ("model_call_timeout", limits.model_call_timeout.is_zero(), "is more than nothing"),
        ("tool_call_timeout", limits.tool_call_timeout.is_zero(), "is more than nothing"),
        ("tool_result_bytes_max", limits.tool_result_bytes_max == 0, "is at least 1"),
        ("tool_result_excerpt_bytes", limits.tool_result_excerpt_bytes < 256, "is at least 256"),
        ("tool_response_bytes_max", limits.tool_response_bytes_max == 0, "is at least 1"),
        ("request_bytes_max", limits.request_bytes_max < 1024, "is at least 1024"),
        ("sweep_interval", file.memory.sweep_interval.is_zero(), "is more than nothing"),
        ("jobs_at_once_max", file.memory.jobs_at_once_max == 0, "is at least 1"),
        ("attempts_max", file.memory.attempts_max == 0, "is at least 1"),
        ("reader_timeout", limits.reader_timeout.is_zero(), "is more than nothing"),
        ("queue_timeout", file.sessions.queue_timeout.is_zero(), "is more than nothing"),
        ("idle_timeout", file.session_store.idle_timeout.is_some_and(|time| time.is_zero()), "is more than nothing"),
        ("rows_per_second", file.retention.rows_per_second == 0, "is at least 1"),
    ];
    for (key, _, rule) in too_small.iter().filter(|(_, is_wrong, _)| *is_wrong) {
        problems.push(format!("{}: {rule}", source.key(key)));
    }
    let retention = retention(&file.retention, source, &mut problems);
    let quotas = quotas(&file.quotas, source, &mut problems);
    let answer_schemas = answer_schema::mean(file.answer_schema, source, &mut problems);
    let result_guardrail = file.guardrails.results.as_deref().and_then(|text| match GuardrailName::parse(text) {
        Ok(name) => Some(name),
        Err(why) => {
            problems.push(format!("{} {why}", source.key("results")));
            None
        }
    });
    if !problems.is_empty() {
        return Err(ConfigError(problems));
    }
    Ok(Config {
        region: file.region,
        account_id: file.account_id,
        auth,
        models,
        prices,
        phase_models,
        functions,
        store,
        objects_root,
        turn: TurnLimits {
            iterations_max: limits.iterations_max,
            tokens_max: limits.tokens_max,
            reprompts_max: limits.reprompts_max,
            tool_result_bytes_max: limits.tool_result_bytes_max,
            tool_result_excerpt_bytes: Some(limits.tool_result_excerpt_bytes),
            // Whole seconds, rounded up.
            wall_time_seconds: limits.turn_timeout.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX),
        },
        limit_message: limits.message,
        result_guardrail,
        guardrail_classifier: file.guardrails.classifier,
        model_call_timeout: *limits.model_call_timeout,
        tool_call_timeout: *limits.tool_call_timeout,
        tool_response_bytes_max: limits.tool_response_bytes_max,
        request_bytes_max: limits.request_bytes_max,
        quotas,
        sessions: SessionSettings {
            policy: match file.sessions.concurrent {
                Concurrent::Refuse => SessionPolicy::Refuse,
                Concurrent::Queue => SessionPolicy::Queue,
                Concurrent::Interrupt => SessionPolicy::Interrupt,
            },
            wait: *file.sessions.wait,
            queue_length_max: file.sessions.queue_length_max,
            queue_timeout: *file.sessions.queue_timeout,
        },
        reader_timeout: *limits.reader_timeout,
        answer_schemas,
        session_store: SessionStoreSettings { idle_timeout: file.session_store.idle_timeout.map(|timeout| *timeout) },
        memory: MemorySettings {
            sweep_interval: *file.memory.sweep_interval,
            jobs_at_once_max: file.memory.jobs_at_once_max,
            attempts_max: file.memory.attempts_max,
            retry_delay: *file.memory.retry_delay,
        },
        retention,
    })
}

/// Times for which things are kept. Keys of other sections have the same names, so problems name the section.
fn retention(section: &RetentionSection, source: &Source, problems: &mut Vec<String>) -> RetentionSettings {
    let RetentionSection { sessions, journals, session_store, sweep_interval, rows_per_second } = section;
    for (key, keep) in [("sessions", sessions), ("journals", journals), ("session_store", session_store)] {
        if keep.0.is_some_and(|keep| keep < RetentionSettings::SHORTEST) {
            problems.push(format!("{}: [retention] keeps at least 1h; write never for no end", source.key(key)));
        }
    }
    if sweep_interval.is_zero() {
        problems.push(format!("{}: [retention] sweep_interval is more than nothing", source.key("sweep_interval")));
    }
    RetentionSettings {
        sessions: sessions.0,
        journals: journals.0,
        session_store: session_store.0,
        sweep_interval: **sweep_interval,
        rows_per_second: *rows_per_second,
    }
}

/// Whatever belongs to one agent is read as a whole now and then, so there is an end to it.
const PARTS_MAX: usize = 10_000;

fn quotas(section: &QuotasSection, source: &Source, problems: &mut Vec<String>) -> Quotas {
    let parts = [
        ("action_groups_per_agent", section.action_groups_per_agent),
        ("collaborators_per_agent", section.collaborators_per_agent),
        ("knowledge_bases_per_agent", section.knowledge_bases_per_agent),
        ("aliases_per_agent", section.aliases_per_agent),
        ("versions_per_agent", section.versions_per_agent),
        ("versions_per_guardrail", section.versions_per_guardrail),
        ("tags_per_resource", section.tags_per_resource),
    ];
    for (key, _) in parts.iter().filter(|(_, count)| *count > PARTS_MAX) {
        problems.push(format!("{}: is at most {PARTS_MAX}", source.key(key)));
    }
    Quotas {
        agents: section.agents,
        action_groups_per_agent: section.action_groups_per_agent,
        enabled_action_groups_per_agent: section.enabled_action_groups_per_agent,
        apis_per_agent: section.apis_per_agent,
        functions_per_action_group: section.functions_per_action_group,
        parameters_per_function: section.parameters_per_function,
        collaborators_per_agent: section.collaborators_per_agent,
        knowledge_bases_per_agent: section.knowledge_bases_per_agent,
        aliases_per_agent: section.aliases_per_agent,
        versions_per_agent: section.versions_per_agent,
        prompts: section.prompts,
        versions_per_prompt: section.versions_per_prompt,
        guardrails: section.guardrails,
        versions_per_guardrail: section.versions_per_guardrail,
        invocations_per_session: section.invocations_per_session,
        steps_per_session: section.steps_per_session,
        tags_per_resource: section.tags_per_resource,
    }
}

fn function(entry: FunctionEntry, source: &Source, index: usize) -> Result<ConfiguredFunction, String> {
    let place = |key: &str| source.place("function", index, key);
    let what_answers = match (entry.code, entry.url) {
        (Some(_), Some(_)) => return Err(format!("{}: give either code or url", place("code"))),
        (None, None) => return Err(format!("{}: says neither code (a folder or zip) nor url", place("match"))),
        (None, Some(url)) => FunctionSource::Url(url),
        (Some(code), None) => {
            let code = source.resolve(&code);
            if !code.exists() {
                return Err(format!("{}: {} does not exist", place("code"), code.display()));
            }
            let runtime = entry.runtime.as_deref().unwrap_or("python3");
            let runtime = Runtime::parse(runtime)
                .ok_or_else(|| format!("{}: {runtime} is none of python3, nodejs, provided", place("runtime")))?;
            FunctionSource::Local(LocalFunction {
                code,
                layers: Vec::new(),
                runtime,
                handler: entry.handler.unwrap_or_else(|| "app.lambda_handler".to_owned()),
                timeout: entry.timeout.map_or(LocalFunction::TIMEOUT_CONFIGURED, |timeout| *timeout),
                memory_mb: LocalFunction::MEMORY_MB,
                environment: entry.environment.into_iter().collect::<BTreeMap<_, _>>(),
            })
        }
    };
    Ok(ConfiguredFunction { pattern: entry.pattern, source: what_answers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("outcrop.toml");
        std::fs::write(&path, text).expect("a file");
        let environment = |name: &str| match name {
            "KEY" => Some("secret\n".to_owned()),
            "EMPTY" => Some("\n".to_owned()),
            _ => None,
        };
        let read = load(Some(&path), Path::new("data"), &environment);
        read.map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn reads_the_contract() {
        let config = check(
            "region = \"eu-west-1\"\n[[model]]\nmatch = \"anthropic.*\"\nprovider = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\nmodel = \"m\"\napi_key_env = \"KEY\"\n\
             [[function]]\nmatch = \"a\"\nurl = \"http://127.0.0.1:9001\"\n[store]\nurl = \"sqlite:x.db\"\n[auth]\nmode = \"sigv4\"\n\
             [[auth.key]]\naccess_key_id = \"A\"\nsecret_access_key_env = \"KEY\"\n[[auth.bearer]]\nname = \"ci\"\nkey_env = \"KEY\"\n",
        )
        .expect("is fine");
        assert!(config.auth.is_required && config.auth.keys[0].1.matches(b"secret"));
        assert_eq!(config.region, "eu-west-1");
        let kept =
            check("[retention]\nsessions = \"never\"\njournals = \"36h\"\nsession_store = \"7d\"").expect("is fine");
        let kept = (kept.retention.sessions, kept.retention.journals, kept.retention.session_store);
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
        assert_eq!(kept, (None, hours(36), hours(7 * 24)));
        assert!(config.store.url.ends_with("/x.db"), "{}", config.store.url);
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        for (text, expected) in [
            ("\nregoin = \"x\"", "outcrop.toml:2: regoin: unknown field `regoin`"),
            ("region = 1", "outcrop.toml:1: region: invalid type: integer"),
            ("account_id = \"12\"", "outcrop.toml:1: account_id: an account id has twelve digits"),
            (
                "[[model]]\nmatch = \"*\"\nprovider = \"openai\"\napi_key_env = \"NONE\"",
                "outcrop.toml:4: model.api_key_env: the variable NONE is not set",
            ),
            (
                "[[model]]\nmatch = \"*\"\nprovider = \"scripted\"",
                "outcrop.toml:3: model.provider: provider \"scripted\" needs script",
            ),
            (
                "[[model]]\nmatch = \"*\"\nprovider = \"replay\"",
                "outcrop.toml:3: model.provider: provider \"replay\" needs cassette",
            ),
            (
                "[[model]]\nmatch = \"*\"\nprovider = \"replay\"\ncassette = \"c\"\nrecord = true",
                "outcrop.toml:5: model.record: recording needs over",
            ),
            (
                "[[model]]\nmatch = \"*\"\nprovider = \"replay\"\ncassette = \"c\"\nrecord = true\nover = \"scripted\"",
                "provider \"scripted\" needs script",
            ),
            ("[[price]]\nmatch = \"a\"\ninput = -1\noutput = 1", "outcrop.toml:3: price.input: is dollars per million"),
            ("[[price]]\nmatch = \"\"\ninput = 1\noutput = 1", "outcrop.toml:2: price.match: the pattern of a model"),
            ("[[price]]\nmatch = \"a\"\ninput = 1", "missing field `output`"),
            (
                "[[model]]\nmatch = \"*\"\nprovider = \"offline\"\ncontext_tokens = 10",
                "outcrop.toml:4: model.context_tokens: is at least 1024",
            ),
            (
                "[[model]]\nmatch = \"*\"\nprovider = \"offline\"\nretries = 3",
                "outcrop.toml:4: model.retries: means nothing to provider \"offline\"",
            ),
            (
                "[[model]]\nmatch = \"*\"\nprovider = \"bedrock\"\nregion = \"us east\"",
                "outcrop.toml:4: model.region: a region looks like us-east-1",
            ),
            (
                "[[model]]\nmatch = \"*\"\nprovider = \"anthropic\"\ntotal_timeout = \"0s\"",
                "outcrop.toml:4: model.total_timeout: is more than nothing",
            ),
            ("[models]\nsummaries = \"m\"", "outcrop.toml:2: summaries: unknown field"),
            ("[[function]]\nmatch = \"a\"", "outcrop.toml:2: function.match: says neither code"),
            (
                "[[function]]\nmatch = \"a\"\ncode = \"nowhere\"",
                "outcrop.toml:3: function.code: nowhere does not exist",
            ),
            (
                "[[function]]\nmatch = \"a\"\nurl = \"u\"\ntimeout = \"soon\"",
                "outcrop.toml:4: timeout: `soon` is no duration",
            ),
            ("[store]\nurl = \"mysql://x\"", "outcrop.toml:2: url: only sqlite:PATH"),
            ("[auth]\nmode = \"sigv4\"", "outcrop.toml:2: mode: nobody could call"),
            (
                "[[auth.key]]\naccess_key_id = \"A\"\nsecret_access_key_env = \"KEY\"",
                "outcrop.toml:2: auth.key.access_key_id: nobody is asked for a key in open mode",
            ),
            ("[[auth.key]]\nsecret_access_key_env = \"KEY\"", "outcrop.toml:1: [[auth.key]]: missing field"),
            ("[[auth.key]]\naccess_key_id = \"A\"", "outcrop.toml:2: auth.key.access_key_id: has neither"),
            ("[[auth.key]]\naccess_key_id = \"A/B\"", "outcrop.toml:2: auth.key.access_key_id: an access key id has"),
            (
                "[[auth.key]]\naccess_key_id = \"A\"\nsecret_access_key_file = \"none\"",
                "outcrop.toml:3: auth.key.secret_access_key_file: none: No such file",
            ),
            (
                "[[auth.key]]\naccess_key_id = \"A\"\nsecret_access_key_file = \"outcrop.toml\"",
                "outcrop.toml:3: auth.key.secret_access_key_file: the key must be one line",
            ),
            (
                "[[auth.key]]\naccess_key_id = \"A\"\nsecret_access_key_env = \"NONE\"",
                "outcrop.toml:3: auth.key.secret_access_key_env: the variable NONE is not set",
            ),
            (
                "[[auth.key]]\naccess_key_id = \"A\"\nsecret_access_key_env = \"EMPTY\"",
                "outcrop.toml:3: auth.key.secret_access_key_env: the key is empty",
            ),
            (
                "[[auth.key]]\naccess_key_id = \"A\"\nsecret_access_key_env = \"KEY\"\n[[auth.key]]\naccess_key_id = \"A\"\nsecret_access_key_env = \"KEY\"",
                "outcrop.toml:5: auth.key.access_key_id: A is given twice",
            ),
            (
                "[[auth.bearer]]\nname = \"ci\"\nkey_env = \"KEY\"\nkey_file = \"x\"",
                "outcrop.toml:3: auth.bearer.key_env: give either key_file or key_env",
            ),
            ("[sessions]\nconcurrent = \"wait\"", "outcrop.toml:2: concurrent: unknown variant `wait`"),
            ("[sessions]\nqueue_timeout = \"0s\"", "outcrop.toml:2: queue_timeout: is more than nothing"),
            (
                "[[answer_schema]]\nname = \"a\"\nfile = \"none.json\"",
                "outcrop.toml:3: answer_schema.file: none.json: No such file",
            ),
            (
                "[[answer_schema]]\nname = \"a b\"\nfile = \"none.json\"",
                "outcrop.toml:2: answer_schema.name: a name has letters, digits",
            ),
            ("[retention]\njournals = \"59m\"", "outcrop.toml:2: journals: [retention] keeps at least 1h"),
            ("[retention]\nsessions = \"90\"", "outcrop.toml:2: sessions: `90` is no time to keep things"),
            ("[retention]\nrows_per_second = 0", "outcrop.toml:2: rows_per_second: is at least 1"),
            ("[quotas]\nversions_per_agent = 20000", "outcrop.toml:2: versions_per_agent: is at most 10000"),
            ("[quotas]\nagent = 5", "outcrop.toml:2: agent: unknown field"),
        ] {
            let error = check(text).expect_err(text);
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        }
    }

    /// The page names every key that may be written, and the schema is where the keys are declared.
    #[test]
    fn the_page_names_every_key() {
        fn keys(schema: &serde_json::Value, found: &mut Vec<String>) {
            match schema {
                serde_json::Value::Object(members) => {
                    if let Some(serde_json::Value::Object(properties)) = members.get("properties") {
                        found.extend(properties.keys().cloned());
                    }
                    members.values().for_each(|member| keys(member, found));
                }
                serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
                _ => {}
            }
        }
        let page = include_str!("../../../docs/configuration.md");
        let schema = serde_json::to_value(schemars::schema_for!(File)).expect("a schema is JSON");
        let mut found = Vec::new();
        keys(&schema, &mut found);
        assert!(found.len() > 20, "{found:?}");
        let unnamed: Vec<_> = found.iter().filter(|key| !page.contains(key.as_str())).collect();
        assert!(unnamed.is_empty(), "docs/configuration.md does not name {unnamed:?}");
    }
}
