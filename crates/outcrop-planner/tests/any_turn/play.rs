//! Takes a turn as the driver does, does what the case says, and checks what must hold at each step.

use crate::case::{Arguments, Caller, Colleague, Reply, Tool, Trouble, TurnCase};
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_planner::PreparedAgent;
use outcrop_planner::turn::{
    Assessed, Call, CancelledBy, CollaboratorOutcome, CollaboratorReturned, ControlResult, ControlReturned, Decision,
    Earlier, Event, Left, Limit, ModelFailed, ModelReplied, ParserOutcome, ParserReturned, Started, Step, Summarized,
    ToolReturned, Turn, Verdict,
};
use outcrop_ports::{
    ContentBlock, Message, ModelError, ModelErrorKind, ModelReply, ModelRequest, Reasoning, ResponseState, Role,
    StopReason, ToolFailure, ToolFailureCause, ToolOutcome, ToolSuccess, ToolUse, Usage,
};
use outcrop_wire::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Times a collaborator returns control in a turn: its own limits bound that.
const RETURNS_MAX: usize = 6;
/// Times a caller brings its results again when the model fails.
const RETRIES_MAX: usize = 2;

struct Play<'a> {
    case: &'a TurnCase,
    agent: &'a Arc<PreparedAgent>,
    number: usize,
    turn: Turn,
    events: Vec<Event>,
    /// What was decided at each event, in words.
    decided: Vec<String>,
    /// Calls that have not ended.
    under_way: Vec<Call>,
    /// Tool uses that are answered for good.
    answered: Vec<String>,
    /// Whether guardrails have spoken.
    is_assessed: bool,
    counts: Counts,
    /// Kinds of steps so far.
    reached: BTreeSet<String>,
}

/// How often each kind of thing has happened.
#[derive(Default)]
struct Counts {
    models: usize,
    tools: usize,
    colleagues: usize,
    parsers: usize,
    summaries: usize,
    callers: usize,
    orders: usize,
    retries: usize,
    strays: usize,
    returns: usize,
}

