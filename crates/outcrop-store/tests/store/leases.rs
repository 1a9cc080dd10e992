//! Who works on a turn: requests that come again, processes that are gone, callbacks that wake.

use crate::{at, fresh};
use outcrop_store::{
    AwaitedCallback, BeginError, BeginTurn, CallbackState, Entered, FinishTurn, KnownState, RequestHashes, Store,
    StoreError, TakenCallback, TurnOutcome, TurnRef,
};

fn begin(owner: &str, input: &str, resent: Option<&str>, second: i64) -> BeginTurn {
    BeginTurn {
        agent_id: "A".into(),
        alias_id: "L".into(),
        session_id: "s".into(),
        now: at(second),
        idle_ttl_seconds: 600,
        first_event: b"ask".to_vec(),
        owner: owner.into(),
        request: Some(RequestHashes { input: input.into(), request: resent.map(Into::into) }),
        ..BeginTurn::default()
    }
}

/// What a request comes to, in short, and the turn that it got.
async fn enter(store: &Store, begin: BeginTurn) -> (String, Option<TurnRef>) {
    match store.enter_turn(begin).await {
        Ok(Entered::Begun(begun)) => (format!("turn {}", begun.turn), Some(begun.turn_ref())),
        Ok(Entered::Known(known)) => {
            let state = match known.state {
                KnownState::Open { cut_off: true } => "cut off",
                KnownState::Open { cut_off: false } => "left",
                KnownState::Suspended => "suspended",
                KnownState::Asleep { .. } => "asleep",
                KnownState::Over { .. } => "over",
            };
            (format!("turn {} again, {state}", known.turn.turn), Some(known.turn))
        }
        Err(BeginError::Store(error)) => panic!("{error}"),
        Err(refused) => (refused.to_string(), None),
    }
}

async fn check(store: &Store, begin: BeginTurn, expected: &str) -> TurnRef {
    let (told, turn) = enter(store, begin).await;
    assert_eq!(told, expected);
    turn.unwrap_or(TurnRef { session: 0, turn: 0, epoch: 0 })
}

fn end(turn: TurnRef, second: i64, outcome: TurnOutcome) -> FinishTurn {
    FinishTurn::new(turn, 1, vec![(at(second), b"end".to_vec())], at(second), outcome)
}

#[tokio::test]
async fn a_request_that_comes_again_gets_its_turn() {
    let (_folder, store) = fresh();
    store.hold_alone("one".into()).await.unwrap();
    let first = check(&store, begin("one", "hello", Some("id-1"), 0), "turn 1").await;
    // Cut off: whoever asks the same gets the turn, and the one before may write no more.
    let second = check(&store, begin("one", "hello", None, 1), "turn 1 again, cut off").await;
    assert!(second.epoch > first.epoch);
    assert_eq!(store.append_events(first, 1, vec![(at(1), b"x".to_vec())]).await, Err(StoreError::Fenced));
    store.leave_turn(second).await.unwrap();
    let third = check(&store, begin("one", "hello", None, 2), "turn 1 again, left").await;
    store.finish_turn(end(third, 3, TurnOutcome::Finished)).await.unwrap();
    // Over: only a client that says that it is the same request gets it again; and words alone are a new turn.
    check(&store, begin("one", "hello", Some("id-1"), 4), "turn 1 again, over").await;
    check(&store, begin("one", "hello, world", Some("id-1"), 4), "turn 2").await;
    // Another request than that of the last turn is nobody's.
    let turn = check(&store, begin("one", "hello", Some("id-1"), 5), "turn 3").await;
    store.finish_turn(end(turn, 5, TurnOutcome::Suspended { invocation_id: "i".into() })).await.unwrap();
    check(&store, begin("one", "hello", None, 6), "turn 3 again, suspended").await;
    let results = BeginTurn { resume: Some("i".into()), ..begin("one", "results", None, 7) };
    let turn = check(&store, results.clone(), "turn 3").await;
    check(&store, results.clone(), "turn 3 again, cut off").await;
    // The model failed: the same results are taken once more.
    let turn = TurnRef { epoch: turn.epoch + 1, ..turn };
    let suspended = TurnOutcome::Suspended { invocation_id: "i".into() };
    store.finish_turn(FinishTurn { first_seq: 3, ..end(turn, 8, suspended) }).await.unwrap();
    check(&store, results, "turn 3").await;
}

