//! Functions that fail, and what is said about it.

use crate::stage::{LIMITS, LONG, Stage, TOOL_LIMITS, call, context};
use bytes::Bytes;
use outcrop_ports::{Delivery, ToolExecutor, ToolFailureCause as Cause, ToolLimits};
use outcrop_tools::{InvokeLimits, Runtime};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

#[tokio::test]
async fn answers_in_the_envelope_of_action_groups() {
    let stage = Stage::new();
    stage.python(
        "plant",
        "
import json
def handler(event, context):
    return {'messageVersion': '1.0',
            'response': {'actionGroup': event['actionGroup'], 'function': event['function'],
                         'functionResponse': {'responseBody': {'TEXT': {'body': json.dumps(event['agent'])}}}},
            'sessionAttributes': {**event['sessionAttributes'], 'planted': 1}}
",
    );
    let success = stage.success("plant").await;
    assert_eq!(serde_json::from_str::<Value>(&success.body).unwrap()["id"], "GARDEN0001");
    let attributes = success.session_attributes.unwrap();
    assert_eq!((attributes["tenant"].as_str(), attributes["planted"].as_str()), ("north", "1"));
}

#[tokio::test]
async fn tells_errors_of_handlers() {
    let stage = Stage::new();
    stage.python(
        "broken",
        "
import datetime, decimal, os, sys
def deep(event):
    return event['no such key']
def handler(event, context):
    match event.get('function', event.get('do')):
        case 'date': return {'at': datetime.date(2026, 1, 2)}
        case 'nan': return float('nan')
        case 'number': return [decimal.Decimal('3'), decimal.Decimal('0.5')]
        case _: return deep(event)
",
    );
    let error = stage.error("broken", &json!({})).await;
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("KeyError"), &json!("'no such key'")));
    assert_ne!(error["requestId"], "");
    let stack = error["stackTrace"].as_array().unwrap();
    assert_eq!(stack.len(), 2, "the frames of the function only: {stack:?}");
    assert!(stack[1].as_str().unwrap().contains("in deep\n    return event['no such key']"), "{stack:?}");
    for what in ["date", "nan"] {
        assert_eq!(stage.error("broken", &json!({"do": what})).await["errorType"], "Runtime.MarshalError");
    }
    assert_eq!(stage.answer("broken", &json!({"do": "number"})).await, json!([3, 0.5]));
    let failure = stage.failure("broken", TOOL_LIMITS, Cause::FunctionError).await;
    assert!(failure.message.starts_with("The function `broken` failed: KeyError: 'no such key'. "), "{failure:?}");
    assert!(!failure.message.contains("File") && failure.detail.contains("in deep"), "{failure:?}");
    assert_eq!(stage.tools.processes(), 1, "an error does not cost the process");
}

