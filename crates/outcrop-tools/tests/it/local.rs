//! Python functions that work.

use crate::stage::{LIMITS, Stage};
use bytes::Bytes;
use outcrop_tools::InvokeLimits;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::time::Duration;
use tokio::task::JoinSet;
use zip::write::SimpleFileOptions;

const COUNTER: &str = "
import os
count = 0
def handler(event, context):
    global count
    count += 1
    return {'count': count, 'pid': os.getpid(), 'event': event}
";

#[tokio::test]
async fn keeps_processes_warm() {
    let stage = Stage::new();
    stage.python("counter", COUNTER);
    let first = stage.answer("counter", &json!({"text": "é \u{1f331}"})).await;
    assert_eq!(first["event"], json!({"text": "é \u{1f331}"}));
    for count in 2..=20 {
        let next = stage.answer("arn:aws:lambda:eu-west-1:000000000000:function:counter:live", &json!(count)).await;
        assert_eq!((&next["pid"], &next["count"]), (&first["pid"], &json!(count)));
    }
    assert_eq!(stage.tools.processes(), 1);
    stage.tools.shutdown().await;
    assert_eq!(stage.tools.processes(), 0);
    let refused = stage.invoke("counter", &json!({})).await.unwrap_err();
    assert!(refused.message.contains("stopping"), "{refused:?}");
}

/// Each event waits until all are being worked on, so they only end when they run side by side.
#[tokio::test(flavor = "multi_thread")]
async fn works_on_several_events_at_once() {
    let stage = Stage::with(|config| config.processes_per_function_max = 4);
    stage.python(
        "meet",
        "
import os, time
def handler(event, context):
    open(os.path.join(event['folder'], str(os.getpid())), 'w').close()
    while len(os.listdir(event['folder'])) < event['wanted']:
        time.sleep(0.005)
    return os.getpid()
",
    );
    let folder = stage.path("meeting");
    std::fs::create_dir(&folder).unwrap();
    let payload = Bytes::from(json!({"folder": folder, "wanted": 4}).to_string());
    let mut calls = JoinSet::new();
    for _ in 0..30 {
        let (tools, payload) = (stage.tools.clone(), payload.clone());
        calls.spawn(async move { tools.invoke("meet", payload, LIMITS).await.unwrap().payload });
    }
    let mut pids: Vec<_> = calls.join_all().await;
    pids.sort();
    pids.dedup();
    assert_eq!((pids.len(), stage.tools.processes()), (4, 4), "thirty calls, never more than four processes");
}