#[tokio::test]
async fn an_end_that_nobody_read_is_found_by_its_words() {
    let (_folder, store) = fresh();
    store.hold_alone("one".into()).await.unwrap();
    let turn = check(&store, begin("one", "hello", None, 0), "turn 1").await;
    store.finish_turn(FinishTurn { unread: true, ..end(turn, 1, TurnOutcome::Finished) }).await.unwrap();
    let again = check(&store, begin("one", "hello", None, 300), "turn 1 again, over").await;
    store.end_was_read(again).await.unwrap();
    let turn = check(&store, begin("one", "hello", None, 301), "turn 2").await;
    store.finish_turn(end(turn, 310, TurnOutcome::Finished)).await.unwrap();
    // The process ended right after it: the client may never have read it.
    store.hold_alone("two".into()).await.unwrap();
    check(&store, begin("two", "hello", None, 350), "turn 2 again, over").await;
    let turn = check(&store, begin("two", "hello", None, 380), "turn 3").await;
    store.finish_turn(end(turn, 381, TurnOutcome::Finished)).await.unwrap();
    // One that ends in order has shown what it had to show.
    store.release_lease("two".into(), at(382)).await.unwrap();
    store.hold_alone("three".into()).await.unwrap();
    check(&store, begin("three", "hello", None, 383), "turn 4").await;
}

#[tokio::test]
async fn turns_of_a_process_that_is_gone_are_taken_over() {
    let (_folder, store) = fresh();
    store.renew_lease("one".into(), at(0), at(15)).await.unwrap();
    store.renew_lease("two".into(), at(0), at(15)).await.unwrap();
    let turn = check(&store, begin("one", "hello", None, 0), "turn 1").await;
    check(&store, begin("two", "hello", None, 10), "another process holds the session").await;
    let orphans = |second| store.read(move |tx| tx.orphaned_turns(at(second), 0, 10));
    assert_eq!(orphans(15).await.unwrap(), []);
    assert_eq!(store.take_over(turn, "two".into(), at(15)).await, Ok(None));
    let orphan = orphans(16).await.unwrap().remove(0);
    assert_eq!((orphan.turn, orphan.goes_on, orphan.cut_off), (turn, false, true));
    let taken = store.take_over(orphan.turn, "two".into(), at(16)).await.unwrap().unwrap();
    assert_eq!(store.take_over(orphan.turn, "three".into(), at(16)).await, Ok(None), "it was taken");
    // The first one comes back: it lives, but the turn is not its own any more.
    store.renew_lease("one".into(), at(17), at(32)).await.unwrap();
    assert_eq!(store.append_events(turn, 1, vec![(at(17), b"x".to_vec())]).await, Err(StoreError::Fenced));
    assert_eq!(store.finish_turn(end(turn, 17, TurnOutcome::Finished)).await, Err(StoreError::Fenced));
    assert_eq!(store.leave_turn(turn).await, Err(StoreError::Fenced));
    store.finish_turn(end(taken, 18, TurnOutcome::Finished)).await.unwrap();
    store.forget_lease("two".into()).await.unwrap();
    check(&store, begin("one", "other words", None, 19), "turn 2").await;
}

