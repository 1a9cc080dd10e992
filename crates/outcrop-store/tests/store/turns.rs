//! The life of sessions and turns, as a transcript: one line per step.

use crate::{at, fresh, open};
use outcrop_store::{BeginError, BeginTurn, FinishTurn, Store, StoreError, TurnOutcome};
use std::collections::BTreeMap;

/// Steps, each with the second at which it happens.
enum Step {
    /// Begins a turn; with an id, brings results.
    Begin(&'static str, Option<&'static str>),
    /// Appends one event.
    Append(&'static str),
    Finish,
    Suspend(&'static str),
    End,
    Attributes(&'static str),
    EndSession(&'static str),
    Reopen,
    /// How many were swept, keeping so many days.
    Sweep(u32),
}
use Step::{Append, Attributes, Begin, End, EndSession, Finish, Reopen, Suspend, Sweep};

const TTL: i64 = 600;
const DAY: i64 = 24 * 60 * 60;

/// Plays the steps and compares what each of them answered; the last line is the journal of the last session.
async fn check(steps: &[(i64, Step)], expected: &[&str]) {
    let (place, mut store) = fresh();
    let mut lines = Vec::new();
    let (mut session, mut turn, mut seq) = (0, 0, 0);
    for (second, step) in steps {
        let now = at(*second);
        let outcome = match step {
            Finish | Attributes(_) => TurnOutcome::Finished,
            Suspend(id) => TurnOutcome::Suspended { invocation_id: (*id).into() },
            _ => TurnOutcome::Ended,
        };
        match step {
            Begin(session_id, resume) => match store.begin_turn(begin(session_id, *resume, *second)).await {
                Ok(begun) => {
                    (session, turn, seq) = (begun.session, begun.turn, begun.next_seq);
                    let flag = |on, text| if on { text } else { "" };
                    lines.push(format!(
                        "turn {turn} of {session}, next {seq}, before {}{}{}{}",
                        begun.previous_turns,
                        flag(begun.is_new, ", new"),
                        flag(begun.interrupted, ", interrupted"),
                        begun.attributes.iter().map(|(k, v)| format!(", {k}={v}")).collect::<String>(),
                    ));
                }
                Err(BeginError::NotSuspended) => lines.push("not suspended".into()),
                Err(BeginError::WrongInvocation { expected }) => lines.push(format!("wrong, waits for {expected}")),
                Err(BeginError::Store(error)) => panic!("{error}"),
            },
            Append(body) => {
                store.append_events(session, turn, seq, vec![(now, body.as_bytes().to_vec())]).await.unwrap();
                seq += 1;
            }
            Finish | Suspend(_) | End | Attributes(_) => {
                let attributes = match step {
                    Attributes(value) => Some(BTreeMap::from([("a".to_owned(), (*value).to_owned())])),
                    _ => None,
                };
                let events = vec![(now, b"end".to_vec())];
                let finish = FinishTurn { session, turn, first_seq: seq, events, now, attributes, outcome };
                store.finish_turn(finish).await.unwrap();
            }
            EndSession(id) => {
                let id = *id;
                let ended = store.write(move |tx| tx.end_session("A", "L", id, now)).await.unwrap();
                lines.push(format!("ended {ended}"));
            }
            Reopen => {
                store.close().await;
                store = open(&place);
                let unfinished = store.list_unfinished().await.unwrap();
                let each = unfinished.iter().map(|t| format!(" {}/{}/{}", t.session_id, t.session, t.turn));
                lines.push(format!("unfinished{}", each.collect::<String>()));
            }
            Sweep(days) => {
                lines.push(format!("swept {}", store.sweep_sessions(now, *days).await.unwrap()));
            }
        }
    }
    lines.push(journal(&store, session).await);
    assert_eq!(lines, expected);
}

fn begin(session_id: &str, resume: Option<&str>, second: i64) -> BeginTurn {
    BeginTurn {
        agent_id: "A".into(),
        alias_id: "L".into(),
        session_id: session_id.into(),
        now: at(second),
        idle_ttl_seconds: u32::try_from(TTL).unwrap(),
        resume: resume.map(Into::into),
        memory_id: None,
        first_event: resume.map_or(b"ask".to_vec(), |_| b"back".to_vec()),
        files: Vec::new(),
    }
}

async fn journal(store: &Store, session: i64) -> String {
    let events = store.session_events(session, 0..u32::MAX).await.unwrap();
    let each = events.iter().map(|e| format!("{}.{} {}", e.turn, e.seq, String::from_utf8_lossy(&e.body)));
    each.collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn turns_of_a_session_follow_each_other() {
    check(
        &[
            (0, Begin("s", None)),
            (1, Append("model")),
            (2, Attributes("x")),
            (3, Begin("s", None)),
            (4, Finish),
            (5, Begin("t", None)),
            (6, Finish),
            (7, Begin("s", None)),
        ],
        &[
            "turn 1 of 1, next 1, before 0, new",
            "turn 2 of 1, next 1, before 1, a=x",
            "turn 1 of 2, next 1, before 0, new",
            "turn 3 of 1, next 1, before 2, a=x",
            "1.0 ask, 1.1 model, 1.2 end, 2.0 ask, 2.1 end, 3.0 ask",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_suspended_turn_goes_on_with_its_results_only() {
    check(
        &[
            (0, Begin("s", Some("i"))),
            (0, Begin("s", None)),
            (1, Begin("s", Some("i"))),
            (1, Suspend("i")),
            (2, Begin("s", Some("j"))),
            (3, Begin("s", Some("i"))),
            (4, Append("model")),
            (5, Suspend("k")),
            (6, Reopen),
            (7, Begin("s", Some("i"))),
            (8, Begin("s", Some("k"))),
            (9, Finish),
            (10, Begin("s", Some("k"))),
        ],
        &[
            "not suspended",
            "turn 1 of 1, next 1, before 0, new",
            "not suspended",
            "wrong, waits for i",
            "turn 1 of 1, next 3, before 0",
            "unfinished",
            "wrong, waits for k",
            "turn 1 of 1, next 6, before 0",
            "not suspended",
            "1.0 ask, 1.1 end, 1.2 back, 1.3 model, 1.4 end, 1.5 back, 1.6 end",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_new_turn_abandons_the_suspended_one() {
    check(
        &[(0, Begin("s", None)), (1, Suspend("i")), (2, Begin("s", None)), (3, Begin("s", Some("i")))],
        &[
            "turn 1 of 1, next 1, before 0, new",
            "turn 2 of 1, next 1, before 1",
            "not suspended",
            "1.0 ask, 1.1 end, 2.0 ask",
        ],
    )
    .await;
}

#[tokio::test]
async fn an_interrupted_turn_is_told() {
    check(
        &[
            (0, Begin("s", None)),
            (1, Append("model")),
            (2, Begin("t", None)),
            (3, Finish),
            (4, Reopen),
            (5, Begin("s", None)),
            (6, Finish),
            (7, Reopen),
            (8, Begin("s", None)),
        ],
        &[
            "turn 1 of 1, next 1, before 0, new",
            "turn 1 of 2, next 1, before 0, new",
            "unfinished s/1/1",
            "turn 2 of 1, next 1, before 1, interrupted",
            "unfinished",
            "turn 3 of 1, next 1, before 2",
            "1.0 ask, 1.1 model, 2.0 ask, 2.1 end, 3.0 ask",
        ],
    )
    .await;
}

#[tokio::test]
async fn an_expired_or_ended_session_is_replaced() {
    check(
        &[
            (0, Begin("s", None)),
            (10, Suspend("i")),
            (10 + TTL, Begin("s", Some("i"))),
            (20 + TTL, Suspend("i")),
            (21 + 2 * TTL, Begin("s", Some("i"))),
            (21 + 2 * TTL, Begin("s", None)),
            (22 + 2 * TTL, End),
            (23 + 2 * TTL, EndSession("s")),
            (23 + 2 * TTL, Begin("s", None)),
            (24 + 2 * TTL, EndSession("s")),
            // The turn goes to its end in a session that has ended; nothing comes alive by it.
            (25 + 2 * TTL, Finish),
            (26 + 2 * TTL, Begin("s", None)),
            (27 + 2 * TTL, Finish),
            (28 + 3 * TTL, EndSession("s")),
        ],
        &[
            "turn 1 of 1, next 1, before 0, new",
            "turn 1 of 1, next 3, before 0",
            "not suspended",
            "turn 1 of 2, next 1, before 0, new",
            "ended false",
            "turn 1 of 3, next 1, before 0, new",
            "ended true",
            "turn 1 of 4, next 1, before 0, new",
            "ended false",
            "1.0 ask, 1.1 end",
        ],
    )
    .await;
}

#[tokio::test]
async fn old_sessions_are_swept_with_their_journals() {
    let day = |n: i64| n * DAY;
    check(
        &[
            (0, Begin("long", None)),
            (0, Finish),
            (1, Begin("old", None)),
            (1, End),
            (day(1), Begin("new", None)),
            (day(1), Finish),
            (day(2) - TTL, Sweep(2)),
            (day(2) + 2, Sweep(2)),
            (day(3) + TTL, Sweep(2)),
            (day(3) + TTL + 1, Sweep(2)),
        ],
        &[
            "turn 1 of 1, next 1, before 0, new",
            "turn 1 of 2, next 1, before 0, new",
            "turn 1 of 3, next 1, before 0, new",
            "swept 0",
            "swept 1",
            "swept 1",
            "swept 1",
            "",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_session_is_found_while_it_lives() {
    let (_folder, store) = fresh();
    let begun = store.begin_turn(begin("s", None, 5)).await.unwrap();
    let find = |now| store.read(move |tx| tx.find_session("A", "L", "s", at(now)));
    let found = find(5 + TTL).await.unwrap().unwrap();
    assert_eq!((found.id, found.turns, found.open_turn, found.suspended), (begun.session, 1, Some(1), None));
    assert_eq!((found.created_at, found.last_active_at), (at(5), at(5)));
    assert_eq!(find(6 + TTL).await, Ok(None));
}

#[tokio::test]
async fn an_overtaken_turn_changes_only_its_journal() {
    let (_folder, store) = fresh();
    let one = store.begin_turn(begin("s", None, 0)).await.unwrap();
    let two = store.begin_turn(begin("s", None, 1)).await.unwrap();
    assert!(two.interrupted);
    let finish = |turn, value: &str| FinishTurn {
        session: one.session,
        turn,
        first_seq: 1,
        events: vec![(at(2), b"end".to_vec())],
        now: at(2),
        attributes: Some(BTreeMap::from([("a".into(), value.into())])),
        outcome: TurnOutcome::Suspended { invocation_id: value.into() },
    };
    store.finish_turn(finish(2, "two")).await.unwrap();
    store.finish_turn(finish(1, "one")).await.unwrap();
    let told = store.finish_turn(finish(1, "again")).await;
    assert!(matches!(told, Err(StoreError::Conflict(_))), "{told:?}");
    let told = store.append_events(99, 1, 0, vec![(at(2), b"lost".to_vec())]).await;
    assert_eq!(told, Err(StoreError::Conflict("session 99 is not there".into())));
    let found = store.read(|tx| tx.find_session("A", "L", "s", at(3))).await.unwrap().unwrap();
    assert_eq!(found.suspended.as_deref(), Some("two"));
    assert_eq!(found.attributes.get("a").map(String::as_str), Some("two"));
    assert_eq!(journal(&store, one.session).await, "1.0 ask, 1.1 end, 2.0 ask, 2.1 end");
}
