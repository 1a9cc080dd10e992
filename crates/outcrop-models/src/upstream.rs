//! What all providers over HTTP have in common: one POST, whole or streamed, with its time-outs.
//!
//! A provider is a [`Wire`]: pure translations from the neutral request to its bytes and back. [`Exchange`] sends what it
//! wrote and reads what comes; whether and when to try again is `care.rs`'s business.

use crate::failure::{self, Place, Refusal};
use crate::retry::asked_wait;
use crate::{ApiKey, families};
use bytes::Bytes;
use families::Family;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use outcrop_http::{HttpClient, HttpError, HttpLimits, HttpStream};
use outcrop_ports::{
    AnsweredBy, BoxFuture, Clock, Delta, DeltaSink, ModelError, ModelErrorKind, ModelReply, ModelRequest,
};
use outcrop_wire::sigv4;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A provider's way of speaking. Nothing here does IO.
pub(crate) trait Wire: Send + Sync + fmt::Debug + 'static {
    /// Puts a streamed answer together.
    type Reader<'a>: AnswerReader + Send;

    /// As configurations, bills and seals of thinking call it.
    fn provider(&self) -> &'static str;

    /// The request as the provider wants it.
    fn encode(&self, request: &ModelRequest, to: Upstream<'_>, streamed: bool) -> Result<Written, ModelError>;

    /// A whole answer.
    fn decode(&self, body: &[u8], request: &ModelRequest, to: Upstream<'_>) -> Result<ModelReply, ModelError>;

    /// For a streamed answer.
    fn reader<'a>(&self, request: &'a ModelRequest, to: Upstream<'_>) -> Self::Reader<'a>;

    /// Content type of a streamed answer; another one is a whole answer.
    fn stream_type(&self) -> &'static str {
        "text/event-stream"
    }

    /// The request that asks how many tokens there are, where the provider answers that.
    fn encode_count(&self, request: &ModelRequest, to: Upstream<'_>) -> Result<Option<Written>, ModelError> {
        let _ = (request, to);
        Ok(None)
    }

    /// The answer to it.
    fn decode_count(&self, body: &serde_json::Value) -> Option<u64> {
        let _ = body;
        None
    }
}

/// Which model is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upstream<'a> {
    /// As it is named upstream.
    pub(crate) model: &'a str,
    /// What is known of it.
    pub(crate) family: &'a Family,
}

/// A request ready to be sent.
#[derive(Debug)]
pub(crate) struct Written {
    /// What stands behind the base of the address, with a slash in front, percent-encoded; may have a query.
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// Puts the pieces of a streamed answer together.
pub(crate) trait AnswerReader {
    /// Takes the next bytes, however the network cut them, and appends the deltas that they complete; those made
    /// before an error are appended, too.
    fn push(&mut self, bytes: &[u8], deltas: &mut Vec<Delta>) -> Result<(), ModelError>;
    /// The body has ended: what lacks only its last line end still counts, and a stream that never said why it ended
    /// broke off.
    fn end(&mut self, deltas: &mut Vec<Delta>) -> Result<(), ModelError>;
    /// Whether nothing more is to come.
    fn is_done(&self) -> bool;
    /// The whole answer.
    fn finish(self) -> Result<ModelReply, ModelError>;
}

/// How long what may take. The whole is one attempt, without the time in which a reader of the deltas has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOuts {
    /// Until the first piece of a streamed answer.
    pub first_token: Duration,
    /// Longest silence between two pieces after that.
    pub between_tokens: Duration,
    /// First to last byte.
    pub total: Duration,
}

impl Default for TimeOuts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { first_token: seconds(120), between_tokens: seconds(60), total: seconds(300) }
    }
}

/// What shows the provider who asks.
pub(crate) enum Access {
    /// Nothing.
    Open,
    /// A header with a key.
    Key { header: HeaderName, value: HeaderValue, key: ApiKey },
    /// A signature of AWS's.
    Aws { credentials: Arc<dyn AwsCredentials>, region: String, clock: Arc<dyn Clock> },
}

/// Where signatures come from. Temporary credentials are renewed behind this.
pub trait AwsCredentials: Send + Sync {
    /// Those that hold now; the error says why there are none, without a secret.
    fn current(&self) -> BoxFuture<'_, Result<sigv4::Credentials, String>>;
}

impl Access {
    /// A key in a header, with a prefix such as `Bearer `.
    pub(crate) fn key(header: &'static str, prefix: &str, key: &ApiKey) -> Result<Self, BadEndpoint> {
        let mut value = HeaderValue::try_from(format!("{prefix}{}", key.reveal())).map_err(|_| BadEndpoint::Key)?;
        value.set_sensitive(true);
        Ok(Self::Key { header: HeaderName::from_static(header), value, key: key.clone() })
    }

