//! Several programs on one database.

use crate::{at, cluster, fresh, open, place};
use outcrop_store::{BeginTurn, Kind, PutError, Resource, StoreError, Tx};
use std::collections::BTreeSet;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

async fn beside(sql: &str) -> Vec<tokio_postgres::SimpleQueryMessage> {
    let (client, connection) = tokio_postgres::connect(cluster::url(), NoTls).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    client.simple_query(sql).await.unwrap()
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

#[tokio::test]
async fn of_programs_that_start_together_one_migrates() {
    let place = place();
    let mut starting = JoinSet::new();
    for _ in 0..6 {
        let options = place.options.clone();
        starting.spawn_blocking(move || outcrop_store::Store::open_with(&options));
    }
    while let Some(opened) = starting.join_next().await {
        opened.unwrap().unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn an_older_program_goes_on_until_a_step_contracts() {
    let (place, store) = fresh();
    let schema = place.options.schema.clone().unwrap();
    let begun = store.begin_turn(begin("s")).await.unwrap();
    // What a newer program does when it starts beside this one.
    let newer = format!(
        "ALTER TABLE {schema}.session ADD COLUMN of_tomorrow BIGINT NOT NULL DEFAULT 7;
         CREATE TABLE {schema}.of_tomorrow (id BIGINT PRIMARY KEY);
         INSERT INTO {schema}.migration VALUES (4711, '4711_tomorrow', 'x', 9)"
    );
    beside(&newer).await;
    store.append_events(begun.session, 1, 1, vec![(at(1), b"more".to_vec())]).await.unwrap();
    assert!(store.begin_turn(begin("t")).await.unwrap().is_new);
    let again = open(&place);
    assert_eq!(again.turn_events(begun.session, 1).await.unwrap().len(), 2);
    assert!(!again.begin_turn(begin("s")).await.unwrap().is_new);

    beside(&format!("UPDATE {schema}.migration SET least = 4711 WHERE number = 4711")).await;
    let told = outcrop_store::Store::open_with(&place.options).unwrap_err();
    assert!(matches!(told, StoreError::Migration(_)) && told.to_string().contains("4711"), "{told}");
}

#[tokio::test]
async fn a_step_that_ran_with_another_text_is_refused() {
    let (place, store) = fresh();
    store.close().await;
    let schema = place.options.schema.clone().unwrap();
    beside(&format!("UPDATE {schema}.migration SET checksum = 'other'")).await;
    let told = outcrop_store::Store::open_with(&place.options).unwrap_err();
    assert!(told.to_string().contains("ran with another text"), "{told}");
}

/// Two replicas begin turns in the same sessions at once: each session is made once, and its turns are numbered.
#[tokio::test]
async fn a_session_that_begins_twice_is_one() {
    let (place, one) = fresh();
    let two = open(&place);
    let mut beginning = JoinSet::new();
    for number in 0..40 {
        for store in [&one, &two, &one, &two] {
            let store = store.clone();
            beginning.spawn(async move { (number, store.begin_turn(begin(&number.to_string())).await.unwrap()) });
        }
    }
    let mut seen = BTreeSet::new();
    let mut new = 0;
    for (number, begun) in beginning.join_all().await {
        new += u32::from(begun.is_new);
        assert!(seen.insert((number, begun.session, begun.turn)), "{number}: {begun:?}");
    }
    assert_eq!((new, seen.len()), (40, 160));
    assert_eq!(seen.iter().map(|(_, session, _)| session).collect::<BTreeSet<_>>().len(), 40);
}

/// Writes that read first and then decide are serial over replicas, as a quota needs it.
#[tokio::test]
async fn what_is_counted_before_it_is_written_holds_across_replicas() {
    let (place, one) = fresh();
    let two = open(&place);
    let mut writing = JoinSet::new();
    for number in 0..60 {
        let store = if number % 2 == 0 { one.clone() } else { two.clone() };
        let work = move |tx: &mut Tx<'_>| {
            if tx.count(Kind::Agent, "")? >= 10 {
                return Ok(false);
            }
            let id = number.to_string();
            let (kind, name) = (Kind::Agent, Some("one name").filter(|_| number == 7));
            let resource = Resource { kind, parent: "", id: &id, name, created_at: at(0), updated_at: at(0) };
            tx.insert(&resource, &id)?;
            Ok::<_, PutError>(true)
        };
        writing.spawn(async move { store.write(work).await.unwrap() });
    }
    let written = writing.join_all().await.into_iter().filter(|written| *written).count();
    assert_eq!(written, 10);
    assert_eq!(one.read(|tx| tx.count(Kind::Agent, "")).await, Ok(10));
}

/// What SQLite orders and compares byte by byte is so here, and every text is kept.
#[tokio::test]
async fn texts_are_kept_and_ordered_by_their_bytes() {
    let (_place, store) = fresh();
    let ids = ["A", "B", "Z", "_", "a", "a\0b", "b", "ä", "\u{10FFFE}"];
    let work = move |tx: &mut Tx<'_>| {
        for id in ids.iter().rev() {
            let resource =
                Resource { kind: Kind::Stack, parent: "", id, name: None, created_at: at(0), updated_at: at(0) };
            tx.insert(&resource, id)?;
        }
        Ok::<_, PutError>(())
    };
    store.write(work).await.unwrap();
    let found = store.read(|tx| tx.ids(Kind::Stack, "")).await.unwrap();
    assert_eq!(found.iter().collect::<BTreeSet<_>>(), ids.map(str::to_owned).iter().collect::<BTreeSet<_>>());
    assert_eq!(found[..5], ids[..5]);
    assert!(store.read(|tx| tx.exists(Kind::Stack, "", "a\0b")).await.unwrap());
}
