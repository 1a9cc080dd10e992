use super::*;
use outcrop_ports::{
    InferenceConfig, Message, ModelErrorKind, Reasoning, Role, StopReason, ToolChoice, ToolResult, ToolResultContent,
    ToolResultStatus, ToolSpec, ToolUse, Usage,
};
use outcrop_testkit::CollectedDeltas;
use serde_json::{Value, json};
use std::sync::Arc;

const SCRIPT: &str = r#"
turns:
  - when_tool: shipped
    steps:
      - say: Too late.
      - say: Really.
  - when: ORDER
    steps:
      - think: An order.
        say: I look for {{input}}.
        call: {tool: get_order_status, input: {order_id: A-482, deep: ["{{input}}", 7, {x: null}]}}
      - say: "It is {{last_result}}; {{unknown}} {{"
        usage: {input: 120, output: 9}
  - when_regex: '(?i)^both\b'
    when: weather
    steps:
      - calls:
          - {tool: Weather__get, input: {city: Rome}}
          - {tool: Weather__get}
  - steps:
      - say: First.
  - when: odd
    steps:
      - calls:
          - {tool: teleport, invented: true, input: "{broken"}
        stop: max_tokens
      - {delay: 1ms, fail: {kind: throttled, message: slow down}}
      - fail: {kind: timed_out}
  - steps:
      - say: Second.
"#;

fn request(messages: Vec<Message>) -> ModelRequest {
    let tool = |name: &str| ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        input_schema: json!({"type": "object"}),
    };
    let names = ["Orders__get_order_status", "Weather__get", "A__same", "B__same"];
    ModelRequest {
        model_id: "m".to_owned(),
        system: vec!["You help.".to_owned()],
        messages: messages.into_iter().map(Arc::new).collect(),
        tools: names.map(tool).into(),
        tool_choice: ToolChoice::Auto,
        inference: InferenceConfig::default(),
        additional_fields: None,
        caching: outcrop_ports::Caching::Automatic,
    }
}

fn user(text: &str) -> Message {
    Message::user(text)
}

fn said(text: &str) -> Message {
    Message::assistant(text)
}

fn used(id: &str) -> Message {
    Message { role: Role::Assistant, content: vec![tool_use(id, "t", json!({}))] }
}

fn result(text: &str) -> Message {
    let content = vec![ToolResultContent::Text(text.to_owned())];
    let result = ToolResult { tool_use_id: "x".to_owned(), content, status: ToolResultStatus::Success };
    Message { role: Role::User, content: vec![ContentBlock::ToolResult(result)] }
}

fn text(text: &str) -> ContentBlock {
    ContentBlock::Text(text.to_owned())
}

fn tool_use(id: &str, name: &str, input: Value) -> ContentBlock {
    ContentBlock::ToolUse(ToolUse { tool_use_id: id.to_owned(), name: name.to_owned(), input })
}

async fn play(script: &str, messages: Vec<Message>) -> Result<ModelReply, ModelError> {
    ScriptedModel::from_yaml(script).unwrap().converse(&request(messages), None).await
}

async fn check(messages: Vec<Message>, content: &[ContentBlock], stop_reason: StopReason) {
    let reply = play(SCRIPT, messages).await.unwrap();
    assert_eq!((reply.message.content.as_slice(), reply.stop_reason), (content, stop_reason));
}

async fn check_error(script: &str, messages: Vec<Message>, kind: ModelErrorKind, message: &str) {
    assert_eq!(play(script, messages).await, Err(ModelError::new(kind, message)));
}

