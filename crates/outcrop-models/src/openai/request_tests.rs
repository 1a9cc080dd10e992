#![expect(clippy::needless_pass_by_value, reason = "cases read better without `&` before every `json!`")]

use super::*;
use crate::families;
use outcrop_ports::{InferenceConfig, Reasoning, ToolResultContent, ToolUse};
use serde_json::json;
use std::sync::{Arc, LazyLock};

fn request(messages: Vec<Message>) -> ModelRequest {
    ModelRequest {
        model_id: "m".to_owned(),
        system: Vec::new(),
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: Arc::new([]),
        tool_choice: ToolChoice::Auto,
        inference: InferenceConfig::default(),
        additional_fields: None,
        caching: outcrop_ports::Caching::Automatic,
    }
}

fn with_tools(tool_choice: ToolChoice) -> ModelRequest {
    let tool = |name: &str, description: &str| ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        input_schema: json!({"type": "object", "properties": {"id": {"type": "string"}}}),
    };
    let tools = Arc::new([tool("Orders__get", "Gets an order."), tool("ping", "")]);
    ModelRequest { tools, tool_choice, ..request(vec![Message::user("hi")]) }
}

fn tool_use(id: &str, input: Value) -> ContentBlock {
    ContentBlock::ToolUse(ToolUse { tool_use_id: id.to_owned(), name: "Orders__get".to_owned(), input })
}

fn result(id: &str, texts: &[&str], status: ToolResultStatus) -> ContentBlock {
    ContentBlock::ToolResult(ToolResult {
        tool_use_id: id.to_owned(),
        content: texts.iter().map(|text| ToolResultContent::Text((*text).to_owned())).collect(),
        status,
    })
}

fn thinking(text: &str) -> ContentBlock {
    ContentBlock::ReasoningContent(Reasoning::plain(text))
}

static FAMILY: LazyLock<Family> = LazyLock::new(|| families::of("m"));

fn plain() -> Options<'static> {
    Options { model: "m", family: &FAMILY, stream: false }
}

#[track_caller]
fn check(request: &ModelRequest, options: Options<'_>, expected: Value) {
    let bytes = encode(request, options).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), expected);
}

#[test]
fn words_only() {
    check(
        &request(vec![Message::user("hi \"you\"")]),
        plain(),
        json!({"model": "m", "messages": [{"role": "user", "content": "hi \"you\""}]}),
    );
}

#[test]
fn system_history_and_settings() {
    let mut request = request(vec![Message::user("a"), Message::assistant("b"), Message::user("c")]);
    request.system = vec!["You help.".to_owned(), String::new(), "current_date: 2026-04-25".to_owned()];
    request.inference = InferenceConfig {
        max_tokens: Some(256),
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(40),
        stop_sequences: vec!["END".to_owned()],
        latency: None,
        answer_schema: None,
    };
    check(
        &request,
        Options { model: "qwen3:8b", stream: true, ..plain() },
        json!({
            "model": "qwen3:8b",
            "messages": [
                {"role": "system", "content": "You help.\n\ncurrent_date: 2026-04-25"},
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "c"},
            ],
            "max_tokens": 256,
            "temperature": 0.5,
            "top_p": 0.9,
            "stop": ["END"],
            "stream": true,
            "stream_options": {"include_usage": true},
        }),
    );
}

