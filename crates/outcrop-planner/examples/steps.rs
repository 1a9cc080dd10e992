//! Measures what a step of the loop costs the planner, over sessions of different lengths:
//! `steps [ROUNDS] [TURNS_BEFORE…]`.
//!
//! A step is one tool call: the model's reply goes in, the call comes out, its result goes in, the next request comes
//! out. Nothing is asked and nothing waits, so this is the planner alone. What grows with the session is the list of
//! messages in each request, which providers must be sent; the messages themselves are shared.

#![expect(clippy::print_stdout, reason = "a measurement for people")]

use outcrop_planner::turn::{Event, ModelReplied, Started, Step, ToolReturned, Turn, TurnLimits};
use outcrop_planner::{PreparedAgent, prepare};
use outcrop_ports::{
    ContentBlock, Message, ModelReply, ModelRequest, Role, StopReason, ToolOutcome, ToolResult, ToolResultContent,
    ToolResultStatus, ToolSuccess, ToolUse, Usage,
};
use outcrop_wire::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Steps measured in one turn: what a turn adds to the conversation itself stays small beside long sessions.
const STEPS: u32 = 8;
const AT: Timestamp = Timestamp::from_nanos(0);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let rounds = arguments.next().unwrap_or(Ok(2_000))?;
    let mut sizes = arguments.collect::<Result<Vec<_>, _>>()?;
    if sizes.is_empty() {
        sizes = vec![1, 10, 100, 1_000];
    }
    let rows = measure(&sizes, rounds)?;
    let first = rows.first().map_or(Duration::ZERO, |row| row.step);
    for Row { turns, messages, start, step } in rows {
        let ratio = step.as_secs_f64() / first.as_secs_f64();
        println!(
            "{turns:>5} turns before, {messages:>5} messages sent: start {start:>10.2?}, step {step:>10.2?}, {ratio:.2} times the first"
        );
    }
    Ok(())
}

/// What was measured of one length of session; times are medians over the rounds.
pub(crate) struct Row {
    /// Turns before this one.
    pub(crate) turns: usize,
    /// Messages in the last request.
    pub(crate) messages: usize,
    /// From the user's words to the first request.
    pub(crate) start: Duration,
    /// One step.
    pub(crate) step: Duration,
}

/// Takes `rounds` turns on sessions of each length.
pub(crate) fn measure(sizes: &[usize], rounds: usize) -> Result<Vec<Row>, Box<dyn Error>> {
    let agent = agent()?;
    let mut rows = Vec::new();
    for &turns in sizes {
        let history = history(turns);
        let mut starts = Vec::with_capacity(rounds);
        let mut steps = Vec::with_capacity(rounds);
        let mut messages = 0;
        for _ in 0..rounds {
            let (start, step, request) = take_turn(&agent, history.clone())?;
            starts.push(start);
            steps.push(step);
            messages = request.messages.len();
        }
        rows.push(Row { turns, messages, start: median(starts), step: median(steps) });
    }
    Ok(rows)
}

/// One turn of [`STEPS`] tool calls: how long its start took, how long a step took, and the last request.
pub(crate) fn take_turn(
    agent: &Arc<PreparedAgent>,
    history: Vec<Arc<Message>>,
) -> Result<(Duration, Duration, Box<ModelRequest>), Box<dyn Error>> {
    let limits = TurnLimits { iterations_max: STEPS + 1, ..TurnLimits::default() };
    let started =
        Started { request_id: "rid".into(), input_text: "Where is A-1?".into(), limits, ..Started::default() };
    let began = Instant::now();
    let (mut turn, mut decision) = Turn::start(agent.clone(), history, BTreeMap::new(), started);
    let start = began.elapsed();
    let mut spent = Duration::ZERO;
    for number in 0..STEPS {
        let (reply, result) = (reply(number), result(number));
        let began = Instant::now();
        turn.apply(reply);
        decision = turn.apply(result);
        spent += began.elapsed();
    }
    match decision.step {
        Step::CallModel(request) => Ok((start, spent / STEPS, request)),
        step => Err(format!("the turn went another way: {step:?}").into()),
    }
}

fn reply(number: u32) -> Event {
    let tool_use =
        ToolUse { tool_use_id: format!("t{number}"), name: "orders__status".into(), input: json!({"id": "A-1"}) };
    let message = Message { role: Role::Assistant, content: vec![ContentBlock::ToolUse(tool_use)] };
    let reply = ModelReply::new(message, StopReason::ToolUse, Usage::default());
    Event::ModelReplied(ModelReplied { started_at: AT, at: AT, call_id: "c".into(), reply })
}

fn result(number: u32) -> Event {
    let success = ToolSuccess { body: "{\"status\":\"shipped\"}".into(), ..ToolSuccess::default() };
    Event::ToolReturned(ToolReturned {
        started_at: AT,
        at: AT,
        call_id: "c".into(),
        tool_use_id: format!("t{number}"),
        outcome: ToolOutcome::Succeeded(success),
        assessed: None,
    })
}

/// What so many turns left, each with one tool call.
pub(crate) fn history(turns: usize) -> Vec<Arc<Message>> {
    let mut messages = Vec::with_capacity(4 * turns);
    for number in 0..turns {
        let tool_use_id = format!("h{number}");
        let tool_use =
            ToolUse { tool_use_id: tool_use_id.clone(), name: "orders__status".into(), input: json!({"id": "A-1"}) };
        let content = vec![ToolResultContent::Text("{\"status\":\"processing\"}".into())];
        let result = ToolResult { tool_use_id, content, status: ToolResultStatus::Success };
        messages.push(Message::user(format!("Where is order A-{number}? I have been waiting for it.")));
        messages.push(Message { role: Role::Assistant, content: vec![ContentBlock::ToolUse(tool_use)] });
        messages.push(Message { role: Role::User, content: vec![ContentBlock::ToolResult(result)] });
        messages.push(Message::assistant("It is being processed, and will be with you on Friday."));
    }
    messages.into_iter().map(Arc::new).collect()
}

/// An agent with one tool.
pub(crate) fn agent() -> Result<Arc<PreparedAgent>, Box<dyn Error>> {
    let at = "2026-01-01T00:00:00Z";
    let snapshot = json!({
        "agent": {
            "agentId": "AGENT00001", "agentName": "desk", "agentArn": "arn:aws:bedrock:us-east-1:000000000000:agent/AGENT00001",
            "agentVersion": "DRAFT", "agentStatus": "PREPARED", "instruction": "You are the desk of a small shop, and you help.",
            "foundationModel": "m", "idleSessionTTLInSeconds": 600, "agentResourceRoleArn": "arn:aws:iam::000000000000:role/r",
            "createdAt": at, "updatedAt": at,
        },
        "actionGroups": [{
            "agentId": "AGENT00001", "agentVersion": "DRAFT", "actionGroupId": "GROUP00001", "actionGroupName": "orders",
            "createdAt": at, "updatedAt": at, "actionGroupState": "ENABLED",
            "actionGroupExecutor": {"lambda": "arn:aws:lambda:us-east-1:000000000000:function:orders"},
            "functionSchema": {"functions": [
                {"name": "status", "description": "Status", "parameters": {"id": {"type": "string", "required": true}}},
            ]},
        }],
    });
    Ok(Arc::new(prepare::prepare(&serde_json::from_value(snapshot)?)?))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
