//! A small client of the AWS wire: what the commands `deploy` and `chat` talk through.
//!
//! It sends typed requests to one endpoint and does not retry: the server is near, and a failure is for the user to see.

mod events;
mod signer;

pub(crate) use events::{EventStream, StreamEvent};
pub(crate) use signer::Signer;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use outcrop_api::{ApiOperation, Operation};
use outcrop_http::{HttpClient, HttpError, HttpLimits};
use outcrop_wire::sigv4::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// For requests that are answered at once. A package of 50 MB may be under way for a while.
const CALL_LIMITS: HttpLimits = HttpLimits {
    total_timeout: Duration::from_secs(120),
    idle_timeout: Duration::from_secs(60),
    response_bytes_max: 16 * 1024 * 1024,
};

/// For turns of an agent: the head comes at once, the events when models and tools are done.
const STREAM_LIMITS: HttpLimits = HttpLimits {
    total_timeout: Duration::from_secs(120),
    idle_timeout: Duration::from_secs(900),
    response_bytes_max: 256 * 1024 * 1024,
};

/// What requests to the server's own paths are signed for.
const OWN_PATHS_SIGNING_NAME: &str = "bedrock";

/// Talks to one server. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: HttpClient,
    endpoint: String,
    signer: Signer,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClientError {
    /// The server answered with an error.
    #[error("{code}: {message}")]
    Service {
        /// The shape's name, such as `ValidationException`.
        code: String,
        /// What the server says.
        message: String,
        /// The HTTP status.
        status: u16,
    },
    /// Nobody answers, or the connection broke.
    #[error("no server answers at {endpoint} ({reason}); start one with `outcrop dev` or name another with --endpoint")]
    Unreachable {
        /// The address that was tried.
        endpoint: String,
        /// What went wrong below.
        reason: String,
    },
    /// Something answered that does not speak this wire.
    #[error("the server's answer cannot be read: {0}")]
    BadReply(String),
    /// The request cannot be written.
    #[error("the request cannot be sent: {0}")]
    BadRequest(String),
}

/// An answer that is whole, or comes piece by piece.
pub(crate) enum Opened {
    /// Whole.
    Json(Value),
    /// In events.
    Stream(EventStream),
}

impl Client {
    /// A client of `endpoint`: `http://host:port`; the scheme may be left out. Nothing is sent yet.
    pub(crate) fn new(endpoint: &str) -> Self {
        let endpoint = endpoint.trim_end_matches('/');
        let scheme = if endpoint.contains("://") { "" } else { "http://" };
        Self { http: HttpClient::new(), endpoint: format!("{scheme}{endpoint}"), signer: Signer::Nobody }
    }

    /// The same client, whose requests show who sends them.
    pub(crate) fn signed_by(self, signer: Signer) -> Self {
        Self { signer, ..self }
    }

    /// The address, with scheme and without a slash at the end.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Calls an operation and reads its typed answer.
    pub(crate) async fn call<O: ApiOperation>(&self, input: &O::Input) -> Result<O::Output, ClientError> {
        let request = self.request_of(O::OPERATION, input)?;
        let (status, headers, body) = self.exchange(request).await?;
        if !status.is_success() {
            return Err(service_error(status, &headers, &body));
        }
        read_json(if body.is_empty() { b"{}" } else { &body })
    }

    /// Calls an operation with a request and an answer in JSON: what a newer service says beyond our types is kept.
    pub(crate) async fn call_json<O: ApiOperation>(&self, input: &Value) -> Result<Value, ClientError> {
        let (status, headers, body) = self.exchange(self.request_of(O::OPERATION, input)?).await?;
        if !status.is_success() {
            return Err(service_error(status, &headers, &body));
        }
        read_json(if body.is_empty() { b"{}" } else { &body })
    }

    /// Calls an operation that answers with a stream of events.
    pub(crate) async fn open<O: ApiOperation>(&self, input: &O::Input) -> Result<EventStream, ClientError> {
        let request = self.request_of(O::OPERATION, input)?;
        let opened = self.http.open(request, STREAM_LIMITS).await;
        let stream = opened.map_err(|error| ClientError::of_http(&self.endpoint, &error))?;
        if stream.status.is_success() {
            return Ok(EventStream::new(stream, self.endpoint.clone()));
        }
        let (status, headers) = (stream.status, stream.headers.clone());
        let body = stream.rest().await.map_err(|error| ClientError::of_http(&self.endpoint, &error))?;
        Err(service_error(status, &headers, &body))
    }

