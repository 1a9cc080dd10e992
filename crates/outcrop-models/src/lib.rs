//! Model providers, one file each, and the offline planner.
//!
//! A provider translates at the edge: the neutral request to its bytes, its answer back, its failures to
//! [`outcrop_ports::ModelError`]. Which provider serves an id says the [`catalog`].

pub mod catalog;
pub mod offline;
pub mod openai;
pub mod replay;
pub mod scripted;

mod api_key;
mod families;
mod prices;
mod retry;
mod sse;
mod tool_use_ids;

pub use api_key::ApiKey;
pub use catalog::{Catalog, CatalogEntry, Given};
pub use openai::{OpenAi, OpenAiConfig};
pub use prices::{BadPrice, LongRow, PriceRow, Prices};
pub use replay::{CassetteError, Replay};
pub use scripted::ScriptedModel;
