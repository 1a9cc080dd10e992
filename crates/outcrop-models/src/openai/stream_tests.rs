#![expect(clippy::needless_pass_by_value, reason = "cases read better without `&` before every `json!`")]

use super::super::reply::tests::{request_after, text, thinking, tool_use};
use super::*;
use outcrop_ports::{ContentBlock, StopReason, Usage};
use proptest::prelude::*;
use serde_json::json;

type Read = (Vec<Delta>, Result<ModelReply, ModelError>);

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let request = request_after(&[]);
    let mut reader = StreamReader::new(&request);
    let mut deltas = Vec::new();
    for piece in pieces {
        if let Err(error) = reader.push(piece, &mut deltas) {
            return (deltas, Err(error));
        }
    }
    if !reader.is_done()
        && let Err(error) = reader.end(&mut deltas)
    {
        return (deltas, Err(error));
    }
    (deltas, reader.finish())
}

fn stream(pieces: &[Value]) -> String {
    pieces.iter().map(|piece| format!("data: {piece}\n\n")).collect::<String>() + "data: [DONE]\n\n"
}

fn said(delta: Value) -> Value {
    json!({"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": null}], "usage": null})
}

fn ended(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn call_piece(members: Value) -> Value {
    said(json!({"tool_calls": [members]}))
}

#[track_caller]
fn check(pieces: &[Value], deltas: &[Delta], content: &[ContentBlock], stop_reason: StopReason) {
    let (got, reply) = read([stream(pieces).as_bytes()]);
    let reply = reply.unwrap();
    assert_eq!(got, deltas);
    assert_eq!((reply.message.content.as_slice(), reply.stop_reason), (content, stop_reason));
}

fn started(tool_use_id: &str, name: &str) -> Delta {
    Delta::ToolUseStarted { tool_use_id: tool_use_id.to_owned(), name: name.to_owned() }
}

fn input(tool_use_id: &str, json: &str) -> Delta {
    Delta::ToolUseInput { tool_use_id: tool_use_id.to_owned(), json: json.to_owned() }
}

fn words(words: &str) -> Delta {
    Delta::Text(words.to_owned())
}

#[test]
fn words_thinking_and_usage() {
    let pieces = [
        said(json!({"role": "assistant", "content": ""})),
        said(json!({"reasoning": "Let me ", "reasoning_content": "Let me "})),
        said(json!({"reasoning_content": "see."})),
        said(json!({"content": "Good "})),
        said(json!({"content": "day."})),
        ended("stop"),
        json!({"choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 10}}}),
    ];
    let thought = |text: &str| Delta::Reasoning(text.to_owned());
    check(
        &pieces,
        &[thought("Let me "), thought("see."), words("Good "), words("day.")],
        &[thinking("Let me see."), text("Good day.")],
        StopReason::EndTurn,
    );
    let usage = Usage { input_tokens: 20, output_tokens: 7, cache_read_input_tokens: 10, ..Usage::default() };
    assert_eq!(read([stream(&pieces).as_bytes()]).1.unwrap().usage, usage);
}

#[test]
fn calls_in_pieces() {
    check(
        &[
            call_piece(
                json!({"index": 0, "id": "a", "type": "function", "function": {"name": "one", "arguments": ""}}),
            ),
            call_piece(json!({"index": 0, "function": {"arguments": "{\"x\""}})),
            call_piece(json!({"index": 1, "id": "b", "function": {"name": "two", "arguments": "{}"}})),
            call_piece(json!({"index": 0, "function": {"arguments": ":1}"}})),
            ended("tool_calls"),
        ],
        &[started("a", "one"), input("a", "{\"x\""), started("b", "two"), input("b", "{}"), input("a", ":1}")],
        &[tool_use("a", "one", json!({"x": 1})), tool_use("b", "two", json!({}))],
        StopReason::ToolUse,
    );
}

#[test]
fn calls_of_odd_servers() {
    let whole = |index: Value, id: &str, name: &str, x: i64| json!({"index": index, "id": id, "function": {"name": name, "arguments": format!("{{\"x\":{x}}}")}});
    let uses = [tool_use("a", "one", json!({"x": 1})), tool_use("b", "one", json!({"x": 2}))];
    // Every call has the number 0.
    let zero = said(json!({"tool_calls": [whole(json!(0), "a", "one", 1), whole(json!(0), "b", "one", 2)]}));
    let begun = [started("a", "one"), input("a", "{\"x\":1}"), started("b", "one"), input("b", "{\"x\":2}")];
    check(&[zero, ended("stop")], &begun, &uses, StopReason::ToolUse);
    // No numbers.
    let none = said(json!({"tool_calls": [whole(json!(null), "a", "one", 1), whole(json!(null), "b", "one", 2)]}));
    check(&[none, ended("stop")], &begun, &uses, StopReason::ToolUse);
    // Neither numbers nor ids, the arguments apart; the name with every piece of the second.
    check(
        &[
            call_piece(json!({"function": {"name": "one"}})),
            call_piece(json!({"function": {"arguments": "{\"x\":1}"}})),
            call_piece(json!({"index": 7, "id": "b", "function": {"name": "two", "arguments": "{\"x\""}})),
            call_piece(json!({"index": 7, "id": "b", "function": {"name": "two", "arguments": ":2}"}})),
            ended("tool_calls"),
        ],
        &[
            started("call_1", "one"),
            input("call_1", "{\"x\":1}"),
            started("b", "two"),
            input("b", "{\"x\""),
            input("b", ":2}"),
        ],
        &[tool_use("call_1", "one", json!({"x": 1})), tool_use("b", "two", json!({"x": 2}))],
        StopReason::ToolUse,
    );
}

#[track_caller]
fn check_error(stream: &str, deltas: usize, kind: ModelErrorKind) {
    let (got, reply) = read([stream.as_bytes()]);
    let error = reply.unwrap_err();
    assert_eq!((got.len(), error.kind), (deltas, kind), "{stream}: {error}");
}

#[test]
fn ends() {
    let hello = said(json!({"content": "a"}));
    check_error("", 0, ModelErrorKind::Unavailable);
    check_error(&format!("data: {hello}\n\n"), 1, ModelErrorKind::Unavailable);
    check_error(&format!("data: {hello}\n\ndata: {{broken\n\n"), 1, ModelErrorKind::BadReply);
    check_error(&format!("data: {hello}\n\ndata: {{\"error\":{{\"code\":429}}}}\n\n"), 1, ModelErrorKind::Throttled);
    // A reason without the closing line is an end, and so is the closing line without a reason.
    let (_, reply) = read([format!("data: {hello}\n\ndata: {}", ended("stop")).as_bytes()]);
    assert_eq!(reply.unwrap().stop_reason, StopReason::EndTurn);
    let (_, reply) = read([format!(": hello\n\ndata: {hello}\n\ndata: [DONE]\n\ndata: {{broken\n\n").as_bytes()]);
    assert_eq!(reply.unwrap().message.content, [text("a")]);
    let many: Vec<Value> =
        (0..=CALLS_MAX).map(|n| call_piece(json!({"index": n, "function": {"name": "t"}}))).collect();
    check_error(&stream(&many), CALLS_MAX, ModelErrorKind::BadReply);
}

#[test]
fn other_choices_are_not_mixed_in() {
    let other =
        json!({"choices": [{"index": 1, "delta": {"content": "no"}}, {"index": 0, "delta": {"content": "yes"}}]});
    check(&[other, ended("stop")], &[words("yes")], &[text("yes")], StopReason::EndTurn);
}

proptest! {
    #[test]
    fn however_split(cuts in prop::collection::vec(0_usize..2_000, 0..12)) {
        let stream = stream(&[
            said(json!({"reasoning": "Hmm, é"})),
            said(json!({"content": "Größe 👋 "})),
            said(json!({"content": "und\nmehr"})),
            call_piece(json!({"index": 0, "id": "a", "function": {"name": "one", "arguments": "{\"x\":"}})),
            call_piece(json!({"index": 0, "function": {"arguments": "\"ü\"}"}})),
            ended("tool_calls"),
            json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
        ]);
        let bytes = stream.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        prop_assert_eq!(read(cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]])), read([bytes]));
    }

    #[test]
    fn never_panics(lines in prop::collection::vec("(data: )?(\\{\"choices\":\\[\\{\"delta\":\\{(\"content\":(1|null|\"a\")|\"tool_calls\":\\[(\\{\"index\":[0-3]\\}|null|\\{\\})\\])\\}\\}\\]\\}|[\\[\\]{}a\":]{0,8})", 0..8)) {
        let _ = read([lines.join("\n\n").as_bytes()]);
    }
}
