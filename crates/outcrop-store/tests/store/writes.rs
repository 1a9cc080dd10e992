//! Transactions: what a failure takes with it and what it leaves.

use crate::{at, fresh, open};
use outcrop_store::{BeginTurn, Kind, PutError, Resource, Store, StoreError, Tx};
use std::sync::mpsc;
use tokio::task::JoinSet;

fn put(tx: &mut Tx<'_>, id: &str) -> Result<(), PutError> {
    let resource = Resource { kind: Kind::Agent, parent: "", id, name: Some(id), created_at: at(0), updated_at: at(0) };
    tx.insert(&resource, &id)
}

async fn ids(store: &Store) -> Vec<String> {
    let mut ids: Vec<String> = store.read(|tx| tx.list_all(Kind::Agent, "")).await.unwrap();
    ids.sort();
    ids
}

fn begin(session_id: &str) -> BeginTurn {
    BeginTurn {
        agent_id: "A".into(),
        alias_id: "L".into(),
        session_id: session_id.into(),
        now: at(0),
        idle_ttl_seconds: 600,
        resume: None,
        memory_id: None,
        first_event: b"first".to_vec(),
        files: Vec::new(),
    }
}

/// Holds the writer until the returned sender is used, so that what is sent meanwhile shares one commit.
async fn hold(store: &Store, tasks: &mut JoinSet<()>) -> mpsc::Sender<()> {
    let (release, wait) = mpsc::channel::<()>();
    let (held, is_held) = tokio::sync::oneshot::channel();
    let store = store.clone();
    tasks.spawn(async move {
        let work = move |_: &mut Tx<'_>| {
            held.send(()).unwrap();
            wait.recv().unwrap();
            Ok::<_, StoreError>(())
        };
        store.write(work).await.unwrap();
    });
    is_held.await.unwrap();
    release
}

#[tokio::test]
async fn a_failure_or_a_panic_in_a_group_takes_only_its_own_writes() {
    let (_folder, store) = fresh();
    let begun = store.begin_turn(begin("before")).await.unwrap();
    let mut tasks = JoinSet::new();
    let release = hold(&store, &mut tasks).await;

    let (kept, failed, panicked, refused, outcome) = {
        let good = store.write(|tx| put(tx, "good"));
        let bad = store.write(|tx| {
            put(tx, "bad")?;
            put(tx, "good")
        });
        let panics = store.write(|tx| -> Result<(), PutError> {
            put(tx, "half")?;
            panic!("on purpose")
        });
        // The second event hits one that is there: the group of requests is run again one by one.
        let append = store.append_events(begun.session, 1, 1, vec![(at(1), b"a".to_vec()), (at(1), b"b".to_vec())]);
        let clash = store.append_events(begun.session, 1, 0, vec![(at(1), b"x".to_vec())]);
        let late = store.begin_turn(begin("neighbour"));
        let last = store.write(|tx| put(tx, "last"));
        // Joined in order: each is queued at its first poll. The release comes last.
        let (good, bad, panics, append, clash, late, last, ()) =
            tokio::join!(good, bad, panics, append, clash, late, last, async { release.send(()).unwrap() });
        ((good, last, append), bad, panics, clash, late)
    };
    assert_eq!(kept, (Ok(()), Ok(()), Ok(())));
    assert_eq!(failed, Err(PutError::IdTaken));
    assert_eq!(panicked, Err(PutError::Store(StoreError::Panicked("on purpose".into()))));
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    assert!(outcome.unwrap().is_new);
    assert_eq!(ids(&store).await, ["good", "last"]);
    let events = store.turn_events(begun.session, 1).await.unwrap();
    let bodies: Vec<_> = events.iter().map(|event| event.body.as_slice()).collect();
    assert_eq!(bodies, [b"first".as_slice(), b"a", b"b"]);
    tasks.join_all().await;
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_panic_in_a_read_leaves_the_reader_alive() {
    let (_folder, store) = fresh();
    for _ in 0..16 {
        let told = store.read(|_| -> Result<(), StoreError> { panic!("on purpose") }).await;
        assert_eq!(told, Err(StoreError::Panicked("on purpose".into())));
    }
    store.ping().await.unwrap();
}

#[tokio::test]
async fn closing_answers_what_is_queued_and_refuses_the_rest() {
    let (place, store) = fresh();
    let mut tasks = JoinSet::new();
    let release = hold(&store, &mut tasks).await;
    let (queued, (), ()) =
        tokio::join!(store.write(|tx| put(tx, "queued")), store.close(), async { release.send(()).unwrap() });
    assert_eq!(queued, Ok(()));
    tasks.join_all().await;
    assert_eq!(store.write(|_| Ok::<_, StoreError>(())).await, Err(StoreError::Closed));
    assert_eq!(store.read(|_| Ok::<_, StoreError>(())).await, Err(StoreError::Closed));
    assert_eq!(store.ping().await, Err(StoreError::Closed));
    assert!(store.begin_turn(begin("late")).await.is_err());
    store.close().await;

    let store = open(&place);
    assert_eq!(ids(&store).await, ["queued"]);
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_queued() {
    let (_folder, store) = fresh();
    let begun = store.begin_turn(begin("s")).await.unwrap();
    let huge = vec![(at(0), vec![0; outcrop_store::EVENT_BYTES_MAX + 1])];
    let told = store.append_events(begun.session, 1, 1, huge).await;
    assert!(matches!(told, Err(StoreError::TooLarge(_))), "{told:?}");
    let many = vec![(at(0), vec![0; outcrop_store::EVENT_BYTES_MAX]); 5];
    let told = store.append_events(begun.session, 1, 1, many).await;
    assert!(matches!(told, Err(StoreError::TooLarge(_))), "{told:?}");
    let largest = vec![(at(0), vec![7; outcrop_store::EVENT_BYTES_MAX])];
    store.append_events(begun.session, 1, 1, largest).await.unwrap();
    let doc = "x".repeat(17 << 20);
    let told = store.write(move |tx| tx.put_snapshot(&doc)).await;
    assert!(matches!(told, Err(StoreError::TooLarge(_))), "{told:?}");
}
