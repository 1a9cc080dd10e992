//! Bodies of InvokeModel: each family of models has its own, there and back.
//!
//! What comes in is brought into Converse's words and read like them, so that the rules of a conversation stand in one
//! place. Which family's words a body is in says the model's id, and for ids of one's own the body itself.

mod anthropic;
mod chat;
mod embeddings;
mod llama;
mod marks;
mod mistral;
mod nova;
mod prompt;
mod titan;

use super::ask::Asked as Answered;
use super::guarded::{self, Guarding, Wanted};
use super::models::Named;
use super::request::{self, Asked};
use super::stream::{Event, Events};
use crate::errors::{self, ApiError, OpResult};
use crate::ops::OpContext;
use outcrop_api::bedrock_runtime as api;
use outcrop_ports::{Delta, ModelReply};
use outcrop_wire::Blob;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// Whose words a body is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Anthropic,
    /// Chat Completions, as the models of OpenAI, Qwen, DeepSeek and the newer ones of Mistral take it.
    Chat,
    Llama,
    Mistral,
    Nova,
    Titan,
}

/// What a body says, in Converse's words.
struct Said {
    request: api::ConverseRequest,
    /// Converse has no place for it.
    top_k: Option<u32>,
}

/// A body that was read, with what is needed to answer in the same words.
pub(super) struct Invoked {
    pub(super) named: Named,
    pub(super) request: outcrop_ports::ModelRequest,
    pub(super) guarding: Guarding,
    family: Family,
    /// The id as the caller gave it, which some answers repeat.
    model_id: String,
    /// Names the answer.
    answer_id: String,
}

/// Reads a body, and has it assessed by guardrails; without `wanted` not even by those that are enforced.
///
/// # Errors
/// A ValidationException in the service's words.
pub(super) async fn read(cx: &OpContext, named: Named, body: &[u8], mut wanted: Option<Wanted>) -> OpResult<Invoked> {
    let mut document: Value = parse(body)?;
    let suffix = marks::take(&mut document, wanted.as_mut())?;
    let Value::Object(members) = &document else { return Err(malformed("#: expected type: JSONObject")) };
    if embeddings::is_meant(&named.model_id, members) {
        return Err(embeddings::refuse(&named.model_id));
    }
    let family = family(&named.model_id, members)?;
    let Said { mut request, top_k } = match family {
        Family::Anthropic => anthropic::read(document)?,
        Family::Chat => chat::read(document)?,
        Family::Llama => llama::read(document)?,
        Family::Mistral => mistral::read(document)?,
        Family::Nova => nova::read(document)?,
        Family::Titan => titan::read(document)?,
    };
    let model_id = named.model_id.clone();
    request.model_id.clone_from(&model_id);
    if let Some(suffix) = suffix {
        marks::split(&mut request, &suffix);
    }
    let (asked, guarding) = match wanted {
        Some(wanted) => guarded::read(cx, request, wanted).await?,
        None => (request::read(cx, request).await?, Guarding::default()),
    };
    let Asked { mut request, .. } = asked;
    request.inference.top_k = request.inference.top_k.or(top_k);
    Ok(Invoked { named, request, guarding, family, model_id, answer_id: cx.ids.uuid().replace('-', "") })
}

/// Whose words a body is in: the id says it where it names a vendor, else the members do.
fn family(model_id: &str, members: &Map<String, Value>) -> OpResult<Family> {
    let has = |name: &str| members.contains_key(name);
    let names = |part: &str| model_id.contains(part);
    Ok(if has("anthropic_version") || names("anthropic.") {
        Family::Anthropic
    } else if names("amazon.titan") || has("inputText") {
        Family::Titan
    } else if names("amazon.nova") || has("inferenceConfig") || has("schemaVersion") {
        Family::Nova
    } else if has("prompt") && (names("mistral.") || has("max_tokens")) {
        Family::Mistral
    } else if has("prompt") {
        Family::Llama
    } else if has("messages") {
        Family::Chat
    } else {
        return Err(malformed(
            "#: none of the bodies that are understood: those of Anthropic's messages, Chat Completions, Llama, Mistral, Nova and Titan text",
        ));
    })
}