    fn secret(&self) -> Option<&ApiKey> {
        match self {
            Self::Key { key, .. } => Some(key),
            Self::Open | Self::Aws { .. } => None,
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Key { .. } => "Key(••••)",
            Self::Aws { .. } => "Aws(••••)",
        })
    }
}

/// A configuration that cannot work. The texts never contain the key or the address, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// The address is none.
    #[error("`base_url` is no address of the form `http://host:port/v1` or `https://host/v1`")]
    Address,
    /// The address carries a user name.
    #[error("`base_url` contains a user name or password; give the key by `api_key_env` or `api_key_file`")]
    Credentials,
    /// The address has a query.
    #[error("`base_url` contains a `?` or `#`; it is what stands before the provider's own paths")]
    Query,
    /// The key has characters that no header can carry.
    #[error("the API key contains a line break or another character that cannot be sent")]
    Key,
}

/// The base of an address, checked, without a slash at its end.
pub(crate) fn base(base_url: &str) -> Result<String, BadEndpoint> {
    let base = base_url.trim().trim_end_matches('/');
    if base.contains(['?', '#']) {
        return Err(BadEndpoint::Query);
    }
    let uri: Uri = base.parse().map_err(|_| BadEndpoint::Address)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(BadEndpoint::Address);
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(BadEndpoint::Credentials);
    }
    Ok(base.to_owned())
}

/// An attempt that failed, and whether another may do better.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: ModelError,
    pub(crate) again: Again,
}

/// Whether another attempt may do better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// No.
    Never,
    /// Yes, after this wait when the provider asks for one.
    After(Option<Duration>),
}

impl From<ModelError> for Failed {
    fn from(error: ModelError) -> Self {
        Self { error, again: Again::Never }
    }
}

/// One attempt after the other goes through here. Holds no connection of its own.
pub(crate) trait Attempt: Send + Sync + fmt::Debug {
    /// Asks once.
    fn attempt<'a>(
        &'a self,
        request: &'a ModelRequest,
        deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, Failed>>;

    /// Asks how many tokens a request has.
    fn count<'a>(&'a self, request: &'a ModelRequest) -> BoxFuture<'a, Result<Option<u64>, Failed>>;

    /// The model upstream for an id.
    fn model<'a>(&'a self, model_id: &'a str) -> &'a str;

    /// What is known of it.
    fn family(&self, model_id: &str) -> Family;
}

/// A provider at an address.
#[derive(Debug)]
pub(crate) struct Exchange<W> {
    pub(crate) wire: W,
    pub(crate) client: HttpClient,
    /// Checked, without a slash at its end.
    pub(crate) base: String,
    pub(crate) access: Access,
    /// Beside what is always sent.
    pub(crate) headers: HeaderMap,
    /// Sent upstream in place of the agent's id.
    pub(crate) model: Option<String>,
    pub(crate) given: families::GivenFamily,
    pub(crate) time: TimeOuts,
    pub(crate) response_bytes_max: usize,
}

impl<W: Wire> Attempt for Exchange<W> {
    fn attempt<'a>(
        &'a self,
        request: &'a ModelRequest,
        deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, Failed>> {
        Box::pin(async move {
            let family = self.family(&request.model_id);
            let to = Upstream { model: self.model(&request.model_id), family: &family };
            let mut reply = match deltas {
                None => self.ask(request, to).await?,
                Some(deltas) => self.ask_streaming(request, to, deltas).await?,
            };
            let answered_by = AnsweredBy { provider: self.wire.provider().to_owned(), model: to.model.to_owned() };
            reply.answered_by = Some(answered_by);
            Ok(reply)
        })
    }

    fn count<'a>(&'a self, request: &'a ModelRequest) -> BoxFuture<'a, Result<Option<u64>, Failed>> {
        Box::pin(async move {
            let family = self.family(&request.model_id);
            let to = Upstream { model: self.model(&request.model_id), family: &family };
            let Some(written) = self.wire.encode_count(request, to)? else { return Ok(None) };
            let uri = self.uri(&written.path)?;
            let place = Place { uri: &uri, model: to.model, key: self.access.secret() };
            let post = self.post(&uri, written.body, "application/json", place).await?;
            let answer = self.client.send(post, self.limits()).await.map_err(|error| failed(&error, place))?;
            if !answer.status.is_success() {
                return Err(refused(answer.status, &answer.headers, &answer.body, place));
            }
            let count = serde_json::from_slice(&answer.body).ok().and_then(|body| self.wire.decode_count(&body));
            let unreadable = || ModelError::new(ModelErrorKind::BadReply, "cannot read how many tokens there are");
            Ok(Some(count.ok_or_else(|| place.tell(&unreadable()))?))
        })
    }