#[tokio::test]
async fn tells_what_keeps_a_function_from_starting() {
    let stage = Stage::new();
    stage.python("good", "import nonexistent_package\ndef handler(event, context): pass");
    stage.write("good/late.py", "raise ValueError('no table name set')");
    stage.write("good/syntax.py", "def handler(:");
    stage.write("good/fine.py", "def handler(event, context): return 1");
    stage.write("good/quits.py", "import os\nprint('leaving')\nos._exit(3)");
    let check = async |handler: &str, kind: &str, message: &str| {
        stage.deploy("good", |local| local.handler = handler.to_owned());
        let error = stage.error("good", &json!({})).await;
        assert_eq!(error["errorType"], kind, "{error}");
        assert!(error["errorMessage"].as_str().unwrap().contains(message), "{error}");
        let failure = stage.failure("good", TOOL_LIMITS, Cause::FunctionError).await;
        assert!(failure.message.contains("could not start") && failure.message.contains(message), "{failure:?}");
        failure
    };
    check("app.handler", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nonexist").await;
    check("nowhere.handler", "Runtime.ImportModuleError", "Unable to import module 'nowhere'").await;
    check("fine.other", "Runtime.HandlerNotFound", "Handler 'other' missing on module 'fine'").await;
    check("handler", "Runtime.MalformedHandlerName", "Bad handler 'handler'").await;
    check("syntax.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'syntax'").await;
    let failure = check("late.handler", "ValueError", "no table name set").await;
    assert!(failure.detail.contains("late.py"), "{failure:?}");
    let failure = check("quits.handler", "Runtime.ExitError", "Runtime exited with error: exit status 3").await;
    assert!(failure.detail.contains("leaving"), "{failure:?}");
    stage.deploy("good", |local| local.handler = "fine.handler".to_owned());
    assert_eq!(stage.answer("good", &json!({})).await, 1);
}

#[tokio::test]
async fn tells_what_cannot_be_run_or_found() {
    let stage = Stage::with(|config| config.python = "/nowhere/python3".into());
    stage.python("plain", "def handler(event, context): return 1");
    stage.write("custom/readme", "no bootstrap here");
    stage.deploy("custom", |local| local.runtime = Runtime::Provided);
    stage.deploy("missing", |_| {});
    for (name, cause, detail) in [
        ("plain", Cause::Unreachable, "/nowhere/python3"),
        ("custom", Cause::Unreachable, "`bootstrap`"),
        ("missing", Cause::Unreachable, "missing"),
        ("unknown", Cause::NotFound, "function:unknown; known are: custom, missing, plain"),
    ] {
        let failure = stage.failure(name, TOOL_LIMITS, cause).await;
        assert!(failure.detail.contains(detail), "{failure:?}");
        assert_eq!(stage.invoke(name, &json!({})).await.unwrap_err().cause, cause);
    }
    stage.processes_become(0).await;
}

#[tokio::test]
async fn ends_what_takes_too_long_with_all_it_started() {
    let stage = Stage::new();
    stage.python(
        "slow",
        "
import subprocess, time
def handler(event, context):
    print('working', flush=True)
    child = subprocess.Popen(['sleep', '1000'])
    open(event['pid_file'], 'w').write(str(child.pid))
    time.sleep(1000)
",
    );
    stage.deploy("slow", |local| local.timeout = Duration::from_secs(2));
    let pid_file = stage.path("pid");
    let error = stage.error("slow", &json!({"pid_file": pid_file})).await;
    assert_eq!(error["errorType"], "Sandbox.Timedout");
    assert!(error["errorMessage"].as_str().unwrap().ends_with("Error: Task timed out after 2.00 seconds"), "{error}");
    stage.processes_become(0).await;
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let gone = async {
        // A killed process that nobody has waited for is a zombie: gone for our purpose.
        while std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, gone).await.expect("what the function started is ended with it");

    stage.python(
        "hang",
        "
import time
def handler(event, context):
    if event == 'warm up': return
    print('here', flush=True)
    time.sleep(1000)
",
    );
    stage.answer("hang", &json!("warm up")).await;
    let limits = ToolLimits { timeout: Duration::from_millis(1500), ..TOOL_LIMITS };
    let failure = stage.failure("hang", limits, Cause::TimedOut).await;
    assert!(failure.message.starts_with("The function `hang` timed out after 1.5 s "), "{failure:?}");
    assert_eq!(failure.detail, "here\n");
}

#[tokio::test]
async fn tells_a_process_that_ended() {
    let stage = Stage::new();
    stage.python(
        "crash",
        "
import os, sys
def handler(event, context):
    print('last words', flush=True)
    how = event.get('how', 'exit')
    if how == 'exit': sys.exit(7)
    if how == 'kill': os.kill(os.getpid(), 9)
    return 'alive'
",
    );
    for (how, status) in [("exit", "exit status 7"), ("kill", "signal: killed")] {
        let error = stage.error("crash", &json!({"how": how})).await;
        assert_eq!(error["errorType"], "Runtime.ExitError");
        let message = error["errorMessage"].as_str().unwrap();
        assert!(message.ends_with(&format!("Error: Runtime exited with error: {status}")), "{error}");
        assert_eq!(stage.answer("crash", &json!({"how": "not"})).await, "alive");
    }
    let failure = stage.failure("crash", TOOL_LIMITS, Cause::FunctionError).await;
    assert!(failure.message.contains("ended before it answered (exit status 7)"), "{failure:?}");
    assert_eq!(failure.detail, "last words\n");
}

#[tokio::test]
async fn refuses_garbage_and_too_much() {
    let stage = Stage::new();
    stage.python("garbage", "def handler(event, context): return {'statusCode': 200}");
    let failure = stage.failure("garbage", TOOL_LIMITS, Cause::BadResponse).await;
    assert!(failure.message.contains("answered JSON without `response`"), "{failure:?}");

    stage.python("much", "def handler(event, context): return 'x' * event.get('length', 100000)");
    let failure = stage.failure("much", TOOL_LIMITS, Cause::TooLarge).await;
    assert!(failure.message.contains("answered 100002 bytes, and 25000 bytes are allowed"), "{failure:?}");
    let error = stage.error("much", &json!({"length": 25_000})).await;
    assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
    let exact = stage.answer("much", &json!({"length": 24_998})).await;
    assert_eq!(exact.as_str().unwrap().len(), 24_998);
    let limits = InvokeLimits { response_bytes_max: 6_000_000, ..LIMITS };
    let payload = Bytes::from(json!({"length": 5_000_000}).to_string());
    let large = stage.tools.invoke("much", payload, limits).await.unwrap();
    assert_eq!((large.payload.len(), large.function_error), (5_000_002, false));
    assert_eq!(stage.tools.processes(), 2, "too much does not cost the process");
    // More than anybody reads to its end.
    let error = stage.error("much", &json!({"length": 70_000_000})).await;
    assert_eq!(error["errorType"], "Function.ResponseSizeTooLarge");
    assert_eq!(stage.answer("much", &json!({"length": 1})).await, "x");
}

#[tokio::test]
async fn a_call_given_up_costs_its_process_only() {
    let stage = Stage::with(|config| config.processes_per_function_max = 1);
    stage.python(
        "wait",
        "
import os, time
def handler(event, context):
    if 'go' in event: return os.getpid()
    open(os.environ['MARK'], 'w').close()
    time.sleep(1000)
",
    );
    let mark = stage.path("mark");
    stage.deploy("wait", |local| {
        local.environment.insert("MARK".into(), mark.to_str().unwrap().into());
    });
    let first = stage.answer("wait", &json!({"go": 1})).await;
    let (call, context, delivery) = (call("wait"), context(), Delivery::default());
    tokio::select! {
        outcome = stage.tools.execute(&call, &context, &delivery, TOOL_LIMITS) => panic!("{outcome:?}"),
        () = async { while !mark.exists() { tokio::task::yield_now().await } } => {}
    }
    let second = stage.answer("wait", &json!({"go": 1})).await;
    assert_ne!(first, second);
    // A call that gives up while it waits for the only process costs nothing.
    std::fs::remove_file(&mark).unwrap();
    let payload = Bytes::from_static(b"{}");
    tokio::select! {
        outcome = stage.tools.invoke("wait", payload.clone(), LIMITS) => panic!("{outcome:?}"),
        () = async {
            while !mark.exists() { tokio::task::yield_now().await }
            let hasty = InvokeLimits { timeout: Duration::from_millis(100), ..LIMITS };
            let failure = stage.tools.invoke("wait", payload.clone(), hasty).await.unwrap_err();
            assert_eq!(failure.cause, Cause::TimedOut);
            assert!(failure.message.contains("was not called: all its processes were busy"), "{failure:?}");
        } => {}
    }
    stage.answer("wait", &json!({"go": 1})).await;
    stage.processes_become(1).await;
}

/// Everything at once, with few processes: each call ends as its event says, and the pool is whole afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn keeps_its_books_under_fire() {
    let stage = Stage::with(|config| config.processes_per_function_max = 3);
    stage.python(
        "fire",
        "
import os, time
def handler(event, context):
    if event == 'exit': os._exit(1)
    if event == 'error': raise ValueError('asked')
    if event == 'hang': time.sleep(1000)
    return event
",
    );
    stage.deploy("fire", |local| local.timeout = Duration::from_secs(2));
    let mut calls = JoinSet::new();
    for number in 0..120 {
        let tools = Arc::clone(&stage.tools);
        calls.spawn(async move {
            let (event, expected) = match number % 12 {
                3 => ("\"exit\"", "Runtime.ExitError"),
                5 => ("\"error\"", "ValueError"),
                7 if number < 40 => ("\"hang\"", "Sandbox.Timedout"),
                9 => {
                    // Given up somewhere between waiting and working.
                    let call = tools.invoke("fire", Bytes::from_static(b"1"), LIMITS);
                    drop(tokio::time::timeout(Duration::from_millis(number), call).await);
                    return;
                }
                _ => ("\"fine\"", "\"fine\""),
            };
            let result = tools.invoke("fire", Bytes::from_static(event.as_bytes()), LIMITS).await.unwrap();
            let payload = String::from_utf8_lossy(&result.payload);
            assert!(payload.contains(expected), "{event}: {payload}");
        });
    }
    calls.join_all().await;
    for _ in 0..20 {
        assert_eq!(stage.answer("fire", &json!("fine")).await, "fine");
    }
    assert!((1..=3).contains(&stage.tools.processes()));
    stage.tools.shutdown().await;
    assert_eq!(stage.tools.processes(), 0);
}
