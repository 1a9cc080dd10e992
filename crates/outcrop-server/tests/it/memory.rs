//! Memory in time: sessions that go idle are summed up, summaries are forgotten when their days are over.

use crate::stage::{Client, Stage};
use outcrop_server::{MemorySettings, Settings, memory};
use outcrop_testkit::MovableClock;
use outcrop_wire::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn say(client: &Client, agent_id: &str, session: &str, memory_id: Option<&str>) {
    let path = format!("/agents/{agent_id}/agentAliases/TSTALIASID/sessions/{session}/text");
    let mut body = json!({"inputText": "hello"});
    if let Some(memory_id) = memory_id {
        body["memoryId"] = memory_id.into();
    }
    let (status, answer) = client.send("POST", &path, &body).await;
    assert_eq!(status, 200, "{session}: {answer:?}");
}

async fn summaries(client: &Client, agent_id: &str) -> Vec<(String, String)> {
    let path = format!("/agents/{agent_id}/agentAliases/TSTALIASID/memories?memoryId=anna&memoryType=SESSION_SUMMARY");
    let read = client.json("GET", &path, Value::Null).await;
    let contents = read["memoryContents"].as_array().expect("is a list").clone();
    let text = |one: &Value, member: &str| one["sessionSummary"][member].as_str().expect("is text").to_owned();
    contents.iter().map(|one| (text(one, "sessionId"), text(one, "summaryText"))).collect()
}

async fn until<F: Future<Output = bool>>(look: impl Fn() -> F) {
    let looks = async {
        while !look().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looks).await.expect("it happens in time");
}

#[tokio::test]
async fn idle_sessions_are_summed_up_and_summaries_expire() {
    let clock = Arc::new(MovableClock::new(Timestamp::parse("2026-01-01T00:00:00Z").expect("a time")));
    let stopping = CancellationToken::new();
    let memory = MemorySettings { sweep_interval: Duration::from_millis(2), ..MemorySettings::default() };
    let settings = Settings { memory, ..Settings::default() };
    let Stage { app, server, client, _folder } = Stage::with(clock.clone(), &stopping, settings).await;
    memory::start(&app);
    let serving = server.run(app.clone(), stopping.clone());
    let talking = async {
        let agent = json!({
            "agentName": "a", "foundationModel": "m", "idleSessionTTLInSeconds": 60,
            "instruction": "You answer the questions of customers of a small shop.",
            "memoryConfiguration": {"enabledMemoryTypes": ["SESSION_SUMMARY"], "storageDays": 7},
        });
        let made = client.json("PUT", "/agents/", agent).await;
        let id = made["agent"]["agentId"].as_str().expect("has an id").to_owned();
        client.json("POST", &format!("/agents/{id}/"), Value::Null).await;

        say(&client, &id, "s-1", Some("anna")).await;
        say(&client, &id, "nobodys", None).await;
        clock.advance(Duration::from_secs(59));
        // Its idle time begins anew, and so does that of one that another session's end is waited for with.
        say(&client, &id, "s-1", None).await;
        say(&client, &id, "first", Some("anna")).await;
        clock.advance(Duration::from_secs(2));
        let end = json!({"endSession": true, "memoryId": "anna"});
        let path = format!("/agents/{id}/agentAliases/TSTALIASID/sessions/first/text");
        client.send("POST", &path, &end).await;
        until(async || summaries(&client, &id).await.len() == 1).await;
        assert_eq!(summaries(&client, &id).await[0].0, "first", "s-1 has not been idle for a minute");
        clock.advance(Duration::from_secs(59));
        until(async || summaries(&client, &id).await.len() == 2).await;
        let found = summaries(&client, &id).await;
        assert_eq!(found.iter().map(|one| one.0.as_str()).collect::<Vec<_>>(), ["first", "s-1"]);
        // Begun anew after its time: the earlier one is summed up all the same, though nobody found it idle.
        say(&client, &id, "s-1", Some("anna")).await;
        clock.advance(7 * DAY - Duration::from_secs(60));
        assert_eq!(summaries(&client, &id).await.len(), 2);
        clock.advance(Duration::from_secs(2));
        let found = summaries(&client, &id).await;
        assert_eq!(found.iter().map(|one| one.0.as_str()).collect::<Vec<_>>(), ["s-1"], "seven days are over");
        stopping.cancel();
    };
    tokio::join!(serving, talking);
    assert!(app.finish_turns(Duration::from_secs(5)).await, "the worker ends with the process");
}
