//! The client against a small server on loopback.

use super::*;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const LIMITS: HttpLimits = HttpLimits {
    total_timeout: Duration::from_secs(20),
    idle_timeout: Duration::from_secs(20),
    response_bytes_max: 1000,
};

/// A server for one test: its tasks end when it is dropped.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                served.spawn(async move {
                    // A client that gives up is part of the tests.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service_fn(answer))
                        .await;
                });
            }
        });
        Self { address, connections, _tasks: tasks }
    }

    fn request(&self, path: &str, body: &'static str) -> Request<Bytes> {
        let address = format!("http://user:secret@{}{path}?token=secret", self.address);
        Request::post(address).body(Bytes::from_static(body.as_bytes())).unwrap()
    }
}

async fn answer(request: Request<Incoming>) -> Result<http::Response<BoxBody<Bytes, Infallible>>, std::io::Error> {
    let full = |text: Vec<u8>| Full::new(Bytes::from(text)).boxed();
    let (status, body) = match request.uri().path() {
        "/echo" => (200, full(request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes().to_vec())),
        "/teapot" => (418, full(b"short and stout".to_vec())),
        "/pieces" => (200, Pieces(vec!["three", "two", "one"], false).boxed()),
        "/endless" => (200, Pieces(vec!["drip"; 100_000], false).boxed()),
        "/stuck" => (200, Pieces(vec!["first"], true).boxed()),
        "/silent" => std::future::pending().await,
        "/broken" => return Err(std::io::Error::other("hung up")),
        "/long" => (200, full(vec![b'x'; 1001])),
        "/exact" => (200, full(vec![b'x'; 1000])),
        path => (404, full(path.as_bytes().to_vec())),
    };
    Ok(http::Response::builder().status(status).header("x-kind", "test").body(body).unwrap())
}

/// A body in pieces, last first; then it ends or stays silent for ever.
struct Pieces(Vec<&'static str>, bool);

impl Pieces {
    fn boxed(self) -> BoxBody<Bytes, Infallible> {
        StreamBody::new(self).boxed()
    }
}

impl futures_core::Stream for Pieces {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.pop() {
            Some(text) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(text.as_bytes()))))),
            None if self.1 => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

#[tokio::test]
async fn reads_answers_whole_over_one_connection() {
    let server = Server::start().await;
    let client = HttpClient::new();
    for (path, sent, status, body) in [
        ("/echo", "hello", 200, "hello"),
        ("/echo", "", 200, ""),
        ("/teapot", "", 418, "short and stout"),
        ("/pieces", "", 200, "onetwothree"),
        ("/none", "", 404, "/none"),
        ("/exact", "", 200, "x".repeat(1000).leak()),
    ] {
        let response = client.clone().send(server.request(path, sent), LIMITS).await.unwrap();
        assert_eq!((response.status.as_u16(), &response.body[..]), (status, body.as_bytes()), "{path}");
        assert_eq!(response.headers["x-kind"], "test");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1, "the connection is used again");
}

#[tokio::test]
async fn reads_answers_piece_by_piece() {
    let server = Server::start().await;
    let client = HttpClient::new();
    let mut stream = client.open(server.request("/pieces", ""), LIMITS).await.unwrap();
    let mut text = Vec::new();
    while let Some(piece) = stream.next().await.unwrap() {
        assert!(!piece.is_empty());
        text.extend_from_slice(&piece);
    }
    assert_eq!(text, b"onetwothree");
    assert_eq!(stream.next().await.unwrap(), None, "the end stays the end");
    for (path, status, body) in
        [("/teapot", 418, "short and stout"), ("/pieces", 200, "onetwothree"), ("/echo", 200, "")]
    {
        let stream = client.open(server.request(path, ""), LIMITS).await.unwrap();
        assert_eq!(stream.status.as_u16(), status);
        assert_eq!(stream.rest().await.unwrap(), body);
    }
}

#[tokio::test]
async fn keeps_to_its_limits() {
    let server = Server::start().await;
    let client = HttpClient::new();
    let too_large = HttpError::TooLarge { limit: 1000 };
    for path in ["/long", "/endless"] {
        assert_eq!(client.send(server.request(path, ""), LIMITS).await.unwrap_err(), too_large, "{path}");
    }
    assert_eq!(client.open(server.request("/long", ""), LIMITS).await.unwrap_err(), too_large);
    let endless = client.open(server.request("/endless", ""), LIMITS).await.unwrap();
    assert_eq!(endless.rest().await.unwrap_err(), too_large);

    let hasty = HttpLimits { total_timeout: Duration::from_millis(50), ..LIMITS };
    for path in ["/silent", "/stuck"] {
        assert_eq!(client.send(server.request(path, ""), hasty).await.unwrap_err(), HttpError::TimedOut, "{path}");
    }
    assert_eq!(client.open(server.request("/silent", ""), hasty).await.unwrap_err(), HttpError::TimedOut);
    let hasty = HttpLimits { idle_timeout: Duration::from_millis(50), ..LIMITS };
    let mut stuck = client.open(server.request("/stuck", ""), hasty).await.unwrap();
    assert_eq!(stuck.next().await.unwrap().unwrap(), "first");
    assert_eq!(stuck.next().await.unwrap_err(), HttpError::TimedOut);
}

#[tokio::test]
async fn tells_failures_apart_and_gives_no_secret_away() {
    let server = Server::start().await;
    let client = HttpClient::new();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let to = |address: &str| Request::get(address).body(Bytes::new()).unwrap();

    for address in ["/only/a/path", "ftp://host/", "host:80"] {
        assert_eq!(client.send(to(address), LIMITS).await.unwrap_err(), HttpError::BadAddress, "{address}");
    }
    let refused = client.send(to(&format!("http://me:secret@{closed}/secret?secret")), LIMITS).await.unwrap_err();
    assert!(matches!(&refused, HttpError::Connect(text) if text.starts_with(&closed.to_string())), "{refused}");
    // A server without TLS spoken to with TLS.
    let insecure = client.send(to(&format!("https://{}/", server.address)), LIMITS).await.unwrap_err();
    assert!(matches!(insecure, HttpError::Connect(_)), "{insecure}");
    let broken = client.send(server.request("/broken", ""), LIMITS).await.unwrap_err();
    assert!(matches!(broken, HttpError::Broken(_)), "{broken}");
    for error in [refused, insecure, broken] {
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}
