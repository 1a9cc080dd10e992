use super::*;
use serde_json::{Value, json};

const PLAIN: Style = Style { color: false, width: 100 };

fn recorded(turn: &str) -> Vec<StreamEvent> {
    let file: Value = serde_json::from_str(include_str!("recorded.json")).unwrap();
    let events = file["turns"][turn].as_array().unwrap();
    events.iter().map(|event| StreamEvent::new(event["name"].as_str().unwrap(), event["payload"].clone())).collect()
}

fn render(style: Style, events: &[StreamEvent]) -> String {
    let mut renderer = Renderer::new(style);
    let mut out: String = events.iter().map(|event| renderer.event(event)).collect();
    out.push_str(&renderer.finish());
    out
}

fn check(turn: &str, expected: &str) {
    assert_eq!(render(PLAIN, &recorded(turn)), expected, "{turn}");
}

#[test]
fn tools_and_totals() {
    check(
        "tools",
        r#"  model     anthropic.claude-3-5-sonnet-20240620-v1:0, 728 tokens in, 165 out, 3.62 s
  thinks    To find the sum of 10 and 20, I can use the
            "action_group_quick_start_6gq19__add_two_numbers" function. This function takes two
            parameters: n1 and n2. I'll use
  tool      action_group_quick_start_6gq19.add_two_numbers(n1=10, n2=20)
  result    The result of adding 10 and 20 is 30  [0.34 s]
  model     anthropic.claude-3-5-sonnet-20240620-v1:0, 915 tokens in, 56 out, 2.10 s
  thinks    The function has returned the result of adding 10 and 20, which is 30. I'll now provide
            the answer to the user.

The sum of 10 and 20 is 30.

  total     6.35 s, 2 model calls, 1643 tokens in, 221 out
"#,
    );
}

#[test]
fn a_guardrail_that_steps_in() {
    check(
        "guardrail",
        r#"  guardrail input: INSULTS

Sorry, the model cannot answer this question.
"#,
    );
}

#[test]
fn passages_and_sources() {
    check(
        "knowledge",
        r#"  search    SSGLURQ9A5: What is task decomposition?
  result    2 passages
            - 2222: Fig. 1. Overview of a LLM-powered autonomous agent system. Component One:
            Planning A complicated tas…
            - 2222: They use few-shot examples to guide LLM to do task parsing and planning.
            Instruction: The AI assista…  [1.11 s]
  model     model, 2068 tokens in, 385 out, 9.46 s

Task decomposition.

  source    2222
  total     11.00 s, 1 model call, 2068 tokens in, 385 out
"#,
    );
}

#[test]
fn steps_after_a_streamed_answer() {
    check(
        "streamed",
        r#"The sum of 1, 2, 3, 4, 5, 6, 7, 8, 9, and 10 is 55.

  model     amazon.nova-pro-v1:0, 896 tokens in, 165 out, 3.45 s
  thinks    The User's goal is to find the sum of the numbers 1 through 10.
            (2) No additional information has been provided.
            (3) The best action plan is to calculate the su
  total     4.08 s, 1 model call, 896 tokens in, 165 out
"#,
    );
}

#[test]
fn collaborators_by_name() {
    check(
        "collaborators",
        r#"  model     anthropic.claude-3-haiku-20240307-v1:0, 922 tokens in, 144 out, 1.62 s
  thinks    To find the sum of the numbers 1 through 10, I will need to invoke the SimpleSupervisor
            agent to handle this math task.
  tool      SimpleSupervisor: Please calculate the sum of the numbers 1, 2, 3, 4, 5, 6, 7, 8, 9,
            and 10.
  model     [SimpleSupervisor] anthropic.claude-3-5-haiku-20241022-v1:0, 1055 tokens in, 167 out,
            2.91 s
  thinks    [SimpleSupervisor] I will use the MathSolverAgent to help me calculate the sum of the
            numbers 1 through 10. I can do this by adding all the numbers together.
  tool      [SimpleSupervisor] MathSolverAgent: Calculate the sum of 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8
            + 9 + 10
  model     [SimpleSupervisor] anthropic.claude-3-haiku-20240307-v1:0, 449 tokens in, 132 out, 1.36
            s
  model     [SimpleSupervisor] model, 1275 tokens in, 131 out, 2.73 s
  thinks    [SimpleSupervisor] I will now send the result back to the User.
  result    SimpleSupervisor: The sum of the numbers 1, 2, 3, 4, 5, 6, 7, 8, 9, and 10 is 55.
            [13.69 s]
  model     anthropic.claude-3-haiku-20240307-v1:0, 1156 tokens in, 45 out, 0.46 s

The sum of the numbers 1, 2, 3, 4, 5, 6, 7, 8, 9, and 10 is 55.

  total     16.12 s, 5 model calls, 4857 tokens in, 619 out
"#,
    );
}

#[test]
fn reasoning_and_returned_control_are_told_once() {
    let trace = |step: Value| StreamEvent::new("trace", json!({"trace": {"orchestrationTrace": step}}));
    let call = json!({"actionGroupName": "Client", "function": "open", "executionType": "RETURN_CONTROL"});
    let input = json!({"functionInvocationInput": {"actionGroup": "Client", "function": "open"}});
    let events = [
        trace(json!({"modelInvocationOutput": {"reasoningContent": {"reasoningText": {"text": "I open it."}}}})),
        trace(json!({"rationale": {"text": "I open it."}})),
        trace(json!({"invocationInput": {"actionGroupInvocationInput": call}})),
        StreamEvent::new("returnControl", json!({"invocationInputs": [input]})),
    ];
    let expected = "  model     model
  thinks    I open it.
  asks you  open()
  total     1 model call
";
    assert_eq!(render(PLAIN, &events), expected);
}

