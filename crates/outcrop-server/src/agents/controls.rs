//! Control beyond AWS: what tags of an agent or alias (`outcrop:…`) and headers of a request (`x-outcrop-…`) say of how
//! a turn is to run. A header wins over the alias's tag, that over the agent's; limits only ever become lower.

mod schema;

pub use schema::AnswerSchema;

use crate::app::Settings;
use crate::errors::{self, OpResult};
use crate::turn::sessions::SessionPolicy;
use http::HeaderMap;
use outcrop_planner::turn::TurnLimits;
use outcrop_planner::{ModelRole, PhaseModels};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tag: `refuse`, `queue` or `interrupt`.
pub const SESSION_POLICY: &str = "outcrop:session-policy";
/// Tag: the name of a configured schema, or `s3://BUCKET/KEY`.
pub const ANSWER_SCHEMA: &str = "outcrop:answer-schema";
/// Tag: most model calls of a turn.
pub const MAX_ITERATIONS: &str = "outcrop:max-iterations";
/// Tag: most seconds of a turn.
pub const MAX_SECONDS: &str = "outcrop:max-seconds";

/// Tag: tokens, read and written, after which a turn asks no model any more.
pub const MAX_TOKENS: &str = "outcrop:max-tokens";
/// Tag: what the user reads when a limit ends the turn.
pub const LIMIT_MESSAGE: &str = "outcrop:limit-message";
/// Tag: the guardrail for results of tools, as `ID` or `ID:VERSION`.
pub const RESULT_GUARDRAIL: &str = "outcrop:result-guardrail";

/// Tags that begin so name the model for one kind of work: `outcrop:model.routing-classifier`.
pub const MODEL_PREFIX: &str = "outcrop:model.";

/// The tags, but for those that name models.
pub const TAGS: [&str; 7] =
    [SESSION_POLICY, ANSWER_SCHEMA, MAX_ITERATIONS, MAX_SECONDS, MAX_TOKENS, LIMIT_MESSAGE, RESULT_GUARDRAIL];
/// Longest id of a model, as on AWS.
const MODEL_ID_CHARS_MAX: usize = 2_048;
/// What headers begin with.
const HEADER_PREFIX: &str = "x-outcrop-";

/// How turns are to run; what is absent is as the settings say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Controls {
    /// What a request does that finds its session taken.
    pub session_policy: Option<SessionPolicy>,
    /// What the answer has to fit.
    pub answer_schema: Option<AnswerSchema>,
    /// Most model calls.
    pub iterations_max: Option<u32>,
    /// Most seconds.
    pub seconds_max: Option<u64>,
    /// Most tokens.
    pub tokens_max: Option<u64>,
    /// What the user reads when a limit ends the turn.
    pub limit_message: Option<String>,
    /// The guardrail for results of tools. No header says it: a caller is not to choose what it is kept from.
    pub result_guardrail: Option<GuardrailName>,
    /// Models in place of the agent's.
    pub models: PhaseModels,
}

/// A guardrail as tags and the configuration name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardrailName {
    /// Its id, ARN or name.
    pub identifier: String,
    /// `DRAFT` or a number.
    pub version: String,
}

impl GuardrailName {
    /// Reads `ID` or `ID:VERSION`; an ARN goes in place of the id. The draft where no version is given.
    ///
    /// # Errors
    /// What is wrong, to go after the name of what holds it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (identifier, version) = match text.rsplit_once(':') {
            Some((identifier, version)) if !version.contains('/') => (identifier, version),
            _ => (text, "DRAFT"),
        };
        let is_version = version == "DRAFT" || version.parse::<u32>().is_ok_and(|number| number > 0);
        if identifier.is_empty() || identifier.contains(char::is_whitespace) || !is_version {
            return Err(format!("is a guardrail's id, ARN or name, which :VERSION may follow, and was {text:?}"));
        }
        Ok(Self { identifier: identifier.to_owned(), version: version.to_owned() })
    }
}

