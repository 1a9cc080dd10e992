//! What went wrong, in our kinds and in words that name the model, never a secret or an address.

use crate::ApiKey;
use http::{StatusCode, Uri};
use outcrop_http::HttpError;
use outcrop_ports::{ModelError, ModelErrorKind};
use serde_json::Value;
use std::time::Duration;

/// Most characters of the endpoint's own words in a message.
const WORDS_CHARS_MAX: usize = 500;

/// Who was asked what, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) uri: &'a Uri,
    pub(crate) model: &'a str,
    pub(crate) key: Option<&'a ApiKey>,
}

impl Place<'_> {
    /// The error with the model in front, and without the key should the endpoint have quoted it. The address is the
    /// operator's, in the log.
    pub(crate) fn tell(self, error: &ModelError) -> ModelError {
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        tracing::debug!(host, reason = error.message, "the endpoint did not answer");
        let message = format!("model `{}`: {}", self.model, error.message);
        ModelError::new(error.kind, if let Some(key) = self.key { key.redact(&message) } else { message })
    }

    /// A failure below HTTP.
    pub(crate) fn http(self, error: &HttpError) -> ModelError {
        let kind = match error {
            HttpError::BadAddress => ModelErrorKind::Invalid,
            HttpError::Connect(_) | HttpError::Broken(_) => ModelErrorKind::Unavailable,
            HttpError::TimedOut => ModelErrorKind::TimedOut,
            HttpError::TooLarge { .. } => ModelErrorKind::BadReply,
        };
        self.tell(&ModelError::new(kind, error.to_string()))
    }
}

/// What an endpoint refused with, and whether asking again is in vain whatever the kind says.
pub(crate) struct Refusal {
    pub(crate) error: ModelError,
    pub(crate) permanent: bool,
    /// The wait that the body asks for, as Google's does.
    pub(crate) asked: Option<Duration>,
}

/// A status other than success, with the name of the error where a header has it (AWS), and the body that came with it.
pub(crate) fn from_status(status: StatusCode, name: Option<&str>, body: &[u8]) -> Refusal {
    let parsed = serde_json::from_slice::<Value>(body).ok();
    let words = match &parsed {
        Some(value) => words_of(value),
        None => cut(String::from_utf8_lossy(body).trim()),
    };
    // Some names say more than their status: AWS answers 400 also when a token has expired.
    let named = name.and_then(|name| kind_of_name(name.split([':', '#']).next().unwrap_or(name)));
    let kind = match named.unwrap_or_else(|| kind_of_status(status)) {
        ModelErrorKind::Invalid if is_too_long(parsed.as_ref().map(code_of).unwrap_or_default(), &words) => {
            ModelErrorKind::TooLong
        }
        kind => kind,
    };
    let mut message = format!("status {}", status.as_u16());
    if status.is_redirection() {
        message.push_str(" (a redirection; is `base_url` right?)");
    }
    if !words.is_empty() {
        message = format!("{message}: {words}");
    }
    // OpenAI answers 429 also when the account has no money left, which no waiting mends.
    let permanent = parsed.as_ref().is_some_and(|value| code_of(value) == "insufficient_quota");
    Refusal { error: ModelError::new(kind, message), permanent, asked: parsed.as_ref().and_then(asked_wait) }
}

/// An `error` member inside an answer with status 200, whole or streamed.
pub(crate) fn from_error_member(error: &Value) -> ModelError {
    let member = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let names = [code_of(error), member("type"), member("status")];
    let status = error.get("code").and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    let status = status.and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
    let kind = match status {
        Some(status) if !status.is_success() => kind_of_status(status),
        _ => names.iter().find_map(|name| kind_of_name(name)).unwrap_or(ModelErrorKind::Unavailable),
    };
    let words = words_of(error);
    let kind = if is_too_long(names[0], &words) || is_too_long(names[1], "") { ModelErrorKind::TooLong } else { kind };
    ModelError::new(kind, if words.is_empty() { "it broke off with an error".to_owned() } else { words })
}

fn kind_of_status(status: StatusCode) -> ModelErrorKind {
    match status.as_u16() {
        401 | 403 => ModelErrorKind::AccessDenied,
        404 => ModelErrorKind::NotFound,
        408 => ModelErrorKind::TimedOut,
        429 => ModelErrorKind::Throttled,
        // A redirect is a fault of the address that was configured, not of the request.
        300..=399 => ModelErrorKind::BadReply,
        500.. => ModelErrorKind::Unavailable,
        _ => ModelErrorKind::Invalid,
    }
}

