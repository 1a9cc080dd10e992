//! Recorded turns: traces that nobody asked for, and forks. [`check`] runs on every transcript of the other tests, the
//! random ones too.

use super::*;
use outcrop_planner::turn::Forked;
use outcrop_planner::turn::replay::{Replay, Traced};

/// The same agent with another model and name.
fn other(agent: &PreparedAgent) -> Arc<PreparedAgent> {
    let mut other = agent.clone();
    other.model_id = "other".into();
    other.agent_name = "other".into();
    Arc::new(other)
}

fn forked() -> Forked {
    Forked {
        at: Timestamp::from_millis(1_000_000),
        request_id: "fork".into(),
        snapshot: "other".into(),
        alias_id: "ALIAS00002".into(),
        version: "2".into(),
        session_id: "forked".into(),
        enable_trace: false,
    }
}

/// The lines of what the machine said.
fn said(transcript: &str) -> Vec<&str> {
    transcript.lines().filter(|line| line.starts_with("  ")).collect()
}

/// What holds of every recorded turn: its trace can be had afterwards, and it can be forked wherever the model is asked.
pub(super) fn check(play: &Play) {
    let agents = |hash: &str| match hash {
        "" => Some(play.agent.clone()),
        "other" => Some(other(&play.agent)),
        _ => None,
    };
    let replay =
        |traced| Replay { agents: &agents, history: play.history.clone(), attributes: BTreeMap::new(), traced };
    let events: Vec<Event> = play.events.iter().cloned().map(untraced).collect();
    let mut again = Play { transcript: String::new(), ..Play::of(play.agent.clone(), Vec::new(), Started::default()) };
    let mut asks = Vec::new();
    let (turn, _) = replay(Traced::All)
        .watch(&events, |moment| {
            again.note("", moment.decision);
            let is_asked = matches!(moment.decision.step, Step::CallModel(_));
            // The author's function has the model asked as it likes: no point to go on from as another agent.
            assert_eq!(is_asked && play.agent.custom_orchestration.is_none(), moment.turn.asks_for().is_some());
            if moment.turn.asks_for().is_some()
                && let Step::CallModel(request) = &moment.decision.step
            {
                asks.push((moment.index, request.clone()));
            }
        })
        .unwrap();
    assert_eq!(turn.new_messages(), play.turn.new_messages());
    let fails_in_play = play.transcript.contains("= fail Internal");
    assert!(fails_in_play || said(&again.transcript) == said(&play.transcript), "{}", again.transcript);
    for (index, asked) in asks.iter().take(1).chain(asks.iter().skip(1).last()) {
        let before = &events[..=*index];
        let (mut turn, _) = replay(Traced::AsAsked).rebuild(before.to_vec()).unwrap();
        let decision = turn.go_on_as(other(&play.agent), forked());
        let Step::CallModel(request) = &decision.step else { panic!("{}", step(&decision.step)) };
        assert_eq!(request.model_id, "other");
        assert_eq!(request.messages, asked.messages, "what was said and done is the same");
        check_conversation(turn.new_messages());
        assert_eq!(turn.tool_context().session_id.as_ref(), "forked");
        // The fork is recorded like everything else.
        let recorded = before.iter().cloned().chain([Event::Forked(forked())]);
        let (rebuilt, _) = replay(Traced::AsAsked).rebuild(recorded.collect::<Vec<_>>()).unwrap();
        assert_eq!(format!("{rebuilt:?}"), format!("{turn:?}"));
    }
    for taken in 1..events.len() {
        check_taken_up(&replay, &events[..taken], play.agent.custom_orchestration.is_some());
    }
}

/// Wherever a turn is cut off it can be taken up: what was to be done is done, but for calls that may have been made.
fn check_taken_up<'a>(replay: &impl Fn(Traced) -> Replay<'a>, before: &[Event], is_custom: bool) {
    let (mut turn, last) = replay(Traced::All).rebuild(before.to_vec()).unwrap();
    if matches!(last.step, Step::Finish { .. } | Step::Fail { .. } | Step::ReturnControl(_)) {
        return;
    }
    let under_way = turn.calls_to_make().unwrap_or_default();
    let recovered = turn.recovery(before.last().unwrap().at());
    assert_eq!(recovered.again.len() + recovered.unknown.len(), under_way.len(), "{recovered:?}");
    let asked = format!("{:?}", last.step);
    let was_shown = step(&last.step);
    let decision = turn.take_up(&recovered, last.step);
    assert!(!decision.output.is_empty(), "that it was taken up is shown");
    match &decision.step {
        Step::CallTools(calls) => {
            assert!(!recovered.again.is_empty() && calls.len() == recovered.again.len(), "{recovered:?}");
        }
        Step::CallModel(_) | Step::Summarize(_) | Step::CallParser(_) if under_way.is_empty() => {
            assert_eq!(format!("{:?}", decision.step), asked, "it is asked the same");
        }
        Step::CallModel(request) if !is_custom => check_conversation(&request.messages),
        _ => assert!(!recovered.unknown.is_empty(), "{was_shown}: {}", step(&decision.step)),
    }
    let recorded = before.iter().cloned().chain([Event::Recovered(recovered)]);
    let (rebuilt, again) = replay(Traced::All).rebuild(recorded.collect::<Vec<_>>()).unwrap();
    assert_eq!(format!("{rebuilt:?}"), format!("{turn:?}"));
    assert_eq!(format!("{:?}", again.step), format!("{:?}", decision.step));
}

fn untraced(event: Event) -> Event {
    match event {
        Event::Started(started) => Event::Started(Started { enable_trace: false, ..started }),
        Event::ControlReturned(returned) => Event::ControlReturned(ControlReturned { enable_trace: false, ..returned }),
        other => other,
    }
}

#[test]
fn a_fork_goes_on_from_a_tools_result() {
    let mut play = Play::begin("Where is A-1?");
    play.model(vec![uses("t1", "orders__status", json!({"id": "A-1"}))]).tool("t1", answers("processing"));
    let mut turn = Turn::replay(play.agent.clone(), Vec::new(), BTreeMap::new(), play.events.clone()).unwrap().0;
    let decision = turn.go_on_as(other(&play.agent), Forked { enable_trace: true, ..forked() });
    let mut fork = Play { turn, transcript: String::new(), ..play };
    fork.note("fork", &decision);
    fork.model(vec![text("In work.")]);
    assert_snapshot!(fork.transcript, @r#"
    > fork
      [fork-0] model input
      = call model, 3 messages
    > model: "In work."
      [fork-0] model output
      [fork-0] observation FINISH "In work."
      = finish "In work."
    "#);
}

#[test]
fn a_fork_cannot_be_made_in_the_middle_of_work() {
    let mut play = Play::begin("Where is A-1?");
    play.model(vec![uses("t1", "orders__status", json!({"id": "A-1"}))]);
    let decision = play.turn.go_on_as(agent(), forked());
    assert!(matches!(decision.step, Step::Fail { .. }));
    check_conversation(play.turn.new_messages());
}

#[test]
fn a_model_call_that_is_not_made_is_not_counted() {
    let limits = TurnLimits { iterations_max: 2, ..TurnLimits::default() };
    let mut play = Play::with("Where is A-1?", limits);
    play.model(vec![uses("t1", "orders__status", json!({"id": "A-1"}))]).tool("t1", answers("processing"));
    for _ in 0..3 {
        let decision = play.turn.go_on_as(other(&play.agent), forked());
        assert!(matches!(decision.step, Step::CallModel(_)), "{}", step(&decision.step));
    }
}
