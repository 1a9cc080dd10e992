//! Functions behind an address, played by a small server.

use crate::stage::{LIMITS, Stage, TOOL_LIMITS};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use outcrop_ports::{ToolFailureCause as Cause, ToolLimits};
use outcrop_tools::{FunctionSource, FunctionSpec, InvokeLimits};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const REPLY: &str =
    r#"{"response":{"functionResponse":{"responseBody":{"TEXT":{"body":"planted remotely"}}}},"messageVersion":"1.0"}"#;

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let kind = request.headers().get("x-amz-invocation-type").cloned();
    let wants_log = request.headers().contains_key("x-amz-log-type");
    let payload = request.into_body().collect().await?.to_bytes();
    assert_eq!(kind.unwrap(), "RequestResponse");
    let name = path.trim_start_matches("/2015-03-31/functions/").trim_end_matches("/invocations");
    let error = r#"{"errorMessage":"no such bed","errorType":"BedError","stackTrace":["  bed.py\n"]}"#;
    let mut response = Response::builder();
    if wants_log {
        response = response.header("x-amz-log-result", "bGluZQo=");
    }
    let (status, body) = match name {
        "plant" => {
            let event: Value = serde_json::from_slice(&payload).unwrap();
            assert_eq!(event["function"], "plant");
            (200, REPLY.to_owned())
        }
        "echo" => (200, String::from_utf8(payload.to_vec()).unwrap()),
        "fails" => {
            response = response.header("x-amz-function-error", "Unhandled");
            (200, error.to_owned())
        }
        "emulated" => (200, error.to_owned()),
        "much" => (200, "x".repeat(25_001)),
        "busy" => (429, r#"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded"}"#.to_owned()),
        "denied" => (403, "{}".to_owned()),
        "ill" => (500, "boom".to_owned()),
        "silent" => std::future::pending().await,
        _ => (404, r#"{"Message":"Function not found"}"#.to_owned()),
    };
    Ok(response.status(status).body(Full::new(Bytes::from(body))).unwrap())
}

#[tokio::test]
async fn calls_functions_by_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            let served =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(answer));
            connections.spawn(async move { drop(served.await) });
        }
    });
    let stage = Stage::new();
    let names = ["plant", "echo", "fails", "emulated", "much", "busy", "denied", "ill", "silent", "unknown"];
    let deploy = |name: &str, url: String| {
        stage.tools.deploy(FunctionSpec { name: name.into(), source: FunctionSource::Url(url) });
    };
    for name in names {
        deploy(name, format!("http://{address}"));
    }
    deploy("pinned", format!("http://{address}/2015-03-31/functions/echo/invocations"));
    deploy("wrong", "nowhere".into());
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    deploy("closed", format!("http://{closed}"));

    assert_eq!(stage.success("plant").await.body, "planted remotely");
    assert_eq!(stage.answer("pinned", &json!([1])).await, json!([1]));
    let result =
        stage.tools.invoke("echo", Bytes::from_static(b"7"), InvokeLimits { log_tail: true, ..LIMITS }).await.unwrap();
    assert_eq!((&result.payload[..], result.log_tail.as_str()), (&b"7"[..], "line\n"));
    for name in ["fails", "emulated"] {
        assert_eq!(stage.error(name, &json!({})).await["errorType"], "BedError");
    }
    for (name, cause, message, detail) in [
        ("fails", Cause::FunctionError, "failed: BedError: no such bed. ", "bed.py"),
        ("emulated", Cause::FunctionError, "failed: BedError: no such bed. ", "bed.py"),
        ("echo", Cause::BadResponse, "answered JSON without `response`", "messageVersion"),
        ("much", Cause::TooLarge, "25000 bytes are allowed", ""),
        ("busy", Cause::Unreachable, "called too often", "ReservedFunction"),
        ("denied", Cause::Unreachable, "may not be called", "403"),
        ("ill", Cause::Unreachable, "not answered by its server", "500 Internal Server Error  boom"),
        ("unknown", Cause::NotFound, "There is no function `unknown`", "Function not found"),
        ("wrong", Cause::Unreachable, "is not set up right", "http://"),
        ("closed", Cause::Unreachable, "cannot be reached", "refused"),
    ] {
        let failure = stage.failure(name, TOOL_LIMITS, cause).await;
        assert!(failure.message.contains(message) && failure.detail.contains(detail), "{failure:?}");
    }
    let hasty = ToolLimits { timeout: Duration::from_millis(50), ..TOOL_LIMITS };
    let failure = stage.failure("silent", hasty, Cause::TimedOut).await;
    assert!(failure.message.contains("timed out after 0.05 s"), "{failure:?}");
}
