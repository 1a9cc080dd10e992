//! What is large: kept once, given back as it was, checked by its hash.

use crate::{Place, at, fresh};
use outcrop_store::{BeginTurn, FinishTurn, SessionFile, Store, StoreOptions, TurnOutcome, care, snapshot_hash};
use rusqlite::Connection;

pub(crate) fn begin(session_id: &str, second: i64) -> BeginTurn {
    BeginTurn {
        agent_id: "A".into(),
        alias_id: "L".into(),
        session_id: session_id.into(),
        now: at(second),
        idle_ttl_seconds: 600,
        resume: None,
        memory_id: None,
        first_event: br#"{"event":"started"}"#.to_vec(),
        files: Vec::new(),
    }
}

/// A turn with these events, and an end that says the same again as `{"ended":[…]}`; gives the session.
pub(crate) async fn turn(store: &Store, session_id: &str, second: i64, texts: &[&str]) -> i64 {
    let begun = store.begin_turn(begin(session_id, second)).await.unwrap();
    let (session, turn) = (begun.session, begun.turn);
    for (seq, text) in (1..).zip(texts) {
        let event = serde_json::json!({"event": {"text": text, "at": second}}).to_string();
        store.append_events(session, turn, seq, vec![(at(second), event.into_bytes())]).await.unwrap();
    }
    let ended = serde_json::json!({"ended": texts}).to_string().into_bytes();
    let first_seq = 1 + u32::try_from(texts.len()).unwrap();
    let finish = FinishTurn {
        session,
        turn,
        first_seq,
        events: vec![(at(second), ended)],
        now: at(second),
        attributes: None,
        outcome: TurnOutcome::Finished,
    };
    store.finish_turn(finish).await.unwrap();
    session
}

/// A text that takes `kib` KiB and no compression makes much smaller.
pub(crate) fn noise(seed: u64, kib: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'0' + u8::try_from(state % 75).unwrap())
    };
    (0..kib * 1_024).map(|_| next()).map(|c| if c == '"' || c == '\\' { 'x' } else { c }).collect()
}

pub(crate) fn database(folder: &Place) -> Connection {
    Connection::open(folder.folder().join("data/outcrop.db")).unwrap()
}

pub(crate) fn count(folder: &Place, what: &str) -> i64 {
    database(folder).query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
}

fn url(folder: &Place) -> String {
    folder.folder().join("data/outcrop.db").display().to_string()
}