/// Takes a turn; gives the messages it leaves in the history, and the kinds of steps it came to.
pub(crate) fn take_turn(
    agent: &Arc<PreparedAgent>,
    history: Earlier,
    number: usize,
    case: &TurnCase,
) -> (Vec<Arc<Message>>, Left, BTreeSet<String>) {
    check_conversation(&history.messages);
    let schema = json!({"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}});
    let started = Started {
        at: Timestamp::from_millis(0),
        request_id: format!("rid{number}"),
        alias_id: "ALIAS00001".into(),
        version: "1".into(),
        session_id: "s".into(),
        input_text: case.input.into(),
        enable_trace: case.traced,
        limits: case.limits,
        answer_schema: case.answer_schema.then(|| Arc::new(schema)),
        windows: case.window.map(|tokens| (agent.model_id.to_string(), tokens)).into_iter().collect(),
        ..Started::default()
    };
    let (turn, decision) = Turn::start(agent.clone(), history.clone(), BTreeMap::new(), started.clone());
    let mut play = Play {
        case,
        agent,
        number,
        turn,
        events: vec![Event::Started(started)],
        decided: vec![shown(&decision)],
        under_way: Vec::new(),
        answered: Vec::new(),
        is_assessed: false,
        counts: Counts::default(),
        reached: BTreeSet::new(),
    };
    play.run(decision);
    play.check_end();
    play.check_replay(history);
    play.turn.abandon("The user went on.");
    check_conversation(play.turn.new_messages());
    (play.turn.new_messages().to_vec(), play.turn.left(), play.reached)
}

impl Play<'_> {
    fn run(&mut self, mut decision: Decision) {
        // A step takes at most eight calls with a stray result each, and each model call leads to one step and may be
        // followed by a return of control, confirmed calls, and collaborators who return control once more.
        let bound = 20 + 60 * (self.case.limits.iterations_max as usize + RETRIES_MAX + 4);
        loop {
            assert!(self.events.len() < bound, "the turn does not end");
            if !self.case.traced {
                assert!(decision.output.is_empty(), "nobody wants the trace");
            }
            self.reached.insert(kind(&decision.step));
            let event = match decision.step {
                Step::Finish { .. } => return,
                Step::Fail { .. } if self.turn.awaited_invocation().is_none() => return,
                Step::Fail { .. } => {
                    // The model failed after the caller's part: it may bring its results again.
                    self.counts.retries += 1;
                    if self.counts.retries > RETRIES_MAX {
                        return;
                    }
                    Event::ControlReturned(self.returned(Vec::new()))
                }
                Step::ReturnControl(payload) => match self.caller(&payload) {
                    Some(event) => event,
                    None => return,
                },
                step => match self.trouble() {
                    Some(event) => event,
                    None => self.next(step),
                },
            };
            decision = self.feed(event);
        }
    }

    fn feed(&mut self, event: Event) -> Decision {
        let decision = self.turn.apply(event.clone());
        self.events.push(event);
        self.decided.push(shown(&decision));
        decision
    }

    fn trouble(&self) -> Option<Event> {
        let (when, trouble) = self.case.trouble?;
        let at = Timestamp::from_millis(9);
        (self.events.len() == when + 1).then_some(match trouble {
            Trouble::Cancelled => Event::Cancelled { at, by: CancelledBy::Request },
            Trouble::NextTurn => Event::Cancelled { at, by: CancelledBy::NextTurn },
            Trouble::TimeIsUp => Event::LimitReached { at, limit: Limit::WallTime },
        })
    }

    fn next(&mut self, step: Step) -> Event {
        match step {
            Step::CallModel(request) => {
                check_request(&request);
                self.model(&request)
            }
            Step::Summarize(request) => {
                check_request(&request);
                self.summary()
            }
            Step::CallParser(_) => self.parser(),
            Step::CallTools(calls) => {
                assert!(!calls.is_empty(), "a step without calls");
                for call in &calls {
                    assert!(!self.answered.contains(&id_of(call).to_owned()), "a call for what has its result");
                }
                assert!(self.under_way.is_empty(), "calls of the step before are under way");
                self.under_way = calls;
                self.result()
            }
            Step::Wait => self.result(),
            Step::ApplyGuardrail { .. } => self.parser(),
            Step::Assess { text } => self.assessed(&text),
            Step::ReturnControl(_) | Step::Finish { .. } | Step::Fail { .. } => unreachable!("ends are not fed"),
        }
    }

    fn model(&mut self, request: &ModelRequest) -> Event {
        let at = Timestamp::from_millis(1);
        let asked = |word: &str| request.tools.is_empty() && request.system.iter().any(|text| text.contains(word));
        let reply = match pick(&self.case.replies, &mut self.counts.models) {
            _ if self.case.plays_along && asked("<category>") => &Reply::Says("<category>D</category>"),
            _ if self.case.plays_along && asked("undecidable") => &Reply::Says("<a>One</a>"),
            reply => reply,
        };
        let content = match reply {
            Reply::Fails { passes } => {
                let kind = if *passes { ModelErrorKind::Throttled } else { ModelErrorKind::Invalid };
                return Event::ModelFailed(ModelFailed { started_at: at, at, error: ModelError::new(kind, "no") });
            }
            Reply::Empty => Vec::new(),
            Reply::Says(text) => vec![ContentBlock::Text((*text).into())],
            Reply::Thinks(text) => {
                vec![ContentBlock::ReasoningContent(Reasoning::plain("hm")), ContentBlock::Text((*text).into())]
            }
            Reply::Calls(calls) => {
                let uses = calls.iter().enumerate().map(|(index, call)| {
                    let tool_use_id = format!("t{}-{}-{index}", self.number, self.counts.models);
                    let (name, input) = self.tool_use(call.tool, call.arguments);
                    ContentBlock::ToolUse(ToolUse { tool_use_id, name, input })
                });
                uses.collect()
            }
        };
        let message = Message { role: Role::Assistant, content };
        let reply = ModelReply::new(message, StopReason::EndTurn, Usage::default());
        Event::ModelReplied(ModelReplied { started_at: at, at, call_id: "c".into(), reply })
    }

    fn tool_use(&self, tool: usize, arguments: Arguments) -> (String, Value) {
        let Some(tool) = self.agent.tools.get(tool) else { return ("invented".into(), json!({})) };
        let names: Vec<&str> = tool.arguments.iter().map(|argument| argument.schema_name.as_str()).collect();
        let good = match names.as_slice() {
            ["recipient", "content"] => json!({"recipient": "One", "content": "Do it."}),
            ["question"] => json!({"question": "Which one?"}),
            _ => json!({"id": "A-1", "count": 2}),
        };
        let input = match arguments {
            Arguments::Good => good,
            Arguments::Missing => json!({}),
            Arguments::AText => json!("id is A-1"),
            Arguments::WrongKind => json!({"id": ["A-1"], "count": "many", "recipient": 5, "question": {}}),
            Arguments::AsJsonText => Value::from(good.to_string()),
            Arguments::ToNobody => json!({"id": "A-1", "recipient": "Nobody", "content": "Do it."}),
            Arguments::ToUser => json!({"id": "A-1", "recipient": "User", "content": "It is done."}),
        };
        (tool.spec_name.clone(), input)
    }

    fn summary(&mut self) -> Event {
        let at = Timestamp::from_millis(6);
        self.counts.summaries += 1;
        let outcome = match self.counts.summaries % 3 {
            0 => Err(ModelError::new(ModelErrorKind::Throttled, "no")),
            count => {
                let message = Message::assistant(["They talked.", ""][count - 1]);
                Ok(ModelReply::new(message, StopReason::EndTurn, Usage::default()))
            }
        };
        Event::Summarized(Summarized { started_at: at, at, call_id: "s".into(), outcome })
    }

    fn parser(&mut self) -> Event {
        let at = Timestamp::from_millis(2);
        let text = pick(&self.case.parsers, &mut self.counts.parsers);
        let outcome = match self.counts.parsers % 5 {
            0 => ParserOutcome::Failed(failure(ToolFailureCause::FunctionError)),
            _ => ParserOutcome::Answered((*text).to_owned()),
        };
        Event::ParserReturned(ParserReturned { started_at: at, at, call_id: "p".into(), outcome })
    }

    /// What guardrails say of an answer: it is assessed once, and never one that is empty.
    fn assessed(&mut self, text: &str) -> Event {
        assert!(!text.is_empty() && !self.is_assessed, "an answer is assessed once");
        self.is_assessed = true;
        let verdict = match self.counts.models % 3 {
            0 => Verdict::Passed,
            1 => Verdict::Masked,
            _ => Verdict::Blocked,
        };
        let text = (verdict != Verdict::Passed).then(|| format!("guarded {}", text.len()));
        Event::Assessed(Assessed { verdict, text, at: Timestamp::from_millis(4), ..Assessed::default() })
    }

    /// The end of one of the calls under way, or of none.
    fn result(&mut self) -> Event {
        assert!(!self.under_way.is_empty(), "the turn waits for nothing");
        let at = Timestamp::from_millis(3);
        let index = *pick(&self.case.order, &mut self.counts.orders) % self.under_way.len();
        match &self.under_way[index] {
            Call::Tool(call) => {
                let tool = *pick(&self.case.tools, &mut self.counts.tools);
                let returned = |tool_use_id: String, outcome| {
                    Event::ToolReturned(ToolReturned {
                        started_at: at,
                        at,
                        call_id: "t".into(),
                        tool_use_id,
                        outcome,
                        assessed: None,
                    })
                };
                self.counts.strays += 1;
                if matches!(tool, Tool::Strays) && self.counts.strays % 2 == 1 {
                    return returned("nobody's".into(), tool_outcome(Tool::Answers));
                }
                let id = call.tool_use_id.clone();
                self.under_way.remove(index);
                self.answered.push(id.clone());
                returned(id, tool_outcome(tool))
            }
            Call::Read(read) => {
                let id = read.tool_use_id.clone();
                let outcome = tool_outcome(Tool::Answers);
                self.under_way.remove(index);
                self.answered.push(id.clone());
                Event::ToolReturned(ToolReturned {
                    started_at: at,
                    at,
                    call_id: "t".into(),
                    tool_use_id: id,
                    outcome,
                    assessed: None,
                })
            }
            Call::Collaborator(call) => {
                let tool_use_id = call.tool_use_id.clone();
                let colleague = match *pick(&self.case.collaborators, &mut self.counts.colleagues) {
                    Colleague::ReturnsControl(_) if self.counts.returns >= RETURNS_MAX => Colleague::Answers,
                    colleague => colleague,
                };
                self.counts.returns += usize::from(matches!(colleague, Colleague::ReturnsControl(_)));
                let outcome = colleague_outcome(colleague);
                self.under_way.remove(index);
                Event::CollaboratorReturned(CollaboratorReturned {
                    started_at: at,
                    at,
                    request_id: "r".into(),
                    tool_use_id,
                    outcome,
                })
            }
        }
    }

    /// What the caller does with its part; `None` when it never comes back.
    fn caller(&mut self, payload: &api::ReturnControlPayload) -> Option<Event> {
        let inputs = payload.invocation_inputs.clone().unwrap_or_default();
        assert!((1..=5).contains(&inputs.len()), "{} actions are given out", inputs.len());
        assert_eq!(payload.invocation_id.as_deref(), self.turn.awaited_invocation());
        assert!(self.under_way.is_empty(), "control returns while calls are under way");
        let caller = *pick(&self.case.callers, &mut self.counts.callers);
        let mut results: Vec<ControlResult> = inputs.iter().map(|input| control_result(input, caller)).collect();
        match caller {
            Caller::Leaves => {
                return self
                    .case
                    .trouble
                    .map(|_| Event::Cancelled { at: Timestamp::from_millis(5), by: CancelledBy::Request });
            }
            Caller::DoesBackwards => results.reverse(),
            Caller::Errs => {
                for wrong in [Vec::new(), vec![ControlResult::default()], [results.clone(), results.clone()].concat()] {
                    assert!(self.turn.check_results(&wrong).is_err(), "{wrong:?}");
                }
            }
            _ => {}
        }
        assert_eq!(self.turn.check_results(&results), Ok(()));
        Some(Event::ControlReturned(self.returned(results)))
    }

    fn returned(&self, results: Vec<ControlResult>) -> ControlReturned {
        ControlReturned {
            at: Timestamp::from_millis(4),
            request_id: format!("rid{}-{}", self.number, self.events.len()),
            enable_trace: self.case.traced,
            results,
            session_attributes: None,
            prompt_session_attributes: None,
        }
    }

    /// After the end nothing is shown, and nothing changes.
    fn check_end(&mut self) {
        if self.turn.awaited_invocation().is_some() {
            return;
        }
        let before = self.turn.new_messages().to_vec();
        let at = Timestamp::from_millis(8);
        let late = [
            Event::Cancelled { at, by: CancelledBy::Request },
            Event::LimitReached { at, limit: Limit::WallTime },
            Event::ControlReturned(self.returned(Vec::new())),
        ];
        for event in late {
            let decision = self.turn.apply(event);
            assert!(decision.output.is_empty() && matches!(decision.step, Step::Fail { .. }));
            assert_eq!(self.turn.new_messages(), before);
        }
        check_conversation(&before);
    }

    fn check_replay(&self, history: Earlier) {
        let written: Vec<String> = self.events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        let mut read = written.iter().map(|text| serde_json::from_str::<Event>(text).unwrap());
        let Some(Event::Started(started)) = read.next() else { unreachable!("a turn begins with its start") };
        let (mut turn, decision) = Turn::start(self.agent.clone(), history, BTreeMap::new(), started);
        let mut decided = vec![shown(&decision)];
        decided.extend(read.map(|event| shown(&turn.apply(event))));
        assert_eq!(decided, self.decided);
        assert_eq!(turn.new_messages(), self.turn.new_messages());
        assert_eq!(turn.session_attributes(), self.turn.session_attributes());
    }
}

fn pick<'a, T>(all: &'a [T], count: &mut usize) -> &'a T {
    *count += 1;
    &all[(*count - 1) % all.len()]
}

