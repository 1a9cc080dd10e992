//! Which function answers a name or an ARN.

use crate::names::{FunctionName, Home};
use globset::{GlobBuilder, GlobMatcher};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The functions known: those of the configuration, in order, then those deployed while running.
///
/// Configuration comes first so that an operator can answer for a deployed function with something else.
#[derive(Debug, Default)]
pub struct FunctionRegistry {
    configured: Vec<Configured>,
    deployed: RwLock<HashMap<String, Arc<FunctionEntry>>>,
}

/// One function of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredFunction {
    /// A function name, or a glob (`*`, `?`, `[…]`, `{a,b}`) over name or ARN.
    pub pattern: String,
    /// What answers.
    pub source: FunctionSource,
}

/// A function deployed while running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSpec {
    /// Its bare name.
    pub name: String,
    /// What answers.
    pub source: FunctionSource,
}

/// What answers a function's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FunctionSource {
    /// Code that the local host runs.
    Local(LocalFunction),
    /// An endpoint with Lambda's Invoke API, such as `http://127.0.0.1:9001`. The path
    /// `/2015-03-31/functions/NAME/invocations` is appended unless the address has it.
    Url(String),
}

/// Code that the local host runs.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalFunction {
    /// A folder, run in place and watched for changes; or a `.zip`, unpacked elsewhere.
    pub code: PathBuf,
    /// Archives of layers, unpacked elsewhere; of two that hold a thing of one name, the later wins.
    pub layers: Vec<PathBuf>,
    /// What runs it.
    pub runtime: Runtime,
    /// `module.function`, as AWS writes it; unused by [`Runtime::Provided`] other than in `_HANDLER`.
    pub handler: String,
    /// Longest time for one event.
    pub timeout: Duration,
    /// What the function is told about its memory, in MiB; not enforced.
    pub memory_mb: u32,
    /// Variables the function declares; the only ones it sees beside Lambda's own.
    pub environment: BTreeMap<String, String>,
}

impl LocalFunction {
    /// Lambda's default time-out for a deployed function.
    pub const TIMEOUT_DEPLOYED: Duration = Duration::from_secs(3);
    /// Default time-out for a function of the configuration.
    pub const TIMEOUT_CONFIGURED: Duration = Duration::from_secs(30);
    /// Lambda's default memory, in MiB.
    pub const MEMORY_MB: u32 = 128;
}

impl fmt::Debug for LocalFunction {
    /// Shows names of variables only: values may be secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LocalFunction")
            .field("code", &self.code)
            .field("layers", &self.layers)
            .field("runtime", &self.runtime)
            .field("handler", &self.handler)
            .field("timeout", &self.timeout)
            .field("memory_mb", &self.memory_mb)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// What runs a function's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// The machine's Python.
    Python,
    /// The machine's Node.js.
    NodeJs,
    /// The executable `bootstrap` of the code itself, speaking the Lambda Runtime API.
    Provided,
}

impl Runtime {
    /// Reads AWS's names with or without version: `python3`, `python3.12`, `nodejs`, `nodejs20.x`, `provided`,
    /// `provided.al2023`. The version selects nothing: there is one interpreter on the machine.
    pub fn parse(text: &str) -> Option<Self> {
        let version = |rest: &str| rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        let is = |name: &str| text.strip_prefix(name).is_some_and(version);
        match text {
            _ if is("python3") || text == "python" => Some(Self::Python),
            _ if is("nodejs") => Some(Self::NodeJs),
            _ if text == "provided" || is("provided.") => Some(Self::Provided),
            _ => None,
        }
    }

    /// AWS's name without version.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Python => "python3",
            Self::NodeJs => "nodejs",
            Self::Provided => "provided",
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A pattern that is no glob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no function name and no pattern: {problem}")]
pub struct BadPattern {
    /// As it was written.
    pub pattern: String,
    /// What is wrong with it.
    pub problem: String,
}

impl FunctionRegistry {
    /// A registry with the functions of the configuration; the first that matches answers.
    pub fn new(configured: Vec<ConfiguredFunction>) -> Result<Self, BadPattern> {
        let configured = configured.into_iter().map(Configured::new).collect::<Result<_, _>>()?;
        Ok(Self { configured, deployed: RwLock::default() })
    }

    /// Adds or replaces a deployed function and returns the one it replaced.
    pub(crate) fn deploy(&self, spec: FunctionSpec) -> Option<Arc<FunctionEntry>> {
        let entry = Arc::new(FunctionEntry::new(spec.source));
        self.deployed.write().unwrap_or_else(PoisonError::into_inner).insert(spec.name, entry)
    }

    /// Removes a deployed function and returns it.
    pub(crate) fn remove(&self, name: &str) -> Option<Arc<FunctionEntry>> {
        self.deployed.write().unwrap_or_else(PoisonError::into_inner).remove(name)
    }

