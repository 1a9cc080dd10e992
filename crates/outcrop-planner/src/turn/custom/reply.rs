//! What the author's function answers.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) const START: &str = "START";
pub(super) const MODEL_INVOKED: &str = "MODEL_INVOKED";
pub(super) const TOOL_INVOKED: &str = "TOOL_INVOKED";
pub(super) const APPLY_GUARDRAIL_INVOKED: &str = "APPLY_GUARDRAIL_INVOKED";
pub(super) const INVOKE_MODEL: &str = "INVOKE_MODEL";
const INVOKE_TOOL: &str = "INVOKE_TOOL";
const APPLY_GUARDRAIL: &str = "APPLY_GUARDRAIL";
const FINISH: &str = "FINISH";
/// Names that cannot be a function's own.
const RESERVED: [&str; 8] =
    [START, MODEL_INVOKED, TOOL_INVOKED, APPLY_GUARDRAIL_INVOKED, INVOKE_MODEL, INVOKE_TOOL, APPLY_GUARDRAIL, FINISH];
/// The service's tool that says a piece of the answer. Several of them in a list are how a function answers in pieces.
const SAY_TOOL: &str = "bedrock_stream_answer_tool";
/// Longest name of an event, in characters.
const EVENT_CHARS_MAX: usize = 100;
/// Longest piece of an answer in a message, in bytes.
const QUOTE_BYTES_MAX: usize = 100;
/// Most replies in a list.
const REPLIES_MAX: usize = 10_000;

