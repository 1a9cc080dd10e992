//! Return of control: what the agent asks of its caller, and the caller's answers.

use serde_json::{Value, json};

/// One call that the agent wants its caller to make or to allow.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// The request as it came: the payload of `functionInvocationInput` or `apiInvocationInput`.
    input: Value,
    is_api: bool,
}

/// What the agent needs to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    /// Whether the user allows it.
    pub confirmation: bool,
    /// What came out of it.
    pub result: bool,
}

/// The calls of a `returnControl` event.
pub(super) fn requests(payload: &Value) -> Vec<Request> {
    let inputs = payload["invocationInputs"].as_array().map_or(&[][..], Vec::as_slice);
    inputs
        .iter()
        .filter_map(|input| match (input.get("functionInvocationInput"), input.get("apiInvocationInput")) {
            (Some(input), _) => Some(Request { input: input.clone(), is_api: false }),
            (None, Some(input)) => Some(Request { input: input.clone(), is_api: true }),
            _ => None,
        })
        .collect()
}

impl Request {
    /// The function's name, or method and path.
    pub(super) fn name(&self) -> String {
        let text = |key: &str| self.input[key].as_str().unwrap_or_default();
        if self.is_api {
            return format!("{} {}", text("httpMethod").to_uppercase(), text("apiPath"));
        }
        text("function").to_owned()
    }

    /// The name with the arguments: `open_calendar(date="2026-01-05")`.
    pub(super) fn title(&self) -> String {
        let own = arguments(&self.input["parameters"]);
        let body = body_arguments(&self.input["requestBody"]);
        format!("{}({})", self.name(), own.into_iter().chain(body).collect::<Vec<_>>().join(", "))
    }

    /// What has to be answered.
    pub(super) fn needs(&self) -> Needs {
        match self.input["actionInvocationType"].as_str() {
            Some("USER_CONFIRMATION") => Needs { confirmation: true, result: false },
            Some("USER_CONFIRMATION_AND_RESULT") => Needs { confirmation: true, result: true },
            _ => Needs { confirmation: false, result: true },
        }
    }

    /// The answer, as a member of `returnControlInvocationResults`.
    pub(super) fn answer(&self, confirmed: Option<bool>, result: Option<&str>) -> Value {
        let copied: &[&str] = match self.is_api {
            true => &["actionGroup", "agentId", "apiPath", "httpMethod"],
            false => &["actionGroup", "agentId", "function"],
        };
        let mut answer = serde_json::Map::new();
        for key in copied {
            if let Some(value) = self.input.get(*key) {
                answer.insert((*key).to_owned(), value.clone());
            }
        }
        if let Some(confirmed) = confirmed {
            answer.insert("confirmationState".to_owned(), json!(if confirmed { "CONFIRM" } else { "DENY" }));
        }
        if let Some(body) = result {
            let kind = if self.is_api { "application/json" } else { "TEXT" };
            answer.insert("responseBody".to_owned(), json!({ kind: { "body": body } }));
        }
        let member = if self.is_api { "apiResult" } else { "functionResult" };
        json!({ member: answer })
    }
}

/// `name="value"` of each `{name, type, value}`; text is quoted, other types are not.
pub(super) fn arguments(parameters: &Value) -> Vec<String> {
    let parameters = parameters.as_array().map_or(&[][..], Vec::as_slice);
    parameters
        .iter()
        .map(|parameter| {
            let text = |key: &str| parameter[key].as_str().unwrap_or_default();
            match text("type") {
                "integer" | "number" | "boolean" | "array" | "object" => format!("{}={}", text("name"), text("value")),
                _ => format!("{}={:?}", text("name"), text("value")),
            }
        })
        .collect()
}

/// The arguments in a request body, in both of AWS's forms: with and without the level `properties`.
pub(super) fn body_arguments(body: &Value) -> Vec<String> {
    let contents = body["content"].as_object();
    let contents = contents.into_iter().flat_map(|content| content.values());
    contents.flat_map(|content| arguments(content.get("properties").unwrap_or(content))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(payload: &Value, title: &str, needs: (bool, bool), answer: &Value) {
        let requests = requests(payload);
        assert_eq!(requests.len(), 1);
        let (confirmation, result) = needs;
        assert_eq!(requests[0].title(), title);
        assert_eq!(requests[0].needs(), Needs { confirmation, result });
        assert_eq!(requests[0].answer(confirmation.then_some(true), result.then_some("done")), *answer);
    }

    #[test]
    fn functions_and_operations_are_answered_in_their_own_form() {
        check(
            &json!({"invocationId": "1", "invocationInputs": [{"functionInvocationInput": {
                "actionGroup": "Client", "function": "open_calendar", "agentId": "A", "actionInvocationType": "RESULT",
                "parameters": [{"name": "date", "type": "string", "value": "2026-01-05"}, {"name": "n", "type": "integer", "value": "2"}]}}]}),
            "open_calendar(date=\"2026-01-05\", n=2)",
            (false, true),
            &json!({"functionResult": {"actionGroup": "Client", "agentId": "A", "function": "open_calendar",
                "responseBody": {"TEXT": {"body": "done"}}}}),
        );
        check(
            &json!({"invocationInputs": [{"apiInvocationInput": {
                "actionGroup": "Depot", "apiPath": "/d/{id}", "httpMethod": "post", "actionInvocationType": "USER_CONFIRMATION_AND_RESULT",
                "parameters": [{"name": "id", "type": "string", "value": "7"}],
                "requestBody": {"content": {"application/json": {"properties": [{"name": "n", "type": "number", "value": "4"}]}}}}}]}),
            "POST /d/{id}(id=\"7\", n=4)",
            (true, true),
            &json!({"apiResult": {"actionGroup": "Depot", "apiPath": "/d/{id}", "httpMethod": "post",
                "confirmationState": "CONFIRM", "responseBody": {"application/json": {"body": "done"}}}}),
        );
        check(
            &json!({"invocationInputs": [{"functionInvocationInput": {
                "actionGroup": "G", "function": "pay", "actionInvocationType": "USER_CONFIRMATION"}}]}),
            "pay()",
            (true, false),
            &json!({"functionResult": {"actionGroup": "G", "function": "pay", "confirmationState": "CONFIRM"}}),
        );
    }
}
