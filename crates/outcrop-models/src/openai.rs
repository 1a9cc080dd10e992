//! Chat Completions of any compatible endpoint: OpenAI, Ollama, vLLM, llama.cpp, DeepSeek, OpenRouter, …
//!
//! The three translations are pure and live beside this file: the neutral request to the endpoint's JSON (`request`),
//! its JSON and stream back to the neutral reply (`reply`, `stream`), its failures to [`ModelError`] (`failure`). Here
//! is what is done with them: one POST for each call, streamed only when somebody listens, made again when the
//! endpoint says that it was not the request's fault.
//!
//! Not translated yet: `<think>` marks inside the text of endpoints that do not separate the reasoning themselves.

mod failure;
mod files;
mod reply;
mod request;
mod stream;

pub use crate::retry::Retries;

use crate::ApiKey;
use crate::families;
use crate::retry::asked_wait;
use bytes::Bytes;
use failure::Place;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use outcrop_http::{HttpClient, HttpError, HttpLimits, HttpStream};
use outcrop_ports::{
    AnsweredBy, BoxFuture, Delta, DeltaSink, Model, ModelError, ModelErrorKind, ModelReply, ModelRequest, Takes,
};
use std::time::Duration;
use stream::StreamReader;
use tokio::time::Instant;

/// How an endpoint is reached, as configured.
#[derive(Clone, Debug)]
pub struct OpenAiConfig {
    /// Everything before `/chat/completions`, with or without a slash at the end: `http://127.0.0.1:11434/v1`.
    pub base_url: String,
    /// Model sent upstream; the id as the agent names it when absent.
    pub model: Option<String>,
    /// Sent as bearer token when there is one.
    pub api_key: Option<ApiKey>,
    /// Longest time for one attempt, first to last byte, not counting what the reader of the deltas takes.
    pub total_timeout: Duration,
    /// Largest answer, in bytes.
    pub response_bytes_max: usize,
    /// How often a call is made again after 429, 5xx and connections that fail.
    pub retries: Retries,
    /// Whether the model's thinking of earlier steps is sent back as `reasoning_content`. Most endpoints do not
    /// want it and some refuse it; a few require it while tools are used.
    pub send_reasoning: bool,
}

impl OpenAiConfig {
    /// An endpoint without key, with the usual limits: 300 s, 16 MiB, two retries.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            model: None,
            api_key: None,
            total_timeout: Duration::from_secs(300),
            response_bytes_max: 16 * 1024 * 1024,
            retries: Retries::default(),
            send_reasoning: false,
        }
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
    #[error("`base_url` contains a `?`; it is what stands before `/chat/completions`")]
    Query,
    /// The key has characters that no header can carry.
    #[error("the API key contains a line break or another character that cannot be sent")]
    Key,
}

/// A model behind a Chat Completions endpoint. Cheap to share; holds no connection of its own.
#[derive(Debug)]
pub struct OpenAi {
    client: HttpClient,
    uri: Uri,
    headers: HeaderMap,
    config: OpenAiConfig,
}

