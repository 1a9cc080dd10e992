//! Generated from AWS's service models: shapes, routes, decoding, encoding, constraints and errors.
//!
//! A request's way: [`route::find`] or [`route::find_named`] names the operation, [`decode::decode`] makes its typed input or says what is wrong
//! with it, [`encode_response`] makes the answer's status, headers and body. [`encode_request`] is the client's direction.
//!
//! Types are in one module per service and named as AWS names them; [`model`] has the tables behind them.
//! `cargo xtask codegen` writes both. The rules of the JSON protocol are written by hand here.

mod encode;
mod generated;
mod macros;
mod ordered_map;
mod pattern;

pub mod decode;
pub mod model;
pub mod route;

pub use encode::{EncodeError, EncodedRequest, EncodedResponse, encode_error, encode_request, encode_response};
pub use generated::{
    bedrock, bedrock_agent, bedrock_agent_runtime, bedrock_runtime, iam, lambda, opensearchserverless, sts,
};
pub use model::{Operation, Protocol, ServiceId, error_status, operations, services};
pub use ordered_map::OrderedMap;

use macros::{event_union, operations, string_enum};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Ties an operation to the types of its input and output.
pub trait ApiOperation {
    /// What the caller sends: body, labels of the path, query and headers in one structure.
    type Input: Serialize + DeserializeOwned + Send + 'static;
    /// What the caller gets, without an event stream if there is one.
    type Output: Serialize + DeserializeOwned + Send + 'static;
    /// The operation's table entry.
    const OPERATION: &'static Operation;
}

/// Input or output of an operation that has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}
