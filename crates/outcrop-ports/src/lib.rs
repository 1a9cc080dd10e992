//! The words and traits in which the planner asks the world.
//!
//! The message vocabulary is that of Bedrock Converse, because it is already the union of what providers have.
//! Adapters (models, tools, …) implement these traits and never see the planner; the planner uses the words and never
//! sees an adapter.

pub mod ambient;
pub mod message;
pub mod model;
pub mod price;
pub mod tool;

use std::future::Future;
use std::pin::Pin;

pub use ambient::{Clock, Ids};
pub use message::{
    ContentBlock, File, Message, Reasoning, Role, ToolResult, ToolResultContent, ToolResultStatus, ToolUse,
};
pub use model::{
    AnsweredBy, CachePlace, CachePoint, Caching, Delta, DeltaSink, InferenceConfig, Latency, Model, ModelCatalog,
    ModelError, ModelErrorKind, ModelReply, ModelRequest, StopReason, Takes, ToolChoice, ToolSpec, Usage,
};
pub use price::{Cost, NoPrices, Price, PriceList, Rates};
pub use tool::{
    Action, AgentIdentity, Parameter, RequestBody, ResponseState, ToolCall, ToolContext, ToolExecutor, ToolFailure,
    ToolFailureCause, ToolLimits, ToolOutcome, ToolSuccess,
};

/// What an object-safe async method returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