    fn model<'a>(&'a self, model_id: &'a str) -> &'a str {
        self.model.as_deref().unwrap_or(model_id)
    }

    fn family(&self, model_id: &str) -> Family {
        self.given.over(families::of(self.model(model_id)))
    }
}

impl<W: Wire> Exchange<W> {
    async fn ask(&self, request: &ModelRequest, to: Upstream<'_>) -> Result<ModelReply, Failed> {
        let written = self.wire.encode(request, to, false)?;
        let uri = self.uri(&written.path)?;
        let place = Place { uri: &uri, model: to.model, key: self.access.secret() };
        let post = self.post(&uri, written.body, "application/json", place).await?;
        let answer = self.client.send(post, self.limits()).await.map_err(|error| failed(&error, place))?;
        if !answer.status.is_success() {
            return Err(refused(answer.status, &answer.headers, &answer.body, place));
        }
        self.wire.decode(&answer.body, request, to).map_err(|error| broken(&error, place))
    }

    async fn ask_streaming(
        &self,
        request: &ModelRequest,
        to: Upstream<'_>,
        deltas: &dyn DeltaSink,
    ) -> Result<ModelReply, Failed> {
        let written = self.wire.encode(request, to, true)?;
        let uri = self.uri(&written.path)?;
        let place = Place { uri: &uri, model: to.model, key: self.access.secret() };
        let post = self.post(&uri, written.body, self.wire.stream_type(), place).await?;
        let began = Instant::now();
        let limits = HttpLimits { total_timeout: self.time.total.min(self.time.first_token), ..self.limits() };
        let answer = self.client.open(post, limits).await.map_err(|error| match error {
            HttpError::TimedOut => {
                stalled(place, self.time.total.saturating_sub(self.time.first_token), self.time.first_token)
            }
            error => failed(&error, place),
        })?;
        let (status, headers) = (answer.status, answer.headers.clone());
        if !status.is_success() {
            // The status says enough when the words to it cannot be read.
            let words = tokio::time::timeout(ERROR_BODY_TIMEOUT, answer.rest()).await;
            let words = words.ok().and_then(Result::ok).unwrap_or_default();
            return Err(refused(status, &headers, &words, place));
        }
        if !is_type(&headers, self.wire.stream_type()) {
            // Some endpoints answer whole whatever they are asked.
            let left = self.time.total.saturating_sub(began.elapsed());
            let whole = tokio::time::timeout(left, answer.rest()).await.unwrap_or(Err(HttpError::TimedOut));
            let whole = whole.map_err(|error| failed(&error, place))?;
            let reply = self.wire.decode(&whole, request, to).map_err(|error| broken(&error, place))?;
            for delta in reply.message.content.iter().flat_map(Delta::of_block) {
                deltas.send(delta).await;
            }
            return Ok(reply);
        }
        self.read_stream(self.wire.reader(request, to), answer, began.elapsed(), place, deltas).await
    }

    /// Reads the stream to its end. Time in which the sink has no room is not counted against the model.
    async fn read_stream(
        &self,
        mut reader: W::Reader<'_>,
        mut answer: HttpStream,
        taken: Duration,
        place: Place<'_>,
        deltas: &dyn DeltaSink,
    ) -> Result<ModelReply, Failed> {
        let mut left = self.time.total.saturating_sub(taken);
        let mut until_first = self.time.first_token.saturating_sub(taken);
        let mut has_begun = false;
        let mut made = Vec::new();
        while !reader.is_done() {
            // Signs of life that carry nothing do not count before the first token, and do after it.
            let patience = if has_begun { self.time.between_tokens } else { until_first };
            let began = Instant::now();
            let piece = tokio::time::timeout(left.min(patience), answer.next()).await;
            left = left.saturating_sub(began.elapsed());
            until_first = until_first.saturating_sub(began.elapsed());
            let piece = match piece {
                Ok(piece) => piece.map_err(|error| failed(&error, place))?,
                Err(_) => return Err(stalled(place, left, patience)),
            };
            let pushed = match piece {
                Some(piece) => reader.push(&piece, &mut made),
                None => reader.end(&mut made),
            };
            has_begun |= !made.is_empty();
            for delta in made.drain(..) {
                deltas.send(delta).await;
            }
            pushed.map_err(|error| broken(&error, place))?;
        }
        // The end of the body, nearly always there already, lets the connection be used again.
        let _ = tokio::time::timeout(Duration::from_millis(50).min(left), answer.next()).await;
        reader.finish().map_err(|error| broken(&error, place))
    }

