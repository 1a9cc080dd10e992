//! Forks: what a session and those that go on from it read, and how long they stay.

use crate::{at, fresh};
use outcrop_store::{
    BeginTurn, Bound, FORK_DEPTH_MAX, FinishTurn, ForkError, NewFork, SessionFilter, Store, StoreError, TurnOutcome,
};
use std::collections::BTreeMap;

const DAY: i64 = 24 * 60 * 60;

async fn begin(store: &Store, session_id: &str, second: i64, first_event: &str) -> (i64, u32, u32) {
    let begin = BeginTurn {
        agent_id: "A".into(),
        alias_id: "L".into(),
        session_id: session_id.into(),
        now: at(second),
        idle_ttl_seconds: 600,
        resume: None,
        memory_id: None,
        files: Vec::new(),
        first_event: first_event.into(),
    };
    let begun = store.begin_turn(begin).await.unwrap();
    (begun.session, begun.turn, begun.next_seq)
}

/// A turn of these events, from begin to finish.
async fn turn(store: &Store, session_id: &str, second: i64, events: &[&str]) -> i64 {
    let (session, turn, first_seq) = begin(store, session_id, second, events[0]).await;
    let events = events[1..].iter().map(|event| (at(second), event.as_bytes().to_vec())).collect();
    let outcome = TurnOutcome::Finished;
    let finish = FinishTurn { session, turn, first_seq, events, now: at(second), attributes: None, outcome };
    store.finish_turn(finish).await.unwrap();
    session
}

fn new(session_id: &str, parent: i64, turns: u32, events: u32, second: i64) -> NewFork {
    NewFork {
        agent_id: "A".into(),
        alias_id: "L".into(),
        session_id: session_id.into(),
        now: at(second),
        idle_ttl_seconds: 600,
        parent,
        turns,
        events,
        bound: (turns > 1).then(|| Bound { snapshot: "hash".into(), version: "3".into() }),
        attributes: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        first_event: (events > 0).then(|| b"forked".to_vec()),
    }
}

async fn fork(store: &Store, new: NewFork) -> Result<i64, ForkError> {
    store.write(move |tx| tx.fork_session(&new)).await
}

/// All events, and then the last of each turn.
async fn check(store: &Store, session: i64, events: &[&str], last: &[&str]) {
    let text = |events: Vec<outcrop_store::JournalEvent>| -> Vec<String> {
        let line = |event: outcrop_store::JournalEvent| {
            format!("{}.{} {}", event.turn, event.seq, String::from_utf8(event.body).unwrap())
        };
        events.into_iter().map(line).collect()
    };
    assert_eq!(text(store.session_events(session, 0..u32::MAX).await.unwrap()), events);
    assert_eq!(text(store.last_events(session, 0..u32::MAX).await.unwrap()), last);
}

#[tokio::test]
async fn forks_share_what_came_before_and_nothing_after() {
    let (_folder, store) = fresh();
    turn(&store, "s", 1, &["a0", "a1"]).await;
    let parent = turn(&store, "s", 2, &["b0", "b1", "b2", "b3"]).await;

    let whole = fork(&store, new("whole", parent, 1, 0, 3)).await.unwrap();
    let inside = fork(&store, new("inside", parent, 1, 2, 3)).await.unwrap();
    check(&store, whole, &["1.0 a0", "1.1 a1"], &["1.1 a1"]).await;
    check(&store, inside, &["1.0 a0", "1.1 a1", "2.0 b0", "2.1 b1", "2.2 forked"], &["1.1 a1", "2.2 forked"]).await;

    // All go on, each by itself.
    turn(&store, "whole", 4, &["c0", "c1"]).await;
    turn(&store, "s", 4, &["d0"]).await;
    check(&store, whole, &["1.0 a0", "1.1 a1", "2.0 c0", "2.1 c1"], &["1.1 a1", "2.1 c1"]).await;
    check(
        &store,
        parent,
        &["1.0 a0", "1.1 a1", "2.0 b0", "2.1 b1", "2.2 b2", "2.3 b3", "3.0 d0"],
        &["1.1 a1", "2.3 b3", "3.0 d0"],
    )
    .await;

    // Forks of forks: past the point at which theirs left, and before it.
    let later = fork(&store, new("later", whole, 2, 0, 5)).await.unwrap();
    check(&store, later, &["1.0 a0", "1.1 a1", "2.0 c0", "2.1 c1"], &["1.1 a1", "2.1 c1"]).await;
    let earlier = fork(&store, new("earlier", inside, 1, 1, 5)).await.unwrap();
    check(&store, earlier, &["1.0 a0", "1.1 a1", "2.0 b0", "2.1 forked"], &["1.1 a1", "2.1 forked"]).await;
    let deeper = fork(&store, new("deeper", inside, 1, 3, 5)).await.unwrap();
    let shared = ["1.0 a0", "1.1 a1", "2.0 b0", "2.1 b1", "2.2 forked", "2.3 forked"];
    check(&store, deeper, &shared, &["1.1 a1", "2.3 forked"]).await;

    let found = store.read(|tx| tx.find_session("A", "L", "later", at(6))).await.unwrap().unwrap();
    assert_eq!((found.turns, found.open_turn, found.attributes["k"].as_str()), (2, None, "v"));
    let bound = |id: &'static str| store.read(move |tx| tx.bound_session("A", "L", id, at(6)));
    assert_eq!(bound("later").await.unwrap().map(|bound| bound.version), Some("3".to_owned()));
    assert_eq!(bound("whole").await.unwrap(), None);
    let begun = |second| {
        store.read(move |tx| {
            let session = tx.kept_session(later)?.unwrap().session;
            tx.turn_begun_by(&session, at(second))
        })
    };
    assert_eq!([begun(0).await, begun(1).await, begun(3).await, begun(9).await].map(Result::unwrap), [0, 1, 1, 2]);
}

