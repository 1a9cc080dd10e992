#![expect(clippy::needless_pass_by_value, reason = "cases read better without `&` before every `json!`")]

use super::*;
use outcrop_ports::{InferenceConfig, ToolChoice};
use serde_json::json;
use std::sync::Arc;

pub(in crate::openai) fn request_after(used_ids: &[&str]) -> ModelRequest {
    let used = |id: &&str| {
        ContentBlock::ToolUse(ToolUse { tool_use_id: (*id).to_owned(), name: "t".to_owned(), input: json!({}) })
    };
    let before = Message { role: Role::Assistant, content: used_ids.iter().map(used).collect() };
    ModelRequest {
        model_id: "m".to_owned(),
        system: Vec::new(),
        messages: vec![Arc::new(before), Arc::new(Message::user("hi"))],
        tools: Arc::new([]),
        tool_choice: ToolChoice::Auto,
        inference: InferenceConfig::default(),
        additional_fields: None,
        caching: outcrop_ports::Caching::Automatic,
    }
}

pub(in crate::openai) fn text(text: &str) -> ContentBlock {
    ContentBlock::Text(text.to_owned())
}

pub(in crate::openai) fn thinking(text: &str) -> ContentBlock {
    ContentBlock::ReasoningContent(Reasoning::plain(text))
}

pub(in crate::openai) fn tool_use(id: &str, name: &str, input: Value) -> ContentBlock {
    ContentBlock::ToolUse(ToolUse { tool_use_id: id.to_owned(), name: name.to_owned(), input })
}

#[track_caller]
fn check(message: Value, finish_reason: &str, expected: (&[ContentBlock], StopReason)) {
    let body = json!({"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}]});
    let reply = decode(body.to_string().as_bytes(), &request_after(&[])).unwrap();
    assert_eq!((reply.message.content.as_slice(), reply.stop_reason), expected);
    assert_eq!(reply.message.role, Role::Assistant);
}

fn call(id: Value, name: &str, arguments: Value) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

#[test]
fn words_and_thinking() {
    use StopReason::{ContentFiltered, EndTurn, MaxTokens};
    check(json!({"role": "assistant", "content": "Hi é"}), "stop", (&[text("Hi é")], EndTurn));
    check(json!({"content": "Hi"}), "length", (&[text("Hi")], MaxTokens));
    check(json!({"content": null}), "content_filter", (&[], ContentFiltered));
    check(json!({"content": "", "refusal": "I will not."}), "stop", (&[text("I will not.")], EndTurn));
    check(json!({"content": "a", "reasoning_content": "r"}), "stop", (&[thinking("r"), text("a")], EndTurn));
    check(
        json!({"content": "a", "reasoning": "r", "reasoning_content": null}),
        "stop",
        (&[thinking("r"), text("a")], EndTurn),
    );
    check(
        json!({"content": "a", "reasoning": "r", "reasoning_content": "r"}),
        "stop",
        (&[thinking("r"), text("a")], EndTurn),
    );
    check(
        json!({"content": [{"type": "text", "text": "a"}, {"type": "image"}, {"text": "b"}]}),
        "stop",
        (&[text("ab")], EndTurn),
    );
    check(json!({"content": "a", "reasoning": 5, "unknown": {}}), "", (&[text("a")], EndTurn));
}

#[test]
fn tool_calls() {
    let two = json!({"content": "\n\n", "tool_calls": [
        call(json!("a"), "one", json!("{\"x\": 1}")),
        call(json!("b"), "two", json!("")),
    ]});
    let uses = [tool_use("a", "one", json!({"x": 1})), tool_use("b", "two", json!({}))];
    check(two.clone(), "tool_calls", (&uses, StopReason::ToolUse));
    check(two, "stop", (&uses, StopReason::ToolUse));

    let odd = json!({"content": "I look.", "tool_calls": [
        call(json!(null), "one", json!({"x": [1]})),
        call(json!(""), "two", json!("{broken")),
        call(json!("c"), "", json!("null")),
        call(json!("c"), "four", json!("\"{\\\"y\\\":2}\"")),
        {"function": {"name": "five"}},
    ]});
    let uses = [
        text("I look."),
        tool_use("call_1", "one", json!({"x": [1]})),
        tool_use("call_2", "two", json!("{broken")),
        tool_use("c", "unnamed", json!({})),
        tool_use("call_4", "four", json!({"y": 2})),
        tool_use("call_5", "five", json!({})),
    ];
    check(odd, "tool_calls", (&uses, StopReason::ToolUse));
}

#[test]
fn ids_are_unique_in_the_conversation() {
    let body = json!({"choices": [{"message": {"tool_calls": [call(json!("call_0"), "t", json!("{}"))]}}]});
    let reply = decode(body.to_string().as_bytes(), &request_after(&["call_0", "call_2"])).unwrap();
    assert_eq!(reply.message.content, [tool_use("call_3", "t", json!({}))]);
}

#[test]
fn usage_tells_cached_tokens_apart() {
    for (usage, expected) in [
        (json!(null), (0, 0, 0)),
        (json!({"prompt_tokens": 12, "completion_tokens": 3}), (12, 3, 0)),
        (
            json!({"prompt_tokens": 1017, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1000}}),
            (17, 3, 1000),
        ),
        (json!({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}}), (0, 0, 9)),
        (json!({"prompt_tokens": 5, "prompt_tokens_details": null}), (5, 0, 0)),
    ] {
        let body = json!({"choices": [{"message": {"content": "a"}}], "usage": usage});
        let got = decode(body.to_string().as_bytes(), &request_after(&[])).unwrap().usage;
        assert_eq!((got.input_tokens, got.output_tokens, got.cache_read_input_tokens), expected, "{usage}");
    }
}

#[test]
fn stop_sequences_of_vllm() {
    let stopped = |reason: Value| {
        let body = json!({"choices": [{"message": {"content": "a"}, "finish_reason": "stop", "stop_reason": reason}]});
        decode(body.to_string().as_bytes(), &request_after(&[])).unwrap().stop_reason
    };
    assert_eq!(stopped(json!("END")), StopReason::StopSequence);
    assert_eq!(stopped(json!(151_643)), StopReason::EndTurn);
    assert_eq!(stopped(json!(null)), StopReason::EndTurn);
}

#[test]
fn what_is_no_answer() {
    for (body, kind) in [
        ("", ModelErrorKind::BadReply),
        ("<html>", ModelErrorKind::BadReply),
        ("[]", ModelErrorKind::BadReply),
        ("{}", ModelErrorKind::BadReply),
        (r#"{"choices":[]}"#, ModelErrorKind::BadReply),
        (r#"{"choices":null}"#, ModelErrorKind::BadReply),
        (r#"{"error":{"code":429,"message":"busy"}}"#, ModelErrorKind::Throttled),
        (r#"{"choices":[{"message":{},"finish_reason":"error"}]}"#, ModelErrorKind::Unavailable),
    ] {
        let error = decode(body.as_bytes(), &request_after(&[])).unwrap_err();
        assert_eq!(error.kind, kind, "{body}: {error}");
    }
}
