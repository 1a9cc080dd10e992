//! Sessions that wait to be summed up: found, held, put off, ended; never lost and never written twice.

use crate::{at, fresh, open};
use outcrop_store::{
    BeginTurn, FinishTurn, IdleSession, MemoryJob, MemorySummary, Remembered, Store, StoreError, TurnOutcome, Tx,
};

const TTL: i64 = 600;
const ANNA: (&str, &str, &str) = ("A", "L", "anna");

/// A session with one finished turn.
async fn converse(store: &Store, session_id: &str, memory_id: Option<&str>, second: i64) -> i64 {
    let begin = BeginTurn {
        agent_id: "A".into(),
        alias_id: "L".into(),
        session_id: session_id.into(),
        now: at(second),
        idle_ttl_seconds: u32::try_from(TTL).unwrap(),
        resume: None,
        memory_id: memory_id.map(Into::into),
        files: Vec::new(),
        first_event: b"ask".to_vec(),
    };
    let begun = store.begin_turn(begin).await.unwrap();
    let finish = FinishTurn {
        session: begun.session,
        turn: begun.turn,
        first_seq: begun.next_seq,
        events: Vec::new(),
        now: at(second),
        attributes: None,
        outcome: TurnOutcome::Finished,
    };
    store.finish_turn(finish).await.unwrap();
    begun.session
}

async fn write<T: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(work).await.unwrap()
}

async fn idle(store: &Store, second: i64, limit: usize) -> Vec<IdleSession> {
    store.read(move |tx| tx.idle_sessions(at(second), None, limit)).await.unwrap()
}

async fn claim(store: &Store, second: i64, limit: usize) -> Vec<MemoryJob> {
    write(store, move |tx| tx.claim_memory_jobs(at(second), at(second + 60), limit)).await
}

fn names(jobs: &[MemoryJob]) -> Vec<(&str, &str, u32)> {
    jobs.iter().map(|job| (job.session_id.as_str(), job.memory_id.as_str(), job.attempts)).collect()
}

fn summary(session_id: &str) -> MemorySummary {
    MemorySummary {
        session_id: session_id.into(),
        started_at: at(0),
        expires_at: at(1_000_000),
        summary: format!("about {session_id}"),
    }
}

#[tokio::test]
async fn every_way_to_end_a_remembered_session_leaves_one_job() {
    let (place, mut store) = fresh();
    converse(&store, "told to", Some("anna"), 0).await;
    converse(&store, "nobody's", None, 0).await;
    let idle_one = converse(&store, "idle", Some("anna"), 1).await;
    converse(&store, "begun anew", Some("bert"), 0).await;
    // The memory id of the last call that names one counts.
    converse(&store, "told to", Some("bert"), 2).await;
    converse(&store, "told to", None, 3).await;
    assert_eq!(idle(&store, TTL, 10).await, []);

    for session in ["told to", "nobody's"] {
        write(&store, move |tx| tx.end_session("A", "L", session, at(10))).await;
    }
    converse(&store, "begun anew", None, TTL + 1).await;
    let found = idle(&store, TTL + 2, 10).await;
    assert_eq!(found.iter().map(|one| one.session_id.as_str()).collect::<Vec<_>>(), ["idle"]);
    assert_eq!((found[0].session, found[0].expired_at), (idle_one, at(TTL + 1)));
    assert!(write(&store, move |tx| tx.end_idle_session(idle_one, at(TTL + 2))).await);
    assert!(!write(&store, move |tx| tx.end_idle_session(idle_one, at(TTL + 2))).await, "once is enough");
    assert_eq!(idle(&store, TTL + 2, 10).await, []);

    // They are there after a restart, each with its place in the queue; what is held is not given out twice.
    store.close().await;
    store = open(&place);
    let jobs = claim(&store, TTL + 2, 2).await;
    assert_eq!(names(&jobs), [("told to", "bert", 1), ("begun anew", "bert", 1)]);
    assert_eq!(names(&claim(&store, TTL + 2, 9).await), [("idle", "anna", 1)]);
    assert_eq!(names(&claim(&store, TTL + 2, 9).await), []);
    assert_eq!(names(&claim(&store, TTL + 62, 9).await).len(), 3, "a lease ends");
    let released = write(&store, |tx| {
        let released = tx.release_memory_jobs()?;
        Ok(released)
    });
    assert_eq!(released.await, 3, "or is given up");
    let jobs = claim(&store, TTL + 62, 1).await;
    assert_eq!(names(&jobs), [("told to", "bert", 3)]);

    let job = jobs[0].clone();
    write(&store, move |tx| tx.retry_memory_job(job.session, at(TTL + 70), false)).await;
    assert_eq!(names(&claim(&store, TTL + 69, 9).await).len(), 2, "it is put off");
    let jobs = claim(&store, TTL + 70, 9).await;
    assert_eq!(names(&jobs), [("told to", "bert", 3)], "an attempt through no fault of its own does not count");

    let job = jobs[0].clone();
    let finish = |job: MemoryJob| {
        move |tx: &mut Tx<'_>| tx.finish_memory_job(&job, Some(&summary(&job.session_id)), at(TTL + 71))
    };
    assert!(write(&store, finish(job.clone())).await);
    assert!(!write(&store, finish(job)).await, "it is over");
    let left = store.read(|tx| tx.memory_jobs(("A", "L", "anna"), 9)).await.unwrap();
    assert_eq!(names(&left), [("idle", "anna", 3)]);
    let ids = store.read(|tx| tx.memory_ids(("A", "L"), at(TTL), "", 9)).await.unwrap();
    assert_eq!(ids.iter().map(|one| (one.memory_id.as_str(), one.sessions)).collect::<Vec<_>>(), [("bert", 1)]);
}