impl Controls {
    /// What the headers of an invocation say.
    ///
    /// # Errors
    /// ValidationException for a value that cannot be understood, and for a header with the prefix that is not known.
    pub fn of_headers(headers: &HeaderMap) -> OpResult<Self> {
        let mut controls = Self::default();
        for (name, value) in headers {
            let Some(setting) = name.as_str().strip_prefix(HEADER_PREFIX) else { continue };
            let refuse = |why: String| errors::validation(format!("The header {name} {why}."));
            let text = value.to_str().map_err(|_| refuse("is no text of visible ASCII characters".to_owned()))?.trim();
            match setting {
                "session-policy" => controls.session_policy = Some(policy(text).map_err(refuse)?),
                "answer-schema" => controls.answer_schema = Some(AnswerSchema::of_header(text).map_err(refuse)?),
                "max-iterations" => controls.iterations_max = Some(count(text).map_err(refuse)?),
                "max-tokens" => controls.tokens_max = Some(count(text).map_err(refuse)?),
                "max-seconds" => controls.seconds_max = Some(count(text).map_err(refuse)?),
                _ => return Err(refuse("is not known".to_owned())),
            }
        }
        Ok(controls)
    }

    /// What tags say.
    ///
    /// # Errors
    /// ValidationException for a value that cannot be understood.
    pub fn of_tags(tags: &BTreeMap<String, String>) -> OpResult<Self> {
        let mut controls = Self::default();
        for (key, text) in tags {
            let refuse = |why: String| errors::invalid_field("tags", format!("The tag {key} {why}."));
            let text = text.trim();
            match key.as_str() {
                SESSION_POLICY => controls.session_policy = Some(policy(text).map_err(refuse)?),
                ANSWER_SCHEMA => controls.answer_schema = Some(AnswerSchema::of_tag(text).map_err(refuse)?),
                MAX_ITERATIONS => controls.iterations_max = Some(count(text).map_err(refuse)?),
                MAX_TOKENS => controls.tokens_max = Some(count(text).map_err(refuse)?),
                LIMIT_MESSAGE => controls.limit_message = Some(text.to_owned()).filter(|text| !text.is_empty()),
                RESULT_GUARDRAIL => controls.result_guardrail = Some(GuardrailName::parse(text).map_err(refuse)?),
                MAX_SECONDS => controls.seconds_max = Some(count(text).map_err(refuse)?),
                key => {
                    if let Some(name) = key.strip_prefix(MODEL_PREFIX) {
                        let (role, model) = model(name, text).map_err(refuse)?;
                        controls.models.set(role, model);
                    }
                }
            }
        }
        Ok(controls)
    }

    /// These, and where they say nothing, the others. Of limits the lower ones.
    #[must_use]
    pub fn over(&self, others: &Self) -> Self {
        fn lower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            one.into_iter().chain(other).min()
        }
        Self {
            session_policy: self.session_policy.or(others.session_policy),
            answer_schema: self.answer_schema.clone().or_else(|| others.answer_schema.clone()),
            iterations_max: lower(self.iterations_max, others.iterations_max),
            seconds_max: lower(self.seconds_max, others.seconds_max),
            tokens_max: lower(self.tokens_max, others.tokens_max),
            limit_message: self.limit_message.clone().or_else(|| others.limit_message.clone()),
            result_guardrail: self.result_guardrail.clone().or_else(|| others.result_guardrail.clone()),
            models: self.models.over(&others.models),
        }
    }

    /// The limits of a turn under these.
    pub fn limits(&self, settings: &Settings) -> TurnLimits {
        let most = settings.turn;
        TurnLimits {
            iterations_max: self
                .iterations_max
                .map_or(most.iterations_max, |most_wanted| most_wanted.min(most.iterations_max)),
            wall_time_seconds: self
                .seconds_max
                .map_or(most.wall_time_seconds, |wanted| wanted.min(most.wall_time_seconds)),
            tokens_max: self.tokens_max.into_iter().chain(most.tokens_max).min(),
            ..most
        }
    }

    /// What the user reads when a limit ends the turn.
    pub fn limit_message(&self, settings: &Settings) -> Option<String> {
        self.limit_message.clone().or_else(|| settings.limit_message.clone())
    }

    /// The guardrail for results of tools.
    pub fn result_guardrail<'a>(&'a self, settings: &'a Settings) -> Option<&'a GuardrailName> {
        self.result_guardrail.as_ref().or(settings.result_guardrail.as_ref())
    }
}

