//! Outgoing HTTP: one pooled client with TLS, time-outs and size limits (a crate of its own because TLS weighs on the build).
//!
//! [`HttpClient::send`] reads an answer whole, [`HttpClient::open`] reads it piece by piece. Neither follows redirects,
//! retries an answered request, nor adds headers other than `host` and `content-length`.

mod body;
mod error;

pub use body::HttpStream;
pub use error::HttpError;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// How long a TCP connection may take, unless [`HttpClient::with_connect_timeout`] says otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// An idle connection is kept this long; below the time most servers keep theirs, so that few are found closed.
const IDLE_CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// The way out: `http://` and `https://`, HTTP/1.1, and HTTP/2 where TLS negotiates it.
///
/// Cheap to clone; clones share one pool of connections. Make one per process and hand it around. The connections end
/// when the last clone is dropped.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// How long and how much, for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Longest time for connecting, sending and receiving: with [`HttpClient::send`] until the last byte, with
    /// [`HttpClient::open`] until the head of the answer.
    pub total_timeout: Duration,
    /// Longest silence between two pieces of an opened answer.
    pub idle_timeout: Duration,
    /// Largest answer, in bytes of body. An opened answer may be this long altogether.
    pub response_bytes_max: usize,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// Any status: a 500 is an answer, too.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; not longer than the limit.
    pub body: Bytes,
}

impl HttpClient {
    /// A client with an empty pool that trusts Mozilla's roots. Needs a Tokio runtime only when it is used.
    pub fn new() -> Self {
        Self::with_connect_timeout(CONNECT_TIMEOUT)
    }

    /// Like [`HttpClient::new`]; a TCP connection that takes longer than this fails. The request's own
    /// `total_timeout` holds beside it.
    pub fn with_connect_timeout(connect_timeout: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout));
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION_TIMEOUT)
            .build(connector);
        Self { client }
    }

    /// Sends and reads the whole answer, whatever its status.
    ///
    /// Fails when the address is unusable, nobody answers in time, the answer is longer than allowed or breaks off.
    /// Dropping the future gives the exchange up and closes its connection.
    pub async fn send(&self, request: Request<Bytes>, limits: HttpLimits) -> Result<HttpResponse, HttpError> {
        let exchange = async {
            let (head, body) = self.exchange(request).await?.into_parts();
            let body = body::read_whole(body, limits.response_bytes_max).await?;
            Ok(HttpResponse { status: head.status, headers: head.headers, body })
        };
        timeout(limits.total_timeout, exchange).await.unwrap_or(Err(HttpError::TimedOut))
    }

    /// Sends and returns as soon as the head of the answer is there, whatever its status.
    ///
    /// Fails like [`HttpClient::send`]. Dropping the stream closes its connection unless it was read to its end.
    pub async fn open(&self, request: Request<Bytes>, limits: HttpLimits) -> Result<HttpStream, HttpError> {
        let answer = timeout(limits.total_timeout, self.exchange(request)).await.unwrap_or(Err(HttpError::TimedOut))?;
        HttpStream::new(answer, limits)
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<http::Response<hyper::body::Incoming>, HttpError> {
        let usable = matches!(request.uri().scheme_str(), Some("http" | "https"));
        if !usable || request.uri().host().is_none_or(str::is_empty) {
            return Err(HttpError::BadAddress);
        }
        let place = Place::of(request.uri());
        self.client.request(request.map(Full::new)).await.map_err(|error| HttpError::of_exchange(&error, &place))
    }
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HttpClient")
    }
}

/// Host and port for messages: what may be shown of an address.
struct Place {
    authority: Option<http::uri::Authority>,
}

impl Place {
    fn of(uri: &http::Uri) -> Self {
        // A shared slice of the request's own buffer: costs no copy on the way that does not fail.
        Self { authority: uri.authority().cloned() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(authority) = &self.authority else { return Ok(()) };
        formatter.write_str(authority.host())?;
        authority.port_u16().map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

#[cfg(test)]
mod tests;
