//! The provider against a server on loopback.

use super::*;
use crate::ApiKey;
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use outcrop_ports::{ContentBlock, Delta, DeltaSink, Message, Model, ModelErrorKind, StopReason, ToolChoice, Usage};
use outcrop_testkit::CollectedDeltas;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What the server answers: status, headers, body in pieces; with `breaks` the connection ends before the body does.
#[derive(Clone, Default)]
struct Canned {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    pieces: VecDeque<String>,
    breaks: bool,
    paused: bool,
}

impl Body for Canned {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        // A pause before the break, for what was said to leave the house.
        if self.breaks && self.pieces.is_empty() && !std::mem::replace(&mut self.paused, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(match self.pieces.pop_front() {
            Some(piece) => Some(Ok(Frame::data(Bytes::from(piece)))),
            None if self.breaks => Some(Err(std::io::Error::other("hung up"))),
            None => None,
        })
    }
}

fn whole(status: u16, body: &Value) -> Canned {
    Canned {
        status,
        headers: vec![("content-type", "application/json")],
        pieces: [body.to_string()].into(),
        ..Canned::default()
    }
}

fn said(text: &str) -> Canned {
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 2});
    whole(200, &json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": usage}))
}

fn streamed(pieces: &[&str]) -> Canned {
    let pieces = pieces.iter().map(|piece| (*piece).to_owned()).collect();
    Canned {
        status: 200,
        headers: vec![("content-type", "text/event-stream; charset=utf-8")],
        pieces,
        ..Canned::default()
    }
}

fn busy() -> Canned {
    whole(429, &json!({"error": {"message": "slow down, sk-test"}}))
}

#[derive(Clone, Debug)]
struct Asked {
    path: String,
    authorization: String,
    accept: String,
    body: Value,
}

type Shared<T> = Arc<Mutex<T>>;