#[tokio::test]
async fn steps_follow_from_the_conversation() {
    let thought = ContentBlock::ReasoningContent(Reasoning::plain("An order."));
    let words = "my order, {{last_result}}";
    let look = tool_use(
        "tooluse_1",
        "Orders__get_order_status",
        json!({"order_id": "A-482", "deep": [words, 7, {"x": null}]}),
    );
    let content = [thought, text("I look for my order, {{last_result}}."), look];
    check(vec![user(words)], &content, StopReason::ToolUse).await;
    let told = [text("It is {{input}} processing; {{unknown}} {{")];
    check(vec![user("my order"), used("tooluse_1"), result("{{input}} processing")], &told, StopReason::EndTurn).await;
    // A result takes over, counted from there.
    let mut shipped = vec![user("my order"), used("tooluse_1"), result("has shipped")];
    check(shipped.clone(), &[text("Too late.")], StopReason::EndTurn).await;
    shipped.extend([used("tooluse_2"), result("something else")]);
    check(shipped, &[text("Really.")], StopReason::EndTurn).await;
}

#[tokio::test]
async fn several_tools_with_ids_counted_over_the_conversation() {
    let earlier = vec![user("hello"), used("a"), result("r"), said("ok"), user("Both weather please")];
    let uses = [
        tool_use("tooluse_2", "Weather__get", json!({"city": "Rome"})),
        tool_use("tooluse_3", "Weather__get", json!({})),
    ];
    check(earlier, &uses, StopReason::ToolUse).await;
}

#[tokio::test]
async fn turns_without_conditions_are_played_in_order() {
    let first = vec![user("hello")];
    check(first.clone(), &[text("First.")], StopReason::EndTurn).await;
    // What met a condition in between does not count.
    let mut second =
        [first, vec![said("First."), user("my order"), used("tooluse_1"), result("r"), said("It is r"), user("hello")]]
            .concat();
    check(second.clone(), &[text("Second.")], StopReason::EndTurn).await;
    second.extend([said("Second."), user("hello")]);
    let message = "no turn of the script fits the words `hello` (conditions: when_tool `shipped`, when `order`, \
                   when `weather` and when_regex `(?i)^both\\b`, when `odd`; turns without condition: 2, played: 2)";
    check_error(SCRIPT, second, ModelErrorKind::Invalid, message).await;
}

#[tokio::test]
async fn odd_steps() {
    let odd = [tool_use("tooluse_1", "teleport", json!("{broken"))];
    check(vec![user("odd")], &odd, StopReason::MaxTokens).await;
    check_error(SCRIPT, vec![user("odd"), said("1")], ModelErrorKind::Throttled, "slow down").await;
    let second = vec![user("odd"), said("1"), said("2")];
    check_error(SCRIPT, second, ModelErrorKind::TimedOut, "the script says so").await;
    let past = vec![user("odd"), said("1"), said("2"), said("3")];
    let message = "the turn at line 22 has 3 step(s), the model is asked for step 4";
    check_error(SCRIPT, past, ModelErrorKind::Invalid, message).await;
}

#[tokio::test]
async fn an_empty_condition_always_holds() {
    let script = "turns: [{when: '', steps: [{say: Yes.}]}]";
    for messages in [vec![user("a")], vec![user("a"), said("Yes."), user("b")], vec![result("r")]] {
        assert_eq!(play(script, messages).await.unwrap().message, said("Yes."));
    }
}

#[tokio::test]
async fn tools_that_are_not_on_offer() {
    let script = |tool: &str| format!("turns: [{{steps: [{{call: {{tool: {tool}}}}}]}}]");
    let offered = "`Orders__get_order_status`, `Weather__get`, `A__same`, `B__same`";
    let message = format!("the tool `order_status` of the script is not on offer; {offered} are");
    check_error(&script("order_status"), vec![user("a")], ModelErrorKind::Invalid, &message).await;
    let message = "the tool `same` of the script could be any of `A__same`, `B__same`";
    check_error(&script("same"), vec![user("a")], ModelErrorKind::Invalid, message).await;
    let bare = ModelRequest { tools: Arc::new([]), ..request(vec![user("a")]) };
    let error = ScriptedModel::from_yaml(&script("x")).unwrap().converse(&bare, None).await.unwrap_err();
    assert_eq!(error.message, "the tool `x` of the script is not on offer; no tool is");
}