fn id_of(call: &Call) -> &str {
    match call {
        Call::Tool(call) => &call.tool_use_id,
        Call::Collaborator(call) => &call.tool_use_id,
        Call::Read(read) => &read.tool_use_id,
    }
}

fn kind(step: &Step) -> String {
    let kind = match step {
        Step::CallModel(_) => "CallModel",
        Step::Summarize(_) => "Summarize",
        Step::CallParser(_) => "CallParser",
        Step::CallTools(_) => "CallTools",
        Step::Wait => "Wait",
        Step::ApplyGuardrail { .. } => "ApplyGuardrail",
        Step::Assess { .. } => "Assess",
        Step::ReturnControl(_) => "ReturnControl",
        Step::Finish { .. } => "Finish",
        Step::Fail { kind, .. } => return format!("Fail {kind:?}"),
    };
    kind.to_owned()
}

fn shown(decision: &Decision) -> String {
    format!("{decision:?}")
}

fn failure(cause: ToolFailureCause) -> ToolFailure {
    ToolFailure { cause, message: "It broke.".into(), detail: "at line 1".into() }
}

fn tool_outcome(tool: Tool) -> ToolOutcome {
    let success = ToolSuccess { body: "fine".into(), ..ToolSuccess::default() };
    ToolOutcome::Succeeded(match tool {
        Tool::Answers | Tool::Strays => success,
        Tool::AnswersMuch => ToolSuccess { body: "é".repeat(40), ..success },
        Tool::AnswersError => ToolSuccess { http_status: Some(404), ..success },
        Tool::ChangesAttributes => {
            ToolSuccess { session_attributes: Some([("a".to_owned(), "b".to_owned())].into()), ..success }
        }
        Tool::Reprompts => ToolSuccess { response_state: ResponseState::Reprompt, ..success },
        Tool::Fails => ToolSuccess { response_state: ResponseState::Failure, ..success },
        Tool::Breaks => return ToolOutcome::Failed(failure(ToolFailureCause::TimedOut)),
    })
}

