//! Anthropic's Messages.
//!
//! Thinking goes back sealed and whole, also the part that only Anthropic can read; cache points stand where `caching.rs`
//! puts them. Settings that a model refuses are left out by what `families.rs` knows of it.

mod reply;
mod request;

pub(crate) use request::{called, is_on, thinking};

use crate::care::Served;
use crate::endpoint::Endpoint;
use crate::upstream::{Access, BadEndpoint, Upstream, Wire, Written};
use http::{HeaderMap, HeaderName, HeaderValue};
use outcrop_http::HttpClient;
use outcrop_ports::{ModelError, ModelReply, ModelRequest};
use reply::StreamReader;
use serde_json::Value;

/// Where Anthropic listens.
pub const BASE_URL: &str = "https://api.anthropic.com";
/// The version of the wire that is spoken.
const VERSION: &str = "2023-06-01";
/// Whose the seals are: Claude's hold wherever Claude runs.
pub(crate) const ORIGIN: &str = "anthropic";

/// A Claude behind the Messages API; `base_url` is what stands before `/v1/messages`.
///
/// # Errors
///
/// When address or key cannot be used.
pub fn serve(endpoint: Endpoint, client: HttpClient) -> Result<Served, BadEndpoint> {
    let access = match &endpoint.api_key {
        Some(key) => Access::key("x-api-key", "", key)?,
        None => Access::Open,
    };
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("anthropic-version"), HeaderValue::from_static(VERSION));
    endpoint.serve(Messages, access, headers, client, true)
}

/// The id that Anthropic itself knows for one of Bedrock's: `anthropic.claude-x-20250514-v1:0` is `claude-x-20250514`.
fn own_id(model: &str) -> &str {
    let id = crate::catalog::reduce_model_id(model);
    let id = id.strip_prefix("anthropic.").unwrap_or(id);
    let id = id.split_once(':').map_or(id, |(before, _)| before);
    match id.rsplit_once("-v") {
        Some((before, version)) if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) => before,
        _ => id,
    }
}

#[derive(Debug)]
struct Messages;

impl Wire for Messages {
    type Reader<'a> = StreamReader<'a>;

    fn provider(&self) -> &'static str {
        "anthropic"
    }

    fn encode(&self, request: &ModelRequest, to: Upstream<'_>, streamed: bool) -> Result<Written, ModelError> {
        let body = request::encode(request, to, streamed)?;
        Ok(Written { path: "/v1/messages".to_owned(), body })
    }

    fn decode(&self, body: &[u8], request: &ModelRequest, _: Upstream<'_>) -> Result<ModelReply, ModelError> {
        reply::decode(body, request)
    }

    fn reader<'a>(&self, request: &'a ModelRequest, _: Upstream<'_>) -> StreamReader<'a> {
        StreamReader::new(request)
    }

    fn encode_count(&self, request: &ModelRequest, to: Upstream<'_>) -> Result<Option<Written>, ModelError> {
        let body = request::encode_count(request, to)?;
        Ok(Some(Written { path: "/v1/messages/count_tokens".to_owned(), body }))
    }

    fn decode_count(&self, body: &Value) -> Option<u64> {
        body.get("input_tokens")?.as_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::own_id;

    #[test]
    fn ids_of_bedrock_are_known() {
        for (id, own) in [
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-20250514"),
            ("anthropic.claude-opus-4-7", "claude-opus-4-7"),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0:48k",
                "claude-3-haiku-20240307",
            ),
            ("claude-sonnet-4-5", "claude-sonnet-4-5"),
            ("claude-3-vision", "claude-3-vision"),
        ] {
            assert_eq!(own_id(id), own, "{id}");
        }
    }
}