#[test]
fn tool_calls_and_results() {
    let asked = Message {
        role: Role::Assistant,
        content: vec![
            thinking("hm"),
            tool_use("a", json!({"id": "A-1", "n": 2})),
            tool_use("b", Value::Null),
            tool_use("c", json!("{broken")),
            tool_use("d", json!([1])),
        ],
    };
    let answered = Message {
        role: Role::User,
        content: vec![
            ContentBlock::Text("and more".to_owned()),
            result("a", &["{\"ok\":true}", "second"], ToolResultStatus::Success),
            result("b", &["no such order"], ToolResultStatus::Error),
            result("c", &[], ToolResultStatus::Success),
        ],
    };
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "Orders__get", "arguments": arguments}});
    check(
        &request(vec![Message::user("x"), asked.clone(), answered]),
        plain(),
        json!({"model": "m", "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": null, "tool_calls": [
                call("a", r#"{"id":"A-1","n":2}"#),
                call("b", "{}"),
                call("c", r#"{"invalid_arguments":"{broken"}"#),
                call("d", r#"{"invalid_arguments":"[1]"}"#),
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "{\"ok\":true}\nsecond"},
            {"role": "tool", "tool_call_id": "b", "content": "Error: no such order"},
            {"role": "tool", "tool_call_id": "c", "content": ""},
            {"role": "user", "content": "and more"},
        ]}),
    );
}

#[test]
fn thinking_goes_back_only_where_it_must() {
    let earlier = Message { role: Role::Assistant, content: vec![thinking("hm"), ContentBlock::Text("b".to_owned())] };
    let asked = Message { role: Role::Assistant, content: vec![thinking("so"), tool_use("a", json!({}))] };
    let answered = Message { role: Role::User, content: vec![result("a", &["ok"], ToolResultStatus::Success)] };
    let request = request(vec![Message::user("x"), earlier, Message::user("y"), asked, answered]);
    let family = Family { thinking_back: true, ..*FAMILY };
    for (options, goes) in [(plain(), false), (Options { family: &family, ..plain() }, true)] {
        let body: Value = serde_json::from_slice(&encode(&request, options).unwrap()).unwrap();
        let back = |index: usize| body["messages"][index].get("reasoning_content").cloned();
        assert_eq!((back(1), back(3)), (None, goes.then(|| json!("so"))));
    }
    let only_thinking = self::request(vec![Message { role: Role::Assistant, content: vec![thinking("hm")] }]);
    check(&only_thinking, plain(), json!({"model": "m", "messages": [{"role": "assistant", "content": ""}]}));
}

#[test]
fn what_a_model_refuses_is_not_sent() {
    let mut request = request(vec![Message::user("hi")]);
    let schema = json!({"type": "object"});
    request.inference = InferenceConfig {
        max_tokens: Some(9),
        temperature: Some(0.0),
        top_p: Some(1.0),
        stop_sequences: vec!["x".to_owned()],
        answer_schema: Some(Arc::new(schema.clone())),
        ..InferenceConfig::default()
    };
    let messages = json!([{"role": "user", "content": "hi"}]);
    let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}});
    let family = families::of("gpt-5-mini");
    check(
        &request,
        Options { family: &family, ..plain() },
        json!({"model": "m", "messages": messages, "max_completion_tokens": 9, "response_format": format}),
    );
    check(
        &request,
        plain(),
        json!({"model": "m", "messages": messages, "max_tokens": 9, "temperature": 0.0, "top_p": 1.0, "stop": ["x"]}),
    );
}

#[test]
fn tools_and_choice() {
    let parameters = json!({"type": "object", "properties": {"id": {"type": "string"}}});
    for (choice, written) in [
        (ToolChoice::Auto, None),
        (ToolChoice::Any, Some(json!("required"))),
        (ToolChoice::Tool("ping".to_owned()), Some(json!({"type": "function", "function": {"name": "ping"}}))),
    ] {
        let mut expected = json!({
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "tools": [
                {"type": "function", "function": {"name": "Orders__get", "description": "Gets an order.", "parameters": parameters}},
                {"type": "function", "function": {"name": "ping", "parameters": parameters}},
            ],
        });
        if let Some(written) = written {
            expected["tool_choice"] = written;
        }
        check(&with_tools(choice), plain(), expected);
    }
    let no_tools = ModelRequest { tool_choice: ToolChoice::Any, ..request(vec![Message::user("hi")]) };
    check(&no_tools, plain(), json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}));
}

#[test]
fn additional_fields_take_our_place_or_are_refused() {
    let mut request = request(vec![Message::user("hi")]);
    request.inference.max_tokens = Some(10);
    request.inference.temperature = Some(0.0);
    request.additional_fields = json!({"max_completion_tokens": 99, "temperature": 1, "seed": 7}).as_object().cloned();
    check(
        &request,
        plain(),
        json!({
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "max_completion_tokens": 99,
            "temperature": 1,
            "seed": 7,
        }),
    );
    request.additional_fields = json!({"stream": false}).as_object().cloned();
    let refused = ModelError::new(ModelErrorKind::Invalid, "additional request fields cannot set `stream`");
    assert_eq!(encode(&request, plain()), Err(refused));
}
