//! What `cargo xtask codegen` writes, one module per service.
#![allow(missing_docs, reason = "AWS's texts are not copied; the names are AWS's own")]
#![allow(clippy::large_enum_variant, reason = "the shapes are AWS's; values live shortly")]

pub mod bedrock;
pub mod bedrock_agent;
pub mod bedrock_agent_runtime;
pub mod bedrock_runtime;
pub mod lambda;

use crate::model::Service;

/// In the order of their operations' indexes.
pub(crate) static SERVICES: [&Service; 5] = [
    &bedrock_agent::tables::SERVICE,
    &bedrock_agent_runtime::tables::SERVICE,
    &bedrock::tables::SERVICE,
    &bedrock_runtime::tables::SERVICE,
    &lambda::tables::SERVICE,
];