#[tokio::test]
async fn a_large_text_is_kept_once_and_read_wherever_it_was_said() {
    let (folder, store) = fresh();
    let (one, two) = (noise(1, 200), noise(2, 4));
    let first = turn(&store, "s", 0, &[&one, "short", &two]).await;
    let second = turn(&store, "t", 0, &[&one]).await;
    turn(&store, "s", 1, &[&one]).await;

    let bodies = |session, turn| {
        let store = &store;
        async move {
            let events = store.turn_events(session, turn).await.unwrap();
            events.into_iter().map(|event| String::from_utf8(event.body).unwrap()).collect::<Vec<_>>()
        }
    };
    let of_first = bodies(first, 1).await;
    assert_eq!(of_first.len(), 5);
    assert_eq!(of_first[1], format!(r#"{{"event":{{"text":"{one}","at":0}}}}"#));
    assert_eq!(of_first[4], format!(r#"{{"ended":["{one}","short","{two}"]}}"#));
    assert_eq!(bodies(second, 1).await[2], format!(r#"{{"ended":["{one}"]}}"#));
    let last = store.last_events(first, 1..9).await.unwrap();
    assert_eq!(last.iter().map(|event| (event.turn, event.seq)).collect::<Vec<_>>(), [(1, 4), (2, 2)]);
    assert_eq!(last[1].body, format!(r#"{{"ended":["{one}"]}}"#).into_bytes());

    assert_eq!((count(&folder, "blob"), count(&folder, "blob_ref")), (2, 4));
    let stats = care::stats(&StoreOptions::new(url(&folder))).unwrap().payload.unwrap();
    assert_eq!(stats.blobs, 2);
    let unique = u64::try_from(one.len() + two.len()).unwrap();
    assert!(stats.unique_bytes > unique && stats.unique_bytes < unique + 2_000, "{stats:?}");
    assert!(stats.raw_bytes > 6 * u64::try_from(one.len()).unwrap(), "{stats:?}");
    assert!(stats.stored_bytes < unique, "{stats:?}");
    assert_eq!(
        care::check(&StoreOptions::new(url(&folder)), folder.folder(), &mut |_| ()).unwrap().problems,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn files_are_blobs_of_their_session() {
    let (folder, store) = fresh();
    let body = noise(3, 8).into_bytes();
    let file = SessionFile { hash: snapshot_hash(&body), body: body.clone().into() };
    let with_file = |session: &str, file: &SessionFile| BeginTurn { files: vec![file.clone()], ..begin(session, 0) };
    let one = store.begin_turn(with_file("s", &file)).await.unwrap().session;
    let two = store.begin_turn(with_file("t", &file)).await.unwrap().session;
    let other = store.begin_turn(begin("u", 0)).await.unwrap().session;
    assert_eq!(store.session_file(one, file.hash.clone()).await.unwrap(), Some(body.clone()));
    assert_eq!(store.session_file(two, file.hash.clone()).await.unwrap(), Some(body.clone()));
    // Who knows the hash of a file does not have the file.
    assert_eq!(store.session_file(other, file.hash.clone()).await.unwrap(), None);
    assert_eq!((count(&folder, "blob"), count(&folder, "session_file")), (1, 0));

    let false_hash = SessionFile { hash: snapshot_hash(b"another"), body: body.clone().into() };
    assert!(store.begin_turn(with_file("v", &false_hash)).await.is_err());
    // Files that earlier versions kept.
    let sql = "INSERT INTO session_file (session, hash, body) VALUES (?1, 'old', X'0102')";
    database(&folder).execute(sql, [other]).unwrap();
    assert_eq!(store.session_file(other, "old".into()).await.unwrap(), Some(vec![1, 2]));
}

/// What a check says after the database was changed behind the store's back.
async fn check_damage(sql: &str, expected: &[&str]) {
    let (folder, store) = fresh();
    turn(&store, "s", 0, &[&noise(1, 4), "short"]).await;
    store.close().await;
    let conn = database(&folder);
    conn.pragma_update(None, "foreign_keys", false).unwrap();
    conn.execute_batch(sql).unwrap();
    let problems = care::check(&StoreOptions::new(url(&folder)), folder.folder(), &mut |_| ()).unwrap().problems;
    for part in expected {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{sql}: {problems:?} does not tell {part:?}");
    }
    let store = Store::open(&url(&folder)).unwrap();
    let read = store.turn_events(1, 1).await;
    assert!(read.is_err() || expected[0].contains("that nothing needs"), "{sql}: {read:?}");
}

#[tokio::test]
async fn a_check_finds_damage_to_blobs_and_rows() {
    check_damage("DELETE FROM blob", &["needs a blob that is not there", "wants a row of blob"]).await;
    check_damage("UPDATE blob SET body = X'00'", &["not what its address says"]).await;
    check_damage("UPDATE blob SET bytes = bytes + 1", &["not what its address says"]).await;
    check_damage("UPDATE blob SET hash = X'00'", &["needs a blob that is not there", "not what its address says"])
        .await;
    check_damage("DELETE FROM blob_ref", &["a blob is kept that nothing needs", "needs a blob that is not there"])
        .await;
    check_damage("UPDATE turn_event SET body = X'0201' WHERE seq = 1", &["a row of a journal cannot be read"]).await;
    check_damage("UPDATE turn_event SET body = X'01FF' WHERE seq = 2", &["a row of a journal cannot be read"]).await;
}

#[tokio::test]
async fn rows_of_before_there_were_forms_are_read() {
    let (folder, store) = fresh();
    let session = turn(&store, "s", 0, &["short"]).await;
    let old = format!(r#"{{"event":{{"text":"{}"}}}}"#, noise(5, 3));
    database(&folder).execute("UPDATE turn_event SET body = ?1 WHERE seq = 1", [old.as_bytes()]).unwrap();
    assert_eq!(store.turn_events(session, 1).await.unwrap()[1].body, old.as_bytes());
    turn(&store, "s", 1, &["more"]).await;
    assert_eq!(
        care::check(&StoreOptions::new(url(&folder)), folder.folder(), &mut |_| ()).unwrap().problems,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_store_at_rest_folds_its_log() {
    let (folder, store) = fresh();
    turn(&store, "s", 0, &[&noise(1, 100)]).await;
    let log = || std::fs::metadata(folder.folder().join("data/outcrop.db-wal")).unwrap().len();
    assert!(log() > 0);
    assert!(!store.fold_log_at_rest().await.unwrap(), "it was written to since the last look");
    assert!(store.fold_log_at_rest().await.unwrap());
    assert_eq!(log(), 0);
    assert!(!store.fold_log_at_rest().await.unwrap(), "there is nothing to fold");
    turn(&store, "s", 1, &["more"]).await;
    assert_eq!(store.session_events(1, 0..9).await.unwrap().len(), 6);
}
