//! Custom orchestration: what the author's function is called with, and what its answers lead to.

#![expect(clippy::needless_pass_by_value, reason = "cases read better with values")]

use super::*;
use outcrop_planner::turn::Earlier;
use outcrop_planner::turn::custom::{CustomTurn, IntermediaryStep, OrchestrationInput, OrchestrationOutput};

const ORCHESTRATOR: &str = "arn:aws:lambda:us-east-1:000000000000:function:steps";

fn orchestrated() -> Arc<PreparedAgent> {
    let mut snapshot = snapshot_with(&json!(null));
    snapshot.agent.orchestration_type = Some(agent_api::OrchestrationType::CustomOrchestration);
    let executor = agent_api::OrchestrationExecutor::Lambda(ORCHESTRATOR.to_owned());
    snapshot.agent.custom_orchestration = Some(agent_api::CustomOrchestration { executor: Some(executor) });
    Arc::new(prepare::prepare(&snapshot).unwrap())
}

fn begin(input: &str) -> Play {
    let limits = TurnLimits { iterations_max: 2, reprompts_max: 1, ..TurnLimits::default() };
    Play::of(orchestrated(), Vec::new(), Started { input_text: input.into(), limits, ..Started::default() })
}

/// The function's answer; its trace names the event.
fn event(event: &str, text: Value) -> ParserOutcome {
    let text = if let Value::String(text) = text { text } else { text.to_string() };
    let trace = json!({"event": {"text": format!("wants {event}")}});
    let output = json!({"text": text, "trace": trace});
    ParserOutcome::Answered(json!({"version": "1.0", "actionEvent": event, "output": output}).to_string())
}

fn tool(id: &str, name: &str, input: Value) -> ParserOutcome {
    event("INVOKE_TOOL", json!({"toolUse": {"toolUseId": id, "name": name, "input": input}}))
}

fn model(words: &str) -> ParserOutcome {
    event("INVOKE_MODEL", json!({"messages": [{"role": "user", "content": [{"text": words}]}]}))
}