/// One reply.
#[derive(Debug, PartialEq)]
pub(super) struct Reply {
    /// The event as it came.
    pub(super) event: String,
    /// What belongs to it as it came.
    pub(super) text: String,
    pub(super) action: Action,
    /// What the trace is to show.
    pub(super) trace: Option<String>,
    pub(super) session_attributes: Option<BTreeMap<String, String>>,
    pub(super) prompt_session_attributes: Option<BTreeMap<String, String>>,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(super) enum Action {
    /// The model is asked this Converse request.
    Model(Value),
    /// A tool is used.
    Tool { id: Option<String>, name: String, input: Value },
    /// A guardrail is applied.
    Guardrail,
    /// A piece of the answer.
    Say(String),
    /// The answer, or the rest of it.
    Finish(String),
    /// The function is called again with a state of the event's name.
    Own,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    action_event: Option<String>,
    output: Option<DocumentOutput>,
    context: Option<Context>,
}

#[derive(Deserialize)]
struct DocumentOutput {
    #[serde(default)]
    text: Value,
    trace: Option<DocumentTrace>,
}

#[derive(Deserialize)]
struct DocumentTrace {
    event: Option<DocumentEvent>,
}

#[derive(Deserialize)]
struct DocumentEvent {
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    session_attributes: Option<Map<String, Value>>,
    prompt_session_attributes: Option<Map<String, Value>>,
}

/// Reads an answer: one reply, or a list in which all but the last say pieces of the answer. The error says what is wrong
/// with it.
pub(super) fn read(answer: &str) -> Result<Vec<Reply>, String> {
    let value: Value =
        serde_json::from_str(answer).map_err(|error| format!("its answer is no JSON document: {error}"))?;
    let documents = match value {
        Value::Array(documents) if documents.is_empty() => return Err("its answer is an empty list".to_owned()),
        Value::Array(documents) if documents.len() > REPLIES_MAX => {
            return Err(format!("its answer is a list of more than {REPLIES_MAX} events"));
        }
        Value::Array(documents) => documents,
        one => vec![one],
    };
    let replies = documents.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    let before_last = &replies[..replies.len() - 1];
    match before_last.iter().find(|reply| !matches!(reply.action, Action::Say(_))) {
        Some(reply) => Err(format!("its answer is a list in which {} is not the last event", reply.event)),
        None => Ok(replies),
    }
}

fn one(value: Value) -> Result<Reply, String> {
    if !value.is_object() {
        return Err(format!("its answer is no object with an actionEvent but {}", quoted(&value.to_string())));
    }
    let document: Document =
        serde_json::from_value(value).map_err(|error| format!("its answer is no orchestration event: {error}"))?;
    let Some(event) = document.action_event.filter(|event| !event.is_empty()) else {
        return Err("its answer has no actionEvent".to_owned());
    };
    let (text, trace) = match document.output {
        Some(output) => (output.text, output.trace),
        None => (Value::Null, None),
    };
    // Samples in circulation leave it to us to make a text of it.
    let text = match text {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    let action = action(&event, &text)?;
    let context = document.context;
    let (session, prompt) = match context {
        Some(context) => (context.session_attributes, context.prompt_session_attributes),
        None => (None, None),
    };
    Ok(Reply {
        event,
        text,
        action,
        trace: trace.and_then(|trace| trace.event?.text).filter(|text| !text.is_empty()),
        session_attributes: session.map(attributes),
        prompt_session_attributes: prompt.map(attributes),
    })
}

fn action(event: &str, text: &str) -> Result<Action, String> {
    let object = |what: &str| match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(format!(
            "its answer has the actionEvent {event} and an output.text that is no {what}: {}",
            quoted(text)
        )),
    };
    match event {
        INVOKE_MODEL => Ok(Action::Model(object("Converse request")?)),
        INVOKE_TOOL => tool(&object("toolUse")?, text),
        APPLY_GUARDRAIL => Ok(Action::Guardrail),
        FINISH => Ok(Action::Finish(match serde_json::from_str(text) {
            // Some functions make JSON of the answer, too.
            Ok(Value::String(inner)) => inner,
            _ => text.to_owned(),
        })),
        own => {
            if let Some(meant) = RESERVED.iter().find(|name| name.eq_ignore_ascii_case(own)) {
                return Err(match *meant == own {
                    true => format!("its answer has the actionEvent {own}, which is a state and no event"),
                    false => format!("its answer has the unknown actionEvent {own}; did you mean {meant}?"),
                });
            }
            let is_name = own.len() <= EVENT_CHARS_MAX
                && own.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
            match is_name {
                true => Ok(Action::Own),
                false => Err(format!("its answer has the unknown actionEvent {}", quoted(own))),
            }
        }
    }
}

fn tool(value: &Value, text: &str) -> Result<Action, String> {
    let used = value.get("toolUse").unwrap_or(value);
    let member = |name: &str| used.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(name) = member("name") else {
        return Err(format!(
            "its answer has the actionEvent INVOKE_TOOL and a toolUse without a name: {}",
            quoted(text)
        ));
    };
    let input = used.get("input").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    if name == SAY_TOOL {
        let piece = input.get("text").and_then(Value::as_str).unwrap_or_default();
        return Ok(Action::Say(piece.to_owned()));
    }
    Ok(Action::Tool { id: member("toolUseId").map(str::to_owned), name: name.to_owned(), input })
}

/// Attributes are texts; a function that puts something else there means its JSON, and one that puts nothing there takes
/// the attribute away.
fn attributes(given: Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    given.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
}

fn quoted(text: &str) -> String {
    let short = &text[..text.floor_char_boundary(QUOTE_BYTES_MAX)];
    format!("`{short}{}`", if short.len() < text.len() { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(answer: &Value, expected: Result<Action, &str>) {
        match (read(&answer.to_string()), expected) {
            (Ok(mut replies), Ok(action)) => assert_eq!(replies.pop().expect("has one").action, action, "{answer}"),
            (Err(problem), Err(words)) => assert!(problem.contains(words), "{problem}"),
            (read, expected) => panic!("{read:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn reads_events() {
        let event =
            |event: &str, text: Value| json!({"version": "1.0", "actionEvent": event, "output": {"text": text}});
        let tool = |id: Option<&str>| {
            Ok(Action::Tool { id: id.map(str::to_owned), name: "look".into(), input: json!({"a": 1}) })
        };
        check(&event("INVOKE_MODEL", json!("{\"messages\": []}")), Ok(Action::Model(json!({"messages": []}))));
        check(
            &event(
                "INVOKE_TOOL",
                json!("{\"toolUse\": {\"toolUseId\": \"t\", \"name\": \"look\", \"input\": {\"a\": 1}}}"),
            ),
            tool(Some("t")),
        );
        check(&event("INVOKE_TOOL", json!({"name": "look", "input": {"a": 1}})), tool(None));
        check(&event("FINISH", json!("Done.")), Ok(Action::Finish("Done.".into())));
        check(&event("FINISH", json!("\"Done.\"")), Ok(Action::Finish("Done.".into())));
        check(&event("FINISH", json!("12")), Ok(Action::Finish("12".into())));
        check(&json!({"actionEvent": "FINISH"}), Ok(Action::Finish(String::new())));
        check(&event("RANK", json!("x")), Ok(Action::Own));
        check(&event("APPLY_GUARDRAIL", json!("{}")), Ok(Action::Guardrail));
        let say = |text: &str| event("INVOKE_TOOL", json!({"toolUse": {"name": SAY_TOOL, "input": {"text": text}}}));
        check(&json!([say("I"), say(" am")]), Ok(Action::Say(" am".into())));
        check(&json!([say("I"), event("FINISH", json!("am"))]), Ok(Action::Finish("am".into())));

        check(&json!("hello"), Err("no object with an actionEvent but `\"hello\"`"));
        check(&json!([]), Err("an empty list"));
        check(&json!({"output": {}}), Err("has no actionEvent"));
        check(&json!({"actionEvent": 5}), Err("no orchestration event"));
        check(&event("finish", json!("x")), Err("did you mean FINISH?"));
        check(&event("MODEL_INVOKED", json!("x")), Err("is a state and no event"));
        check(&event("do it!", json!("x")), Err("unknown actionEvent `do it!`"));
        check(&event("INVOKE_MODEL", json!("hello")), Err("no Converse request: `hello`"));
        check(&event("INVOKE_TOOL", json!("{\"toolUse\": {}}")), Err("a toolUse without a name"));
        check(&json!([event("FINISH", json!("x")), say("y")]), Err("FINISH is not the last event"));
        assert!(read("{").expect_err("is broken").contains("no JSON document"));
    }

    #[test]
    fn reads_attributes_and_traces() {
        let answer = json!({"actionEvent": "FINISH", "output": {"text": "x", "trace": {"event": {"text": "seen"}}},
            "context": {"sessionAttributes": {"a": "1", "b": null, "c": {"d": 2}}}});
        let reply = read(&answer.to_string()).expect("is read").remove(0);
        let expected = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("c".to_owned(), "{\"d\":2}".to_owned())]);
        assert_eq!((reply.session_attributes, reply.prompt_session_attributes), (Some(expected), None));
        assert_eq!(reply.trace.as_deref(), Some("seen"));
    }
}
