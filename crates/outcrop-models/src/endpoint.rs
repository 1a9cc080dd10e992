//! How a provider is reached, as configured.

use crate::ApiKey;
use crate::care::{Care, Served};
use crate::families::GivenFamily;
use crate::upstream::{self, Access, BadEndpoint, Exchange, TimeOuts, Wire};
use http::HeaderMap;
use outcrop_http::HttpClient;

/// How a provider is reached, as configured; the same for all providers.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Address before the provider's own paths, with or without a slash at the end: `http://127.0.0.1:11434/v1`.
    pub base_url: String,
    /// Model sent upstream; the id as the agent names it when absent.
    pub model: Option<String>,
    /// The key, where there is one.
    pub api_key: Option<ApiKey>,
    /// How long what may take.
    pub time: TimeOuts,
    /// Largest answer, in bytes.
    pub response_bytes_max: usize,
    /// How calls are looked after.
    pub care: Care,
    /// What is said of the model.
    pub family: GivenFamily,
}

impl Endpoint {
    /// An endpoint without key, with the usual limits.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            model: None,
            api_key: None,
            time: TimeOuts::default(),
            response_bytes_max: 16 * 1024 * 1024,
            care: Care::default(),
            family: GivenFamily::default(),
        }
    }

    pub(crate) fn serve<W: Wire>(
        self,
        wire: W,
        access: Access,
        headers: HeaderMap,
        client: HttpClient,
        carries_documents: bool,
    ) -> Result<Served, BadEndpoint> {
        let base = upstream::base(&self.base_url)?;
        let model = self.model.as_deref().unwrap_or("the id as it comes");
        let label = format!("{}, {model} at {base}", wire.provider());
        let exchange = Exchange {
            wire,
            client,
            base,
            access,
            headers,
            model: self.model,
            given: self.family,
            time: self.time,
            response_bytes_max: self.response_bytes_max,
        };
        Ok(Served::new(exchange, label, carries_documents, self.care))
    }
}