#[tokio::test]
async fn callbacks_wake_their_turns() {
    let (_folder, store) = fresh();
    store.hold_alone("one".into()).await.unwrap();
    let asks = begin("one", "order", None, 0);
    let turn = check(&store, asks.clone(), "turn 1").await;
    let call =
        |key: &str, deadline| AwaitedCallback { call_key: key.into(), root: turn.session, deadline: at(deadline) };
    let keep =
        |key: &str, result: &str, second| store.keep_callback((turn.session, 1), key.into(), result.into(), at(second));
    let due = |second| store.read(move |tx| tx.due_callbacks(at(second), 10));
    // One is quicker than its function's answer.
    assert_eq!(keep("early", "\"e\"", 1).await, Ok(CallbackState::Taken { wakes: false }));
    assert_eq!(due(1).await.unwrap(), (Vec::new(), None));
    let sleeps = FinishTurn {
        callbacks: vec![call("early", 5_000), call("late", 6_000), call("never", 7_000)],
        ..end(turn, 2, TurnOutcome::Asleep { until: at(7_000) })
    };
    store.finish_turn(sleeps).await.unwrap();
    check(&store, asks.clone(), "turn 1 again, asleep").await;
    // An hour is more than its idle time, and it is still there.
    check(&store, begin("one", "other words", None, 3_600), "the session's turn waits for a callback").await;
    let (found, next) = due(2).await.unwrap();
    assert_eq!((found.len(), found[0].is_asleep, next), (1, true, Some(at(6_000))));
    let woken = store.wake_turn(found[0].turn, "one".into(), at(2)).await.unwrap().unwrap();
    assert_eq!(store.wake_turn(found[0].turn, "one".into(), at(2)).await, Ok(None), "it is awake");
    assert_eq!(due(2).await.unwrap(), (Vec::new(), Some(at(6_000))));
    let taken = |second| store.taken_callbacks((turn.session, 1), at(second));
    let early = TakenCallback { call_key: "early".into(), result: Some(b"\"e\"".to_vec()) };
    assert_eq!(taken(2).await.unwrap(), std::slice::from_ref(&early));
    // It goes to sleep again for the others. A callback counts once, and not after its deadline.
    let until = TurnOutcome::Asleep { until: at(7_000) };
    let sleeps =
        FinishTurn { first_seq: 2, callbacks: vec![call("late", 6_000), call("never", 7_000)], ..end(woken, 3, until) };
    store.finish_turn(sleeps).await.unwrap();
    assert_eq!(keep("late", "1", 5_999).await, Ok(CallbackState::Taken { wakes: true }));
    assert_eq!(keep("late", "2", 5_999).await, Ok(CallbackState::Repeated(b"1".to_vec())));
    assert_eq!(keep("never", "1", 7_000).await, Ok(CallbackState::Gone));
    assert_eq!(store.keep_callback((99, 1), "x".into(), b"1".to_vec(), at(1)).await, Ok(CallbackState::Gone));
    let late = TakenCallback { call_key: "late".into(), result: Some(b"1".to_vec()) };
    let never = TakenCallback { call_key: "never".into(), result: None };
    assert_eq!(taken(7_000).await.unwrap(), [early, late, never]);
    // What nobody sleeps for any more wakes nobody.
    let found = due(7_000).await.unwrap().0.remove(0);
    store.silence_callbacks(turn.session, at(7_000)).await.unwrap();
    assert_eq!(due(7_000).await.unwrap().0.len(), 1, "it sleeps");
    let woken = store.wake_turn(found.turn, "one".into(), at(7_000)).await.unwrap().unwrap();
    store.finish_turn(FinishTurn { first_seq: 3, ..end(woken, 7_001, TurnOutcome::Finished) }).await.unwrap();
    store.silence_callbacks(turn.session, at(7_001)).await.unwrap();
    assert_eq!(due(7_001).await.unwrap(), (Vec::new(), None));
}

#[tokio::test]
async fn a_secret_is_made_once() {
    let (_folder, store) = fresh();
    let secret = |made: &'static [u8]| store.write(move |tx| tx.secret_or("callback", made));
    assert_eq!(secret(b"first").await, Ok::<_, StoreError>(b"first".to_vec()));
    assert_eq!(secret(b"second").await, Ok::<_, StoreError>(b"first".to_vec()));
}