    /// Whether an entry of the configuration answers a function.
    pub(crate) fn is_configured(&self, function: &FunctionName, home: &Home) -> bool {
        let arn = function.arn(home);
        self.configured.iter().any(|entry| entry.matches(function.name(), &arn))
    }

    /// What answers a function; `None` when nothing does.
    pub(crate) fn find(&self, function: &FunctionName, home: &Home) -> Option<Arc<FunctionEntry>> {
        let arn =
            if self.configured.iter().any(|entry| entry.glob.is_some()) { function.arn(home) } else { String::new() };
        if let Some(configured) = self.configured.iter().find(|entry| entry.matches(function.name(), &arn)) {
            return Some(Arc::clone(&configured.entry));
        }
        self.deployed.read().unwrap_or_else(PoisonError::into_inner).get(function.name()).cloned()
    }

    /// Patterns of the configuration in order, then deployed names in alphabetical order: for messages.
    pub fn known(&self) -> Vec<String> {
        let mut deployed: Vec<_> =
            self.deployed.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        deployed.sort_unstable();
        self.configured.iter().map(|entry| entry.pattern.clone()).chain(deployed).collect()
    }
}

/// A function under its own number: replacing it makes another.
#[derive(Debug)]
pub(crate) struct FunctionEntry {
    /// Unique within the process.
    pub(crate) number: u64,
    pub(crate) source: FunctionSource,
}

impl FunctionEntry {
    pub(crate) fn new(source: FunctionSource) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), source }
    }
}

#[derive(Debug)]
struct Configured {
    pattern: String,
    /// Only when the pattern is more than a name.
    glob: Option<GlobMatcher>,
    entry: Arc<FunctionEntry>,
}

impl Configured {
    fn new(function: ConfiguredFunction) -> Result<Self, BadPattern> {
        let ConfiguredFunction { pattern, source } = function;
        let plain = FunctionName::parse(&pattern).is_some_and(|name| name.name() == pattern);
        let glob = if plain {
            None
        } else {
            let glob = GlobBuilder::new(&pattern)
                .literal_separator(false)
                .build()
                .map_err(|error| BadPattern { pattern: pattern.clone(), problem: error.kind().to_string() })?;
            Some(glob.compile_matcher())
        };
        Ok(Self { pattern, glob, entry: Arc::new(FunctionEntry::new(source)) })
    }

    fn matches(&self, name: &str, arn: &str) -> bool {
        match &self.glob {
            None => self.pattern == name,
            Some(glob) => glob.is_match(arn) || glob.is_match(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> FunctionSource {
        FunctionSource::Url(text.to_owned())
    }

    #[test]
    fn finds_what_answers() {
        let configured =
            [("orders", "plain"), ("*:function:pay-*", "arn glob"), ("ship-?", "name glob"), ("*:eu-*", "eu")]
                .map(|(pattern, source)| ConfiguredFunction { pattern: pattern.into(), source: url(source) });
        let registry = FunctionRegistry::new(configured.into()).unwrap();
        for (name, source) in [("orders", "hidden"), ("stock", "deployed"), ("stock", "deployed again")] {
            registry.deploy(FunctionSpec { name: name.into(), source: url(source) });
        }
        let home = Home { region: "us-east-1".into(), account_id: "000000000000".into() };
        for (asked, expected) in [
            ("orders", Some("plain")),
            ("arn:aws:lambda:us-east-1:000000000000:function:orders:live", Some("plain")),
            ("pay-now", Some("arn glob")),
            ("repay-now", None),
            ("ship-1", Some("name glob")),
            ("ship-12", None),
            ("arn:aws:lambda:eu-west-1:000000000000:function:else", Some("eu")),
            ("stock", Some("deployed again")),
            ("Stock", None),
        ] {
            let found = registry.find(&FunctionName::parse(asked).unwrap(), &home);
            assert_eq!(found.map(|entry| entry.source.clone()), expected.map(url), "{asked}");
        }
        assert_eq!(registry.known(), ["orders", "*:function:pay-*", "ship-?", "*:eu-*", "orders", "stock"]);
        assert!(registry.remove("stock").is_some() && registry.remove("stock").is_none());
        let broken = ConfiguredFunction { pattern: "a[".into(), source: url("") };
        assert!(FunctionRegistry::new(vec![broken]).unwrap_err().to_string().contains("`a[`"));
    }

    #[test]
    fn reads_runtimes() {
        for (text, expected) in [
            ("python3", Some(Runtime::Python)),
            ("python3.12", Some(Runtime::Python)),
            ("nodejs", Some(Runtime::NodeJs)),
            ("nodejs20.x", Some(Runtime::NodeJs)),
            ("provided", Some(Runtime::Provided)),
            ("provided.al2023", Some(Runtime::Provided)),
            ("python2.7", None),
            ("java21", None),
            ("providedx", None),
            ("", None),
        ] {
            assert_eq!(Runtime::parse(text), expected, "{text}");
        }
    }
}