    fn uri(&self, path: &str) -> Result<Uri, ModelError> {
        format!("{}{path}", self.base).parse().map_err(|_| {
            ModelError::new(ModelErrorKind::Invalid, "the model's name gives no address; check `model` and `base_url`")
        })
    }

    async fn post(
        &self,
        uri: &Uri,
        body: Vec<u8>,
        accept: &'static str,
        place: Place<'_>,
    ) -> Result<Request<Bytes>, ModelError> {
        let mut headers = self.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match &self.access {
            Access::Open => {}
            Access::Key { header, value, .. } => {
                headers.insert(header.clone(), value.clone());
            }
            Access::Aws { credentials, region, clock } => {
                let refuse = |why: String| place.tell(&ModelError::new(ModelErrorKind::AccessDenied, why));
                let credentials = credentials.current().await.map_err(refuse)?;
                sign(&mut headers, uri, &body, &credentials, region, &**clock).map_err(refuse)?;
            }
        }
        let mut post = Request::new(Bytes::from(body));
        *post.method_mut() = Method::POST;
        *post.uri_mut() = uri.clone();
        *post.headers_mut() = headers;
        Ok(post)
    }

    fn limits(&self) -> HttpLimits {
        HttpLimits {
            total_timeout: self.time.total,
            // The reading itself looks at the clock.
            idle_timeout: self.time.total,
            response_bytes_max: self.response_bytes_max,
        }
    }
}

/// How long the body of an error may take: it is only words.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

fn sign(
    headers: &mut HeaderMap,
    uri: &Uri,
    body: &[u8],
    credentials: &sigv4::Credentials,
    region: &str,
    clock: &dyn Clock,
) -> Result<(), String> {
    let host = uri.host().unwrap_or_default();
    let host = match (uri.scheme_str(), uri.port_u16()) {
        (_, None) | (Some("https"), Some(443)) | (Some("http"), Some(80)) => host.to_owned(),
        (_, Some(port)) => format!("{host}:{port}"),
    };
    let unusable = |_| "the credentials contain a character that cannot be sent".to_owned();
    headers.insert(HOST, HeaderValue::try_from(host).map_err(unusable)?);
    let own: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    let request =
        sigv4::Request { method: "POST", path: uri.path(), query: uri.query().unwrap_or_default(), headers: &own };
    let added = sigv4::sign(request, body, credentials, region, "bedrock", clock.now());
    for (name, value) in added {
        let mut value = HeaderValue::try_from(value).map_err(unusable)?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(())
}

fn stalled(place: Place<'_>, left: Duration, patience: Duration) -> Failed {
    let (what, again) = match left.is_zero() {
        true => ("the answer took longer than `total_timeout` allows".to_owned(), Again::Never),
        false => {
            let seconds = patience.as_secs_f64();
            (format!("nothing came for {seconds:.1} s, longer than the time-out allows"), Again::After(None))
        }
    };
    Failed { error: place.tell(&ModelError::new(ModelErrorKind::TimedOut, what)), again }
}

fn failed(error: &HttpError, place: Place<'_>) -> Failed {
    let again = match error {
        HttpError::Connect(_) | HttpError::Broken(_) => Again::After(None),
        HttpError::BadAddress | HttpError::TimedOut | HttpError::TooLarge { .. } => Again::Never,
    };
    Failed { error: place.http(error), again }
}

/// What came with a status of success and is no answer. Garbage, half a document and a stream that breaks off are often
/// a passing fault of something in between.
fn broken(error: &ModelError, place: Place<'_>) -> Failed {
    let may_pass = matches!(
        error.kind,
        ModelErrorKind::BadReply | ModelErrorKind::Unavailable | ModelErrorKind::Throttled | ModelErrorKind::TimedOut
    );
    let again = if may_pass { Again::After(None) } else { Again::Never };
    Failed { error: place.tell(error), again }
}

fn refused(status: StatusCode, headers: &HeaderMap, words: &[u8], place: Place<'_>) -> Failed {
    let name = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let Refusal { error, permanent, asked } = failure::from_status(status, name, words);
    let may_pass = matches!(error.kind, ModelErrorKind::Throttled | ModelErrorKind::Unavailable);
    let again = if may_pass && !permanent { Again::After(asked_wait(headers).or(asked)) } else { Again::Never };
    Failed { error: place.tell(&error), again }
}

fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // An endpoint that does not say gets the benefit: it was asked for a stream.
    kind.is_empty() || kind.to_ascii_lowercase().starts_with(wanted)
}
