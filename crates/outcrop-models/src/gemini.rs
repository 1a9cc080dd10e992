//! Google's Gemini: generateContent and streamGenerateContent.
//!
//! Gemini signs calls and texts beside its thoughts. A signature becomes a block of reasoning without words before the block
//! that it seals, and goes back to the part that follows. Prompts are cached by Gemini itself, so what stays is written
//! first and always the same.

mod reply;
mod request;

use crate::care::Served;
use crate::endpoint::Endpoint;
use crate::upstream::{Access, BadEndpoint, Upstream, Wire, Written};
use http::HeaderMap;
use outcrop_http::HttpClient;
use outcrop_ports::{ModelError, ModelReply, ModelRequest};
use reply::StreamReader;
use serde_json::Value;

/// Where Google listens.
pub const BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";
/// Whose the seals are.
pub(crate) const ORIGIN: &str = "gemini";

/// A Gemini; `base_url` is what stands before `/models/…`, with its version.
///
/// # Errors
///
/// When address or key cannot be used.
pub fn serve(endpoint: Endpoint, client: HttpClient) -> Result<Served, BadEndpoint> {
    let access = match &endpoint.api_key {
        Some(key) => Access::key("x-goog-api-key", "", key)?,
        None => Access::Open,
    };
    endpoint.serve(Generate, access, HeaderMap::new(), client, true)
}

#[derive(Debug)]
struct Generate;

fn path(model: &str, method: &str) -> String {
    format!("/models/{}:{method}", model.strip_prefix("models/").unwrap_or(model))
}

impl Wire for Generate {
    type Reader<'a> = StreamReader<'a>;

    fn provider(&self) -> &'static str {
        "gemini"
    }

    fn encode(&self, request: &ModelRequest, to: Upstream<'_>, streamed: bool) -> Result<Written, ModelError> {
        let method = if streamed { "streamGenerateContent?alt=sse" } else { "generateContent" };
        Ok(Written { path: path(to.model, method), body: request::encode(request, to)? })
    }

    fn decode(&self, body: &[u8], request: &ModelRequest, _: Upstream<'_>) -> Result<ModelReply, ModelError> {
        reply::decode(body, request)
    }

    fn reader<'a>(&self, request: &'a ModelRequest, _: Upstream<'_>) -> StreamReader<'a> {
        StreamReader::new(request)
    }

    fn encode_count(&self, request: &ModelRequest, to: Upstream<'_>) -> Result<Option<Written>, ModelError> {
        let body = request::encode_count(request, to)?;
        Ok(Some(Written { path: path(to.model, "countTokens"), body }))
    }

    fn decode_count(&self, body: &Value) -> Option<u64> {
        body.get("totalTokens")?.as_u64()
    }
}