impl OpenAi {
    /// Checks the configuration; connects only when asked something.
    ///
    /// # Errors
    ///
    /// When address or key cannot be used.
    pub fn new(config: OpenAiConfig, client: HttpClient) -> Result<Self, BadEndpoint> {
        let uri = endpoint(&config.base_url)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &config.api_key {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.reveal())).map_err(|_| BadEndpoint::Key)?;
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        Ok(Self { client, uri, headers, config })
    }

    /// What this is, for people: `openai, qwen3:8b at http://127.0.0.1:11434/v1`.
    pub fn label(&self) -> String {
        let model = self.config.model.as_deref().unwrap_or("the id as it comes");
        format!("openai, {model} at {}", self.config.base_url.trim_end_matches('/'))
    }

    async fn call(&self, request: &ModelRequest, deltas: Option<&dyn DeltaSink>) -> Result<ModelReply, ModelError> {
        let options = request::Options {
            model: self.config.model.as_deref().unwrap_or(&request.model_id),
            stream: deltas.is_some(),
            send_reasoning: self.config.send_reasoning,
        };
        let body = Bytes::from(request::encode(request, options)?);
        let place = Place { uri: &self.uri, model: options.model, key: self.config.api_key.as_ref() };
        let mut attempt = 0;
        loop {
            let outcome = match deltas {
                None => self.ask(request, body.clone(), place).await,
                Some(deltas) => self.ask_streaming(request, body.clone(), place, deltas).await,
            };
            let failed = match outcome {
                Ok(mut reply) => {
                    let (provider, model) = ("openai".to_owned(), options.model.to_owned());
                    reply.answered_by = Some(AnsweredBy { provider, model });
                    return Ok(reply);
                }
                Err(failed) => failed,
            };
            let wait = match failed.again {
                Again::Never => None,
                Again::After(asked) => self.config.retries.wait(attempt, asked),
            };
            let Some(wait) = wait else { return Err(failed.error) };
            attempt += 1;
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(gen_ai.request.model = place.model, attempt, wait_ms, error = %failed.error, "asking the model again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn ask(&self, request: &ModelRequest, body: Bytes, place: Place<'_>) -> Result<ModelReply, Failed> {
        let answer = self.client.send(self.post(body), self.limits()).await.map_err(|error| failed(&error, place))?;
        if !answer.status.is_success() {
            return Err(refused(answer.status, &answer.headers, &answer.body, place));
        }
        Ok(reply::decode(&answer.body, request).map_err(|error| place.tell(&error))?)
    }

    async fn ask_streaming(
        &self,
        request: &ModelRequest,
        body: Bytes,
        place: Place<'_>,
        deltas: &dyn DeltaSink,
    ) -> Result<ModelReply, Failed> {
        let mut post = self.post(body);
        post.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let began = Instant::now();
        let answer = self.client.open(post, self.limits()).await.map_err(|error| failed(&error, place))?;
        let (status, headers) = (answer.status, answer.headers.clone());
        if !status.is_success() {
            // The status says enough when the words to it cannot be read.
            let words = answer.rest().await.unwrap_or_default();
            return Err(refused(status, &headers, &words, place));
        }
        if !is_event_stream(&headers) {
            // Some endpoints answer whole whatever they are asked.
            let whole = answer.rest().await.map_err(|error| place.http(&error))?;
            let reply = reply::decode(&whole, request).map_err(|error| place.tell(&error))?;
            send_whole(&reply, deltas).await;
            return Ok(reply);
        }
        let left = self.config.total_timeout.saturating_sub(began.elapsed());
        Ok(read_stream(request, answer, left, place, deltas).await?)
    }

    fn post(&self, body: Bytes) -> Request<Bytes> {
        let mut post = Request::new(body);
        *post.method_mut() = http::Method::POST;
        *post.uri_mut() = self.uri.clone();
        *post.headers_mut() = self.headers.clone();
        post
    }

    fn limits(&self) -> HttpLimits {
        HttpLimits {
            total_timeout: self.config.total_timeout,
            idle_timeout: self.config.total_timeout,
            response_bytes_max: self.config.response_bytes_max,
        }
    }
}

impl Model for OpenAi {
    fn converse<'a>(
        &'a self,
        request: &'a ModelRequest,
        deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, ModelError>> {
        Box::pin(self.call(request, deltas))
    }

    fn context_tokens(&self, model_id: &str) -> Option<u32> {
        families::context_tokens(self.config.model.as_deref().unwrap_or(model_id))
    }

    fn takes(&self, model_id: &str) -> Takes {
        families::takes(self.config.model.as_deref().unwrap_or(model_id))
    }
}

/// Reads the stream to its end. Time in which the sink has no room is not counted against the model.
async fn read_stream(
    request: &ModelRequest,
    mut answer: HttpStream,
    mut left: Duration,
    place: Place<'_>,
    deltas: &dyn DeltaSink,
) -> Result<ModelReply, ModelError> {
    let mut reader = StreamReader::default();
    let mut made = Vec::new();
    while !reader.is_done() {
        let began = Instant::now();
        let piece = tokio::time::timeout(left, answer.next()).await.unwrap_or(Err(HttpError::TimedOut));
        left = left.saturating_sub(began.elapsed());
        let pushed = match piece.map_err(|error| place.http(&error))? {
            Some(piece) => reader.push(&piece, &mut made),
            None => reader.end(&mut made),
        };
        for delta in made.drain(..) {
            deltas.send(delta).await;
        }
        pushed.map_err(|error| place.tell(&error))?;
    }
    // The end of the body, nearly always there already, lets the connection be used again.
    let _ = tokio::time::timeout(Duration::from_millis(50).min(left), answer.next()).await;
    reader.finish(request).map_err(|error| place.tell(&error))
}

/// Hands a whole reply to the listener, in the order of its blocks.
async fn send_whole(reply: &ModelReply, deltas: &dyn DeltaSink) {
    use outcrop_ports::ContentBlock;
    for block in &reply.message.content {
        match block {
            ContentBlock::Text(text) => deltas.send(Delta::Text(text.clone())).await,
            ContentBlock::ReasoningContent(reasoning) => deltas.send(Delta::Reasoning(reasoning.text.clone())).await,
            ContentBlock::ToolUse(tool_use) => {
                let tool_use_id = tool_use.tool_use_id.clone();
                deltas.send(Delta::ToolUseStarted { tool_use_id, name: tool_use.name.clone() }).await;
            }
            ContentBlock::ToolResult(_) | ContentBlock::Document(_) | ContentBlock::Image(_) => {}
        }
    }
}

/// An attempt that failed, and whether another may do better.
struct Failed {
    error: ModelError,
    again: Again,
}

enum Again {
    Never,
    After(Option<Duration>),
}

impl From<ModelError> for Failed {
    fn from(error: ModelError) -> Self {
        Self { error, again: Again::Never }
    }
}

fn failed(error: &HttpError, place: Place<'_>) -> Failed {
    let again = match error {
        HttpError::Connect(_) | HttpError::Broken(_) => Again::After(None),
        HttpError::BadAddress | HttpError::TimedOut | HttpError::TooLarge { .. } => Again::Never,
    };
    Failed { error: place.http(error), again }
}

fn refused(status: StatusCode, headers: &HeaderMap, words: &[u8], place: Place<'_>) -> Failed {
    let refusal = failure::from_status(status, words);
    let may_pass = matches!(refusal.error.kind, ModelErrorKind::Throttled | ModelErrorKind::Unavailable);
    let again = if may_pass && !refusal.permanent { Again::After(asked_wait(headers)) } else { Again::Never };
    Failed { error: place.tell(&refusal.error), again }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // An endpoint that does not say gets the benefit: it was asked for a stream.
    kind.is_empty() || kind.to_ascii_lowercase().starts_with("text/event-stream")
}

fn endpoint(base_url: &str) -> Result<Uri, BadEndpoint> {
    let base = base_url.trim().trim_end_matches('/');
    if base.contains(['?', '#']) {
        return Err(BadEndpoint::Query);
    }
    let uri: Uri = format!("{base}/chat/completions").parse().map_err(|_| BadEndpoint::Address)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(BadEndpoint::Address);
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(BadEndpoint::Credentials);
    }
    Ok(uri)
}

#[cfg(test)]
mod tests;