/// Whether an endpoint says that the request does not fit into the model's window. Only some have a name for it.
fn is_too_long(name: &str, words: &str) -> bool {
    const NAMES: [&str; 2] = ["context_length_exceeded", "exceed_context_size_error"];
    // OpenAI and vLLM, llama.cpp, OpenAI's newer models, Anthropic's endpoint, Bedrock's gateway, Gemini's, xAI, Moonshot.
    const WORDS: [&str; 10] = [
        "maximum context length",
        "available context size",
        "context window",
        "context length",
        "exceed context limit",
        "prompt is too long",
        "input is too long",
        "exceeds the maximum number of tokens",
        "maximum prompt length",
        "exceeded model token limit",
    ];
    let words = words.to_ascii_lowercase();
    NAMES.contains(&name) || WORDS.iter().any(|one| words.contains(one))
}

fn kind_of_name(name: &str) -> Option<ModelErrorKind> {
    Some(match name {
        // OpenAI's and those who follow it; Anthropic's; AWS's, in headers and as members of a stream; Google's.
        "rate_limit_exceeded"
        | "insufficient_quota"
        | "too_many_requests"
        | "rate_limit_error"
        | "ThrottlingException"
        | "throttlingException"
        | "RESOURCE_EXHAUSTED" => ModelErrorKind::Throttled,
        "invalid_api_key"
        | "authentication_error"
        | "permission_error"
        | "billing_error"
        | "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "MissingAuthenticationTokenException"
        | "PERMISSION_DENIED"
        | "UNAUTHENTICATED" => ModelErrorKind::AccessDenied,
        "invalid_request_error"
        | "BadRequestError"
        | "request_too_large"
        | "ValidationException"
        | "validationException"
        | "INVALID_ARGUMENT"
        | "FAILED_PRECONDITION" => ModelErrorKind::Invalid,
        "model_not_found" | "not_found_error" | "NotFoundError" | "ResourceNotFoundException" | "NOT_FOUND" => {
            ModelErrorKind::NotFound
        }
        "timeout_error" | "ModelTimeoutException" | "modelTimeoutException" | "DEADLINE_EXCEEDED" => {
            ModelErrorKind::TimedOut
        }
        "overloaded_error"
        | "api_error"
        | "ModelNotReadyException"
        | "ModelErrorException"
        | "modelStreamErrorException"
        | "InternalServerException"
        | "internalServerException"
        | "ServiceUnavailableException"
        | "serviceUnavailableException"
        | "UNAVAILABLE"
        | "INTERNAL" => ModelErrorKind::Unavailable,
        _ => return None,
    })
}

/// The wait that Google puts among the details of an error: `"retryDelay": "34s"`.
fn asked_wait(body: &Value) -> Option<Duration> {
    let details = body.get("error")?.get("details")?.as_array()?;
    let delay =
        details.iter().find_map(|one| one.get("retryDelay")?.as_str()?.strip_suffix('s')?.parse::<f64>().ok())?;
    Duration::try_from_secs_f64(delay).ok()
}

/// The kind of an error that a stream names, with its words; for providers that name errors and have no status then.
pub(crate) fn of_name(name: &str, words: &str) -> ModelError {
    let kind = kind_of_name(name).unwrap_or(ModelErrorKind::Unavailable);
    let kind = if kind == ModelErrorKind::Invalid && is_too_long(name, words) { ModelErrorKind::TooLong } else { kind };
    let words = cut(words.trim());
    ModelError::new(kind, if words.is_empty() { name.to_owned() } else { format!("{name}: {words}") })
}

/// The endpoint's own words, wherever it puts them.
fn words_of(value: &Value) -> String {
    let place =
        ["error", "message", "Message", "detail"].iter().find_map(|name| value.get(*name).filter(|it| !it.is_null()));
    match (value, place) {
        (Value::String(text), _) => cut(text.trim()),
        (_, Some(inner)) => words_of(inner),
        (Value::Null, None) => String::new(),
        (other, None) => cut(&other.to_string()),
    }
}

