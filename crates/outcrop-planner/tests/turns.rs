//! Turns as transcripts: what goes in, what the machine wants, what the caller sees.

#![expect(clippy::unwrap_used, reason = "in a test, what is not there is a failure")]

use insta::assert_snapshot;
use outcrop_api::bedrock_agent as agent_api;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_planner::turn::{
    Call, ControlResult, ControlReturned, Decision, Earlier, Event, Limit, ModelFailed, ModelReplied, Output,
    ParserOutcome, ParserReturned, PromptCreation, Started, Step, ToolReturned, Turn, TurnLimits,
};
use outcrop_planner::{PreparedAgent, Snapshot, prepare};
use outcrop_ports::{
    Action, ContentBlock, Message, ModelError, ModelErrorKind, ModelReply, ModelRequest, ResponseState, Role,
    StopReason, ToolFailure, ToolFailureCause, ToolOutcome, ToolSuccess, ToolUse, Usage,
};
use outcrop_wire::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

#[path = "turns/context.rs"]
mod context;
#[path = "turns/custom.rs"]
mod custom;
#[path = "turns/guard.rs"]
mod guard;
#[path = "turns/phases.rs"]
mod phases;
#[path = "turns/replay.rs"]
mod replay;

/// An agent with one Lambda group, one group of the caller and a confirmed function.
fn agent() -> Arc<PreparedAgent> {
    agent_with(&json!(null))
}

/// The same with prompts of its author.
fn agent_with(prompts: &Value) -> Arc<PreparedAgent> {
    Arc::new(prepare::prepare(&snapshot_with(prompts)).unwrap())
}

fn snapshot_with(prompts: &Value) -> Snapshot {
    let group = |name: &str, executor: Value, schema: Value| {
        let mut group = json!({
            "agentId": "AGENT00001", "agentVersion": "DRAFT", "actionGroupId": "GROUP00001", "actionGroupName": name,
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "actionGroupState": "ENABLED",
            "actionGroupExecutor": executor,
        });
        group.as_object_mut().unwrap().extend(schema.as_object().unwrap().clone());
        group
    };
    let functions = |list: Value| json!({"functionSchema": {"functions": list}});
    let id = json!({"type": "string", "required": true});
    let lambda = json!({"lambda": "arn:aws:lambda:us-east-1:000000000000:function:orders"});
    let document = "openapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths:\n  /depots/{depot}/pickups:\n    post:\n      operationId: book\n      \
        description: Book a pickup\n      parameters:\n        - {name: depot, in: path, required: true, schema: {type: string}}\n      \
        requestBody: {content: {application/json: {schema: {type: object, properties: {pallets: {type: integer}, refs: {type: array, items: {type: string}}}}}}}\n      \
        responses: {'200': {description: OK}}\n";
    let snapshot = json!({
        "agent": {
            "agentId": "AGENT00001", "agentName": "desk", "agentArn": "arn:aws:bedrock:us-east-1:000000000000:agent/AGENT00001",
            "agentVersion": "DRAFT", "agentStatus": "PREPARED", "instruction": "You are the desk of a small shop, and you help.",
            "foundationModel": "m", "idleSessionTTLInSeconds": 600, "agentResourceRoleArn": "arn:aws:iam::000000000000:role/r",
            "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
            "promptOverrideConfiguration": prompts,
        },
        "actionGroups": [
            group("orders", lambda.clone(), functions(json!([
                {"name": "status", "description": "Status", "parameters": {"id": id}},
                {"name": "cancel", "description": "Cancel", "requireConfirmation": "ENABLED", "parameters": {"id": id}},
            ]))),
            group("client", json!({"customControl": "RETURN_CONTROL"}), functions(json!([
                {"name": "calendar", "parameters": {"date": id}},
            ]))),
            group("pickups", lambda, json!({"apiSchema": {"payload": document}})),
        ],
    });
    serde_json::from_value(snapshot).unwrap()
}

/// Plays events and writes down what the machine says to each.
struct Play {
    agent: Arc<PreparedAgent>,
    history: Earlier,
    turn: Turn,
    transcript: String,
    events: Vec<Event>,
    clock: i64,
    /// What the model was asked last.
    asked: Option<ModelRequest>,
}