#[tokio::test]
async fn what_cannot_be_forked() {
    let (_folder, store) = fresh();
    let mut parent = turn(&store, "s", 1, &["a0"]).await;
    assert_eq!(fork(&store, new("s", parent, 1, 0, 2)).await, Err(ForkError::Taken));
    assert_eq!(fork(&store, new("t", 77, 1, 0, 2)).await, Err(ForkError::NotThere));
    for depth in 0..FORK_DEPTH_MAX {
        parent = fork(&store, new(&format!("f{depth}"), parent, 1, 0, 2)).await.unwrap();
    }
    check(&store, parent, &["1.0 a0"], &["1.0 a0"]).await;
    assert_eq!(fork(&store, new("t", parent, 1, 0, 2)).await, Err(ForkError::TooDeep));
    // An expired session makes way for a fork of its id.
    assert!(fork(&store, new("s", parent - 1, 1, 0, 2_000)).await.is_ok());
}

#[tokio::test]
async fn a_session_stays_as_long_as_its_forks() {
    let (_folder, store) = fresh();
    let parent = turn(&store, "s", 1, &["a0"]).await;
    let child = fork(&store, new("f", parent, 1, 0, 5 * DAY)).await.unwrap();
    assert_eq!(store.sweep_sessions(at(9 * DAY), 7).await.unwrap(), 0);
    assert_eq!(store.sweep_sessions(at(10 * DAY), 7).await.unwrap(), 0, "the fork needs it");
    check(&store, child, &["1.0 a0"], &["1.0 a0"]).await;
    assert_eq!(store.sweep_sessions(at(20 * DAY), 7).await.unwrap(), 1, "the fork goes");
    assert_eq!(store.sweep_sessions(at(20 * DAY), 7).await.unwrap(), 1, "then what it came from");
}

#[tokio::test]
async fn sessions_are_listed_and_found_when_they_are_over_too() {
    let (_folder, store) = fresh();
    for (second, id) in [(1, "a-1"), (2, "a-2"), (3, "b-1"), (1_000, "a-1")] {
        turn(&store, id, second, &["e"]).await;
    }
    let named = store.read(|tx| tx.sessions_named("a-1")).await.unwrap();
    let seen: Vec<_> = named.iter().map(|one| (one.session.created_at, one.ended, one.is_over(at(1_001)))).collect();
    assert_eq!(seen, [(at(1_000), false, false), (at(1), true, true)]);
    let list = |prefix: &str, after: Option<i64>| {
        let filter = SessionFilter { prefix: Some(prefix.to_owned()), ..SessionFilter::default() };
        store.read(move |tx| {
            let (page, next) = tx.list_sessions(&filter, after, 2)?;
            let ids: Vec<String> = page.into_iter().map(|one| one.session_id).collect();
            Ok::<_, StoreError>((ids, next))
        })
    };
    let (first, next) = list("a-", None).await.unwrap();
    assert_eq!(first, ["a-1", "a-2"]);
    assert_eq!(list("a-", next).await.unwrap(), (vec!["a-1".to_owned()], None));
    assert_eq!(list("c", None).await.unwrap(), (Vec::new(), None));
    let filter = SessionFilter { agent_id: Some("B".into()), ..SessionFilter::default() };
    assert_eq!(store.read(move |tx| tx.list_sessions(&filter, None, 2)).await.unwrap().0, []);
}
