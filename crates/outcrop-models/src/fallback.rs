//! Ordered fallbacks: when a model does not answer, the next one is asked.

use crate::catalog::reduce_model_id;
use outcrop_ports::{BoxFuture, Delta, DeltaSink, Model, ModelError, ModelErrorKind, ModelReply, ModelRequest, Takes};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A model, and those that are asked in its place, in order.
///
/// What it can take is what the first can: a fallback that cannot is passed over when a request has it.
pub struct Fallbacks {
    first: Arc<dyn Model>,
    others: Vec<(String, Arc<dyn Model>)>,
}

impl Fallbacks {
    /// `others` with the ids under which they are asked.
    pub fn new(first: Arc<dyn Model>, others: Vec<(String, Arc<dyn Model>)>) -> Self {
        Self { first, others }
    }

    async fn call(&self, request: &ModelRequest, deltas: Option<&dyn DeltaSink>) -> Result<ModelReply, ModelError> {
        let heard = deltas.map(|sink| Heard { sink, any: AtomicBool::new(false) });
        let sink = heard.as_ref().map(|heard| heard as &dyn DeltaSink);
        let mut failed = match self.first.converse(request, sink).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        for (model_id, model) in &self.others {
            let lost = heard.as_ref().is_some_and(|heard| heard.has() && !heard.sink.may_begin_again());
            if lost || !may_do_better(failed.kind) {
                break;
            }
            tracing::warn!(
                gen_ai.request.model = request.model_id,
                fallback = model_id,
                reason = failed.message,
                "asking a fallback"
            );
            let is_same_model = reduce_model_id(model_id) == reduce_model_id(&request.model_id);
            let mut request = request.clone();
            request.model_id.clone_from(model_id);
            if !is_same_model {
                // Settings of one vendor's model mean nothing to another's.
                request.additional_fields = None;
            }
            let silent = heard.as_ref().is_some_and(Heard::has);
            let outcome = model.converse(&request, sink.filter(|_| !silent)).await;
            match outcome {
                Ok(reply) => return Ok(reply),
                // All of it is told: the first cause is seldom the last.
                Err(error) => {
                    failed = ModelError::new(
                        error.kind,
                        format!("{}; fallback {model_id}: {}", failed.message, error.message),
                    );
                }
            }
        }
        Err(failed)
    }
}

/// Whether another model may answer where one failed so. What is wrong with the request is wrong everywhere, and what is too
/// long is shortened by who asks.
fn may_do_better(kind: ModelErrorKind) -> bool {
    match kind {
        ModelErrorKind::Throttled
        | ModelErrorKind::AccessDenied
        | ModelErrorKind::NotFound
        | ModelErrorKind::Unavailable
        | ModelErrorKind::TimedOut
        | ModelErrorKind::BadReply => true,
        ModelErrorKind::Invalid | ModelErrorKind::TooLong => false,
    }
}

impl Model for Fallbacks {
    fn converse<'a>(
        &'a self,
        request: &'a ModelRequest,
        deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, ModelError>> {
        Box::pin(self.call(request, deltas))
    }

    fn is_language_model(&self) -> bool {
        self.first.is_language_model()
    }

    /// The smallest window: a request must fit wherever it goes.
    fn context_tokens(&self, model_id: &str) -> Option<u32> {
        let others = self.others.iter().map(|(id, model)| model.context_tokens(id));
        others.chain([self.first.context_tokens(model_id)]).flatten().min()
    }

    fn takes(&self, model_id: &str) -> Takes {
        self.first.takes(model_id)
    }

    fn count_tokens<'a>(&'a self, request: &'a ModelRequest) -> BoxFuture<'a, Result<Option<u64>, ModelError>> {
        self.first.count_tokens(request)
    }
}

/// A listener, and whether it has heard anything.
struct Heard<'a> {
    sink: &'a dyn DeltaSink,
    any: AtomicBool,
}

impl Heard<'_> {
    fn has(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }
}

impl DeltaSink for Heard<'_> {
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()> {
        self.any.store(true, Ordering::Relaxed);
        self.sink.send(delta)
    }

    fn may_begin_again(&self) -> bool {
        self.sink.may_begin_again()
    }
}