impl Play {
    fn begin(input: &str) -> Self {
        Self::with(input, TurnLimits::default())
    }

    fn with(input: &str, limits: TurnLimits) -> Self {
        Self::of(agent(), Vec::new(), Started { input_text: input.into(), limits, ..Started::default() })
    }

    fn of(agent: Arc<PreparedAgent>, history: Vec<Arc<Message>>, started: Started) -> Self {
        Self::after(agent, history.into(), started)
    }

    fn after(agent: Arc<PreparedAgent>, history: Earlier, started: Started) -> Self {
        let started = Started {
            at: Timestamp::from_millis(0),
            request_id: "rid".into(),
            alias_id: "ALIAS00001".into(),
            version: "1".into(),
            session_id: "s".into(),
            enable_trace: true,
            ..started
        };
        let said = format!("user: {}", started.input_text);
        let (turn, decision) = Turn::start(agent.clone(), history.clone(), BTreeMap::new(), started.clone());
        let events = vec![Event::Started(started)];
        let mut play = Self { agent, history, turn, transcript: String::new(), events, clock: 0, asked: None };
        play.note(&said, &decision);
        play
    }

    fn at(&mut self) -> (Timestamp, Timestamp) {
        self.clock += 10;
        (Timestamp::from_millis(self.clock - 10), Timestamp::from_millis(self.clock))
    }

    fn feed(&mut self, said: &str, event: Event) -> &mut Self {
        // Recorded events go through JSON: what is replayed is what was read back.
        let recorded: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        assert_eq!(recorded, event);
        self.events.push(recorded);
        let decision = self.turn.apply(event);
        self.note(said, &decision);
        self
    }

    fn model(&mut self, content: Vec<ContentBlock>) -> &mut Self {
        let (started_at, at) = self.at();
        let said: Vec<String> = content.iter().map(block).collect();
        let usage = Usage { input_tokens: 7, output_tokens: 3, ..Usage::default() };
        let reply = ModelReply::new(Message { role: Role::Assistant, content }, StopReason::EndTurn, usage);
        self.feed(
            &format!("model: {}", said.join(" ")),
            Event::ModelReplied(ModelReplied { started_at, at, call_id: "c".into(), reply }),
        )
    }

    fn tool(&mut self, id: &str, outcome: ToolOutcome) -> &mut Self {
        let (started_at, at) = self.at();
        let said = match &outcome {
            ToolOutcome::Succeeded(success) => format!("tool {id}: {:?}", success.body),
            ToolOutcome::Failed(failure) => format!("tool {id}: {:?}", failure.cause),
        };
        self.feed(
            &said,
            Event::ToolReturned(ToolReturned {
                started_at,
                at,
                call_id: "c".into(),
                tool_use_id: id.into(),
                outcome,
                assessed: None,
            }),
        )
    }

    fn caller(&mut self, results: Vec<ControlResult>) -> &mut Self {
        let (_, at) = self.at();
        assert_eq!(self.turn.check_results(&results), Ok(()));
        let said = format!(
            "caller: {}",
            results.iter().map(|r| format!("{:?} {:?}", r.confirmed, r.body)).collect::<Vec<_>>().join(", ")
        );
        let returned = ControlReturned {
            at,
            request_id: "rid2".into(),
            enable_trace: true,
            results,
            session_attributes: None,
            prompt_session_attributes: None,
        };
        self.feed(&said, Event::ControlReturned(returned))
    }

    fn parser(&mut self, outcome: ParserOutcome) -> &mut Self {
        let (started_at, at) = self.at();
        let said = format!("parser: {outcome:?}");
        self.feed(&said, Event::ParserReturned(ParserReturned { started_at, at, call_id: "c".into(), outcome }))
    }

    fn note(&mut self, said: &str, decision: &Decision) {
        if let Step::CallModel(request) = &decision.step {
            self.asked = Some(request.as_ref().clone());
        }
        if let Step::Summarize(request) = &decision.step {
            self.asked = Some(request.as_ref().clone());
        }
        let out = &mut self.transcript;
        let _ = writeln!(out, "> {said}");
        for Output::Trace { trace, .. } in &decision.output {
            let _ = writeln!(out, "  {}", part(trace));
        }
        let _ = writeln!(out, "  = {}", step(&decision.step));
    }