/// The transcript, with the function's calls and answers in short.
fn short(play: &Play) -> String {
    let line = |line: &str| match line.split_once("= call parser ") {
        Some((indent, payload)) => {
            let payload: Value = serde_json::from_str(payload).unwrap();
            let text = payload["input"]["text"].as_str().unwrap();
            format!("{indent}= call function {} {text}", payload["state"].as_str().unwrap())
        }
        None if line.starts_with("> parser: ") => "> function answers".to_owned(),
        None => line.to_owned(),
    };
    play.transcript().lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_function_decides_each_step() {
    let mut play = begin("Where is A-1?");
    play.parser(model("Say where"))
        .model(vec![text("Look it up.")])
        .parser(tool("t1", "orders__status", json!({"id": "A-1"})))
        .tool("t1", answers("processing"))
        .parser(event("WEIGH", json!("how")))
        .parser(model("Say it nicely"))
        .model(vec![text("It is on its way.")])
        .parser(event("FINISH", json!("On its way.")));
    assert_snapshot!(short(&play), @r#"
    > user: Where is A-1?
      = call function START {"text":"Where is A-1?"}
    > function answers
      [rid-0] custom "wants INVOKE_MODEL"
      [rid-0] model input
      = call model, 1 messages
    > model: "Look it up."
      [rid-0] model output
      = call function MODEL_INVOKED {"stopReason":"end_turn","output":{"role":"assistant","content":[{"text":"Look it up."}]},"usage":{"inputTokens":7,"outputTokens":3,"totalTokens":10}}
    > function answers
      [rid-0] custom "wants INVOKE_TOOL"
      [rid-0] input status LAMBDA
      = call tools orders.status(id:string=A-1)
    > tool t1: "processing"
      [rid-0] observation ACTION_GROUP "processing"
      = call function TOOL_INVOKED {"toolResult":{"toolUseId":"t1","content":[{"text":"processing"}]}}
    > function answers
      [rid-1] custom "wants WEIGH"
      = call function WEIGH how
    > function answers
      [rid-1] custom "wants INVOKE_MODEL"
      [rid-1] model input
      = call model, 1 messages
    > model: "It is on its way."
      [rid-1] model output
      = call function MODEL_INVOKED {"stopReason":"end_turn","output":{"role":"assistant","content":[{"text":"It is on its way."}]},"usage":{"inputTokens":7,"outputTokens":3,"totalTokens":10}}
    > function answers
      [rid-1] custom "wants FINISH"
      [rid-1] observation FINISH "On its way."
      = finish "On its way."
    "#);
    let kept = play.turn.custom_turn().unwrap();
    let steps: Vec<(&str, &str)> = kept
        .intermediary_steps
        .iter()
        .map(|step| (step.orchestration_input.state.as_str(), step.orchestration_output.event.as_str()))
        .collect();
    assert_eq!(
        steps,
        [
            ("START", "INVOKE_MODEL"),
            ("MODEL_INVOKED", "INVOKE_TOOL"),
            ("TOOL_INVOKED", "WEIGH"),
            ("WEIGH", "INVOKE_MODEL"),
            ("MODEL_INVOKED", "FINISH"),
        ]
    );
    assert_eq!((kept.agent_input.as_str(), kept.agent_output.as_deref()), ("Where is A-1?", Some("On its way.")));
}

#[test]
fn what_the_user_has_to_do_comes_back_to_the_function() {
    let mut play = begin("Calendar, and cancel");
    play.parser(tool("t1", "client__calendar", json!({"date": "Monday"})))
        .caller(vec![ControlResult { body: Some("opened".into()), ..result("client", "calendar") }])
        .parser(tool("t2", "orders__cancel", json!({"id": "A-1"})))
        .caller(vec![agreed()])
        .tool("t2", answers("cancelled"))
        .parser(model("Sum up"));
    // The model fails after the caller's part: the caller may bring it again, and the model is asked the same again.
    let (started_at, at) = play.at();
    let error = ModelError::new(ModelErrorKind::Throttled, "busy");
    play.feed("model fails", Event::ModelFailed(ModelFailed { started_at, at, error }));
    assert!(play.turn.awaited_invocation().is_some());
    play.caller(vec![agreed()]).model(vec![text("Both are done.")]).parser(event("FINISH", json!("\"Done.\"")));
    assert_snapshot!(short(&play), @r#"
    > user: Calendar, and cancel
      = call function START {"text":"Calendar, and cancel"}
    > function answers
      [rid-0] custom "wants INVOKE_TOOL"
      [rid-0] input calendar RETURN_CONTROL
      = return control [{"functionInvocationInput":{"actionGroup":"client","actionInvocationType":"RESULT","agentId":"AGENT00001","function":"calendar","parameters":[{"name":"date","type":"string","value":"Monday"}]}}]
    > caller: None Some("opened")
      [rid2-0] observation ACTION_GROUP "opened"
      = call function TOOL_INVOKED {"toolResult":{"toolUseId":"t1","content":[{"text":"opened"}]}}
    > function answers
      [rid2-1] custom "wants INVOKE_TOOL"
      [rid2-1] input cancel RETURN_CONTROL
      = return control [{"functionInvocationInput":{"actionGroup":"orders","actionInvocationType":"USER_CONFIRMATION","agentId":"AGENT00001","function":"cancel","parameters":[{"name":"id","type":"string","value":"A-1"}]}}]
    > caller: Some(true) None
      [rid2-0] input cancel LAMBDA
      = call tools orders.cancel(id:string=A-1)
    > tool t2: "cancelled"
      [rid2-0] observation ACTION_GROUP "cancelled"
      = call function TOOL_INVOKED {"toolResult":{"toolUseId":"t2","content":[{"text":"cancelled"}]}}
    > function answers
      [rid2-1] custom "wants INVOKE_MODEL"
      [rid2-1] model input
      = call model, 1 messages
    > model fails
      [rid2-1] failure "model m: busy"
      = fail Throttled "Your request rate is too high. Reduce the frequency of requests. Check your Bedrock model invocation quotas to find the acceptable frequency."
    > caller: Some(true) None
      [rid2-0] model input
      = call model, 1 messages
    > model: "Both are done."
      [rid2-0] model output
      = call function MODEL_INVOKED {"stopReason":"end_turn","output":{"role":"assistant","content":[{"text":"Both are done."}]},"usage":{"inputTokens":7,"outputTokens":3,"totalTokens":10}}
    > function answers
      [rid2-0] custom "wants FINISH"
      [rid2-0] observation FINISH "Done."
      = finish "Done."
    "#);
}

#[test]
fn what_cannot_be_done_is_told_or_ends_the_turn() {
    let mut play = begin("Find it");
    play.parser(tool("t1", "find", json!({}))).parser(tool("t2", "find", json!({})));
    assert_snapshot!(short(&play), @r#"
    > user: Find it
      = call function START {"text":"Find it"}
    > function answers
      [rid-0] custom "wants INVOKE_TOOL"
      [rid-0] observation REPROMPT "There is no tool find. The tools are: orders__status, orders__cancel, client__calendar, POST__pickup"
      = call function TOOL_INVOKED {"toolResult":{"toolUseId":"t1","content":[{"text":"There is no tool find. The tools are: orders__status, orders__cancel, client__calendar, POST__pickups__book."}],"status":"error"}}
    > function answers
      [rid-1] custom "wants INVOKE_TOOL"
      [rid-1] observation REPROMPT "There is no tool find. The tools are: orders__status, orders__cancel, client__calendar, POST__pickup"
      [rid-1] failure "LLM prediction format incorrect 2 times in a row"
      [rid-1] observation FINISH "Sorry, I am unable to assist you with this request."
      = finish "Sorry, I am unable to assist you with this request."
    "#);
    for (outcome, problem) in [
        (event("INVOKE_MODEL", json!("hello")), "no Converse request"),
        (ParserOutcome::Answered("5".into()), "no object with an actionEvent"),
        (
            ParserOutcome::Failed(ToolFailure {
                cause: ToolFailureCause::FunctionError,
                message: "lost my way".into(),
                detail: String::new(),
            }),
            "lost my way",
        ),
    ] {
        let mut play = begin("Hello");
        play.parser(outcome);
        let transcript = play.transcript();
        assert!(transcript.contains("fail Dependency") && transcript.contains(problem), "{transcript}");
        assert!(play.turn.new_messages().is_empty() && play.turn.custom_turn().is_none(), "it can be asked again");
    }
    let mut play = begin("For ever");
    for _ in 0..9 {
        play.parser(event("AGAIN", json!("x")));
    }
    assert!(play.transcript().contains("did not end after 8 events"));
    let mut play = begin("Talk");
    play.parser(model("a")).model(vec![text("b")]).parser(model("a")).model(vec![text("b")]).parser(model("a"));
    assert!(play.transcript().contains("its limit of 2 model calls"));
}

/// What the function is called with.
fn payload(decision: &Decision) -> Value {
    let Step::CallParser(call) = &decision.step else { panic!("{:?}", decision.step) };
    assert_eq!(&*call.function_arn, ORCHESTRATOR);
    serde_json::from_str(&call.payload).unwrap()
}

fn earlier(input: &str, step_bytes: usize) -> CustomTurn {
    CustomTurn {
        agent_input: input.into(),
        agent_output: Some("answer".into()),
        intermediary_steps: vec![IntermediaryStep {
            orchestration_input: OrchestrationInput { state: "START".into(), text: input.into() },
            orchestration_output: OrchestrationOutput { event: "FINISH".into(), text: "x".repeat(step_bytes) },
        }],
    }
}

fn start(earlier: Vec<CustomTurn>, started: Started) -> Value {
    let history = Earlier { custom: earlier, ..Earlier::default() };
    let (_, decision) = Turn::start(orchestrated(), history, BTreeMap::new(), started);
    payload(&decision)
}

#[test]
fn a_function_is_shown_the_turns_there_is_room_for() {
    let names = |payload: &Value| -> Vec<String> {
        let turns = payload["context"]["session"].as_array().unwrap();
        let short = |turn: &Value| {
            format!("{} {}", turn["agentInput"].as_str().unwrap(), turn["intermediarySteps"].as_array().unwrap().len())
        };
        turns.iter().map(short).collect()
    };
    let megabyte = 1024 * 1024;
    let turns = vec![
        earlier("one", megabyte),
        earlier("two", 3 * megabyte),
        earlier("three", 2 * megabyte),
        earlier("four", 10),
    ];
    assert_eq!(names(&start(turns.clone(), Started::default())), ["one 1", "two 0", "three 1", "four 1"]);
    let asked = Started {
        prompt_creation: PromptCreation { previous_turns_max: Some(1), ..PromptCreation::default() },
        conversation_history: vec![Message::user("before"), Message::assistant("yes")],
        ..Started::default()
    };
    assert_eq!(names(&start(turns, asked)), ["four 1", "before 0"]);
    assert_eq!(earlier("x", 2 * megabyte).kept().intermediary_steps, []);
    assert_eq!(earlier("x", 10).kept(), earlier("x", 10));
}

#[test]
fn a_function_is_called_with_the_services_contract() {
    let started = Started {
        input_text: "Hi".into(),
        request_id: "rid".into(),
        session_id: "s-1".into(),
        prompt_session_attributes: [("city".to_owned(), "Oslo".to_owned())].into(),
        ..Started::default()
    };
    let mut payload = start(vec![earlier("one", 1)], started);
    let tools = payload["context"]["agentConfiguration"]["tools"].take();
    assert_eq!(tools.as_array().unwrap().len(), 4);
    assert_eq!(
        tools[0],
        json!({"toolSpec": {"name": "orders__status", "description": "Status", "inputSchema": {"json":
            {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}}}})
    );
    assert_eq!(
        payload,
        json!({
            "version": "1.0", "state": "START", "input": {"text": "{\"text\":\"Hi\"}"},
            "context": {
                "requestId": "rid", "sessionId": "s-1",
                "agentConfiguration": {
                    "instruction": "You are the desk of a small shop, and you help.", "defaultModelId": "m", "tools": null,
                },
                "session": [{"agentInput": "one", "agentOutput": "answer", "intermediarySteps": [{
                    "orchestrationInput": {"state": "START", "text": "one"},
                    "orchestrationOutput": {"event": "FINISH", "text": "x"},
                }]}],
                "sessionAttributes": {}, "promptSessionAttributes": {"city": "Oslo"},
            },
        })
    );
}

#[test]
fn a_custom_orchestration_without_its_function_cannot_be_prepared() {
    let mut snapshot = snapshot_with(&json!(null));
    snapshot.agent.orchestration_type = Some(agent_api::OrchestrationType::CustomOrchestration);
    let problems = prepare::prepare(&snapshot).unwrap_err().0;
    assert_eq!(problems, ["Agent custom orchestration executor cannot be null"]);
}