impl Invoked {
    /// The whole answer.
    pub(super) fn answer(&self, answered: &Answered) -> Value {
        let reply = &answered.reply;
        let mut answer = match self.family {
            Family::Anthropic => anthropic::answer(reply, &self.answer_id, &self.model_id),
            Family::Chat => chat::answer(reply, &self.answer_id, &self.model_id),
            Family::Llama => llama::answer(reply),
            Family::Mistral => mistral::answer(reply),
            Family::Nova => nova::answer(reply.clone()),
            Family::Titan => titan::answer(reply),
        };
        if let Value::Object(members) = &mut answer {
            marks::tell(members, answered.guardrail.as_ref());
        }
        answer
    }

    /// Writes the answer while it is made.
    pub(super) fn events(&self) -> BodyEvents {
        let pieces: Box<dyn Pieces> = match self.family {
            Family::Anthropic => Box::new(anthropic::Stream::new(&self.answer_id, &self.model_id)),
            Family::Chat => Box::new(chat::Stream::new(&self.answer_id, &self.model_id)),
            Family::Llama => Box::new(llama::Stream::default()),
            Family::Mistral => Box::new(mistral::Stream),
            Family::Nova => Box::new(nova::Stream::default()),
            Family::Titan => Box::new(titan::Stream),
        };
        BodyEvents { pieces, began: Instant::now(), first_ms: 0 }
    }
}

/// Writes an answer as the documents of a family's stream.
trait Pieces: Send + Sync {
    fn begin(&mut self) -> Vec<Value> {
        Vec::new()
    }

    fn delta(&mut self, delta: Delta) -> Vec<Value>;

    /// What comes last; at least one document.
    fn end(&mut self, answered: &Answered) -> Vec<Value>;
}

/// The documents of a stream as chunks; the last one says what the call took, as on the service.
pub(super) struct BodyEvents {
    pieces: Box<dyn Pieces>,
    began: Instant,
    first_ms: u64,
}

impl Events for BodyEvents {
    const HAS_TIMEOUT: bool = true;

    fn begin(&mut self, out: &mut Vec<Event>) {
        self.first_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        out.extend(self.pieces.begin().iter().map(chunk));
    }

    fn delta(&mut self, delta: Delta, out: &mut Vec<Event>) {
        out.extend(self.pieces.delta(delta).iter().map(chunk));
    }

    fn end(&mut self, answered: &Answered, out: &mut Vec<Event>) {
        let mut documents = self.pieces.end(answered);
        if let Some(Value::Object(last)) = documents.last_mut() {
            let usage = &answered.reply.usage;
            let metrics = json!({
                "inputTokenCount": usage.input_tokens, "outputTokenCount": usage.output_tokens,
                "invocationLatency": answered.latency_ms, "firstByteLatency": self.first_ms,
                "cacheReadInputTokenCount": usage.cache_read_input_tokens,
                "cacheWriteInputTokenCount": usage.cache_write_input_tokens,
            });
            last.insert("amazon-bedrock-invocationMetrics".to_owned(), metrics);
            marks::tell(last, answered.guardrail.as_ref());
        }
        out.extend(documents.iter().map(chunk));
    }
}

fn chunk(document: &Value) -> Event {
    let part = api::PayloadPart { bytes: Some(Blob::new(document.to_string().into_bytes())) };
    let payload = api::ResponseStream::Chunk(part).payload().unwrap_or_default();
    ("chunk", payload)
}

/// Reads a body, or a part of one, as a type.
fn parse<T: DeserializeOwned>(body: &[u8]) -> OpResult<T> {
    serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))
}

fn typed<T: DeserializeOwned>(document: Value) -> OpResult<T> {
    serde_json::from_value(document).map_err(|error| malformed(&format!("#: {error}")))
}

/// The service's words for a body that a model's family does not know.
fn malformed(why: &str) -> ApiError {
    errors::validation(format!("Malformed input request: {why}, please reformat your input and try again."))
}

/// A request that is one text.
fn of_text(system: Vec<String>, messages: Vec<(api::ConversationRole, String)>) -> api::ConverseRequest {
    api::ConverseRequest {
        system: (!system.is_empty()).then(|| system.into_iter().map(api::SystemContentBlock::Text).collect()),
        messages: Some(
            messages
                .into_iter()
                .map(|(role, text)| api::Message { role, content: vec![api::ContentBlock::Text(text)] })
                .collect(),
        ),
        ..api::ConverseRequest::default()
    }
}

fn text_of(reply: &ModelReply) -> String {
    reply.message.text()
}

/// A piece of text; other pieces have no place in a family that knows text only.
fn text_piece(delta: Delta) -> Option<String> {
    match delta {
        Delta::Text(text) => Some(text),
        _ => None,
    }
}
