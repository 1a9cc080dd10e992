//! How a function may fail, said to the model, to the operator, and in Lambda's own error payloads.

use bytes::Bytes;
use outcrop_ports::{ToolFailure, ToolFailureCause};
use serde_json::{Value, json};
use std::time::Duration;

/// Longest `detail` of a failure, in bytes.
const DETAIL_BYTES_MAX: usize = 4096;
/// Longest piece of a function's own words in a message, in bytes.
const QUOTE_BYTES_MAX: usize = 1024;

/// What a function answered, whether it worked or raised an error.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) payload: Bytes,
    pub(crate) function_error: bool,
    /// What it logged meanwhile; empty unless asked for.
    pub(crate) log: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing is known under the name.
    NotFound { detail: String },
    /// It ran longer than allowed and was ended.
    TimedOut { request_id: String, after: Duration, log: String },
    /// All its processes were busy, or its first was not up in time: the event never reached it.
    NotReached { after: Duration, why: &'static str, log: String },
    /// Its process ended; `status` as Lambda says it, such as `exit status 1`.
    Exited { request_id: String, status: String, log: String },
    /// It could not start and said why in Lambda's error form.
    Init { payload: Bytes, log: String },
    /// It answered more than allowed.
    TooLarge { bytes: Option<u64>, limit: usize },
    /// It cannot be run or reached; `problem` completes "The function X …".
    Unreachable { problem: String, detail: String },
}

impl Failure {
    pub(crate) fn unreachable(problem: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Unreachable { problem: problem.into(), detail: detail.into() }
    }

    /// As a tool's outcome.
    pub(crate) fn for_tool(self, function: &str) -> ToolFailure {
        use ToolFailureCause as Cause;
        let (cause, message, detail) = match self {
            Self::NotFound { detail } => (
                Cause::NotFound,
                format!("There is no function `{function}`, so this tool does not work. Do not call it again."),
                detail,
            ),
            Self::TimedOut { after, log, .. } => (
                Cause::TimedOut,
                format!(
                    "The function `{function}` timed out after {} and was stopped. Whether it did its work is unknown: \
                     check before you call it again.",
                    seconds(after)
                ),
                log,
            ),
            Self::NotReached { after, why, log } => (
                Cause::TimedOut,
                format!(
                    "The function `{function}` was not called: {why} within {}. It may work later.",
                    seconds(after)
                ),
                log,
            ),
            Self::Exited { status, log, .. } => (
                Cause::FunctionError,
                format!(
                    "The function `{function}` ended before it answered ({status}). Whether it did its work is unknown: \
                     check before you call it again."
                ),
                log,
            ),
            Self::Init { payload, log } => {
                let mut failure = function_error(function, &payload);
                failure.message =
                    format!("The function `{function}` could not start, so this tool does not work now: {}", {
                        ErrorWords::read(&payload).said()
                    });
                failure.detail = tail(&format!("{}\n{log}", failure.detail)).trim().to_owned();
                return failure;
            }
            Self::TooLarge { bytes, limit } => {
                let size = bytes.map_or_else(|| "more".to_owned(), |bytes| format!("{bytes} bytes"));
                (
                    Cause::TooLarge,
                    format!(
                        "The function `{function}` answered {size}, and {limit} bytes are allowed. Ask it for less, for \
                         example with a narrower filter or fewer items."
                    ),
                    String::new(),
                )
            }
            Self::Unreachable { problem, detail } => (
                Cause::Unreachable,
                format!("The function `{function}` {problem}. This tool does not work now; go on without it."),
                detail,
            ),
        };
        ToolFailure { cause, message, detail: tail(&detail).to_owned() }
    }

    /// As Lambda answers an Invoke: some failures are payloads of the function, the rest stay failures.
    pub(crate) fn for_invoke(self) -> Result<Answer, Self> {
        let (payload, log) = match self {
            Self::TimedOut { request_id, after, log } => {
                let message =
                    format!("RequestId: {request_id} Error: Task timed out after {:.2} seconds", after.as_secs_f64());
                (json!({"errorType": "Sandbox.Timedout", "errorMessage": message}), log)
            }
            Self::Exited { request_id, status, log } => {
                let message = format!("RequestId: {request_id} Error: Runtime exited with error: {status}");
                (json!({"errorType": "Runtime.ExitError", "errorMessage": message}), log)
            }
            Self::TooLarge { limit, .. } => {
                let message = format!("Response payload size exceeded maximum allowed payload size ({limit} bytes).");
                (json!({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}), String::new())
            }
            Self::Init { payload, log } => return Ok(Answer { payload, function_error: true, log }),
            other => return Err(other),
        };
        Ok(Answer { payload: Bytes::from(payload.to_string()), function_error: true, log })
    }
}

