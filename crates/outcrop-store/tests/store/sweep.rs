//! Sweeping: what is kept long enough goes, step by step, and nothing else.

use crate::blobs::{begin, count, database, noise, turn};
use crate::{Place, at, fresh};
use outcrop_store::{MemorySummary, NewFork, Store, StoreOptions, StoredSession, Sweep, Sweeping, care};
use std::collections::BTreeMap;

const DAY: i64 = 24 * 60 * 60;

fn is_end(row: &[u8]) -> bool {
    row.starts_with(br#"{"ended""#)
}

/// Sweeps to the end; gives steps, rows and what is gone.
async fn sweep(store: &Store, what: Sweeping) -> (usize, usize, usize) {
    let (mut sweep, mut steps, mut rows, mut gone) = (Sweep::new(what), 0, 0, 0);
    loop {
        let swept = store.sweep(&mut sweep).await.unwrap();
        (steps, rows, gone) = (steps + 1, rows + swept.rows, gone + swept.gone);
        assert!(swept.rows <= 400, "a step is short: {swept:?}");
        if swept.done {
            return (steps, rows, gone);
        }
    }
}

fn whole(folder: &Place) {
    let url = folder.folder().join("data/outcrop.db").display().to_string();
    assert_eq!(
        care::check(&StoreOptions::new(url), folder.folder(), &mut |_| ()).unwrap().problems,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn sessions_go_in_short_steps_with_all_they_hold() {
    let (folder, store) = fresh();
    let shared = noise(1, 2);
    let texts: Vec<String> = (0..150).map(|number| noise(100 + number, 2)).collect();
    let mut said: Vec<&str> = texts.iter().map(String::as_str).collect();
    said.push(&shared);
    for day in 0..3 {
        turn(&store, "large", day, &said).await;
    }
    turn(&store, "small", 0, &[&shared]).await;
    turn(&store, "young", 9 * DAY, &[&shared]).await;
    assert_eq!(count(&folder, "blob"), 151);

    // Not before its time; and not half of it in sight.
    assert_eq!(sweep(&store, Sweeping::Sessions(at(600))).await.2, 0);
    let mut steps = Sweep::new(Sweeping::Sessions(at(8 * DAY)));
    assert!(!store.sweep(&mut steps).await.unwrap().done);
    assert!(store.read(|tx| tx.sessions_named("large")).await.unwrap().is_empty());
    whole(&folder);
    let (many, _, gone) = sweep(&store, Sweeping::Sessions(at(8 * DAY))).await;
    assert_eq!(gone, 2);
    assert!(many > 5, "{many} steps");
    assert_eq!((count(&folder, "session"), count(&folder, "blob"), count(&folder, "blob_ref")), (1, 1, 1));
    assert_eq!(store.turn_events(3, 1).await.unwrap().len(), 3);
    whole(&folder);
}

#[tokio::test]
async fn steps_of_old_turns_go_and_what_was_said_stays() {
    let (folder, store) = fresh();
    let (large, other) = (noise(1, 4), noise(2, 4));
    let session = turn(&store, "s", 0, &[&large, "one"]).await;
    turn(&store, "s", 5, &["two"]).await;
    turn(&store, "s", 10, &[&other, "three"]).await;
    // Only the events had it.
    database(&folder)
        .execute("UPDATE turn_event SET body = ?1 WHERE turn = 1 AND seq = 3", [br#"{"ended":["one"]}"#.as_slice()])
        .unwrap();
    let before = |second| Sweeping::Steps { before: at(second), now: at(11), is_end };
    // The last turn of a session that lives stays whole.
    assert_eq!(sweep(&store, before(8)).await.2, 2);
    let left = store.session_events(session, 0..9).await.unwrap();
    let places: Vec<_> = left.iter().map(|event| (event.turn, event.seq)).collect();
    assert_eq!(places, [(1, 3), (2, 2), (3, 0), (3, 1), (3, 2), (3, 3)]);
    assert_eq!(count(&folder, "blob"), 1, "what only the events needed is gone");
    assert_eq!(sweep(&store, before(20)).await.2, 0);
    whole(&folder);
    // Over at last, the last one goes, too; what its end says again stays.
    let (_, rows, gone) = sweep(&store, Sweeping::Steps { before: at(20), now: at(2 * DAY), is_end }).await;
    assert_eq!((rows, gone), (3, 1));
    let last = store.last_events(session, 1..9).await.unwrap();
    assert_eq!(last[2].body, format!(r#"{{"ended":["{other}","three"]}}"#).into_bytes());
    assert_eq!(sweep(&store, Sweeping::Steps { before: at(20), now: at(2 * DAY), is_end }).await, (1, 0, 0));
    whole(&folder);
    // Times of turns are found by what is left.
    let begun = store.read(move |tx| {
        let session = tx.kept_session(session)?.unwrap().session;
        tx.turn_begun_by(&session, at(6))
    });
    assert_eq!(begun.await.unwrap(), 2);
}

#[tokio::test]
async fn turns_without_an_end_and_turns_that_were_forked_within_keep_their_steps() {
    let (folder, store) = fresh();
    let open = store.begin_turn(begin("open", 0)).await.unwrap().session;
    let session = turn(&store, "s", 0, &["one", "two"]).await;
    turn(&store, "s", 1, &["three", "four"]).await;
    turn(&store, "s", 2, &["five"]).await;
    let fork = NewFork {
        agent_id: "A".into(),
        alias_id: "L".into(),
        session_id: "fork".into(),
        now: at(3),
        idle_ttl_seconds: 600,
        parent: session,
        turns: 1,
        events: 2,
        bound: None,
        attributes: BTreeMap::new(),
        first_event: Some(br#"{"event":"forked"}"#.to_vec()),
    };
    store.write(move |tx| tx.fork_session(&fork)).await.unwrap();
    let (.., gone) = sweep(&store, Sweeping::Steps { before: at(DAY), now: at(2 * DAY), is_end }).await;
    assert_eq!(gone, 1, "the turn before the one that was forked");
    assert_eq!(store.turn_events(open, 1).await.unwrap().len(), 1);
    assert_eq!(store.turn_events(session, 1).await.unwrap().len(), 1);
    assert_eq!(store.turn_events(session, 2).await.unwrap().len(), 4);
    whole(&folder);
}

#[tokio::test]
async fn a_long_turn_is_swept_over_several_writes() {
    let (folder, store) = fresh();
    let texts: Vec<String> =
        (0..500).map(|number| if number % 5 == 0 { noise(number, 2) } else { "x".into() }).collect();
    let said: Vec<&str> = texts.iter().map(String::as_str).collect();
    let session = turn(&store, "s", 0, &said).await;
    let (steps, rows, gone) = sweep(&store, Sweeping::Steps { before: at(DAY), now: at(2 * DAY), is_end }).await;
    assert!(steps > 2 && rows == 501 && gone == 1, "{steps} {rows} {gone}");
    assert_eq!(store.turn_events(session, 1).await.unwrap().len(), 1);
    assert_eq!(count(&folder, "blob"), 100, "the end says them again");
    whole(&folder);
}

#[tokio::test]
async fn a_session_that_waits_to_be_summed_up_stays() {
    let (_folder, store) = fresh();
    let remembered = outcrop_store::BeginTurn { memory_id: Some("m".into()), ..begin("s", 0) };
    store.begin_turn(remembered).await.unwrap();
    assert_eq!(sweep(&store, Sweeping::Sessions(at(9 * DAY))).await.2, 0, "the memory's worker ends it first");
    store.write(|tx| tx.end_session("A", "L", "s", at(DAY))).await.unwrap();
    assert_eq!(sweep(&store, Sweeping::Sessions(at(9 * DAY))).await.2, 0, "it waits");
    store.write(|tx| tx.end_memory_job(1)).await.unwrap();
    assert_eq!(sweep(&store, Sweeping::Sessions(at(9 * DAY))).await.2, 1);
}

#[tokio::test]
async fn stored_sessions_tokens_and_summaries_go_in_their_time() {
    let (_folder, store) = fresh();
    let stored = |id: &str, second| StoredSession {
        number: 0,
        id: id.into(),
        created_at: at(second),
        updated_at: at(second),
        ended: false,
        invocations: 0,
        steps: 0,
    };
    let used = outcrop_store::ClientToken { request_hash: "h".into(), response: b"r".to_vec() };
    let summary = |second| MemorySummary {
        session_id: format!("s{second}"),
        started_at: at(0),
        expires_at: at(second),
        summary: "said hello".into(),
    };
    let (old, young) = (stored("old", 0), stored("young", 9 * DAY));
    store
        .write(move |tx| {
            tx.insert_stored_session(&old, &Default::default())?;
            tx.insert_stored_session(&young, &Default::default())?;
            tx.put_client_token("CreateAgent", "t", &used, at(0))?;
            tx.put_client_token("CreateAgent", "u", &used, at(9 * DAY))?;
            tx.put_memory(("A", "L", "m"), &summary(DAY), at(0))?;
            tx.put_memory(("A", "L", "m"), &summary(99 * DAY), at(0))
        })
        .await
        .unwrap();
    assert_eq!(sweep(&store, Sweeping::StoredSessions(at(8 * DAY))).await.2, 1);
    assert_eq!(sweep(&store, Sweeping::ClientTokens(at(9 * DAY))).await.2, 1);
    assert_eq!(sweep(&store, Sweeping::Memory(at(9 * DAY))).await.2, 1);
    let (old, young) = store
        .read(|tx| Ok::<_, outcrop_store::StoreError>((tx.stored_session("old")?, tx.stored_session("young")?)))
        .await
        .unwrap();
    assert!(old.is_none() && young.is_some());
}
