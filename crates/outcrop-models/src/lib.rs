//! Model providers, one file each, and the offline planner.
//!
//! A provider translates at the edge: the neutral request to its bytes, its answer back, its failures to
//! [`outcrop_ports::ModelError`]. What they have in common is in `upstream.rs` (one call) and `care.rs` (calls: queues,
//! retries, the breaker); what models can do, in `families.rs`. Which provider serves an id says the [`catalog`].

pub mod anthropic;
pub mod bedrock;
pub mod catalog;
pub mod gemini;
pub mod offline;
pub mod openai;
pub mod replay;
pub mod scripted;

mod alternate;
mod api_key;
mod arguments;
mod blocks;
mod caching;
mod care;
mod endpoint;
mod failure;
mod fallback;
mod families;
mod files;
mod prices;
mod retry;
mod schema;
mod sse;
mod tool_use_ids;
mod upstream;

pub use api_key::ApiKey;
pub use care::{BreakerSettings, Care, QueueSettings, Served};
pub use catalog::{Catalog, CatalogEntry, Given};
pub use endpoint::Endpoint;
pub use fallback::Fallbacks;
pub use families::{GivenFamily, Sampling};
pub use prices::{BadPrice, LongRow, PriceRow, Prices};
pub use replay::{CassetteError, Replay};
pub use retry::Retries;
pub use scripted::ScriptedModel;
pub use upstream::{AwsCredentials, BadEndpoint, TimeOuts};