/// What a function's error payload says to the model and the operator.
pub(crate) fn function_error(function: &str, payload: &[u8]) -> ToolFailure {
    let words = ErrorWords::read(payload);
    let said = words.said();
    ToolFailure {
        cause: ToolFailureCause::FunctionError,
        message: format!(
            "The function `{function}` failed: {said}. If the arguments caused it, call it again with better ones; \
             otherwise go on without it."
        ),
        detail: words.detail,
    }
}

/// `{errorMessage, errorType, stackTrace}`, every member optional; `trace` is what Node.js writes.
struct ErrorWords {
    kind: String,
    message: String,
    detail: String,
}

impl ErrorWords {
    fn read(payload: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(payload).unwrap_or_default();
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, message) = (text("errorType"), text("errorMessage"));
        let frames: Vec<_> = ["stackTrace", "trace"]
            .into_iter()
            .filter_map(|key| value.get(key)?.as_array())
            .flatten()
            .map(|frame| frame.as_str().map_or_else(|| frame.to_string(), |line| line.trim_end().to_owned()))
            .collect();
        let detail = if kind.is_empty() && message.is_empty() {
            head(&String::from_utf8_lossy(payload), DETAIL_BYTES_MAX).to_owned()
        } else {
            // The innermost frames come last and matter most.
            format!("{}: {}\n{}", head(&kind, 200), head(&message, QUOTE_BYTES_MAX), tail_of(&frames.join("\n"), 2800))
        };
        Self { kind, message, detail: detail.trim_end().to_owned() }
    }

    fn said(&self) -> String {
        let message = head(self.message.trim().trim_end_matches('.'), QUOTE_BYTES_MAX);
        match (self.kind.as_str(), message) {
            ("", "") => "it raised an error without saying which".to_owned(),
            ("", message) => message.to_owned(),
            (kind, "") => head(kind, 200).to_owned(),
            (kind, message) => format!("{}: {message}", head(kind, 200)),
        }
    }
}

/// The beginning of a text, cut at a character.
pub(crate) fn head(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The end of a text, as long as a detail may be.
fn tail(text: &str) -> &str {
    tail_of(text, DETAIL_BYTES_MAX)
}

/// The end of a text, cut at a character.
pub(crate) fn tail_of(text: &str, bytes_max: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(bytes_max))..]
}

/// `3 s`, `1.5 s`.
fn seconds(duration: Duration) -> String {
    let text = format!("{:.2}", duration.as_secs_f64());
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_function_errors() {
        let check = |payload: &str, message: &str, detail: &str| {
            let failure = function_error("orders", payload.as_bytes());
            assert!(failure.message.starts_with(&format!("The function `orders` failed: {message}. ")), "{failure:?}");
            assert_eq!(failure.detail, detail);
        };
        check(
            r#"{"errorMessage":"'id'","errorType":"KeyError","requestId":"1","stackTrace":["  File \"a.py\", line 1\n","  b\n"]}"#,
            "KeyError: 'id'",
            "KeyError: 'id'\n  File \"a.py\", line 1\n  b",
        );
        check(
            r#"{"errorType":"Error","errorMessage":"no.","trace":["Error: no","at x"]}"#,
            "Error: no",
            "Error: no.\nError: no\nat x",
        );
        check(r#"{"errorMessage":"only this"}"#, "only this", ": only this");
        check("garbage", "it raised an error without saying which", "garbage");
        let long = format!(
            r#"{{"errorMessage":"{}","errorType":"E","stackTrace":["{}"]}}"#,
            "é".repeat(9000),
            "ü".repeat(9000)
        );
        let failure = function_error("orders", long.as_bytes());
        assert!(failure.message.len() < 1400 && failure.detail.len() <= DETAIL_BYTES_MAX, "{}", failure.detail.len());
    }

    #[test]
    fn says_failures_to_model_and_lambda_clients() {
        let (request_id, log) = ("r-1".to_owned(), "last line".to_owned());
        let timed_out =
            Failure::TimedOut { request_id: request_id.clone(), after: Duration::from_millis(1500), log: log.clone() };
        let failure = timed_out.clone().for_tool("slow");
        assert_eq!((failure.cause, failure.detail.as_str()), (ToolFailureCause::TimedOut, "last line"));
        assert!(failure.message.starts_with("The function `slow` timed out after 1.5 s "), "{}", failure.message);
        let payload = timed_out.for_invoke().unwrap().payload;
        assert_eq!(
            payload,
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r-1 Error: Task timed out after 1.50 seconds"}"#
        );
        let exited = Failure::Exited { request_id, status: "exit status 3".into(), log };
        assert_eq!(
            exited.for_invoke().unwrap().payload,
            r#"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: exit status 3"}"#
        );
        let too_large = Failure::TooLarge { bytes: Some(30_000), limit: 25_000 }.for_tool("list");
        assert!(too_large.message.contains("30000 bytes") && too_large.message.contains("25000 bytes"));
        assert!(Failure::unreachable("cannot", "").for_invoke().is_err());
    }
}
