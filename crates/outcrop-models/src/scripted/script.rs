//! The form of a script: reading and checking it.

use outcrop_ports::{ModelErrorKind, StopReason, Usage};
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::{Location, Spanned};
use std::time::Duration;

/// Largest script, in bytes.
const SCRIPT_BYTES_MAX: usize = 1024 * 1024;

/// Longest delay.
const DELAY_MAX: Duration = Duration::from_secs(60 * 60);

/// A script that cannot be played; the text says where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScriptError(String);

impl ScriptError {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    fn at(location: Location, text: impl std::fmt::Display) -> Self {
        Self(format!("line {}, column {}: {text}", location.line(), location.column()))
    }
}

/// Turns in the order of the file; never empty.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) turns: Vec<Turn>,
}

/// One turn and when it is played.
#[derive(Debug)]
pub(super) struct Turn {
    /// Line in the file, for messages.
    pub(super) line: u64,
    /// In lower case.
    pub(super) when: Option<String>,
    pub(super) when_regex: Option<Regex>,
    pub(super) when_tool: Option<String>,
    /// Never empty.
    pub(super) steps: Vec<Step>,
}

impl Turn {
    /// Whether it is played in order, once.
    pub(super) fn is_unconditional(&self) -> bool {
        self.when.is_none() && self.when_regex.is_none() && self.when_tool.is_none()
    }
}

/// What one call of the model gives.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) delay: Duration,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Answer(Answer),
    Fail { kind: ModelErrorKind, message: String },
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) think: Option<String>,
    pub(super) say: Option<String>,
    pub(super) calls: Vec<Call>,
    pub(super) usage: Option<Usage>,
    pub(super) stop: Option<StopReason>,
}

/// A tool to ask for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) tool: String,
    #[serde(default = "empty_object")]
    pub(super) input: Value,
    #[serde(default)]
    pub(super) invented: bool,
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

impl Script {
    pub(super) fn parse(yaml: &str) -> Result<Self, ScriptError> {
        if yaml.len() > SCRIPT_BYTES_MAX {
            return Err(ScriptError::new(format!("the script is larger than {SCRIPT_BYTES_MAX} bytes")));
        }
        let source: ScriptSource = serde_saphyr::from_str(yaml).map_err(|error| unreadable(&error))?;
        if source.turns.is_empty() {
            return Err(ScriptError::new("the script has no turns".to_owned()));
        }
        let turns = source.turns.into_iter().map(turn).collect::<Result<_, _>>()?;
        Ok(Self { turns })
    }
}

/// The parser names the place last; here it stands first, as in all our messages.
fn unreadable(error: &serde_saphyr::Error) -> ScriptError {
    let text = error.without_snippet().to_string();
    let Some(at) = error.location() else { return ScriptError::new(text) };
    let place = format!(" at line {}, column {}", at.line(), at.column());
    ScriptError::at(at, text.strip_suffix(&place).unwrap_or(&text))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptSource {
    turns: Vec<Spanned<TurnSource>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnSource {
    when: Option<String>,
    when_regex: Option<Spanned<String>>,
    when_tool: Option<String>,
    steps: Vec<Spanned<StepSource>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepSource {
    think: Option<String>,
    say: Option<String>,
    call: Option<Call>,
    calls: Option<Vec<Call>>,
    usage: Option<UsageSource>,
    stop: Option<StopReason>,
    delay: Option<Spanned<String>>,
    fail: Option<FailSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsageSource {
    #[serde(default)]
    input: u64,
    #[serde(default)]
    output: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailSource {
    kind: FailKind,
    message: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FailKind {
    Throttled,
    AccessDenied,
    Invalid,
    TooLong,
    NotFound,
    Unavailable,
    TimedOut,
    BadReply,
}

impl From<FailKind> for ModelErrorKind {
    fn from(kind: FailKind) -> Self {
        match kind {
            FailKind::Throttled => Self::Throttled,
            FailKind::AccessDenied => Self::AccessDenied,
            FailKind::Invalid => Self::Invalid,
            FailKind::TooLong => Self::TooLong,
            FailKind::NotFound => Self::NotFound,
            FailKind::Unavailable => Self::Unavailable,
            FailKind::TimedOut => Self::TimedOut,
            FailKind::BadReply => Self::BadReply,
        }
    }
}

fn turn(source: Spanned<TurnSource>) -> Result<Turn, ScriptError> {
    let at = source.referenced;
    let TurnSource { when, when_regex, when_tool, steps } = source.value;
    if steps.is_empty() {
        return Err(ScriptError::at(at, "a turn needs at least one step"));
    }
    let regex = |source: Spanned<String>| {
        Regex::new(&source.value).map_err(|error| {
            // The lines before show the pattern, which the place does already.
            let text = error.to_string();
            let cause = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            ScriptError::at(source.referenced, format!("`when_regex` is no pattern: {cause}"))
        })
    };
    Ok(Turn {
        line: at.line(),
        when: when.map(|text| text.to_lowercase()),
        when_regex: when_regex.map(regex).transpose()?,
        when_tool,
        steps: steps.into_iter().map(step).collect::<Result<_, _>>()?,
    })
}

fn step(source: Spanned<StepSource>) -> Result<Step, ScriptError> {
    let at = source.referenced;
    let StepSource { think, say, call, calls, usage, stop, delay, fail } = source.value;
    let delay = delay.map_or(Ok(Duration::ZERO), |text| {
        parse_delay(&text.value).ok_or_else(|| {
            let message = format!("`delay` is `{}`; it is a time such as `200ms` or `2s`, at most an hour", text.value);
            ScriptError::at(text.referenced, message)
        })
    })?;
    if call.is_some() && calls.is_some() {
        return Err(ScriptError::at(at, "a step has `call` or `calls`, not both"));
    }
    let answers = think.is_some() || say.is_some() || call.is_some() || calls.is_some();
    let outcome = match fail {
        Some(_) if answers || usage.is_some() || stop.is_some() => {
            return Err(ScriptError::at(at, "a step that fails has nothing beside `fail` but `delay`"));
        }
        Some(FailSource { kind, message }) => {
            let message = message.unwrap_or_else(|| "the script says so".to_owned());
            Outcome::Fail { kind: kind.into(), message }
        }
        None if !answers && stop.is_none() => {
            return Err(ScriptError::at(at, "a step needs one of `say`, `think`, `call`, `calls`, `fail`, `stop`"));
        }
        None => Outcome::Answer(Answer {
            think,
            say,
            calls: calls.unwrap_or_else(|| call.into_iter().collect()),
            usage: usage.map(|UsageSource { input, output }| Usage {
                input_tokens: input,
                output_tokens: output,
                ..Usage::default()
            }),
            stop,
        }),
    };
    Ok(Step { delay, outcome })
}

fn parse_delay(text: &str) -> Option<Duration> {
    let (number, millis) = match text.trim() {
        text if text.ends_with("ms") => (text.strip_suffix("ms")?, 1),
        text => (text.strip_suffix('s')?, 1_000),
    };
    let delay = Duration::from_millis(number.trim().parse::<u64>().ok()?.checked_mul(millis)?);
    (delay <= DELAY_MAX).then_some(delay)
}