#[test]
fn a_failed_stream_says_so_and_keeps_what_was_said() {
    let mut failed = StreamEvent::new("throttlingException", json!({"message": "slow down"}));
    failed.is_exception = true;
    let chunk = StreamEvent::new("chunk", json!({"bytes": "SGVs"}));
    assert_eq!(render(PLAIN, &[chunk, failed]), "Hel\n\n  failed    throttlingException: slow down\n");
}

#[test]
fn colours_add_nothing_but_colour() {
    for turn in ["tools", "guardrail", "code", "knowledge", "streamed", "collaborators"] {
        let events = recorded(turn);
        let coloured = render(Style { color: true, ..PLAIN }, &events);
        assert!(coloured.contains('\u{1b}'));
        assert_eq!(strip(&coloured), render(PLAIN, &events), "{turn}");
    }
}

/// Takes out colour escapes: from ESC to `m`.
fn strip(text: &str) -> String {
    let mut pieces = text.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |out, piece| out + piece.split_once('m').map_or("", |(_, rest)| rest))
}

proptest::proptest! {
    #[test]
    fn any_json_is_survived(text in "[ -~é\n]{0,20}", key in "(orchestration|failure|guardrail|preProcessing)Trace") {
        let values = [json!(null), json!([1, {"a": text}]), json!({"observation": {"finalResponse": text}}), json!(text)];
        for value in values {
            let events = [
                StreamEvent::new("trace", json!({"trace": {key.clone(): value.clone()}})),
                StreamEvent::new("chunk", value.clone()),
                StreamEvent::new("files", json!({"files": value.clone()})),
                StreamEvent::new("returnControl", json!({"invocationInputs": [value]})),
            ];
            render(PLAIN, &events);
        }
    }
}

fn check_kept(detail: Detail, entries: &[Value], expected: &str) {
    let mut renderer = Renderer::kept(PLAIN, detail);
    let mut out: String = entries.iter().map(|entry| renderer.entry(entry)).collect();
    renderer.took(&json!({"totalTimeMs": 1_234, "totals": {"modelCalls": 2, "inputTokens": 7, "outputTokens": 3}}));
    out.push_str(&renderer.finish());
    assert_eq!(out, expected);
}

#[test]
fn what_only_the_journal_knows() {
    let part = |trace: Value| json!({"depth": 1, "collaboratorName": "Orders", "trace": {"collaboratorName": "Orders", "trace": trace}});
    let call = json!({"actionGroupName": "G", "function": "f", "parameters": [{"name": "n", "type": "integer", "value": "1"}]});
    let lost = |call: &Value| {
        let mut lost = call.clone();
        lost["outcome"] = json!({"status": "UNKNOWN"});
        lost
    };
    let entries = [
        json!({"depth": 0, "request": {"type": "WORDS", "inputText": "Where is\nit?"}}),
        json!({"depth": 0, "modelCall": {"step": 1, "phase": "PRE_PROCESSING", "modelId": "m", "totalTimeMs": 1_500,
            "usage": {"inputTokens": 7, "outputTokens": 3}}}),
        json!({"depth": 0, "parserCall": {"functionArn": "arn:f", "totalTimeMs": 10, "outcome": {"status": "SUCCESS"}}}),
        json!({"depth": 0, "modelCall": {"step": 2, "phase": "ORCHESTRATION", "modelId": "m", "error": {"kind": "throttled"}}}),
        json!({"depth": 1, "collaboratorName": "Orders", "request": {"type": "WORDS", "inputText": "not told twice"}}),
        part(json!({"orchestrationTrace": {"invocationInput": {"actionGroupInvocationInput": call}}})),
        part(json!({"orchestrationTrace": {"modelInvocationOutput": {"metadata": {"usage": {"inputTokens": 9}}}}})),
        json!({"depth": 1, "collaboratorName": "Orders", "toolCall": lost(&call)}),
        json!({"depth": 0, "collaboratorCall": {"agentCollaboratorName": "Orders", "isLeftOut": true}}),
        json!({"depth": 0, "request": {"type": "FORK", "agentAliasId": "A", "agentVersion": "2", "sessionId": "f"}}),
        json!({"depth": 0, "request": {"type": "RESULTS", "results": [{"function": "f", "body": "done"}, {"apiPath": "/x", "confirmed": false}]}}),
        json!({"depth": 0, "ended": {"returnControl": {"invocationInputs": [{"functionInvocationInput": {"function": "open"}}]}}}),
        json!({"depth": 0, "ended": {"error": {"code": "ThrottlingException", "message": "slow"}}}),
        json!({"depth": 0, "ended": {"answer": {"text": "Here\u{1b}[31m."}}}),
    ];
    check_kept(
        Detail::Short,
        &entries,
        r#"  user      Where is it?
  model     #1 pre processing m, 7 tokens in, 3 out, 1.50 s
  step      parser arn:f [0.01 s]
  model     #2 m, failed
    tool      [Orders] G.f(n=1)
    failed    [Orders] G.f(n=1): no result recorded; whether it did its work is unknown
  step      what Orders did is not kept
  step      forked: goes on as A, version 2, in f
  user      results: f: done; /x: denied
  asks you  open()
  failed    ThrottlingException: slow

Here[31m.

  total     1.23 s, 2 model calls, 7 tokens in, 3 out
"#,
    );
    let long = json!({"depth": 0, "request": {"type": "WORDS", "inputText": "word ".repeat(1_000)}});
    let shown = |detail| Renderer::kept(Style { color: false, width: 0 }, detail).entry(&long);
    assert!(shown(Detail::Short).ends_with("…\n") && shown(Detail::Short).chars().count() < 200);
    assert_eq!(shown(Detail::Full).matches("word").count(), 1_000);
}
