//! Care for the wire, over all providers: who may ask when, who asks again, and when a provider is left alone.
//!
//! ```text
//! a call:  queue (concurrency, rate, what the provider asked for)  ->  breaker  ->  attempt  ->  again, after a wait
//! ```
//! What a listener has heard cannot be taken back: after that an attempt is only made again for one who can do without
//! ([`DeltaSink::may_begin_again`]), and is silent then.

mod breaker;
mod queue;

pub use breaker::BreakerSettings;
pub use queue::QueueSettings;

use crate::retry::{RETRY_AFTER_MAX, Retries};
use crate::upstream::{Again, Attempt, Failed};
use breaker::Breaker;
use outcrop_ports::{BoxFuture, Delta, DeltaSink, Model, ModelError, ModelErrorKind, ModelReply, ModelRequest, Takes};
use queue::Queue;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How calls of one model are looked after.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Care {
    /// How often a call is made again after what may pass.
    pub retries: Retries,
    /// Who waits for whom.
    pub queue: QueueSettings,
    /// When a provider that fails is left alone.
    pub breaker: BreakerSettings,
}

/// A model of a provider, looked after. Cheap to share.
#[derive(Debug)]
pub struct Served {
    upstream: Box<dyn Attempt>,
    label: String,
    /// Whether the wire carries documents beside text and pictures.
    carries_documents: bool,
    retries: Retries,
    queue: Queue,
    breaker: Breaker,
}

impl Served {
    pub(crate) fn new(upstream: impl Attempt + 'static, label: String, carries_documents: bool, care: Care) -> Self {
        Self {
            upstream: Box::new(upstream),
            label,
            carries_documents,
            retries: care.retries,
            queue: Queue::new(care.queue),
            breaker: Breaker::new(care.breaker),
        }
    }

    /// What this is, for people: `openai, qwen3:8b at http://127.0.0.1:11434/v1`.
    pub fn label(&self) -> &str {
        &self.label
    }

    async fn call(&self, request: &ModelRequest, deltas: Option<&dyn DeltaSink>) -> Result<ModelReply, ModelError> {
        let heard = deltas.map(Heard::new);
        let mut attempt = 0;
        loop {
            let failed = match self.once(request, heard.as_ref()).await {
                Ok(reply) => return Ok(reply),
                Err(failed) => failed,
            };
            let is_lost = heard.as_ref().is_some_and(|heard| !heard.lets_begin_again());
            let wait = match failed.again {
                Again::After(asked) if !is_lost => self.retries.wait(attempt, asked),
                Again::After(_) | Again::Never => None,
            };
            let Some(wait) = wait else { return Err(failed.error) };
            attempt += 1;
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let model = self.upstream.model(&request.model_id);
            tracing::warn!(gen_ai.request.model = model, attempt, wait_ms, error = %failed.error, "asking the model again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(&self, request: &ModelRequest, heard: Option<&Heard<'_>>) -> Result<ModelReply, Failed> {
        let named = |error: ModelError| {
            let model = self.upstream.model(&request.model_id);
            Failed::from(ModelError::new(error.kind, format!("model `{model}`: {}", error.message)))
        };
        let place = self.queue.enter().await.map_err(named)?;
        let trial = self.breaker.allow().map_err(named)?;
        let outcome = match heard.filter(|heard| !heard.any.load(Ordering::Relaxed)) {
            Some(heard) => self.upstream.attempt(request, Some(heard)).await,
            // Who heard the beginning of another answer gets this one whole; it still comes in pieces, so that a stall is
            // seen.
            None if heard.is_some() => self.upstream.attempt(request, Some(&Nobody)).await,
            None => self.upstream.attempt(request, None).await,
        };
        drop(place);
        match &outcome {
            Ok(_) => trial.succeeded(),
            Err(failed) => {
                if let (ModelErrorKind::Throttled | ModelErrorKind::Unavailable, Again::After(Some(wait))) =
                    (failed.error.kind, failed.again)
                    && wait <= RETRY_AFTER_MAX
                {
                    self.queue.hold(wait);
                }
                // A provider that refuses a request, or slows us down, is there.
                match failed.error.kind {
                    ModelErrorKind::Unavailable | ModelErrorKind::TimedOut | ModelErrorKind::BadReply => trial.failed(),
                    _ => trial.succeeded(),
                }
            }
        }
        outcome
    }
}

impl Model for Served {
    fn converse<'a>(
        &'a self,
        request: &'a ModelRequest,
        deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, ModelError>> {
        Box::pin(self.call(request, deltas))
    }

    fn context_tokens(&self, model_id: &str) -> Option<u32> {
        self.upstream.family(model_id).context_tokens
    }

    fn takes(&self, model_id: &str) -> Takes {
        let family = self.upstream.family(model_id);
        if self.carries_documents { family.takes() } else { family.takes_in_chat() }
    }

    fn count_tokens<'a>(&'a self, request: &'a ModelRequest) -> BoxFuture<'a, Result<Option<u64>, ModelError>> {
        Box::pin(async { self.upstream.count(request).await.map_err(|failed| failed.error) })
    }
}

/// A listener, and whether it has heard anything.
struct Heard<'a> {
    sink: &'a dyn DeltaSink,
    any: AtomicBool,
}

impl<'a> Heard<'a> {
    fn new(sink: &'a dyn DeltaSink) -> Self {
        Self { sink, any: AtomicBool::new(false) }
    }

    fn lets_begin_again(&self) -> bool {
        !self.any.load(Ordering::Relaxed) || self.sink.may_begin_again()
    }
}

impl DeltaSink for Heard<'_> {
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()> {
        self.any.store(true, Ordering::Relaxed);
        self.sink.send(delta)
    }
}

/// Takes an answer in pieces that nobody wants to hear.
struct Nobody;

impl DeltaSink for Nobody {
    fn send<'a>(&'a self, _: Delta) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A wait in words.
fn seconds(wait: Duration) -> String {
    format!("{:.1} s", wait.as_secs_f64())
}

#[cfg(test)]
mod tests;
