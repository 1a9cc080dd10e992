//! Recorded calls: what a model answered once, answered again without it.
//!
//! A cassette is a folder with one file for each request that was asked (`replay/cassette.rs`). A request finds its
//! answer by what it says (`replay/form.rs`): ids that providers make up are numbered, seals on thinking and cache
//! points left out, secrets blanked, and everything else has to be the same. A request that is not there is a miss, which
//! says what the nearest recording has instead (`replay/miss.rs`).
//!
//! While it records, a request that is known is answered from the cassette and any other is asked and kept, always
//! streamed, so that it can be played piece by piece. Failures are passed on and not kept.

mod cassette;
mod form;
mod miss;

pub use cassette::CassetteError;

use cassette::{Cassette, Facts, Piece, Recording};
use form::Form;
use outcrop_ports::{BoxFuture, Delta, DeltaSink, Model, ModelError, ModelErrorKind, ModelReply, ModelRequest, Takes};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Takes secrets out of a document before it is kept or compared.
pub type Clean = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// Plays a cassette, and records what is not on it where there is a model to ask.
pub struct Replay {
    cassette: Cassette,
    over: Option<Arc<dyn Model>>,
    clean: Clean,
    /// Requests that are being asked: the same one twice is asked once.
    asking: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("cassette", &self.cassette).field("records", &self.over.is_some()).finish()
    }
}

impl Replay {
    /// Plays the cassette in a folder and asks nobody.
    ///
    /// # Errors
    ///
    /// When the folder or a recording in it cannot be read; the text names the file.
    pub fn play(folder: &Path, clean: Clean) -> Result<Self, CassetteError> {
        Ok(Self { cassette: Cassette::open(folder)?, over: None, clean, asking: Mutex::default() })
    }

    /// Plays the cassette in a folder, which is made when it is missing, and records what this model answers to what
    /// is not on it.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, or a recording in it cannot be read; the text names the file.
    pub fn record(folder: &Path, over: Arc<dyn Model>, clean: Clean) -> Result<Self, CassetteError> {
        Ok(Self { cassette: Cassette::open_or_make(folder)?, over: Some(over), clean, asking: Mutex::default() })
    }

    /// How many answers are on the cassette.
    pub fn recordings(&self) -> usize {
        self.cassette.len()
    }

    async fn answer(&self, request: &ModelRequest, deltas: Option<&dyn DeltaSink>) -> Result<ModelReply, ModelError> {
        let form = Form::of(request, &self.clean);
        if let Some(recording) = self.cassette.get(&form.key) {
            return Ok(play(&recording, deltas).await);
        }
        let Some(over) = &self.over else { return Err(self.missed(&form)) };
        let asking = {
            let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(asking.entry(form.key.clone()).or_default())
        };
        let _turn = asking.lock().await;
        // Another that asked the same may have been first.
        if let Some(recording) = self.cassette.get(&form.key) {
            return Ok(play(&recording, deltas).await);
        }
        let key = form.key.clone();
        let answered = self.ask(&**over, request, form, deltas).await;
        self.asking.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        answered
    }

    async fn ask(
        &self,
        over: &dyn Model,
        request: &ModelRequest,
        form: Form,
        deltas: Option<&dyn DeltaSink>,
    ) -> Result<ModelReply, ModelError> {
        let sink = Listening { to: deltas, heard: Mutex::default() };
        let reply = over.converse(request, Some(&sink)).await?;
        let heard = sink.heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        let takes = over.takes(&request.model_id);
        let facts = Facts {
            context_tokens: over.context_tokens(&request.model_id),
            images: takes.images,
            documents: takes.documents,
            is_language_model: over.is_language_model(),
        };
        let (key, request) = (form.key, form.value);
        let recording = Recording::new(request, facts, &reply, heard, &self.clean);
        if let Err(error) = self.cassette.keep(key, recording).await {
            // The answer is there and was paid for; that it is not kept is for whoever runs the recording.
            tracing::error!(error = &error as &dyn std::error::Error, "an answer was not recorded");
        }
        Ok(reply)
    }

    fn missed(&self, form: &Form) -> ModelError {
        let nearest = miss::nearest(&form.value, self.cassette.all());
        ModelError::new(ModelErrorKind::Invalid, miss::told(self.cassette.folder(), &form.key, &form.value, nearest))
    }
}

impl Model for Replay {
    fn converse<'a>(
        &'a self,
        request: &'a ModelRequest,
        deltas: Option<&'a dyn DeltaSink>,
    ) -> BoxFuture<'a, Result<ModelReply, ModelError>> {
        Box::pin(self.answer(request, deltas))
    }

    /// What was recorded must have been asked of the same kind of model, or requests would differ.
    fn is_language_model(&self) -> bool {
        self.over.as_ref().map_or_else(|| self.cassette.is_of_language_model(), |over| over.is_language_model())
    }

    fn context_tokens(&self, model_id: &str) -> Option<u32> {
        match &self.over {
            Some(over) => over.context_tokens(model_id),
            None => self.cassette.facts(model_id).and_then(|facts| facts.context_tokens),
        }
    }

    fn takes(&self, model_id: &str) -> Takes {
        match &self.over {
            Some(over) => over.takes(model_id),
            None => self.cassette.facts(model_id).map_or_else(Takes::default, cassette::Facts::takes),
        }
    }

    fn count_tokens<'a>(&'a self, request: &'a ModelRequest) -> BoxFuture<'a, Result<Option<u64>, ModelError>> {
        match &self.over {
            Some(over) => over.count_tokens(request),
            None => Box::pin(std::future::ready(Ok(None))),
        }
    }
}

/// Plays an answer. Nobody was asked, so nobody is paid: who made it is left out.
async fn play(recording: &Recording, deltas: Option<&dyn DeltaSink>) -> ModelReply {
    if let Some(deltas) = deltas {
        for piece in &recording.pieces {
            deltas.send(piece.clone().into()).await;
        }
    }
    ModelReply { answered_by: None, ..recording.reply.clone() }
}

/// Hears what a model says while it says it, and passes it on to who listens.
struct Listening<'a> {
    to: Option<&'a dyn DeltaSink>,
    heard: Mutex<Vec<Piece>>,
}

impl DeltaSink for Listening<'_> {
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(Piece::from(delta.clone()));
        match self.to {
            Some(to) => to.send(delta),
            None => Box::pin(std::future::ready(())),
        }
    }
}

#[cfg(test)]
mod tests;
