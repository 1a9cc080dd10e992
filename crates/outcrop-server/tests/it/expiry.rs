//! Sessions end when nothing is said for long: time is moved, the rest is the real server over a real socket.

use crate::stage::Stage;
use outcrop_server::{SessionStoreSettings, Settings};
use outcrop_testkit::MovableClock;
use outcrop_wire::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn an_idle_session_is_forgotten_and_a_busy_one_is_not() {
    let clock = Arc::new(MovableClock::new(Timestamp::parse("2026-01-01T00:00:00Z").expect("a time")));
    let stopping = CancellationToken::new();
    let Stage { app, server, client, _folder } = Stage::new(clock.clone(), &stopping).await;
    let serving = server.run(app.clone(), stopping.clone());
    let talking = async {
        let agent = json!({
            "agentName": "idle", "foundationModel": "m", "idleSessionTTLInSeconds": 60,
            "instruction": "You say how many messages you were shown, and no more.",
        });
        let created = client.json("PUT", "/agents/", agent).await;
        let id = created["agent"]["agentId"].as_str().expect("has an id").to_owned();
        client.json("POST", &format!("/agents/{id}/"), Value::Null).await;
        assert_eq!(client.says(&id, "s-1").await, "1 messages");
        clock.advance(Duration::from_secs(59));
        assert_eq!(client.says(&id, "s-1").await, "3 messages");
        clock.advance(Duration::from_secs(59));
        assert_eq!(client.says(&id, "s-1").await, "5 messages");
        clock.advance(Duration::from_secs(61));
        assert_eq!(client.says(&id, "s-1").await, "1 messages", "the idle time is over");
        assert_eq!(client.says(&id, "s-2").await, "1 messages", "another session is another conversation");
        stopping.cancel();
    };
    tokio::join!(serving, talking);
}

/// Status of the session store's sessions: an idle time is a setting, and every write begins it anew.
#[tokio::test]
async fn a_stored_session_expires_after_its_last_write() {
    let clock = Arc::new(MovableClock::new(Timestamp::parse("2026-01-01T00:00:00Z").expect("a time")));
    let stopping = CancellationToken::new();
    let idle_timeout = Some(Duration::from_secs(60));
    let session_store = SessionStoreSettings { idle_timeout };
    let settings = Settings { session_store, ..Settings::default() };
    let Stage { app, server, client, _folder } = Stage::with(clock.clone(), &stopping, settings).await;
    let serving = server.run(app.clone(), stopping.clone());
    let talking = async {
        let created = client.json("PUT", "/sessions/", json!({})).await;
        let path = format!("/sessions/{}/", created["sessionId"].as_str().expect("has an id"));
        let status = async || client.json("GET", &path, Value::Null).await["sessionStatus"].clone();
        let invocations = format!("{path}invocations/");
        clock.advance(Duration::from_secs(60));
        assert_eq!(status().await, "ACTIVE");
        client.json("PUT", &invocations, json!({})).await;
        clock.advance(Duration::from_secs(60));
        assert_eq!(client.send("DELETE", &path, &Value::Null).await.0, 409, "it is active: a write came in between");
        clock.advance(Duration::from_secs(1));
        assert_eq!(status().await, "EXPIRED");
        let listed = client.json("POST", "/sessions/", json!({})).await;
        assert_eq!(listed["sessionSummaries"][0]["sessionStatus"], "EXPIRED");
        assert_eq!(client.send("PUT", &invocations, &json!({})).await.0, 409, "it is read only");
        assert_eq!(
            client.json("POST", &invocations, json!({})).await["invocationSummaries"].as_array().map(Vec::len),
            Some(1)
        );
        assert_eq!(client.send("DELETE", &path, &Value::Null).await.0, 200);
        assert_eq!(client.send("GET", &path, &Value::Null).await.0, 404);
        stopping.cancel();
    };
    tokio::join!(serving, talking);
}
