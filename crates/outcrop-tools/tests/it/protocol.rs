//! The Runtime API as other runtime clients use it: a `bootstrap` of the function's own, one connection per call.

use crate::stage::Stage;
use outcrop_tools::Runtime;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

/// Asks everything a client may ask, rightly and wrongly, and answers its event with what it was told.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import http.client, json, os

def ask(method, path, body=None, headers={}):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, dict((k.lower(), v) for k, v in response.getheaders()), response.read()

base = "/2018-06-01/runtime/"
told = {}
told["extension"] = ask("POST", "/2020-01-01/extension/register", "{}")[0]
told["logs"] = ask("PUT", "/2020-08-15/logs", "{}")[0]
told["too early"] = ask("POST", base + "invocation/none/response", "{}")[0]
while True:
    status, headers, body = ask("GET", base + "invocation/next")
    if status != 200:
        break
    told["headers"] = headers
    own = base + "invocation/" + headers["lambda-runtime-aws-request-id"]
    told["next while busy"] = ask("GET", base + "invocation/next")[0]
    told["init error while busy"] = ask("POST", base + "init/error", "{}")[0]
    told["other id"] = json.loads(ask("POST", base + "invocation/other/response", "{}")[2])["errorType"]
    event = json.loads(body)
    if event == "fail":
        ask("POST", own + "/error", json.dumps({"errorType": "Custom", "errorMessage": "as asked"}),
            {"Lambda-Runtime-Function-Error-Type": "Custom"})
        continue
    told["event"] = event
    told["handler"] = os.environ["_HANDLER"]
    accepted = ask("POST", own + "/response", json.dumps(told))
    told["accepted"] = [accepted[0], json.loads(accepted[2])]
    told["twice"] = ask("POST", own + "/response", "{}")[0]
"#;

#[tokio::test]
async fn speaks_to_any_runtime_client() {
    let stage = Stage::new();
    stage.write("custom/bootstrap", BOOTSTRAP);
    std::fs::set_permissions(stage.path("custom/bootstrap"), std::fs::Permissions::from_mode(0o755)).unwrap();
    stage.deploy("custom", |local| {
        local.runtime = Runtime::Provided;
        local.handler = "whatever".into();
    });
    let told = stage.answer("custom", &json!({"n": 1})).await;
    let expected = json!({
        "extension": 404, "logs": 404, "too early": 400, "next while busy": 403, "init error while busy": 403,
        "other id": "InvalidRequestID", "event": {"n": 1}, "handler": "whatever",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&told[key], value, "{key}");
    }
    let header = |name: &str| told["headers"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("lambda-runtime-invoked-function-arn"), "arn:aws:lambda:eu-west-1:000000000000:function:custom");
    assert!(
        header("lambda-runtime-deadline-ms").len() == 13 && header("lambda-runtime-trace-id").starts_with("Root=1-")
    );

    assert_eq!(stage.error("custom", &json!("fail")).await, json!({"errorType": "Custom", "errorMessage": "as asked"}));
    let again: Value = stage.answer("custom", &json!(2)).await;
    assert_eq!((&again["accepted"], &again["twice"]), (&json!([202, {"status": "OK"}]), &json!(400)));
    assert_eq!(stage.tools.processes(), 1);
}

/// Answers one event and is gone, as small scripts do.
const SINGLE_SHOT: &str = r#"#!/usr/bin/env python3
import os, socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
def connect(): return socket.create_connection((host, int(port)))
asking = connect()
asking.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: h\r\n\r\n")
head = asking.recv(65536).decode().lower()
request_id = head.split("lambda-runtime-aws-request-id: ")[1].split("\r\n")[0]
answer = "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n\"once\""
answering = connect()
answering.sendall((answer % request_id).encode())
assert answering.recv(65536).startswith(b"HTTP/1.1 202")
os._exit(0)
"#;

#[tokio::test]
async fn takes_the_answer_of_a_process_that_ends_with_it() {
    let stage = Stage::new();
    stage.write("once/bootstrap", SINGLE_SHOT);
    std::fs::set_permissions(stage.path("once/bootstrap"), std::fs::Permissions::from_mode(0o755)).unwrap();
    stage.deploy("once", |local| local.runtime = Runtime::Provided);
    for _ in 0..10 {
        assert_eq!(stage.answer("once", &json!({})).await, "once");
    }
    stage.processes_become(0).await;
}
