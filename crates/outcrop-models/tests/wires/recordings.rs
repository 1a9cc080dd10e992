//! Recorded answers: what real endpoints say beside what is documented, and what it must come to.
//!
//! The files beside this are made after the vendors' documents and public recordings, with made-up words. More of them, such as
//! one's own traffic, are read from the folder that `OUTCROP_TEST_MODEL_RECORDINGS` names.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use outcrop_http::HttpClient;
use outcrop_models::bedrock::BedrockAccess;
use outcrop_models::{Endpoint, anthropic, bedrock, gemini, openai};
use outcrop_ports::{Caching, DeltaSink, InferenceConfig, Message, Model, ModelRequest, ToolChoice};
use outcrop_testkit::CollectedDeltas;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    provider: String,
    #[expect(dead_code, reason = "for readers")]
    about: String,
    content_type: String,
    body: String,
    expected: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    text: String,
    calls: Vec<(String, String, Value)>,
    stop: String,
    /// Input, output, cache read, cache write.
    usage: [u64; 4],
}

#[expect(clippy::disallowed_methods, reason = "tests may be given more recordings")]
fn recordings() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let given = std::env::var("OUTCROP_TEST_MODEL_RECORDINGS").ok().map(PathBuf::from);
    let folders = [Some(own), given].into_iter().flatten();
    let mut files: Vec<PathBuf> = folders
        .flat_map(|folder| std::fs::read_dir(folder).expect("a folder of recordings"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn recorded_answers() {
    let files = recordings();
    assert!(files.len() >= 4, "{files:?}");
    for path in files {
        check(&path).await;
    }
}

async fn check(path: &Path) {
    let name = path.display();
    let text = std::fs::read_to_string(path).expect("a file");
    let recording: Recording = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (kind, body) = (recording.content_type.clone(), Bytes::from(recording.body.clone()));
    let server = async {
        let (socket, _) = listener.accept().await.expect("a connection");
        let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let response = http::Response::builder().header("content-type", &kind).body(Full::new(body.clone()));
            async move {
                request.into_body().collect().await?;
                Ok::<_, hyper::Error>(response.expect("a response"))
            }
        });
        let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
    };
    let endpoint = Endpoint { model: Some("m".to_owned()), ..Endpoint::new(&url) };
    let client = HttpClient::new();
    let model = match recording.provider.as_str() {
        "anthropic" => anthropic::serve(endpoint, client),
        "gemini" => gemini::serve(endpoint, client),
        "bedrock" => bedrock::serve(endpoint, BedrockAccess::Key, client),
        _ => openai::serve(endpoint, client),
    };
    let model = model.expect("a model");
    let request = ModelRequest {
        model_id: "m".to_owned(),
        system: Vec::new(),
        messages: vec![Arc::new(Message::user("hi"))],
        tools: Arc::new([]),
        tool_choice: ToolChoice::Auto,
        inference: InferenceConfig::default(),
        additional_fields: None,
        caching: Caching::Automatic,
    };
    let deltas = CollectedDeltas::new();
    let streamed = recording.content_type != "application/json";
    let sink = streamed.then_some(&deltas as &dyn DeltaSink);
    let reply = tokio::select! {
        reply = model.converse(&request, sink) => reply.unwrap_or_else(|error| panic!("{name}: {error}")),
        () = server => panic!("{name}: the server ended first"),
    };
    let calls: Vec<(String, String, Value)> =
        reply.message.tool_uses().map(|one| (one.tool_use_id.clone(), one.name.clone(), one.input.clone())).collect();
    let expected = recording.expected;
    let usage = reply.usage;
    let counts =
        [usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens, usage.cache_write_input_tokens];
    assert_eq!((reply.message.text(), calls, counts), (expected.text, expected.calls, expected.usage), "{name}");
    assert_eq!(json!(reply.stop_reason), json!(expected.stop), "{name}");
}