    /// The transcript, after making sure that replay and the history hold what they promise.
    fn transcript(&self) -> String {
        let (again, _) =
            Turn::replay(self.agent.clone(), self.history.clone(), BTreeMap::new(), self.events.clone()).unwrap();
        assert_eq!(again.new_messages(), self.turn.new_messages(), "the same events make the same turn");
        let mut closed = again;
        closed.abandon("over");
        check_conversation(closed.new_messages());
        replay::check(self);
        self.transcript.clone()
    }
}

/// Sides take turns, and every tool use has exactly one result, in the next message.
fn check_conversation(messages: &[Arc<Message>]) {
    for pair in messages.windows(2) {
        assert_ne!(pair[0].role, pair[1].role);
    }
    for (index, message) in messages.iter().enumerate() {
        let uses: Vec<&str> = message.tool_uses().map(|one| one.tool_use_id.as_str()).collect();
        let next = messages.get(index + 1).map(|next| next.content.as_slice()).unwrap_or_default();
        let results: Vec<&str> = next
            .iter()
            .filter_map(|one| match one {
                ContentBlock::ToolResult(result) => Some(result.tool_use_id.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(uses, results);
    }
}

fn block(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => format!("{text:?}"),
        ContentBlock::ToolUse(one) => format!("{}={}({})", one.tool_use_id, one.name, one.input),
        other => format!("{other:?}"),
    }
}

fn step(step: &Step) -> String {
    match step {
        Step::CallModel(request) => format!("call model, {} messages", request.messages.len()),
        Step::Summarize(request) => format!("summarize {:?}", request.messages[0].text()),
        Step::CallTools(calls) => {
            let one = |call: &Call| {
                let call = match call {
                    Call::Tool(call) => call,
                    Call::Collaborator(call) => return format!("{}: {:?}", call.collaborator.name, call.ask),
                    Call::Read(read) => return format!("read {read:?}"),
                };
                let action = match &call.action {
                    Action::Function(name) => name.to_string(),
                    Action::ApiOperation { api_path, http_method } => format!("{http_method} {api_path}"),
                };
                let body = call
                    .request_body
                    .as_ref()
                    .map(|body| format!(" {} {}", body.media_type, list(&body.properties)))
                    .unwrap_or_default();
                format!("{}.{action}{}{body}", call.action_group, list(&call.parameters))
            };
            format!("call tools {}", calls.iter().map(one).collect::<Vec<_>>().join(" | "))
        }
        Step::Wait => "wait".into(),
        Step::ApplyGuardrail { request } => format!("apply guardrail {request}"),
        Step::Assess { text } => format!("assess {text:?}"),
        Step::ReturnControl(payload) => {
            format!("return control {}", serde_json::to_string(&payload.invocation_inputs).unwrap())
        }
        Step::CallParser(call) => format!("call parser {}", call.payload),
        Step::Finish { text, attribution: None } => format!("finish {text:?}"),
        Step::Finish { text, attribution } => {
            format!("finish {text:?} {}", serde_json::to_string(attribution).unwrap())
        }
        Step::Fail { kind, message, .. } => format!("fail {kind:?} {message:?}"),
    }
}

fn list(parameters: &[outcrop_ports::Parameter]) -> String {
    let all: Vec<String> = parameters.iter().map(|p| format!("{}:{}={}", p.name, p.r#type, p.value)).collect();
    format!("({})", all.join(", "))
}

fn part(trace: &api::Trace) -> String {
    let cut = |text: &Option<String>| text.clone().unwrap_or_default().chars().take(100).collect::<String>();
    match trace {
        api::Trace::OrchestrationTrace(part) => match part {
            api::OrchestrationTrace::ModelInvocationInput(input) => input_of(input),
            api::OrchestrationTrace::ModelInvocationOutput(output) => {
                format!("[{}] model output", output.trace_id.clone().unwrap())
            }
            api::OrchestrationTrace::Rationale(rationale) => {
                format!("[{}] rationale {:?}", rationale.trace_id.clone().unwrap(), cut(&rationale.text))
            }
            api::OrchestrationTrace::InvocationInput(input) => {
                let input_of = input.action_group_invocation_input.as_ref().unwrap();
                let name = input_of.function.clone().or(input_of.api_path.clone()).unwrap();
                format!(
                    "[{}] input {name} {}",
                    input.trace_id.clone().unwrap(),
                    input_of.execution_type.as_ref().unwrap()
                )
            }
            api::OrchestrationTrace::Observation(observation) => {
                let text = observation.action_group_invocation_output.as_ref().map(|output| cut(&output.text));
                let text = text.or(observation.final_response.as_ref().map(|end| cut(&end.text)));
                let text = text.or(observation.reprompt_response.as_ref().map(|again| cut(&again.text)));
                format!(
                    "[{}] observation {} {:?}",
                    observation.trace_id.clone().unwrap(),
                    observation.r#type.as_ref().unwrap(),
                    text.unwrap()
                )
            }
        },
        api::Trace::FailureTrace(failure) => {
            format!("[{}] failure {:?}", failure.trace_id.clone().unwrap(), cut(&failure.failure_reason))
        }
        api::Trace::PreProcessingTrace(part) => match part {
            api::PreProcessingTrace::ModelInvocationInput(input) => input_of(input),
            api::PreProcessingTrace::ModelInvocationOutput(output) => {
                let parsed = output.parsed_response.as_ref().map(|one| (one.is_valid, one.rationale.clone()));
                format!("[{}] model output {parsed:?}", output.trace_id.clone().unwrap())
            }
        },
        api::Trace::PostProcessingTrace(part) => match part {
            api::PostProcessingTrace::ModelInvocationInput(input) => input_of(input),
            api::PostProcessingTrace::ModelInvocationOutput(output) => {
                let parsed = output.parsed_response.as_ref().map(|one| one.text.clone());
                format!("[{}] model output {parsed:?}", output.trace_id.clone().unwrap())
            }
        },
        api::Trace::CustomOrchestrationTrace(custom) => {
            let said = match custom.event.as_ref().unwrap().text.as_deref().unwrap() {
                text if text.starts_with("Conversation shortened") => text.to_owned(),
                text => cut(&Some(text.to_owned())),
            };
            format!("[{}] custom {said:?}", custom.trace_id.clone().unwrap())
        }
        api::Trace::GuardrailTrace(guardrail) => {
            let (action, id) = (guardrail.action.unwrap(), guardrail.trace_id.clone().unwrap());
            format!("[{id}] guardrail {action}")
        }
        other => format!("{other:?}"),
    }
}

/// A model call's input; what the author changed of its phase stands behind.
fn input_of(input: &api::ModelInvocationInput) -> String {
    let mut shown = format!("[{}] model input", input.trace_id.clone().unwrap());
    if let Some(mode) = input.prompt_creation_mode {
        let _ = write!(shown, " prompt {mode}");
    }
    if let (Some(mode), Some(function)) = (input.parser_mode, &input.override_lambda) {
        let _ = write!(shown, " parser {mode} {function}");
    }
    shown
}

fn text(text: &str) -> ContentBlock {
    ContentBlock::Text(text.into())
}

fn uses(id: &str, name: &str, input: Value) -> ContentBlock {
    ContentBlock::ToolUse(ToolUse { tool_use_id: id.into(), name: name.into(), input })
}

fn answers(body: &str) -> ToolOutcome {
    ToolOutcome::Succeeded(ToolSuccess { body: body.into(), ..ToolSuccess::default() })
}

#[test]
fn one_tool_then_an_answer() {
    let mut play = Play::begin("Where is A-1?");
    play.model(vec![text("I look it up."), uses("t1", "orders__status", json!({"id": "A-1"}))])
        .tool("t1", answers("{\"status\":\"processing\"}"))
        .model(vec![text("<thinking>done</thinking><answer>It is being processed.</answer>")]);
    assert_snapshot!(play.transcript(), @r#"
    > user: Where is A-1?
      [rid-0] model input
      = call model, 1 messages
    > model: "I look it up." t1=orders__status({"id":"A-1"})
      [rid-0] model output
      [rid-0] rationale "I look it up."
      [rid-0] input status LAMBDA
      = call tools orders.status(id:string=A-1)
    > tool t1: "{\"status\":\"processing\"}"
      [rid-0] observation ACTION_GROUP "{\"status\":\"processing\"}"
      [rid-1] model input
      = call model, 3 messages
    > model: "<thinking>done</thinking><answer>It is being processed.</answer>"
      [rid-1] model output
      [rid-1] rationale "done"
      [rid-1] observation FINISH "It is being processed."
      = finish "It is being processed."
    "#);
}

#[test]
fn several_tools_answer_in_any_order_and_are_shown_in_theirs() {
    let mut play = Play::begin("Two orders and a pickup");
    play.model(vec![
        uses("t1", "orders__status", json!({"id": "A-1"})),
        uses("t2", "status", json!({"id": "A-2", "invented": 1})),
        uses("t3", "POST__pickups__book", json!({"depot": "D7", "pallets": 4, "refs": ["a", "b"]})),
    ])
    .tool("t3", answers("booked"))
    .tool("t1", answers("one"))
    .tool("t2", answers("two"))
    .model(vec![text("Done.")]);
    assert_snapshot!(play.transcript(), @r#"
    > user: Two orders and a pickup
      [rid-0] model input
      = call model, 1 messages
    > model: t1=orders__status({"id":"A-1"}) t2=status({"id":"A-2","invented":1}) t3=POST__pickups__book({"depot":"D7","pallets":4,"refs":["a","b"]})
      [rid-0] model output
      [rid-0] input status LAMBDA
      = call tools orders.status(id:string=A-1) | orders.status(id:string=A-2) | pickups.post /depots/{depot}/pickups(depot:string=D7) application/json (pallets:integer=4, refs:array=["a","b"])
    > tool t3: "booked"
      = wait
    > tool t1: "one"
      [rid-0] observation ACTION_GROUP "one"
      [rid-0] input status LAMBDA
      = wait
    > tool t2: "two"
      [rid-0] observation ACTION_GROUP "two"
      [rid-0] input /depots/{depot}/pickups LAMBDA
      [rid-0] observation ACTION_GROUP "booked"
      [rid-1] model input
      = call model, 3 messages
    > model: "Done."
      [rid-1] model output
      [rid-1] observation FINISH "Done."
      = finish "Done."
    "#);
}

#[test]
fn control_returns_after_our_own_calls_and_comes_back() {
    let mut play = Play::begin("Calendar, cancel and status");
    play.model(vec![
        uses("t1", "client__calendar", json!({"date": "Monday"})),
        uses("t2", "orders__cancel", json!({"id": "A-1"})),
        uses("t3", "orders__status", json!({"id": "A-2"})),
    ])
    .tool("t3", answers("processing"));
    for (results, problem) in [
        (vec![], "result of client.calendar is missing"),
        (vec![result("client", "other"), result("orders", "cancel")], "result of client.calendar is missing"),
        (vec![result("client", "calendar"), agreed(), agreed()], "3 results for 2 actions"),
        (vec![result("client", "calendar"), result("orders", "cancel")], "needs confirmationState"),
    ] {
        assert!(play.turn.check_results(&results).unwrap_err().contains(problem));
    }
    play.caller(vec![
        ControlResult { confirmed: Some(true), ..result("orders", "cancel") },
        ControlResult { body: Some("opened".into()), ..result("client", "calendar") },
    ])
    .tool("t2", answers("cancelled"))
    .model(vec![text("All done.")]);
    assert_snapshot!(play.transcript(), @r#"
    > user: Calendar, cancel and status
      [rid-0] model input
      = call model, 1 messages
    > model: t1=client__calendar({"date":"Monday"}) t2=orders__cancel({"id":"A-1"}) t3=orders__status({"id":"A-2"})
      [rid-0] model output
      [rid-0] input status LAMBDA
      = call tools orders.status(id:string=A-2)
    > tool t3: "processing"
      [rid-0] observation ACTION_GROUP "processing"
      [rid-0] input calendar RETURN_CONTROL
      [rid-0] input cancel RETURN_CONTROL
      = return control [{"functionInvocationInput":{"actionGroup":"client","actionInvocationType":"RESULT","agentId":"AGENT00001","function":"calendar","parameters":[{"name":"date","type":"string","value":"Monday"}]}},{"functionInvocationInput":{"actionGroup":"orders","actionInvocationType":"USER_CONFIRMATION","agentId":"AGENT00001","function":"cancel","parameters":[{"name":"id","type":"string","value":"A-1"}]}}]
    > caller: Some(true) None, None Some("opened")
      [rid2-0] observation ACTION_GROUP "opened"
      [rid2-0] input cancel LAMBDA
      = call tools orders.cancel(id:string=A-1)
    > tool t2: "cancelled"
      [rid2-0] observation ACTION_GROUP "cancelled"
      [rid2-1] model input
      = call model, 3 messages
    > model: "All done."
      [rid2-1] model output
      [rid2-1] observation FINISH "All done."
      = finish "All done."
    "#);
}

/// Consent to the confirmed function.
fn agreed() -> ControlResult {
    ControlResult { confirmed: Some(true), ..result("orders", "cancel") }
}

fn result(group: &str, function: &str) -> ControlResult {
    ControlResult { action_group: group.into(), function: Some(function.into()), ..ControlResult::default() }
}

#[test]
fn a_denied_action_is_not_run() {
    let mut play = Play::begin("Cancel A-1");
    play.model(vec![uses("t1", "orders__cancel", json!({"id": "A-1"}))])
        .caller(vec![ControlResult {
            confirmed: Some(false),
            body: Some("not now".into()),
            ..result("orders", "cancel")
        }])
        .model(vec![text("Then not.")]);
    assert!(play.transcript().contains("The user declined this action; it was not run. They said: not now"));
}

#[test]
fn failures_of_functions_are_told_to_the_model_and_named_in_the_trace() {
    let mut play = Play::with(
        "Where?",
        TurnLimits { tool_result_bytes_max: 10, tool_result_excerpt_bytes: None, ..TurnLimits::default() },
    );
    let failure = ToolFailure {
        cause: ToolFailureCause::TimedOut,
        message: "It took longer than 1 s.".into(),
        detail: "function:orders".into(),
    };
    play.model(vec![
        uses("t1", "orders__status", json!({"id": "A-1"})),
        uses("t2", "orders__status", json!({"id": "A-2"})),
    ])
    .tool("t1", ToolOutcome::Failed(failure))
    .tool("t2", answers("éééééééééééééé"))
    .model(vec![text("I could not find out.")]);
    let transcript = play.transcript();
    assert!(transcript.contains("failure \"status: It took longer than 1 s.\\nfunction:orders\""), "{transcript}");
    assert!(transcript.contains("result of status is too large: 28 bytes, 10 are shown to the model"), "{transcript}");
    let results: Vec<String> =
        play.turn.new_messages()[2].content.iter().map(|one| serde_json::to_string(one).unwrap()).collect();
    assert!(results[0].contains("\"status\":\"error\""));
    assert!(results[1].contains("only its first 10 bytes follow"));
}

#[test]
fn a_function_that_reports_failure_ends_the_turn() {
    let mut play = Play::begin("Where?");
    let failed = ToolSuccess { body: "no".into(), response_state: ResponseState::Failure, ..ToolSuccess::default() };
    play.model(vec![
        uses("t1", "orders__status", json!({"id": "A-1"})),
        uses("t2", "orders__status", json!({"id": "A-2"})),
    ])
    .tool("t2", ToolOutcome::Succeeded(failed));
    assert!(
        play.transcript()
            .contains("= fail Dependency \"Received failed response from API execution. Retry the request later.\"")
    );
}

#[test]
fn what_cannot_be_understood_goes_back_to_the_model_a_few_times() {
    let mut play = Play::with("Where?", TurnLimits { reprompts_max: 2, ..TurnLimits::default() });
    play.model(vec![uses("t1", "nonsense", json!({}))])
        .model(vec![uses("t2", "orders__status", json!({"id": null}))])
        .model(vec![uses("t3", "orders__status", Value::from("id=A-1"))]);
    assert_snapshot!(play.transcript(), @r#"
    > user: Where?
      [rid-0] model input
      = call model, 1 messages
    > model: t1=nonsense({})
      [rid-0] model output
      [rid-0] observation REPROMPT "There is no tool nonsense. The tools are: orders__status, orders__cancel, client__calendar, POST__pi"
      [rid-1] model input
      = call model, 3 messages
    > model: t2=orders__status({"id":null})
      [rid-1] model output
      [rid-1] observation REPROMPT "orders__status needs id, which was not given."
      [rid-2] model input
      = call model, 5 messages
    > model: t3=orders__status("id=A-1")
      [rid-2] model output
      [rid-2] observation REPROMPT "The arguments of orders__status must be a JSON object with: id."
      [rid-2] failure "LLM prediction format incorrect 3 times in a row"
      [rid-2] observation FINISH "Sorry, I am unable to assist you with this request."
      = finish "Sorry, I am unable to assist you with this request."
    "#);
}

#[test]
fn limits_end_the_turn_with_an_answer() {
    let mut play = Play::with("Where?", TurnLimits { iterations_max: 1, ..TurnLimits::default() });
    play.model(vec![uses("t1", "orders__status", json!({"id": "A-1"}))]).tool("t1", answers("x"));
    assert!(play.transcript().contains("failure \"the turn reached its limit of 1 model calls\""));
    let mut play = Play::begin("Where?");
    play.model(vec![uses("t1", "orders__status", json!({"id": "A-1"}))]);
    let (_, at) = play.at();
    play.feed("time", Event::LimitReached { at, limit: Limit::WallTime });
    assert!(play.transcript.contains("failure \"the turn reached its time limit of 600 s\""));
}

#[test]
fn failures_of_models_become_the_runtimes_exceptions() {
    for (kind, expected) in [
        (ModelErrorKind::Throttled, "fail Throttled \"Your request rate is too high."),
        (ModelErrorKind::AccessDenied, "fail AccessDenied"),
        (ModelErrorKind::Unavailable, "fail ModelUnavailable \"model m: away\""),
        (ModelErrorKind::Invalid, "fail Invalid"),
    ] {
        let mut play = Play::begin("Where?");
        let (started_at, at) = play.at();
        play.feed(
            "model fails",
            Event::ModelFailed(ModelFailed { started_at, at, error: ModelError::new(kind, "away") }),
        );
        let transcript = play.transcript();
        assert!(transcript.contains(expected), "{transcript}");
        assert!(transcript.contains("failure \"model m: away\""), "{transcript}");
    }
}

#[test]
fn an_event_that_does_not_fit_is_a_failure_and_no_panic() {
    let mut play = Play::begin("Where?");
    play.tool("t9", answers("x"));
    assert!(play.transcript.contains("fail Internal \"event toolReturned does not fit state asking the model\""));
}

#[test]
fn documents_that_cannot_run_say_why() {
    let mut snapshot: Snapshot = serde_json::from_value(json!({"agent": {
        "agentId": "AGENT00001", "agentName": "desk", "agentArn": "a", "agentVersion": "DRAFT", "agentStatus": "PREPARED",
        "idleSessionTTLInSeconds": 600, "agentResourceRoleArn": "r", "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"},
        "actionGroups": []})).unwrap();
    let problems = prepare::prepare(&snapshot).unwrap_err().0;
    assert_eq!(problems, ["Agent Instruction cannot be null", "Agent foundation model cannot be null"]);
    snapshot.agent.instruction = Some("x".repeat(40));
    snapshot.agent.foundation_model = Some("m".into());
    assert!(prepare::prepare(&snapshot).is_ok());
    assert_eq!(snapshot.agent.agent_status, agent_api::AgentStatus::Prepared);
}

#[test]
fn results_of_the_caller_are_not_lost_to_a_failure_that_passes() {
    let mut play = Play::begin("Calendar");
    let opened = || vec![ControlResult { body: Some("opened".into()), ..result("client", "calendar") }];
    play.model(vec![uses("t1", "client__calendar", json!({"date": "Monday"}))]).caller(opened());
    for _ in 0..2 {
        let (started_at, at) = play.at();
        let error = ModelError::new(ModelErrorKind::Throttled, "busy");
        play.feed("model fails", Event::ModelFailed(ModelFailed { started_at, at, error }));
        assert!(play.turn.awaited_invocation().is_some());
        play.caller(opened());
    }
    play.model(vec![text("Opened.")]);
    let transcript = play.transcript();
    assert!(transcript.ends_with("= finish \"Opened.\"\n"), "{transcript}");
    assert_eq!(transcript.matches("observation ACTION_GROUP").count(), 1, "the results are taken once");
}