fn colleague_outcome(colleague: Colleague) -> CollaboratorOutcome {
    let session_attributes = BTreeMap::from([("c".to_owned(), "d".to_owned())]);
    match colleague {
        Colleague::Answers => CollaboratorOutcome::Answered { text: "I did.".into(), session_attributes },
        Colleague::AnswersMuch => CollaboratorOutcome::Answered { text: "I did. ".repeat(100), session_attributes },
        Colleague::Fails => CollaboratorOutcome::Failed { message: "It could not.".into() },
        Colleague::ReturnsControl(count) => {
            let input = |index: usize| {
                api::InvocationInputMember::FunctionInvocationInput(api::FunctionInvocationInput {
                    action_group: "below".into(),
                    action_invocation_type: Some(api::ActionInvocationType::Result),
                    agent_id: Some("AGENT0ONE1".into()),
                    collaborator_name: None,
                    function: Some(format!("f{index}")),
                    parameters: None,
                })
            };
            let payload = api::ReturnControlPayload {
                invocation_id: Some("below".into()),
                invocation_inputs: Some((0..count).map(input).collect()),
            };
            CollaboratorOutcome::ReturnedControl { payload, session_attributes }
        }
    }
}

fn control_result(input: &api::InvocationInputMember, caller: Caller) -> ControlResult {
    let api::InvocationInputMember::FunctionInvocationInput(input) = input else {
        unreachable!("groups have functions")
    };
    let asks = input.action_invocation_type != Some(api::ActionInvocationType::Result);
    ControlResult {
        action_group: input.action_group.clone(),
        function: input.function.clone(),
        agent_id: input.agent_id.clone(),
        confirmed: asks.then_some(!matches!(caller, Caller::Denies)),
        response_state: match caller {
            Caller::Fails => ResponseState::Failure,
            Caller::Reprompts => ResponseState::Reprompt,
            _ => ResponseState::Success,
        },
        body: Some("done".into()),
        ..ControlResult::default()
    }
}