fn code_of(value: &Value) -> &str {
    value.get("error").unwrap_or(value).get("code").and_then(Value::as_str).unwrap_or_default()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WORDS_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ModelErrorKind::{AccessDenied, Invalid, NotFound, Throttled, TimedOut, TooLong, Unavailable};
    use serde_json::json;

    #[track_caller]
    fn check(status: u16, body: &str, kind: ModelErrorKind, message: &str) {
        let refusal = from_status(StatusCode::from_u16(status).unwrap(), None, body.as_bytes());
        assert_eq!(refusal.error, ModelError::new(kind, message));
    }

    #[test]
    fn statuses_and_words() {
        check(
            429,
            r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#,
            Throttled,
            "status 429: slow down",
        );
        check(401, r#"{"error":{"message":"bad key"}}"#, AccessDenied, "status 401: bad key");
        check(403, "", AccessDenied, "status 403");
        check(404, r#"{"error":"model 'x' not found"}"#, NotFound, "status 404: model 'x' not found");
        check(400, r#"{"object":"error","message":"too long","code":400}"#, Invalid, "status 400: too long");
        check(
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.","code":"context_length_exceeded"}}"#,
            TooLong,
            "status 400: This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
        );
        check(
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error"}}"#,
            TooLong,
            "status 400: the request exceeds the available context size, try increasing it",
        );
        check(
            413,
            r#"{"error":"prompt is too long: 9 tokens > 8 maximum"}"#,
            TooLong,
            "status 413: prompt is too long: 9 tokens > 8 maximum",
        );
        check(422, r#"{"detail":[{"loc":["body"]}]}"#, Invalid, r#"status 422: [{"loc":["body"]}]"#);
        check(408, "null", TimedOut, "status 408");
        check(503, "<html>busy</html>\n", Unavailable, "status 503: <html>busy</html>");
        check(500, r#"{"error":{"message":null,"code":7}}"#, Unavailable, r#"status 500: {"message":null,"code":7}"#);
        check(301, "", ModelErrorKind::BadReply, "status 301 (a redirection; is `base_url` right?)");
        check(500, &"é".repeat(501), Unavailable, &format!("status 500: {}…", "é".repeat(500)));
    }

    #[test]
    fn an_empty_account_is_not_asked_again() {
        let body = br#"{"error":{"message":"no money","code":"insufficient_quota"}}"#;
        assert!(from_status(StatusCode::TOO_MANY_REQUESTS, None, body).permanent);
        assert!(!from_status(StatusCode::TOO_MANY_REQUESTS, None, b"[]").permanent);
    }

    #[test]
    fn names_of_aws_say_more_than_the_status() {
        for (status, name, body, kind) in [
            (400, "ThrottlingException", r#"{"message":"Too many tokens"}"#, Throttled),
            (403, "ExpiredTokenException:http://internal/", r#"{"message":"expired"}"#, AccessDenied),
            (400, "ValidationException", r#"{"message":"Input is too long for requested model."}"#, TooLong),
            (429, "ModelNotReadyException", "{}", Unavailable),
            (424, "ModelErrorException", "{}", Unavailable),
            (408, "ModelTimeoutException", "{}", TimedOut),
            (418, "Other", r#"{"Message":"tea"}"#, Invalid),
        ] {
            let refusal = from_status(StatusCode::from_u16(status).unwrap(), Some(name), body.as_bytes());
            assert_eq!(refusal.error.kind, kind, "{name}");
        }
    }

    #[test]
    fn google_asks_for_a_wait_in_the_body() {
        let body = br#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"quota","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}}"#;
        let refusal = from_status(StatusCode::TOO_MANY_REQUESTS, None, body);
        assert_eq!((refusal.error.kind, refusal.asked), (Throttled, Some(Duration::from_millis(1_500))));
    }

    #[test]
    fn errors_inside_answers() {
        for (error, kind, message) in [
            (json!({"code": 429, "message": "busy"}), Throttled, "busy"),
            (json!({"code": "503", "message": "busy"}), Unavailable, "busy"),
            (json!({"type": "invalid_request_error", "message": "no"}), Invalid, "no"),
            (json!({"code": "model_not_found", "message": "no"}), NotFound, "no"),
            (json!({"code": "context_length_exceeded", "message": "no"}), TooLong, "no"),
            (json!("broken"), Unavailable, "broken"),
            (json!({"code": 200}), Unavailable, r#"{"code":200}"#),
            (json!({"message": ""}), Unavailable, "it broke off with an error"),
        ] {
            assert_eq!(from_error_member(&error), ModelError::new(kind, message), "{error}");
        }
    }

    #[test]
    fn messages_name_the_model_but_no_key_and_no_address() {
        let uri: Uri = "https://api.example.com:8443/v1/chat/completions".parse().unwrap();
        let key = ApiKey::new("sk-1234");
        let place = Place { uri: &uri, model: "m", key: Some(&key) };
        let told = place.tell(&ModelError::new(AccessDenied, "wrong key sk-1234"));
        assert_eq!(told.message, "model `m`: wrong key ••••");
        assert_eq!(place.http(&HttpError::TimedOut).kind, TimedOut);
    }
}