    /// Reads JSON at one of the server's own paths (`/outcrop/…`); `None` when there is nothing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ClientError> {
        let request = self.plain(Method::GET, path, Bytes::new())?;
        let (status, headers, body) = self.exchange(request).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => read_json(&body).map(Some),
            status => Err(service_error(status, &headers, &body)),
        }
    }

    /// Reads JSON at one of the server's own paths; that there is nothing is an error with the server's words.
    pub(crate) async fn read(&self, path: &str) -> Result<Value, ClientError> {
        let (status, headers, body) = self.exchange(self.plain(Method::GET, path, Bytes::new())?).await?;
        if status.is_success() { read_json(&body) } else { Err(service_error(status, &headers, &body)) }
    }

    /// Sends JSON to one of the server's own paths that answers with JSON or with a stream of events.
    pub(crate) async fn post_open<T: Serialize>(&self, path: &str, value: &T) -> Result<Opened, ClientError> {
        let body = serde_json::to_vec(value).map_err(|error| ClientError::BadRequest(error.to_string()))?;
        let opened = self.http.open(self.plain(Method::POST, path, body.into())?, STREAM_LIMITS).await;
        let stream = opened.map_err(|error| ClientError::of_http(&self.endpoint, &error))?;
        let (status, headers) = (stream.status, stream.headers.clone());
        let kind = headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if status.is_success() && kind == Some("application/vnd.amazon.eventstream") {
            return Ok(Opened::Stream(EventStream::new(stream, self.endpoint.clone())));
        }
        let body = stream.rest().await.map_err(|error| ClientError::of_http(&self.endpoint, &error))?;
        match status.is_success() {
            true => read_json(&body).map(Opened::Json),
            false => Err(service_error(status, &headers, &body)),
        }
    }

    /// Writes JSON to one of the server's own paths.
    pub(crate) async fn put<T: Serialize>(&self, path: &str, value: &T) -> Result<(), ClientError> {
        let body = serde_json::to_vec(value).map_err(|error| ClientError::BadRequest(error.to_string()))?;
        self.acknowledged(self.plain(Method::PUT, path, body.into())?).await
    }

    /// Deletes what is at one of the server's own paths and reads the answer.
    pub(crate) async fn delete<A: DeserializeOwned>(&self, path: &str) -> Result<A, ClientError> {
        let (status, headers, body) = self.exchange(self.plain(Method::DELETE, path, Bytes::new())?).await?;
        if status.is_success() { read_json(&body) } else { Err(service_error(status, &headers, &body)) }
    }

    fn request_of(&self, operation: &Operation, input: &impl Serialize) -> Result<Request<Bytes>, ClientError> {
        let encoded = outcrop_api::encode_request(operation, input);
        let encoded = encoded.map_err(|error| ClientError::BadRequest(error.to_string()))?;
        let uri = format!("{}{}", self.endpoint, encoded.path_and_query);
        let mut request = Request::builder().method(encoded.method).uri(uri);
        for (name, value) in encoded.headers {
            request = request.header(name, value);
        }
        let request = request.body(encoded.body.into());
        let mut request = request.map_err(|error| ClientError::BadRequest(error.to_string()))?;
        self.signer.sign(&mut request, operation.service.service().signing_name);
        Ok(request)
    }

    /// Sends JSON to one of the server's own paths and reads the answer.
    pub(crate) async fn post<T: Serialize, A: DeserializeOwned>(
        &self,
        path: &str,
        value: &T,
    ) -> Result<A, ClientError> {
        let body = serde_json::to_vec(value).map_err(|error| ClientError::BadRequest(error.to_string()))?;
        let (status, headers, body) = self.exchange(self.plain(Method::POST, path, body.into())?).await?;
        if status.is_success() { read_json(&body) } else { Err(service_error(status, &headers, &body)) }
    }

    /// Sends bytes to a path of another service than ours, and gives status and body of whatever is answered. Only the
    /// signature says which service is meant, so there is one even where nobody asks for it.
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        service: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.endpoint)).body(body);
        let mut request = request.map_err(|error| ClientError::BadRequest(error.to_string()))?;
        match &self.signer {
            Signer::Nobody => Signer::of_key("anybody", &Secret::new("anybody")).sign(&mut request, service),
            signer => signer.sign(&mut request, service),
        }
        let (status, _, body) = self.exchange(request).await?;
        Ok((status, body))
    }

    async fn acknowledged(&self, request: Request<Bytes>) -> Result<(), ClientError> {
        let (status, headers, body) = self.exchange(request).await?;
        if status.is_success() { Ok(()) } else { Err(service_error(status, &headers, &body)) }
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<(StatusCode, HeaderMap, Bytes), ClientError> {
        let answer = self.http.send(request, CALL_LIMITS).await;
        let answer = answer.map_err(|error| ClientError::of_http(&self.endpoint, &error))?;
        Ok((answer.status, answer.headers, answer.body))
    }

    fn plain(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Bytes>, ClientError> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.endpoint));
        let request = request.header(http::header::CONTENT_TYPE, "application/json").body(body);
        let mut request = request.map_err(|error| ClientError::BadRequest(error.to_string()))?;
        self.signer.sign(&mut request, OWN_PATHS_SIGNING_NAME);
        Ok(request)
    }
}

