//! A server on loopback that plays answers in a provider's words.

use super::strict::Checked;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use outcrop_models::{Endpoint, Served};
use outcrop_ports::{StopReason, Usage};
use serde_json::Value;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A block that the model says.
#[derive(Clone, Debug)]
pub enum Block {
    Text(&'static str),
    /// Thinking and its seal; with an empty text only a seal.
    Thinking(&'static str, &'static str),
    /// Base64, as on Bedrock.
    Redacted(&'static str),
    Call(&'static str, &'static str, Value),
}

/// What the model says.
#[derive(Clone, Debug)]
pub struct Said {
    pub blocks: Vec<Block>,
    pub stop: StopReason,
    pub usage: Usage,
}

/// How an answer goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Bytes that mean nothing.
    Garbage,
    /// The first half, then the end.
    EndsEarly,
    /// The first half, then nothing.
    Stalls,
    /// The first half, then the connection breaks.
    Breaks,
    /// Nothing at all, not even a head.
    Silent,
}

/// One answer of the server.
#[derive(Clone, Debug)]
pub enum Play {
    Says(Said),
    Wrong(Said, Fault),
    /// Status, headers, body.
    Refuses(u16, Vec<(&'static str, String)>, String),
}

/// What a wire can express.
#[derive(Clone, Copy, Debug)]
pub struct Can {
    /// Thinking goes back sealed.
    pub seals: bool,
    /// Thinking that only the provider can read.
    pub redacted: bool,
    /// Counts tokens that are written to the cache.
    pub cache_writes: bool,
    /// Wants to be told where the cache ends.
    pub cache_points: bool,
    /// Says which stop sequence was met, or that one was.
    pub stop_sequences: bool,
}

/// A provider: how to reach it, its rules, its words.
pub trait Provider: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    /// A model of a family with all abilities.
    const MODEL: &'static str;
    const CAN: Can;
    fn serve(self, endpoint: Endpoint) -> Served;
    /// The rules; the error is what the provider would say.
    fn check(self, head: &http::request::Parts, body: &Value) -> Checked;
    fn is_streamed(self, head: &http::request::Parts, body: &Value) -> bool;
    fn whole(self, said: &Said) -> Value;
    /// Content type and bytes.
    fn streamed(self, said: &Said) -> (&'static str, Vec<u8>);
    /// A refusal in the provider's form.
    fn refusal(self, status: u16, kind: &str, message: &str) -> Play;
    /// The parts of a request in the order of the provider's cache, as text; and after how many of them a cache ends.
    fn prefix(self, body: &Value) -> (Vec<String>, Vec<usize>);
}

type Shared<T> = Arc<Mutex<T>>;

pub struct Standin {
    pub url: String,
    asked: Shared<Vec<Value>>,
    _tasks: JoinSet<()>,
}

impl Standin {
    pub async fn start<P: Provider>(provider: P, plays: impl Into<VecDeque<Play>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Shared::<Vec<Value>>::default();
        let plays = Arc::new(Mutex::new(plays.into()));
        let mut tasks = JoinSet::new();
        let log = Arc::clone(&asked);
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (log, plays) = (Arc::clone(&log), Arc::clone(&plays));
                served.spawn(async move {
                    let service = service_fn(move |request| answer(provider, request, log.clone(), plays.clone()));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { url, asked, _tasks: tasks }
    }

    /// Bodies of the requests so far.
    pub fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer<P: Provider>(
    provider: P,
    request: http::Request<Incoming>,
    log: Shared<Vec<Value>>,
    plays: Shared<VecDeque<Play>>,
) -> Result<http::Response<Pieces>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    // Signatures cover the bytes.
    let mut head = head;
    head.extensions.insert(body.clone());
    let body: Value = serde_json::from_slice(&body).unwrap();
    log.lock().unwrap().push(body.clone());
    let play = match provider.check(&head, &body) {
        Ok(()) => plays.lock().unwrap().pop_front().expect("the test foresees every request"),
        Err(problem) => {
            eprintln!("{} refuses: {problem}", P::NAME);
            provider.refusal(400, "invalid", &problem)
        }
    };
    let (said, fault) = match play {
        Play::Says(said) => (said, None),
        Play::Wrong(said, fault) => (said, Some(fault)),
        Play::Refuses(status, headers, body) => {
            let mut response = http::Response::builder().status(status).header("content-type", "application/json");
            for (name, value) in headers {
                response = response.header(name, value);
            }
            return Ok(response.body(Pieces::new(body.as_bytes(), None)).unwrap());
        }
    };
    if fault == Some(Fault::Silent) {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    let (kind, bytes) = match provider.is_streamed(&head, &body) {
        true => provider.streamed(&said),
        false => ("application/json", provider.whole(&said).to_string().into_bytes()),
    };
    Ok(http::Response::builder().header("content-type", kind).body(Pieces::new(&bytes, fault)).unwrap())
}

/// A body in pieces that end nowhere in particular.
pub struct Pieces {
    pieces: VecDeque<Bytes>,
    after: Option<Fault>,
    paused: bool,
}

impl Pieces {
    fn new(bytes: &[u8], fault: Option<Fault>) -> Self {
        let bytes = match fault {
            None | Some(Fault::Silent) => bytes.to_vec(),
            Some(Fault::Garbage) => b"data: {\"no\": json\n\n<html>oops</html>\n\n".repeat(3),
            Some(Fault::EndsEarly | Fault::Stalls | Fault::Breaks) => bytes[..bytes.len() / 2].to_vec(),
        };
        let pieces = bytes.chunks(97).map(Bytes::copy_from_slice).collect();
        Self { pieces, after: fault, paused: false }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let after = self.after;
        match after {
            // What was said has to leave the house first.
            Some(Fault::Breaks) if !std::mem::replace(&mut self.paused, true) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Fault::Breaks) => Poll::Ready(Some(Err(std::io::Error::other("hung up")))),
            Some(Fault::Stalls) => Poll::Pending,
            _ => Poll::Ready(None),
        }
    }
}

/// Text in pieces of a few characters.
pub fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(5).map(|piece| piece.iter().collect()).collect()
}
