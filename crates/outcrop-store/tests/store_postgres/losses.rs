//! Connections that are lost: between transactions, within them, and while they commit.

use crate::cluster;
use crate::{Place, at, fresh, open};
use outcrop_store::{
    BeginTurn, FinishTurn, Kind, PutError, Resource, Store, StoreError, StoreOptions, TurnOutcome, Tx,
};
use std::sync::mpsc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

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

fn put(tx: &mut Tx<'_>, id: &str) -> Result<(), PutError> {
    let resource = Resource { kind: Kind::Agent, parent: "", id, name: Some(id), created_at: at(0), updated_at: at(0) };
    tx.insert(&resource, &id)
}

/// Runs statements beside the store.
async fn beside(sql: &str) -> u64 {
    let (client, connection) = tokio_postgres::connect(cluster::url(), NoTls).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    client.execute(sql, &[]).await.unwrap()
}

/// Cuts every connection that looks into this schema.
async fn cut(place: &Place) {
    let schema = place.options.schema.as_deref().unwrap();
    let sql = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
         JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE nspname = '{schema}' AND pid <> pg_backend_pid()"
    );
    beside(&sql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_was_cut_while_nobody_looked_is_made_again_without_a_word() {
    let (proxy, place) = Proxy::before(fresh()).await;
    let store = open(&place);
    let begun = store.begin_turn(begin("s")).await.unwrap();
    for round in 1..4 {
        proxy.cut();
        store.append_events(begun.session, 1, round, vec![(at(1), b"more".to_vec())]).await.unwrap();
        proxy.cut();
        store.write(move |tx| put(tx, &round.to_string())).await.unwrap();
        proxy.cut();
        let events = store.turn_events(begun.session, 1).await.unwrap();
        assert_eq!(events.len(), 1 + round as usize);
        proxy.cut();
        store.ping().await.unwrap();
    }
}

#[tokio::test]
async fn work_under_way_is_told_and_nothing_of_it_is_kept() {
    let (place, store) = fresh();
    let (held, is_held) = tokio::sync::oneshot::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let write = store.write(move |tx| {
        put(tx, "half")?;
        held.send(()).unwrap();
        wait.recv().unwrap();
        put(tx, "other half")
    });
    let cutting = async {
        is_held.await.unwrap();
        cut(&place).await;
        go_on.send(()).unwrap();
    };
    let (told, ()) = tokio::join!(write, cutting);
    assert!(matches!(told, Err(PutError::Store(StoreError::Unavailable(_)))), "{told:?}");
    assert_eq!(store.read(|tx| tx.ids(Kind::Agent, "")).await, Ok(Vec::new()));
    store.write(|tx| put(tx, "half")).await.unwrap();
}

/// A write that cannot have its turn in time fails, and so does a commit that the database refuses; the next ones are well.
#[tokio::test]
async fn a_transaction_that_fails_at_its_borders_leaves_a_connection_that_works() {
    let (place, store) = fresh();
    let schema = place.options.schema.clone().unwrap();
    let options = StoreOptions { statement_timeout: Duration::from_millis(300), ..place.options.clone() };
    let hasty = Store::open_with(&options).unwrap();
    let (held, is_held) = tokio::sync::oneshot::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let holding = store.write(move |tx| {
        held.send(()).unwrap();
        wait.recv().unwrap();
        put(tx, "first")
    });
    let waiting = async {
        is_held.await.unwrap();
        let told = hasty.write(|tx| put(tx, "late")).await;
        assert!(
            matches!(&told, Err(PutError::Store(StoreError::Sql { why, .. })) if why.contains("timeout")),
            "{told:?}"
        );
        go_on.send(()).unwrap();
    };
    let (first, ()) = tokio::join!(holding, waiting);
    first.unwrap();
    hasty.write(|tx| put(tx, "second")).await.unwrap();

    // As a deferred constraint, or a trigger, does it.
    beside(&format!(
        "CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN IF NEW.id = ''bad'' THEN RAISE EXCEPTION ''refused''; END IF; RETURN NULL; END'"
    ))
    .await;
    beside(&format!(
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON {schema}.resource DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION {schema}.refuse()"
    ))
    .await;
    let told = store.write(|tx| put(tx, "bad")).await;
    assert!(matches!(&told, Err(PutError::Store(StoreError::Sql { why, .. })) if why.contains("refused")), "{told:?}");
    store.write(|tx| put(tx, "third")).await.unwrap();
    assert_eq!(store.read(|tx| tx.ids(Kind::Agent, "")).await.unwrap(), ["first", "second", "third"]);
}

/// Turns are written whatever happens to the connections: each is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_go_on_while_connections_are_cut() {
    let (proxy, place) = Proxy::before(fresh()).await;
    let store = open(&place);
    let mut turns = JoinSet::new();
    // A connection is cut when something was done since the last cut, so that the work is disturbed and not stopped.
    let (done, mut seen) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..6 {
        let (store, done) = (store.clone(), done.clone());
        turns.spawn(async move {
            let begun = store.begin_turn(begin(&number.to_string())).await.unwrap();
            for seq in 1..60 {
                store.append_events(begun.session, 1, seq, vec![(at(1), vec![7; 500])]).await.unwrap();
                done.send(()).unwrap();
            }
            let finish = FinishTurn {
                session: begun.session,
                turn: 1,
                first_seq: 60,
                events: vec![(at(2), b"end".to_vec())],
                now: at(2),
                attributes: None,
                outcome: TurnOutcome::Finished,
            };
            store.finish_turn(finish).await.unwrap();
            begun.session
        });
    }
    let mut sessions = Vec::new();
    let (mut writes, mut cuts) = (0, 0);
    while !turns.is_empty() {
        tokio::select! {
            Some(session) = turns.join_next() => sessions.push(session.unwrap()),
            Some(()) = seen.recv() => {
                writes += 1;
                if writes % 10 == 0 {
                    proxy.cut();
                    cuts += 1;
                }
            }
        }
    }
    assert!(cuts > 0);
    for session in sessions {
        let seqs: Vec<u32> = store.turn_events(session, 1).await.unwrap().iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (0..=60).collect::<Vec<_>>(), "after {cuts} cuts");
    }
}