impl ClientError {
    /// True when the server says that the thing is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Service { code, .. } if code == "ResourceNotFoundException")
    }

    /// True when the server says that a name is taken.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Service { status: 409, .. })
    }

    /// True when the server says that it has not done what was asked.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Service { status, .. } if *status < 500)
    }

    /// True when the server does not have the operation.
    pub(crate) fn is_not_implemented(&self) -> bool {
        matches!(self, Self::Service { code, .. } if code == "NotImplementedException" || code == "UnknownOperationException")
    }

    /// True when the server wants to be asked later.
    pub(crate) fn is_throttling(&self) -> bool {
        matches!(self, Self::Service { status: 429, .. })
    }

    fn of_http(endpoint: &str, error: &HttpError) -> Self {
        match error {
            HttpError::TooLarge { .. } => Self::BadReply(error.to_string()),
            _ => Self::Unreachable { endpoint: endpoint.to_owned(), reason: error.to_string() },
        }
    }
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(|error| ClientError::BadReply(error.to_string()))
}

/// Reads an error as AWS services write it: the code in a header or in the body, in one of several spellings.
fn service_error(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ClientError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let in_body = ["__type", "code", "Code"].iter().find_map(|key| body[*key].as_str());
    // `namespace#Name:http://…` is the longest form.
    let code = header.or(in_body).and_then(|code| code.split(':').next()?.rsplit('#').next());
    let message = ["message", "Message"].iter().find_map(|key| body[*key].as_str());
    let is_ours = code.is_some() || message.is_some();
    if !is_ours {
        return ClientError::BadReply(format!("status {status} without an AWS error"));
    }
    let mut message = message.unwrap_or("no message").to_owned();
    if code == Some("MissingAuthenticationTokenException") {
        message.push_str(
            " (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK, to a key of the server)",
        );
    }
    ClientError::Service { code: code.unwrap_or("UnknownError").to_owned(), message, status: status.as_u16() }
}

/// A path with its parameters.
pub(crate) fn with_query(path: &str, which: &[(&str, String)], token: Option<&str>) -> String {
    let token = token.map(|token| ("nextToken", token));
    let all = which.iter().map(|(name, value)| (*name, value.as_str())).chain(token);
    let query: Vec<String> = all.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// A text as a part of a path or a query.
pub(crate) fn encoded(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: Option<&str>, body: &str, expected: &str) {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert("x-amzn-errortype", header.parse().unwrap());
        }
        assert_eq!(service_error(StatusCode::BAD_REQUEST, &headers, body.as_bytes()).to_string(), expected);
    }

    #[test]
    fn errors_are_read_in_all_spellings() {
        let expected = "ValidationException: no";
        check(Some("ValidationException"), r#"{"message":"no"}"#, expected);
        check(Some("ValidationException:http://internal/"), r#"{"Message":"no"}"#, expected);
        check(None, r#"{"__type":"com.amazon#ValidationException","message":"no"}"#, expected);
        check(Some("ValidationException"), "", "ValidationException: no message");
        check(None, "<html>", "the server's answer cannot be read: status 400 Bad Request without an AWS error");
    }

    #[test]
    fn endpoints_may_be_short() {
        for endpoint in ["127.0.0.1:7600", "http://127.0.0.1:7600", "http://127.0.0.1:7600/"] {
            assert_eq!(Client::new(endpoint).endpoint(), "http://127.0.0.1:7600");
        }
    }
}