/// A request that every provider takes: sides take turns, the user begins and has the last word, nothing is empty.
fn check_request(request: &ModelRequest) {
    assert_eq!(request.messages.first().map(|first| first.role), Some(Role::User));
    assert_eq!(request.messages.last().map(|last| last.role), Some(Role::User));
    assert!(request.messages.iter().all(|message| !message.content.is_empty()), "a message without content");
    check_conversation(&request.messages);
}

/// Sides take turns, and every tool use has exactly one result, in the next message, which has no others.
fn check_conversation(messages: &[Arc<Message>]) {
    for pair in messages.windows(2) {
        assert_ne!(pair[0].role, pair[1].role, "{messages:#?}");
    }
    let results = |message: Option<&Arc<Message>>| -> Vec<String> {
        let blocks = message.map(|message| message.content.as_slice()).unwrap_or_default();
        let results = blocks.iter().filter_map(|block| match block {
            ContentBlock::ToolResult(result) => Some(result.tool_use_id.clone()),
            _ => None,
        });
        results.collect()
    };
    assert!(results(messages.first()).is_empty(), "a result without a use: {messages:#?}");
    for (index, message) in messages.iter().enumerate() {
        let uses: Vec<String> = message.tool_uses().map(|one| one.tool_use_id.clone()).collect();
        assert_eq!(uses, results(messages.get(index + 1)), "{messages:#?}");
    }
}
