//! Random lives of one session id against a model in memory.

use crate::{at, block_on, open};
use outcrop_store::{BeginError, BeginTurn, Begun, FinishTurn, TurnOutcome};
use proptest::prelude::*;

const TTL: i64 = 10;

#[derive(Clone, Debug)]
enum Op {
    Begin,
    Resume(u8),
    Append(u8),
    Finish,
    Suspend(u8),
    End,
    Wait(i64),
    Reopen,
}

/// The live session.
#[derive(Clone, Debug)]
struct Model {
    active: i64,
    open: bool,
    suspended: Option<u8>,
    /// Events of each turn so far.
    turns: Vec<u32>,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => Just(Op::Begin),
        3 => (0_u8..2).prop_map(Op::Resume),
        3 => (1_u8..4).prop_map(Op::Append),
        3 => Just(Op::Finish),
        4 => (0_u8..2).prop_map(Op::Suspend),
        1 => Just(Op::End),
        2 => (1_i64..2 * TTL).prop_map(Op::Wait),
        1 => Just(Op::Reopen),
    ]
}

/// What a begin should answer: turn, next event, previous turns, interrupted, new.
type Expected = Result<(u32, u32, u32, bool, bool), BeginError>;

fn expect_begin(model: &mut Option<Model>, resume: Option<u8>, now: i64) -> Expected {
    let alive = model.take_if(|model| now <= model.active + TTL);
    let Some(id) = resume else {
        let is_new = alive.is_none();
        let mut session = alive.unwrap_or(Model { active: 0, open: false, suspended: None, turns: Vec::new() });
        let before = u32::try_from(session.turns.len()).unwrap();
        let interrupted = session.open;
        session.turns.push(1);
        *model = Some(Model { active: now, open: true, suspended: None, ..session });
        return Ok((before + 1, 1, before, interrupted, is_new));
    };
    let Some(mut session) = alive else { return Err(BeginError::NotSuspended) };
    let answer = match session.suspended {
        None => Err(BeginError::NotSuspended),
        Some(waits) if waits != id => Err(BeginError::WrongInvocation { expected: waits.to_string() }),
        Some(_) => {
            (session.active, session.open, session.suspended) = (now, true, None);
            let turn = u32::try_from(session.turns.len()).unwrap();
            let events = session.turns.last_mut().unwrap();
            *events += 1;
            Ok((turn, *events, turn - 1, false, false))
        }
    };
    *model = Some(session);
    answer
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sessions_live_as_the_model_says(ops in prop::collection::vec(op(), 1..40)) {
        let place = crate::place();
        block_on(async {
            let mut store = open(&place);
            let (mut model, mut now, mut driving) = (None::<Model>, 0, None::<Begun>);
            for op in ops {
                let resume = if let Op::Resume(id) = op { Some(id) } else { None };
                match (&op, &mut model, &mut driving) {
                    (Op::Begin | Op::Resume(_), model, driving) => {
                        let begun = store.begin_turn(begin(resume, now)).await;
                        let told = begun.clone().map(|b| (b.turn, b.next_seq, b.previous_turns, b.interrupted, b.is_new));
                        prop_assert_eq!(told, expect_begin(model, resume, now));
                        *driving = begun.ok().or(driving.take());
                    }
                    (Op::Append(count), Some(session), Some(turn)) if session.open => {
                        let events = vec![(at(now), b"more".to_vec()); usize::from(*count)];
                        store.append_events(turn.session, turn.turn, turn.next_seq, events).await.unwrap();
                        turn.next_seq += u32::from(*count);
                        *session.turns.last_mut().unwrap() += u32::from(*count);
                    }
                    (Op::Finish | Op::Suspend(_) | Op::End, Some(session), Some(turn)) if session.open => {
                        let outcome = match op {
                            Op::Suspend(id) => TurnOutcome::Suspended { invocation_id: id.to_string() },
                            Op::End => TurnOutcome::Ended,
                            _ => TurnOutcome::Finished,
                        };
                        store.finish_turn(finish(turn, now, outcome)).await.unwrap();
                        *session.turns.last_mut().unwrap() += 1;
                        session.suspended = if let Op::Suspend(id) = op { Some(id) } else { None };
                        (session.active, session.open) = (now, false);
                        if matches!(op, Op::End) {
                            model = None;
                        }
                    }
                    (Op::Wait(seconds), ..) => now += seconds,
                    (Op::Reopen, ..) => {
                        store.close().await;
                        store = open(&place);
                    }
                    _ => {}
                }
                let found = store.read(move |tx| tx.find_session("A", "L", "s", at(now))).await.unwrap();
                let alive = model.clone().filter(|model| now <= model.active + TTL);
                prop_assert_eq!(found.is_some(), alive.is_some());
                let Some((found, alive)) = found.zip(alive) else { continue };
                prop_assert_eq!(found.suspended, alive.suspended.map(|id| id.to_string()));
                prop_assert_eq!(found.open_turn.is_some(), alive.open);
                let events = store.session_events(found.id, 1..u32::MAX).await.unwrap();
                let stored: Vec<(u32, u32)> = events.iter().map(|event| (event.turn, event.seq)).collect();
                let expected = (1..).zip(&alive.turns).flat_map(|(turn, count)| (0..*count).map(move |seq| (turn, seq)));
                prop_assert_eq!(stored, expected.collect::<Vec<_>>());
            }
            Ok(())
        })?;
    }
}

fn begin(resume: Option<u8>, now: i64) -> BeginTurn {
    BeginTurn {
        agent_id: "A".into(),
        alias_id: "L".into(),
        session_id: "s".into(),
        now: at(now),
        idle_ttl_seconds: u32::try_from(TTL).unwrap(),
        resume: resume.map(|id| id.to_string()),
        memory_id: None,
        first_event: b"first".to_vec(),
        files: Vec::new(),
    }
}

fn finish(turn: &Begun, now: i64, outcome: TurnOutcome) -> FinishTurn {
    FinishTurn {
        session: turn.session,
        turn: turn.turn,
        first_seq: turn.next_seq,
        events: vec![(at(now), b"end".to_vec())],
        now: at(now),
        attributes: None,
        outcome,
    }
}
