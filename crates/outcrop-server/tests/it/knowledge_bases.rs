//! Associations of knowledge bases. The bases themselves are put into the store, as an association finds them there.

use crate::stage::{Client, Stage};
use outcrop_api::bedrock_agent as api;
use outcrop_server::App;
use outcrop_store::{Kind, PutError, Resource};
use outcrop_testkit::MovableClock;
use outcrop_wire::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const BASE: &str = "KNOWLEDGE1";

async fn put_base(app: &App, id: &'static str, name: &'static str) {
    let at = app.clock.now();
    let base = json!({
        "knowledgeBaseId": id, "name": name, "knowledgeBaseArn": app.arn(&format!("knowledge-base/{id}")),
        "roleArn": "arn:aws:iam::000000000000:role/r", "status": "ACTIVE", "createdAt": at, "updatedAt": at,
        "knowledgeBaseConfiguration": {"type": "VECTOR", "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": "m"}},
    });
    let base: api::KnowledgeBase = serde_json::from_value(base).expect("fits the model");
    let write = move |tx: &mut outcrop_store::Tx<'_>| -> Result<(), PutError> {
        let name = Some(name);
        tx.put(&Resource { kind: Kind::KnowledgeBase, parent: "", id, name, created_at: at, updated_at: at }, &base)
    };
    app.store.write(write).await.expect("is put");
}

async fn refused(client: &Client, method: &str, path: &str, body: Value) -> (u16, String) {
    let (status, answer) = client.send(method, path, &body).await;
    let answer: Value = serde_json::from_slice(&answer).expect("is JSON");
    (status, answer["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn associations_refer_to_what_exists_and_versions_copy_them() {
    let clock = Arc::new(MovableClock::new(Timestamp::parse("2026-01-01T00:00:00Z").expect("a time")));
    let stopping = CancellationToken::new();
    let Stage { app, server, client, _folder } = Stage::new(clock, &stopping).await;
    put_base(&app, BASE, "manuals").await;
    put_base(&app, "KNOWLEDGE2", "prices").await;
    let serving = server.run(app.clone(), stopping.clone());
    let talking = async {
        let instruction = "You look things up in the manuals of a small shop.";
        let agent = json!({"agentName": "a", "foundationModel": "m", "instruction": instruction});
        let made = client.json("PUT", "/agents/", agent).await;
        let id = made["agent"]["agentId"].as_str().expect("has an id").to_owned();
        let list = format!("/agents/{id}/agentversions/DRAFT/knowledgebases/");
        let item = format!("{list}{BASE}/");
        let status =
            async || client.json("GET", &format!("/agents/{id}/"), Value::Null).await["agent"]["agentStatus"].clone();
        let prepare = async || client.json("POST", &format!("/agents/{id}/"), Value::Null).await;
        let wanted = json!({"knowledgeBaseId": BASE, "description": "Manuals."});

        let unknown = json!({"knowledgeBaseId": "NOBODY0000", "description": "x"});
        assert_eq!(refused(&client, "PUT", &list, unknown).await.0, 404);
        prepare().await;
        let one = client.json("PUT", &list, wanted.clone()).await["agentKnowledgeBase"].clone();
        assert_eq!((&one["knowledgeBaseState"], &one["agentVersion"]), (&json!("ENABLED"), &json!("DRAFT")));
        assert_eq!(status().await, "NOT_PREPARED");
        let (again, message) = refused(&client, "PUT", &list, wanted).await;
        assert!(again == 409 && message.contains("already associated"), "{again} {message}");
        assert_eq!(client.json("GET", &item, Value::Null).await["agentKnowledgeBase"], one);
        // The name of the base stands for its id.
        assert_eq!(client.json("GET", &format!("{list}manuals/"), Value::Null).await["agentKnowledgeBase"], one);
        client.json("PUT", &list, json!({"knowledgeBaseId": "KNOWLEDGE2", "description": "Prices."})).await;

        prepare().await;
        let off =
            client.json("PUT", &item, json!({"knowledgeBaseState": "DISABLED"})).await["agentKnowledgeBase"].clone();
        assert_eq!((&off["description"], &off["knowledgeBaseState"]), (&json!("Manuals."), &json!("DISABLED")));
        assert!(off["updatedAt"].as_str() > one["updatedAt"].as_str());
        assert_eq!(status().await, "NOT_PREPARED");
        let first = client.json("POST", &list, json!({"maxResults": 1})).await;
        assert_eq!(first["agentKnowledgeBaseSummaries"][0]["knowledgeBaseId"], BASE, "last changed first");
        let rest = client.json("POST", &list, json!({"nextToken": first["nextToken"]})).await;
        assert_eq!(rest["agentKnowledgeBaseSummaries"][0]["knowledgeBaseId"], "KNOWLEDGE2");
        assert!(rest.get("nextToken").is_none());

        prepare().await;
        client.json("PUT", &format!("/agents/{id}/agentaliases/"), json!({"agentAliasName": "live"})).await;
        assert_eq!(client.send("DELETE", &item, &Value::Null).await, (204, Vec::new()));
        assert_eq!(refused(&client, "DELETE", &item, Value::Null).await.0, 404);
        assert_eq!(refused(&client, "GET", &item, Value::Null).await.0, 404);
        let copy = client.json("GET", &item.replace("DRAFT", "1"), Value::Null).await["agentKnowledgeBase"].clone();
        assert_eq!((&copy["agentVersion"], &copy["knowledgeBaseState"]), (&json!("1"), &json!("DISABLED")));
        let (written, message) =
            refused(&client, "PUT", &list.replace("DRAFT", "1"), json!({"knowledgeBaseId": BASE, "description": "x"}))
                .await;
        assert!(written == 400 && message.contains("'agentVersion'"), "{written} {message}");

        // A base can carry tags like any other resource.
        let arn = app.arn(&format!("knowledge-base/{BASE}")).replace(':', "%3A").replace('/', "%2F");
        client.json("POST", &format!("/tags/{arn}"), json!({"tags": {"team": "north"}})).await;
        assert_eq!(client.json("GET", &format!("/tags/{arn}"), Value::Null).await["tags"], json!({"team": "north"}));
        stopping.cancel();
    };
    tokio::join!(serving, talking);
}
