//! From a function's answer to a tool's outcome.

use crate::failure::head;
use outcrop_ports::{
    Action, ResponseState, ToolCall, ToolFailure, ToolFailureCause, ToolOutcome, ToolPending, ToolSuccess,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Longest body that may say that the answer comes later, in bytes.
const PENDING_BYTES_MAX: usize = 1024;

/// Reads what a function answered to a call's event.
///
/// Forgiving where meaning is clear: any key of `responseBody`, a body that is no text, numbers as text, names that do
/// not match the call's (logged). What remains unclear is a failure whose message names the missing or wrong member.
pub fn read_reply(call: &ToolCall, function: &str, payload: &[u8]) -> ToolOutcome {
    match read(call, function, payload) {
        Ok(success) => match pending(&success) {
            Some(later) => ToolOutcome::Pending(later),
            None => ToolOutcome::Succeeded(success),
        },
        Err(problem) => ToolOutcome::Failed(ToolFailure {
            cause: ToolFailureCause::BadResponse,
            message: format!(
                "The function `{function}` answered {problem}, so its result cannot be read. Its work may be done: check \
                 before you call it again."
            ),
            detail: format!("The answer begins: {}", head(&String::from_utf8_lossy(head_bytes(payload)), 2000)),
        }),
    }
}

/// `Err` completes "The function answered …".
fn read(call: &ToolCall, function: &str, payload: &[u8]) -> Result<ToolSuccess, String> {
    let answer: Value = serde_json::from_slice(payload)
        .map_err(|_| if payload.is_empty() { "nothing".to_owned() } else { "something that is not JSON".to_owned() })?;
    let Value::Object(mut answer) = answer else {
        return Err(format!("{} instead of a JSON object with `response`", kind(&answer)));
    };
    let session_attributes = attributes(&mut answer, "sessionAttributes")?;
    let prompt_session_attributes = attributes(&mut answer, "promptSessionAttributes")?;
    let Some(response) = answer.remove("response") else {
        return Err("JSON without `response`".to_owned());
    };
    let Value::Object(mut response) = response else {
        return Err(format!("JSON whose `response` is {}", kind(&response)));
    };
    note_other_names(call, function, &response);
    let http_status = http_status(&response);
    let (body, response_state) = match response.remove("functionResponse") {
        Some(Value::Object(mut inner)) => {
            (first_body(&mut inner, "response.functionResponse.responseBody")?, response_state(&inner)?)
        }
        Some(other) => return Err(format!("JSON whose `response.functionResponse` is {}", kind(&other))),
        None if response.contains_key("responseBody") => {
            (first_body(&mut response, "response.responseBody")?, response_state(&response)?)
        }
        None => {
            let missing = match call.action {
                Action::Function(_) => "response.functionResponse",
                Action::ApiOperation { .. } => "response.responseBody",
            };
            return Err(format!("JSON without `{missing}`"));
        }
    };
    Ok(ToolSuccess { body, response_state, http_status, session_attributes, prompt_session_attributes })
}

/// What a body says of an answer that comes later: `{"outcrop": {"pending": true, "timeoutSeconds": N}}`.
fn pending(success: &ToolSuccess) -> Option<ToolPending> {
    // Most bodies are no such thing, and some are large.
    if success.body.len() > PENDING_BYTES_MAX || success.response_state != ResponseState::Success {
        return None;
    }
    let said: Value = serde_json::from_str(&success.body).ok()?;
    let said = said.get("outcrop")?;
    if said.get("pending") != Some(&Value::Bool(true)) {
        return None;
    }
    let seconds = said.get("timeoutSeconds").and_then(Value::as_f64).filter(|seconds| *seconds > 0.0);
    // A float as an integer stops at the integer's ends.
    let seconds = seconds.map_or(ToolPending::TIMEOUT_SECONDS, |seconds| seconds.ceil() as u64);
    Some(ToolPending { timeout_seconds: seconds.min(ToolPending::TIMEOUT_SECONDS_MAX) })
}

/// Takes the text of the first entry of `responseBody`.
fn first_body(holder: &mut Map<String, Value>, place: &str) -> Result<String, String> {
    let entries = match holder.remove("responseBody") {
        Some(Value::Object(entries)) => entries,
        Some(other) => return Err(format!("JSON whose `{place}` is {}", kind(&other))),
        None => return Err(format!("JSON without `{place}`")),
    };
    let Some((key, entry)) = entries.into_iter().next() else {
        return Err(format!("JSON whose `{place}` is empty"));
    };
    let Value::Object(mut entry) = entry else {
        return Err(format!("JSON whose `{place}.{}` is {}", head(&key, 100), kind(&entry)));
    };
    match entry.remove("body") {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Ok(other.to_string()),
        None => Err(format!("JSON without `{place}.{}.body`", head(&key, 100))),
    }
}

fn response_state(holder: &Map<String, Value>) -> Result<ResponseState, String> {
    match holder.get("responseState") {
        None | Some(Value::Null) => Ok(ResponseState::Success),
        Some(Value::String(text)) => match text.to_ascii_uppercase().as_str() {
            "" | "SUCCESS" => Ok(ResponseState::Success),
            "FAILURE" => Ok(ResponseState::Failure),
            "REPROMPT" => Ok(ResponseState::Reprompt),
            _ => Err(format!("a `responseState` of `{}`, which may be FAILURE or REPROMPT only", head(text, 100))),
        },
        Some(other) => Err(format!("JSON whose `responseState` is {}", kind(other))),
    }
}

/// A number or a numeric text; anything else says nothing.
fn http_status(response: &Map<String, Value>) -> Option<i64> {
    match response.get("httpStatusCode")? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Takes an attribute map; values that are no text become their JSON text.
fn attributes(answer: &mut Map<String, Value>, key: &str) -> Result<Option<BTreeMap<String, String>>, String> {
    match answer.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => {
            let text = |value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            Ok(Some(map.into_iter().map(|(name, value)| (name, text(value))).collect()))
        }
        Some(other) => Err(format!("JSON whose `{key}` is {}", kind(&other))),
    }
}

/// Hand-written handlers often answer with names of another group; the answer belongs to the call all the same.
fn note_other_names(call: &ToolCall, function: &str, response: &Map<String, Value>) {
    let differs = |key: &str, expected: &str| {
        response.get(key).and_then(Value::as_str).is_some_and(|given| !given.eq_ignore_ascii_case(expected))
    };
    let other = match &call.action {
        Action::Function(name) => differs("function", name),
        Action::ApiOperation { api_path, http_method } => {
            differs("apiPath", api_path) || differs("httpMethod", http_method)
        }
    };
    if other || differs("actionGroup", &call.action_group) {
        tracing::debug!(function, "the function answered under other names than it was called by; accepted");
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// As much as a detail can show, so that a large answer is not copied for it.
fn head_bytes(payload: &[u8]) -> &[u8] {
    &payload[..payload.len().min(2000)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn call(function: bool) -> ToolCall {
        let action = if function {
            Action::Function("plant".into())
        } else {
            Action::ApiOperation { api_path: "/plants".into(), http_method: "post".into() }
        };
        ToolCall {
            tool_use_id: "t-1".into(),
            function_arn: "garden".into(),
            action_group: "garden".into(),
            action,
            parameters: Vec::new(),
            request_body: None,
        }
    }

    fn success(body: &str) -> ToolSuccess {
        ToolSuccess { body: body.into(), ..ToolSuccess::default() }
    }

    #[test]
    fn reads_answers() {
        let check = |function: bool, answer: &Value, expected: ToolSuccess| {
            let outcome = read_reply(&call(function), "garden", answer.to_string().as_bytes());
            assert_eq!(outcome, ToolOutcome::Succeeded(expected), "{answer}");
        };
        let function = |inner: Value| json!({"messageVersion": "1.0", "response": {"actionGroup": "garden", "function": "plant", "functionResponse": inner}});
        let body = |body: Value| json!({"responseBody": {"TEXT": {"body": body}}});
        check(true, &function(body(json!("Planted"))), success("Planted"));
        check(true, &function(body(json!({"bed": 3}))), success(r#"{"bed":3}"#));
        check(true, &function(body(json!(null))), success("null"));
        check(
            true,
            &function(json!({"responseBody": {"application/json": {"body": "x"}, "TEXT": {"body": "y"}}})),
            success("x"),
        );
        for (state, expected) in
            [("FAILURE", ResponseState::Failure), ("REPROMPT", ResponseState::Reprompt), ("", ResponseState::Success)]
        {
            let mut inner = body(json!("which bed?"));
            inner["responseState"] = json!(state);
            check(true, &function(inner), ToolSuccess { response_state: expected, ..success("which bed?") });
        }
        let mut answer = function(body(json!("ok")));
        answer["sessionAttributes"] = json!({"bed": 3, "kind": "leek", "rows": [1]});
        answer["promptSessionAttributes"] = json!({});
        let session = [("bed", "3"), ("kind", "leek"), ("rows", "[1]")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let expected = ToolSuccess {
            session_attributes: Some(session.into()),
            prompt_session_attributes: Some(BTreeMap::new()),
            ..success("ok")
        };
        check(true, &answer, expected);
        for (status, expected) in
            [(json!(200), Some(200)), (json!("404"), Some(404)), (json!("teapot"), None), (json!(null), None)]
        {
            let response = json!({"actionGroup": "other", "apiPath": "/other", "httpMethod": "POST", "httpStatusCode": status, "responseBody": {"application/json": {"body": "{}"}}});
            check(false, &json!({"response": response}), ToolSuccess { http_status: expected, ..success("{}") });
        }
    }

    #[test]
    fn an_answer_may_come_later() {
        let check = |body: &Value, expected: Option<u64>| {
            let answer =
                json!({"response": {"functionResponse": {"responseBody": {"TEXT": {"body": body.to_string()}}}}});
            let outcome = read_reply(&call(true), "garden", answer.to_string().as_bytes());
            let told = if let ToolOutcome::Pending(later) = outcome { Some(later.timeout_seconds) } else { None };
            assert_eq!(told, expected, "{body}");
        };
        check(&json!({"outcrop": {"pending": true}}), Some(86_400));
        check(&json!({"outcrop": {"pending": true, "timeoutSeconds": 1.5}}), Some(2));
        check(&json!({"outcrop": {"pending": true, "timeoutSeconds": 1e30}}), Some(2_592_000));
        check(&json!({"outcrop": {"pending": true, "timeoutSeconds": -1}}), Some(86_400));
        check(&json!({"outcrop": {"pending": "true"}}), None);
        check(&json!({"pending": true}), None);
    }

    #[test]
    fn names_what_is_wrong() {
        let check = |function: bool, answer: &str, expected: &str| {
            let outcome = read_reply(&call(function), "garden", answer.as_bytes());
            let ToolOutcome::Failed(failure) = outcome else { panic!("{answer} was accepted") };
            assert_eq!(failure.cause, ToolFailureCause::BadResponse);
            assert!(
                failure.message.starts_with(&format!("The function `garden` answered {expected}, so ")),
                "{}",
                failure.message
            );
            assert!(failure.detail.contains(answer));
        };
        check(true, "", "nothing");
        check(true, "<html>", "something that is not JSON");
        check(true, "null", "null instead of a JSON object with `response`");
        check(true, r#""done""#, "a text instead of a JSON object with `response`");
        check(true, r#"{"statusCode":200}"#, "JSON without `response`");
        check(true, r#"{"response":"done"}"#, "JSON whose `response` is a text");
        check(true, r#"{"response":{}}"#, "JSON without `response.functionResponse`");
        check(false, r#"{"response":{}}"#, "JSON without `response.responseBody`");
        check(true, r#"{"response":{"functionResponse":{}}}"#, "JSON without `response.functionResponse.responseBody`");
        check(false, r#"{"response":{"responseBody":{}}}"#, "JSON whose `response.responseBody` is empty");
        check(false, r#"{"response":{"responseBody":{"TEXT":{}}}}"#, "JSON without `response.responseBody.TEXT.body`");
        check(
            false,
            r#"{"response":{"responseBody":{"TEXT":"x"}}}"#,
            "JSON whose `response.responseBody.TEXT` is a text",
        );
        check(
            true,
            r#"{"response":{"functionResponse":{"responseState":"OOPS","responseBody":{"TEXT":{"body":""}}}}}"#,
            "a `responseState` of `OOPS`, which may be FAILURE or REPROMPT only",
        );
        check(true, r#"{"response":{},"sessionAttributes":[]}"#, "JSON whose `sessionAttributes` is a list");
    }

    proptest! {
        #[test]
        fn never_panics(payload in proptest::collection::vec(any::<u8>(), 0..3000), text in "[{}\\[\\]\":,a-zA-Zé]{0,200}") {
            read_reply(&call(true), "garden", &payload);
            read_reply(&call(false), "garden", text.as_bytes());
        }
    }
}
