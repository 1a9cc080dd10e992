//! Amazon Bedrock's Converse and ConverseStream: any model that Bedrock serves, in the words that we use ourselves.
//!
//! Requests are signed with the user's AWS credentials or bring a bearer key; the stream is AWS's own framing
//! (`outcrop_wire::event_stream`). No SDK: the wire is known, and one client with one TLS goes out.

mod reply;
mod request;

use crate::care::Served;
use crate::endpoint::Endpoint;
use crate::upstream::{Access, AwsCredentials, BadEndpoint, Upstream, Wire, Written};
use http::HeaderMap;
use outcrop_http::HttpClient;
use outcrop_ports::{Clock, ModelError, ModelReply, ModelRequest};
use reply::StreamReader;
use serde_json::Value;
use std::sync::Arc;

/// Who asks Bedrock.
pub enum BedrockAccess {
    /// A bearer key (`AWS_BEARER_TOKEN_BEDROCK`): the endpoint's `api_key`.
    Key,
    /// The user's credentials.
    Signed {
        /// They are asked for before every call.
        credentials: Arc<dyn AwsCredentials>,
        /// Where signatures hold.
        region: String,
        /// Signatures have a time.
        clock: Arc<dyn Clock>,
    },
}

/// Where Bedrock listens in a region.
pub fn base_url(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://bedrock-runtime.{region}.{suffix}")
}

/// A model behind Converse; `base_url` is what stands before `/model/…/converse`.
///
/// # Errors
///
/// When address or key cannot be used.
pub fn serve(endpoint: Endpoint, access: BedrockAccess, client: HttpClient) -> Result<Served, BadEndpoint> {
    let access = match (access, &endpoint.api_key) {
        (BedrockAccess::Signed { credentials, region, clock }, _) => Access::Aws { credentials, region, clock },
        (BedrockAccess::Key, Some(key)) => Access::key("authorization", "Bearer ", key)?,
        (BedrockAccess::Key, None) => Access::Open,
    };
    endpoint.serve(Converse, access, HeaderMap::new(), client, true)
}

/// Whose seals the thinking of a model has: Claude's hold wherever Claude runs.
fn origin(model: &str) -> &'static str {
    if model.contains("claude") { crate::anthropic::ORIGIN } else { "bedrock" }
}

/// A model's id or ARN as a part of a path. Bedrock signs the path as it is sent, encoded once more.
fn in_path(model: &str) -> String {
    let mut encoded = String::with_capacity(model.len());
    for byte in model.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[derive(Debug)]
struct Converse;

impl Wire for Converse {
    type Reader<'a> = StreamReader<'a>;

    fn provider(&self) -> &'static str {
        "bedrock"
    }

    fn encode(&self, request: &ModelRequest, to: Upstream<'_>, streamed: bool) -> Result<Written, ModelError> {
        let operation = if streamed { "converse-stream" } else { "converse" };
        let path = format!("/model/{}/{operation}", in_path(to.model));
        Ok(Written { path, body: request::encode(request, to)? })
    }

    fn decode(&self, body: &[u8], request: &ModelRequest, to: Upstream<'_>) -> Result<ModelReply, ModelError> {
        reply::decode(body, request, origin(to.model))
    }

    fn reader<'a>(&self, request: &'a ModelRequest, to: Upstream<'_>) -> StreamReader<'a> {
        StreamReader::new(request, origin(to.model))
    }

    fn stream_type(&self) -> &'static str {
        "application/vnd.amazon.eventstream"
    }

    fn encode_count(&self, request: &ModelRequest, to: Upstream<'_>) -> Result<Option<Written>, ModelError> {
        let path = format!("/model/{}/count-tokens", in_path(to.model));
        Ok(Some(Written { path, body: request::encode_count(request, to)? }))
    }

    fn decode_count(&self, body: &Value) -> Option<u64> {
        body.get("inputTokens")?.as_u64()
    }
}