#[tokio::test]
async fn tells_the_function_who_it_is() {
    let stage = Stage::with(|config| {
        config.environment.insert("AWS_ENDPOINT_URL".into(), "http://127.0.0.1:7600".into());
    });
    stage.write(
        "who/pkg/mod.py",
        "
import os
def func(event, context):
    left = context.get_remaining_time_in_millis()
    return {'environment': dict(os.environ), 'folder': os.getcwd(), 'left': 0 < left <= 60000,
            'context': [context.aws_request_id != '', context.function_name, context.function_version,
                        context.invoked_function_arn, context.memory_limit_in_mb, context.log_group_name,
                        context.client_context]}
",
    );
    stage.deploy("who", |local| {
        local.handler = "pkg/mod.func".into();
        for (name, value) in [("TABLE", "orders"), ("AWS_LAMBDA_FUNCTION_NAME", "no"), ("AWS_REGION", "eu-north-1")] {
            local.environment.insert(name.into(), value.into());
        }
    });
    let answer = stage.answer("who", &json!({})).await;
    let arn = "arn:aws:lambda:eu-west-1:000000000000:function:who";
    assert_eq!(answer["context"], json!([true, "who", "$LATEST", arn, "128", "/aws/lambda/who", null]));
    assert_eq!(answer["left"], true);
    let root = std::fs::canonicalize(stage.path("who")).unwrap();
    assert_eq!(answer["folder"], json!(root));

    let environment = answer["environment"].as_object().unwrap();
    for (name, value) in [
        ("TABLE", "orders"),
        ("AWS_LAMBDA_FUNCTION_NAME", "who"),
        ("AWS_REGION", "eu-north-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:7600"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("_HANDLER", "pkg/mod.func"),
        ("TZ", ":UTC"),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    // Cargo gives this process many variables of its own; none may be seen.
    let foreign: Vec<_> = environment
        .keys()
        .filter(|name| {
            let own = ["PATH", "LANG", "LC_CTYPE", "TZ", "TABLE", "_HANDLER", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT"];
            !name.starts_with("AWS_") && !own.contains(&name.as_str()) && *name != "LAMBDA_RUNTIME_DIR"
        })
        .collect();
    assert_eq!(foreign, Vec::<&String>::new());
    assert!(!stage.path("who/pkg/__pycache__").exists(), "running a folder leaves it as it was");
}

#[tokio::test]
async fn runs_archives() {
    let stage = Stage::new();
    let mut writer = zip::ZipWriter::new(File::create(stage.path("packed.zip")).unwrap());
    for (name, text) in [
        ("app.py", "import helper\ndef handler(event, context): return helper.say()"),
        ("helper.py", "def say(): return 'packed'"),
    ] {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    stage.deploy("packed", |local| local.code = stage.path("packed.zip"));
    assert_eq!(stage.answer("packed", &json!({})).await, "packed");

    let mut writer = zip::ZipWriter::new(File::create(stage.path("evil.zip")).unwrap());
    writer.start_file("../evil.py", SimpleFileOptions::default()).unwrap();
    writer.finish().unwrap();
    stage.deploy("evil", |local| local.code = stage.path("evil.zip"));
    let failure = stage.invoke("evil", &json!({})).await.unwrap_err();
    assert!(failure.detail.contains("`../evil.py` leads out of the folder"), "{failure:?}");
}

#[tokio::test]
async fn takes_new_code_at_the_next_call() {
    let stage = Stage::with(|config| config.code_check_interval = Duration::ZERO);
    stage.python("changing", "def handler(event, context): return 'one'");
    assert_eq!(stage.answer("changing", &json!({})).await, "one");
    stage.write("changing/app.py", "def handler(event, context): return 'second'");
    assert_eq!(stage.answer("changing", &json!({})).await, "second");
    // Broken for a while, as while somebody types.
    stage.write("changing/app.py", "def handler(event, context) return");
    assert_eq!(stage.error("changing", &json!({})).await["errorType"], "Runtime.UserCodeSyntaxError");
    stage.write("changing/app.py", "def handler(event, context): return 'three'");
    assert_eq!(stage.answer("changing", &json!({})).await, "three");
    stage.processes_become(1).await;

    // Replaced as a whole, and removed.
    stage.python("other", "def handler(event, context): return 'other'");
    stage.deploy("changing", |local| local.code = stage.path("other"));
    assert_eq!(stage.answer("changing", &json!({})).await, "other");
    assert!(stage.tools.remove("changing") && !stage.tools.remove("changing"));
    assert!(stage.invoke("changing", &json!({})).await.is_err());
    stage.processes_become(0).await;
}

#[tokio::test]
async fn ends_idle_processes() {
    let stage = Stage::with(|config| config.idle_timeout = Duration::from_millis(20));
    stage.python("counter", COUNTER);
    let first = stage.answer("counter", &json!({})).await;
    stage.processes_become(0).await;
    let second = stage.answer("counter", &json!({})).await;
    assert_ne!(first["pid"], second["pid"]);
}

#[tokio::test]
async fn keeps_the_log_for_who_asks() {
    let stage = Stage::new();
    stage.python(
        "talk",
        "
import logging
logging.getLogger().setLevel(logging.INFO)
def handler(event, context):
    print('hello', event)
    logging.info('noted %s', event)
    return None
",
    );
    let limits = InvokeLimits { log_tail: true, ..LIMITS };
    for event in ["1", "2"] {
        let result = stage.tools.invoke("talk", Bytes::from_static(event.as_bytes()), limits).await.unwrap();
        assert_eq!(&result.payload[..], b"null");
        let lines: Vec<_> = result.log_tail.lines().collect();
        assert_eq!(lines[0], format!("hello {event}"));
        assert!(lines[1].starts_with("[INFO]\t") && lines[1].ends_with(&format!("\tnoted {event}")), "{lines:?}");
        assert_eq!(lines.len(), 2);
    }
}