fn policy(text: &str) -> Result<SessionPolicy, String> {
    SessionPolicy::parse(text).ok_or_else(|| {
        let names: Vec<&str> = SessionPolicy::NAMES.iter().map(|(name, _)| *name).collect();
        format!("is one of {}, and was {text:?}", names.join(", "))
    })
}

fn model(name: &str, id: &str) -> Result<(ModelRole, Arc<str>), String> {
    let role = ModelRole::parse(name).ok_or_else(|| {
        let names: Vec<&str> = ModelRole::ALL.iter().map(|(name, _)| *name).collect();
        format!("names no work of a model: it is one of {MODEL_PREFIX}{{{}}}", names.join(", "))
    })?;
    if id.is_empty() || id.chars().count() > MODEL_ID_CHARS_MAX || id.chars().any(char::is_whitespace) {
        return Err(format!("is the id of a model, and was {id:?}"));
    }
    Ok((role, id.into()))
}

fn count<T: std::str::FromStr + PartialOrd + From<u8>>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number >= T::from(1));
    number.ok_or_else(|| format!("is a whole number from 1 on, and was {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use serde_json::json;

    fn headers(given: &[(&'static str, &str)]) -> OpResult<Controls> {
        let headers =
            given.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("a value")));
        Controls::of_headers(&headers.collect())
    }

    fn check_refused(name: &'static str, value: &str, expected: &str) {
        let error = headers(&[(name, value)]).expect_err(value);
        assert_eq!((error.code, error.message.as_str()), ("ValidationException", expected));
    }

    #[test]
    fn headers_are_read() {
        let schema = json!({"type": "object", "title": "Größe"});
        let percent = "%7B%22type%22:%22object%22,%22title%22:%22Gr%C3%B6%C3%9Fe%22}";
        let base64 = base64::engine::general_purpose::STANDARD.encode(schema.to_string());
        for written in [percent, &base64, base64.trim_end_matches('=')] {
            let read =
                headers(&[("x-outcrop-answer-schema", written), ("x-outcrop-max-seconds", "5"), ("accept", "*/*")]);
            let read = read.expect(written);
            assert_eq!(read.answer_schema, Some(AnswerSchema::Inline(std::sync::Arc::new(schema.clone()))));
            assert_eq!(read.seconds_max, Some(5));
        }
        check_refused(
            "x-outcrop-max-iterations",
            "0",
            "The header x-outcrop-max-iterations is a whole number from 1 on, and was \"0\".",
        );
        check_refused(
            "x-outcrop-session-policy",
            "wait",
            "The header x-outcrop-session-policy is one of refuse, queue, interrupt, and was \"wait\".",
        );
        check_refused("x-outcrop-max-second", "1", "The header x-outcrop-max-second is not known.");
        check_refused(
            "x-outcrop-answer-schema",
            "!",
            "The header x-outcrop-answer-schema is neither base64 nor percent-encoded JSON.",
        );
        check_refused(
            "x-outcrop-answer-schema",
            "%7B%22type%22: 1}",
            "The header x-outcrop-answer-schema is no schema that can be kept to: /type: must be one of string, boolean, number, integer, array, object, null, or a list of them.",
        );
    }

    #[test]
    fn limits_become_lower_only() {
        let of = |iterations_max, seconds_max| Controls { iterations_max, seconds_max, ..Controls::default() };
        let both = of(Some(3), None).over(&of(Some(2), Some(9)));
        assert_eq!(both, of(Some(2), Some(9)));
        let settings = Settings::default();
        assert_eq!(both.limits(&settings).iterations_max, 2);
        assert_eq!(of(Some(1000), Some(100_000)).limits(&settings), settings.turn);
    }
}