/// The answer to a commit is kept from the store, and the connection cut: what was written is found out and told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_an_answer_is_found_out() {
    let (proxy, place) = Proxy::before(fresh()).await;
    let store = open(&place);
    for round in 0..4 {
        proxy.cut_at_commit();
        let id = round.to_string();
        // A closure can be run once only: that it succeeds means that its commit was found.
        store.write(move |tx| put(tx, &id)).await.unwrap();
        assert!(proxy.has_cut(), "a commit was cut");
    }
    assert_eq!(store.read(|tx| tx.ids(Kind::Agent, "")).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_with_its_name_and_without_the_password() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let options = StoreOptions {
        connect_timeout: Duration::from_millis(300),
        ..StoreOptions::new(format!("postgres://u:hidden@127.0.0.1:{port}/app"))
    };
    let told = Store::open_with(&options).unwrap_err();
    assert!(matches!(told, StoreError::Unavailable(_)), "{told:?}");
    assert!(told.to_string().contains(&format!("postgres://127.0.0.1:{port}/app")), "{told}");
    assert!(!told.to_string().contains("hidden") && !format!("{options:?}").contains("hidden"));
}

/// Stands between the store and the server, to cut what goes through it.
struct Proxy {
    cut: tokio::sync::watch::Sender<u32>,
    /// The next `COMMIT` goes to the server, and its answer nowhere.
    at_commit: std::sync::Arc<std::sync::atomic::AtomicBool>,
    _task: JoinSet<()>,
}

impl Proxy {
    /// A proxy before the server of a place, and the place as seen through it.
    async fn before((place, store): (Place, Store)) -> (Self, Place) {
        store.close().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = cluster::url().split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
        let (cut, _) = tokio::sync::watch::channel(0);
        let at_commit = std::sync::Arc::default();
        let mut task = JoinSet::new();
        let proxy = Self { cut: cut.clone(), at_commit: std::sync::Arc::clone(&at_commit), _task: JoinSet::new() };
        let url = place.options.url.replace(&server, &format!("127.0.0.1:{port}"));
        task.spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (server, cut, at_commit) = (server.clone(), cut.clone(), std::sync::Arc::clone(&at_commit));
                passing.spawn(async move {
                    let server = TcpStream::connect(server).await.unwrap();
                    let mut told = cut.subscribe();
                    tokio::select! {
                        () = pass(client, server, &at_commit) => {}
                        _ = told.changed() => {}
                    }
                });
            }
        });
        let mut options = place.options.clone();
        options.url = url;
        (Self { _task: task, ..proxy }, Place { options })
    }

    fn cut(&self) {
        self.cut.send_modify(|number| *number += 1);
    }

    fn cut_at_commit(&self) {
        self.at_commit.store(true, std::sync::atomic::Ordering::SeqCst);
    }

    fn has_cut(&self) -> bool {
        !self.at_commit.load(std::sync::atomic::Ordering::SeqCst)
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, at_commit: &std::sync::atomic::AtomicBool) {
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            count = client.read(&mut asked) => {
                let Ok(count @ 1..) = count else { return };
                if server.write_all(&asked[..count]).await.is_err() {
                    return;
                }
                let commits = asked[..count].windows(7).any(|bytes| bytes == b"COMMIT;");
                if commits && at_commit.swap(false, std::sync::atomic::Ordering::SeqCst) {
                    // The server has done it when it answers.
                    let _ = server.read(&mut answered).await;
                    return;
                }
            }
            count = server.read(&mut answered) => {
                let Ok(count @ 1..) = count else { return };
                if client.write_all(&answered[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