#[tokio::test]
async fn what_is_forgotten_is_not_remembered_after_all() {
    let (_folder, store) = fresh();
    for (session, memory) in [("one", "anna"), ("two", "anna"), ("three", "bert")] {
        converse(&store, session, Some(memory), 0).await;
        write(&store, move |tx| tx.end_session("A", "L", session, at(1))).await;
    }
    let jobs = claim(&store, 2, 9).await;
    assert_eq!(jobs.len(), 3);
    let which = Remembered {
        agent_id: "A".into(),
        alias_id: Some("L".into()),
        memory_id: Some("anna".into()),
        session_id: Some("one".into()),
    };
    store.delete_memory(which).await.unwrap();
    for job in jobs {
        let written = job.session_id != "one";
        let work = move |tx: &mut Tx<'_>| tx.finish_memory_job(&job, Some(&summary(&job.session_id)), at(3));
        assert_eq!(write(&store, work).await, written);
    }
    let (found, _) = store.read(|tx| tx.list_memory(ANNA, at(3), None, 9)).await.unwrap();
    assert_eq!(found, [summary("two")]);
    let read = |session: &'static str| {
        let store = store.clone();
        async move { store.read(move |tx| tx.memory_of(ANNA, session, at(3))).await.unwrap() }
    };
    assert_eq!((read("two").await, read("one").await), (Some(summary("two")), None));
}

/// A look for idle sessions must not cost more with every session there is: it reads the index of those that are
/// remembered and live, in the order in which they expire, and stops after a few.
#[tokio::test]
async fn idle_sessions_come_a_few_at_a_time_in_their_order() {
    let (_folder, store) = fresh();
    for n in 0..6 {
        converse(&store, &format!("s{n}"), Some("anna"), n / 2).await;
    }
    let mut seen = Vec::new();
    let mut after: Option<IdleSession> = None;
    loop {
        let from = after.clone();
        let some = store.read(move |tx| tx.idle_sessions(at(TTL + 99), from.as_ref(), 4)).await.unwrap();
        let Some(last) = some.last() else { break };
        after = Some(last.clone());
        seen.extend(some.into_iter().map(|one| one.session_id));
    }
    assert_eq!(seen, ["s0", "s1", "s2", "s3", "s4", "s5"]);
}
