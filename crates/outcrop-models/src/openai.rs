//! Chat Completions of any compatible endpoint: OpenAI, Ollama, vLLM, llama.cpp, DeepSeek, OpenRouter, …
//!
//! The translations are pure: the neutral request to the endpoint's JSON (`request`, `files`), its JSON and stream back to
//! the neutral reply (`reply`, `stream`). What is sent when, and how often, is the same for all providers (`upstream.rs`,
//! `care.rs`).
//!
//! Not translated yet: `<think>` marks inside the text of endpoints that do not separate the reasoning themselves.

mod files;
mod reply;
mod request;
mod stream;

use crate::care::Served;
use crate::endpoint::Endpoint;
use crate::upstream::{Access, BadEndpoint, Upstream, Wire, Written};
use http::HeaderMap;
use outcrop_http::HttpClient;
use outcrop_ports::{ModelError, ModelReply, ModelRequest};
use stream::StreamReader;

/// A model behind a Chat Completions endpoint; `base_url` is what stands before `/chat/completions`, with its `/v1`.
///
/// # Errors
///
/// When address or key cannot be used.
pub fn serve(endpoint: Endpoint, client: HttpClient) -> Result<Served, BadEndpoint> {
    let access = match &endpoint.api_key {
        Some(key) => Access::key("authorization", "Bearer ", key)?,
        None => Access::Open,
    };
    endpoint.serve(Chat, access, HeaderMap::new(), client, false)
}

#[derive(Debug)]
struct Chat;

impl Wire for Chat {
    type Reader<'a> = StreamReader<'a>;

    fn provider(&self) -> &'static str {
        "openai"
    }

    fn encode(&self, request: &ModelRequest, to: Upstream<'_>, streamed: bool) -> Result<Written, ModelError> {
        let options = request::Options { model: to.model, family: to.family, stream: streamed };
        Ok(Written { path: "/chat/completions".to_owned(), body: request::encode(request, options)? })
    }

    fn decode(&self, body: &[u8], request: &ModelRequest, _: Upstream<'_>) -> Result<ModelReply, ModelError> {
        reply::decode(body, request)
    }

    fn reader<'a>(&self, request: &'a ModelRequest, _: Upstream<'_>) -> StreamReader<'a> {
        StreamReader::new(request)
    }
}

#[cfg(test)]
mod tests;
