//! The real server over a real socket, with a model and tools that are none, and time that only a test moves.

use bytes::Bytes;
use outcrop_ports::{
    BoxFuture, DeltaSink, Message, Model, ModelCatalog, ModelError, ModelReply, ModelRequest, StopReason, ToolFailure,
    ToolFailureCause, ToolLimits, Usage,
};
use outcrop_server::edge::authenticate::AuthMode;
use outcrop_server::objects::Objects;
use outcrop_server::ops::lambda::{FunctionDeployment, FunctionHost, FunctionReply};
use outcrop_server::{App, AppParts, Server, ServerLimits, Settings};
use outcrop_store::Store;
use outcrop_testkit::{FakeTools, MovableClock, SequentialIds};
use outcrop_wire::event_stream::Decoder;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Says how many messages it was shown.
struct Counting;

impl Model for Counting {
    fn converse<'a>(
        &'a self,
        request: &'a ModelRequest,
        _deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, ModelError>> {
        let message = Message::assistant(format!("{} messages", request.messages.len()));
        Box::pin(async move { Ok(ModelReply::new(message, StopReason::EndTurn, Usage::default())) })
    }
}

impl ModelCatalog for Counting {
    fn model(&self, _: &str) -> Arc<dyn Model> {
        Arc::new(Counting)
    }
}

struct NoFunctions;

impl FunctionHost for NoFunctions {
    fn deploy(&self, _: FunctionDeployment) -> Result<(), String> {
        Err("no functions here".to_owned())
    }

    fn remove(&self, _: &str) {}

    fn is_configured(&self, _: &str) -> bool {
        false
    }

    fn invoke<'a>(
        &'a self,
        _: &'a str,
        _: Bytes,
        _: ToolLimits,
        _: bool,
    ) -> BoxFuture<'a, Result<FunctionReply, ToolFailure>> {
        let (cause, message) = (ToolFailureCause::NotFound, "no functions here".to_owned());
        Box::pin(async move { Err(ToolFailure { cause, message, detail: String::new() }) })
    }
}

/// Speaks HTTP/1.1 to the server, one connection a request.
pub(crate) struct Client(SocketAddr);

impl Client {
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Vec<u8>) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            self.0,
            body.len()
        );
        let mut stream = TcpStream::connect(self.0).await.expect("connects");
        stream.write_all(head.as_bytes()).await.expect("is sent");
        stream.write_all(body.as_bytes()).await.expect("is sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("is read");
        let split = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("has a head");
        let head = String::from_utf8_lossy(&answer[..split]).into_owned();
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("has a status");
        let body = answer.split_off(split + 4);
        (status, if head.contains("chunked") { unchunk(&body) } else { body })
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, &body).await;
        assert!(status < 300, "{status}: {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).expect("is JSON")
    }

    pub(crate) async fn says(&self, agent_id: &str, session: &str) -> String {
        let path = format!("/agents/{agent_id}/agentAliases/TSTALIASID/sessions/{session}/text");
        let (status, answer) = self.send("POST", &path, &json!({"inputText": "hello"})).await;
        assert_eq!(status, 200);
        let mut decoder = Decoder::default();
        decoder.push(&answer);
        let frame = decoder.next_message().expect("is a frame").expect("is whole");
        assert_eq!(frame.header(":event-type"), Some("chunk"));
        let payload: Value = serde_json::from_slice(&frame.payload).expect("is JSON");
        let bytes = payload["bytes"].as_str().and_then(outcrop_wire::Blob::from_base64).expect("has bytes");
        String::from_utf8(bytes.0.to_vec()).expect("is text")
    }
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(&String::from_utf8_lossy(&body[..end]), 16).expect("is a length");
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 2 + length + 2..];
        if length == 0 {
            break;
        }
    }
    whole
}

/// A server that is bound and put together.
pub(crate) struct Stage {
    pub(crate) app: Arc<App>,
    pub(crate) server: Server,
    pub(crate) client: Client,
    pub(crate) _folder: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn new(clock: Arc<MovableClock>, stopping: &CancellationToken) -> Self {
        Self::with(clock, stopping, Settings::default()).await
    }

    pub(crate) async fn with(clock: Arc<MovableClock>, stopping: &CancellationToken, settings: Settings) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let app = App::new(AppParts {
            store: Store::open(&folder.path().join("outcrop.db").display().to_string()).expect("opens"),
            models: Arc::new(Counting),
            prices: std::sync::Arc::new(outcrop_ports::NoPrices),
            tools: Arc::new(FakeTools::default()),
            functions: Arc::new(NoFunctions),
            clock,
            ids: Arc::new(SequentialIds::default()),
            objects: Objects::new(folder.path().join("objects")),
            settings: Settings { functions_dir: folder.path().join("functions"), ..settings },
            stopping: stopping.clone(),
        });
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(address, ServerLimits::default(), &AuthMode::Open).await.expect("binds");
        let client = Client(server.local_addr().expect("has an address"));
        Self { app, server, client, _folder: folder }
    }
}