/// A server that plays its answers in order. Ends when dropped.
struct Server {
    base_url: String,
    asked: Shared<Vec<Asked>>,
    connections: Shared<usize>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start(answers: impl Into<VecDeque<Canned>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let asked = Shared::<Vec<Asked>>::default();
        let connections = Shared::<usize>::default();
        let answers = Arc::new(Mutex::new(answers.into()));
        let mut tasks = JoinSet::new();
        let (log, counter) = (Arc::clone(&asked), Arc::clone(&connections));
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                *counter.lock().unwrap() += 1;
                let (log, answers) = (Arc::clone(&log), Arc::clone(&answers));
                served.spawn(async move {
                    let service = service_fn(move |request| answer(request, Arc::clone(&log), Arc::clone(&answers)));
                    // A connection that breaks is part of the tests.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { base_url, asked, connections, _tasks: tasks }
    }

    fn model(&self, change: impl FnOnce(&mut Endpoint)) -> Served {
        let mut config = Endpoint::new(format!("{}/", self.base_url));
        config.care.retries.base = Duration::from_millis(1);
        config.api_key = Some(ApiKey::new("sk-test"));
        change(&mut config);
        serve(config, HttpClient::new()).unwrap()
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    log: Shared<Vec<Asked>>,
    answers: Shared<VecDeque<Canned>>,
) -> Result<http::Response<Canned>, hyper::Error> {
    let header = |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let (authorization, accept) = (header("authorization"), header("accept"));
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    let body = serde_json::from_slice(&body).unwrap();
    log.lock().unwrap().push(Asked { path, authorization, accept, body });
    let canned = answers.lock().unwrap().pop_front().expect("the test foresees every request");
    let mut response = http::Response::builder().status(canned.status);
    for (name, value) in &canned.headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(canned).unwrap())
}

fn request() -> ModelRequest {
    ModelRequest {
        model_id: "us.anthropic.claude".to_owned(),
        system: vec!["Be brief.".to_owned()],
        messages: vec![Arc::new(Message::user("hi"))],
        tools: Arc::new([]),
        tool_choice: ToolChoice::Auto,
        inference: outcrop_ports::InferenceConfig::default(),
        additional_fields: None,
        caching: outcrop_ports::Caching::Automatic,
    }
}

#[tokio::test]
async fn answers_whole() {
    let server = Server::start([said("Hello."), said("Again.")]).await;
    let model = server.model(|config| config.model = Some("qwen3:8b".to_owned()));
    let reply = model.converse(&request(), None).await.unwrap();
    assert_eq!(reply.message, Message::assistant("Hello."));
    assert_eq!(reply.usage, Usage { input_tokens: 5, output_tokens: 2, ..Usage::default() });
    assert_eq!(model.converse(&request(), None).await.unwrap().message, Message::assistant("Again."));

    let asked = server.asked();
    assert_eq!((asked[0].path.as_str(), asked[0].authorization.as_str()), ("/v1/chat/completions", "Bearer sk-test"));
    assert_eq!((&asked[0].body["model"], asked[0].body.get("stream")), (&json!("qwen3:8b"), None));
    assert_eq!(*server.connections.lock().unwrap(), 1, "the connection is used again");
}

#[tokio::test]
async fn answers_in_pieces() {
    let pieces = [
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hel",
        "lo\"}}]}\n",
        "\ndata: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"look\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\ndata: [DONE]\n\n",
    ];
    let server = Server::start([streamed(&pieces), streamed(&pieces)]).await;
    let model = server.model(|config| config.api_key = None);
    for _ in 0..2 {
        let deltas = CollectedDeltas::new();
        let reply = model.converse(&request(), Some(&deltas)).await.unwrap();
        let tool_use_id = "a".to_owned();
        let expected = [
            Delta::Text("Hello".to_owned()),
            Delta::ToolUseStarted { tool_use_id: tool_use_id.clone(), name: "look".to_owned() },
            Delta::ToolUseInput { tool_use_id, json: "{}".to_owned() },
        ];
        assert_eq!(deltas.all(), expected);
        assert_eq!((reply.message.content.len(), reply.stop_reason), (2, StopReason::ToolUse));
        assert_eq!(reply.usage, Usage { input_tokens: 9, output_tokens: 4, ..Usage::default() });
    }
    let asked = &server.asked()[0];
    assert_eq!((asked.authorization.as_str(), asked.accept.as_str()), ("", "text/event-stream"));
    assert_eq!(asked.body["model"], "us.anthropic.claude");
    assert_eq!(asked.body["stream_options"], json!({"include_usage": true}));
    assert_eq!(*server.connections.lock().unwrap(), 1, "the connection is used again");
}

#[tokio::test]
async fn a_whole_answer_where_pieces_were_asked_for() {
    let server = Server::start([said("Hello.")]).await;
    let deltas = CollectedDeltas::new();
    let reply = server.model(|_| {}).converse(&request(), Some(&deltas)).await.unwrap();
    assert_eq!((deltas.text().as_str(), reply.message), ("Hello.", Message::assistant("Hello.")));
}

/// Plays the answers and checks what comes out and after how many requests.
async fn check_retries(answers: Vec<Canned>, streaming: bool, expected: Result<&str, ModelErrorKind>, requests: usize) {
    let server = Server::start(answers).await;
    let deltas = CollectedDeltas::new();
    let sink: Option<&dyn DeltaSink> = if streaming { Some(&deltas) } else { None };
    let outcome = server.model(|_| {}).converse(&request(), sink).await;
    let outcome = outcome.as_ref().map(|reply| reply.message.content[0].as_text().unwrap());
    assert_eq!(outcome.map_err(|error| error.kind), expected);
    assert_eq!(server.asked().len(), requests);
}

#[tokio::test]
async fn asks_again_when_it_may_help() {
    use ModelErrorKind::{AccessDenied, BadReply, Invalid, Throttled, Unavailable};
    let status = |status: u16| whole(status, &json!({"error": {"message": "no"}}));
    let asks = |wait: &'static str| Canned { headers: vec![("retry-after", wait)], ..busy() };
    let breaks = |canned: Canned| Canned { breaks: true, ..canned };
    let poor = whole(429, &json!({"error": {"code": "insufficient_quota"}}));
    let event = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";

    for streaming in [false, true] {
        check_retries(vec![busy(), status(503), said("Hi")], streaming, Ok("Hi"), 3).await;
        check_retries(vec![busy(), busy(), busy()], streaming, Err(Throttled), 3).await;
        check_retries(vec![asks("0"), said("Hi")], streaming, Ok("Hi"), 2).await;
        check_retries(vec![asks("3600")], streaming, Err(Throttled), 1).await;
        check_retries(vec![poor.clone()], streaming, Err(Throttled), 1).await;
        check_retries(vec![status(400)], streaming, Err(Invalid), 1).await;
        check_retries(vec![status(401)], streaming, Err(AccessDenied), 1).await;
        // Garbage is often a passing fault of something in between.
        check_retries(vec![whole(200, &json!({})), said("Hi")], streaming, Ok("Hi"), 2).await;
        check_retries(vec![whole(200, &json!({})); 3], streaming, Err(BadReply), 3).await;
    }
    check_retries(vec![breaks(said("Hi")), said("Hi")], false, Ok("Hi"), 2).await;
    // What the listener has heard cannot be taken back.
    check_retries(vec![breaks(streamed(&[event]))], true, Err(Unavailable), 1).await;
    check_retries(vec![streamed(&[event])], true, Err(Unavailable), 1).await;
}

#[tokio::test]
async fn failures_name_the_model_and_keep_key_and_address() {
    let server = Server::start([busy()]).await;
    let model = server.model(|config| config.care.retries.count_max = 0);
    let error = model.converse(&request(), None).await.unwrap_err();
    assert_eq!(error.message, "model `us.anthropic.claude`: status 429: slow down, ••••");
    assert!(!format!("{model:?}").contains("sk-test"));
}

#[tokio::test]
async fn limits() {
    let server = Server::start([said(&"x".repeat(2_000))]).await;
    let model = server.model(|config| config.response_bytes_max = 1_000);
    assert_eq!(model.converse(&request(), None).await.unwrap_err().kind, ModelErrorKind::BadReply);
    // Nobody listens where a listener was.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut config = Endpoint::new(format!("http://{free}"));
    config.care.retries.base = Duration::from_millis(1);
    let nobody = serve(config, HttpClient::new()).unwrap();
    assert_eq!(nobody.converse(&request(), None).await.unwrap_err().kind, ModelErrorKind::Unavailable);
    // An endpoint that takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = Endpoint::new(format!("http://{}", silent.local_addr().unwrap()));
    config.time.total = Duration::from_millis(20);
    let slow = serve(config, HttpClient::new()).unwrap();
    for sink in [None, Some(&CollectedDeltas::new() as &dyn DeltaSink)] {
        assert_eq!(slow.converse(&request(), sink).await.unwrap_err().kind, ModelErrorKind::TimedOut);
    }
}

#[test]
fn configurations() {
    let check = |base_url: &str, key: &str, expected: Result<&str, BadEndpoint>| {
        let mut config = Endpoint::new(base_url);
        config.api_key = Some(ApiKey::new(key));
        let made = serve(config, HttpClient::new()).map(|model| model.label().to_owned());
        let at = made.as_deref().map(|label| label.strip_prefix("openai, the id as it comes at ").unwrap());
        assert_eq!(at.map_err(|error| *error), expected, "{base_url}");
    };
    check("http://127.0.0.1:11434/v1", "k", Ok("http://127.0.0.1:11434/v1"));
    check("https://api.example.com/v1/", "k", Ok("https://api.example.com/v1"));
    check("https://api.example.com", "k", Ok("https://api.example.com"));
    check("127.0.0.1:11434/v1", "k", Err(BadEndpoint::Address));
    check("ftp://host/v1", "k", Err(BadEndpoint::Address));
    check("", "k", Err(BadEndpoint::Address));
    check("http://user:pw@host/v1", "k", Err(BadEndpoint::Credentials));
    check("http://host/v1?version=1", "k", Err(BadEndpoint::Query));
    check("http://host/v1", "a\nb", Err(BadEndpoint::Key));
    let config = Endpoint { model: Some("qwen3:8b".to_owned()), ..Endpoint::new("http://h/v1/") };
    assert_eq!(serve(config, HttpClient::new()).unwrap().label(), "openai, qwen3:8b at http://h/v1");
}

#[tokio::test]
async fn an_empty_answer_has_no_blocks() {
    let server = Server::start([said(" ")]).await;
    let reply = server.model(|_| {}).converse(&request(), None).await.unwrap();
    assert_eq!(reply.message.content, Vec::<ContentBlock>::new());
}
