//! Check, statistics, and the way into a file of SQLite and back.

use crate::{at, fresh, place};
use outcrop_store::care::{self, CheckReport};
use outcrop_store::{
    BeginTurn, FinishTurn, Kind, PutError, Resource, Store, StoreError, StoreOptions, TurnOutcome, Tx,
};
use std::path::Path;

/// A bit of everything that refers to something else.
async fn furnish(store: &Store) -> i64 {
    let work = |tx: &mut Tx<'_>| {
        let hash = tx.put_snapshot(&"what is prepared")?;
        let (kind, parent, id) = (Kind::Agent, "", "AGENT");
        let resource = Resource { kind, parent, id, name: Some("a\0name"), created_at: at(1), updated_at: at(2) };
        tx.insert(&resource, &serde_json::json!({"snapshot": hash}))?;
        tx.set_tags("arn", [("key", "välue")])?;
        Ok::<_, PutError>(())
    };
    store.write(work).await.unwrap();
    turn(store, "s", Some("anna")).await;
    store.write(|tx| tx.end_session("A", "L", "s", at(3))).await.unwrap();
    turn(store, "s", None).await
}

async fn turn(store: &Store, session_id: &str, memory_id: Option<&str>) -> i64 {
    let begin = BeginTurn {
        agent_id: "A".into(),
        alias_id: "L".into(),
        session_id: session_id.into(),
        now: at(2),
        idle_ttl_seconds: 600,
        resume: None,
        memory_id: memory_id.map(str::to_owned),
        first_event: vec![0, 1, 255],
        files: Vec::new(),
    };
    let begun = store.begin_turn(begin).await.unwrap();
    let finish = FinishTurn {
        session: begun.session,
        turn: begun.turn,
        first_seq: begun.next_seq,
        events: vec![(at(3), vec![9; 20_000])],
        now: at(3),
        attributes: None,
        outcome: TurnOutcome::Finished,
    };
    store.finish_turn(finish).await.unwrap();
    begun.session
}

fn check(options: &StoreOptions, scratch: &Path) -> CheckReport {
    care::check(options, scratch, &mut |_| {}).unwrap()
}

#[tokio::test]
async fn a_store_goes_into_a_file_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (place, store) = fresh();
    let session = furnish(&store).await;
    let whole = check(&place.options, folder.path());
    assert_eq!(whole.problems, Vec::<String>::new());
    let stats = care::stats(&place.options).unwrap();
    let rows = |name: &str| stats.tables.iter().find(|table| table.name == name).map(|table| table.rows);
    assert_eq!((rows("session"), rows("turn_event"), rows("memory_job")), (Some(2), Some(4), Some(1)));
    assert_eq!(stats.resources, [("agent".to_owned(), 1)]);

    // Into a file, which serves as it is.
    let file = folder.path().join("copy.db");
    care::copy(&place.options, &file).unwrap();
    let in_file = StoreOptions::new(file.display().to_string());
    let sqlite = Store::open_with(&in_file).unwrap();
    assert_eq!(sqlite.turn_events(session, 1).await, store.turn_events(session, 1).await);
    let next = turn(&sqlite, "in the file", None).await;
    sqlite.close().await;
    assert_eq!(check(&in_file, folder.path()).rows, whole.rows + 3);

    // And back, into an empty schema only.
    let told = care::fill(&file, &place.options).unwrap_err();
    assert!(matches!(told, StoreError::Conflict(_)), "{told}");
    let elsewhere = crate::place();
    care::fill(&file, &elsewhere.options).unwrap();
    assert_eq!(check(&elsewhere.options, folder.path()).problems, Vec::<String>::new());
    let back = crate::open(&elsewhere);
    assert_eq!(back.turn_events(session, 1).await, store.turn_events(session, 1).await);
    assert!(turn(&back, "new", None).await > next, "rows are numbered on");
    let name = back.read(|tx| tx.find_id_by_name(Kind::Agent, "", "a\0name")).await.unwrap();
    assert_eq!(name.as_deref(), Some("AGENT"));
    back.close().await;

    let aside = care::put_aside(&elsewhere.options, "now").unwrap().unwrap();
    assert!(aside.ends_with("-before-now"), "{aside}");
    care::fill(&file, &elsewhere.options).unwrap();
}

#[tokio::test]
async fn a_schema_without_a_store_is_told() {
    let told = care::stats(&place().options).unwrap_err();
    assert!(told.to_string().contains("holds no store"), "{told}");
}