#[tokio::test]
async fn streams_word_by_word_and_counts() {
    let deltas = CollectedDeltas::new();
    let model = ScriptedModel::from_yaml(SCRIPT).unwrap();
    let reply = model.converse(&request(vec![user("my order")]), Some(&deltas)).await.unwrap();
    let word = |text: &str| Delta::Text(text.to_owned());
    let thought = |text: &str| Delta::Reasoning(text.to_owned());
    let tool_use_id = "tooluse_1".to_owned();
    let started =
        Delta::ToolUseStarted { tool_use_id: tool_use_id.clone(), name: "Orders__get_order_status".to_owned() };
    let input = Delta::ToolUseInput { tool_use_id, json: reply.message.tool_uses().next().unwrap().input.to_string() };
    let words = [word("I "), word("look "), word("for "), word("my "), word("order.")];
    assert_eq!(deltas.all(), [vec![thought("An "), thought("order.")], words.to_vec(), vec![started, input]].concat());
    // 17 bytes of system prompt and words; thinking, text, and the tool with its input.
    assert_eq!(reply.usage, Usage { input_tokens: 5, output_tokens: 27, ..Usage::default() });
    let told = play(SCRIPT, vec![user("order"), used("tooluse_1"), result("r")]).await.unwrap();
    assert_eq!(told.usage, Usage { input_tokens: 120, output_tokens: 9, ..Usage::default() });
}

#[track_caller]
fn check_refused(yaml: &str, expected: &str) {
    let error = ScriptedModel::from_yaml(yaml).expect_err(yaml).to_string();
    assert!(error.contains(expected), "{yaml}\n{error}");
}

#[test]
fn what_is_no_script_says_where() {
    check_refused("turns: []", "the script has no turns");
    check_refused("", "line 1, column 1: ");
    check_refused("turns:\n  - when: a\n    stepps: []\n", "line 3, column 5: unknown field `stepps`");
    check_refused("turns:\n  - steps: []\n", "line 2, column 5: a turn needs at least one step");
    check_refused(
        "turns:\n  - when_regex: '('\n    steps: [{say: a}]\n",
        "line 2, column 17: `when_regex` is no pattern: unclosed group",
    );
    check_refused("turns:\n  - steps:\n      - usage: {input: 1}\n", "line 3, column 9: a step needs one of");
    check_refused(
        "turns:\n  - steps:\n      - {call: {tool: a}, calls: []}\n",
        "line 3, column 9: a step has `call` or `calls`",
    );
    check_refused(
        "turns:\n  - steps:\n      - {say: a, fail: {kind: invalid}}\n",
        "a step that fails has nothing beside",
    );
    check_refused("turns:\n  - steps:\n      - {fail: {kind: tired}}\n", "line 3, column 23: unknown variant");
    check_refused(
        "turns:\n  - steps:\n      - {say: a, delay: 5 minutes}\n",
        "line 3, column 25: `delay` is `5 minutes`",
    );
    check_refused("turns:\n  - steps:\n      - {say: a, delay: 3601s}\n", "at most an hour");
    check_refused("turns:\n  - steps:\n      - {say: [a}\n", "line 3, column ");
    check_refused(&format!("turns: [] #{}", "x".repeat(1024 * 1024)), "larger than");
}

#[test]
fn files() {
    let error = ScriptedModel::from_file(Path::new("/nowhere/script.yaml")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/script.yaml: "), "{error}");
}

#[test]
fn the_documented_example_is_a_script() {
    let example: String = include_str!("../scripted.rs")
        .lines()
        .skip_while(|line| !line.contains("```yaml"))
        .skip(1)
        .take_while(|line| !line.contains("```"))
        .map(|line| format!("{}\n", line.trim_start_matches("//!")))
        .collect();
    ScriptedModel::from_yaml(&example).unwrap();
}
