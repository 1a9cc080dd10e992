//! `bedrock-runtime`: any configured model and guardrails, in AWS's words.
//!
//! | file | does |
//! |---|---|
//! | `models.rs` | what a `modelId` names |
//! | `request.rs` with `blocks.rs` | what Converse asks, checked and in our words |
//! | `ask.rs` | asks: time limit, metrics, the bill, errors |
//! | `guarded.rs` with `gate.rs` | guardrails before and after the model, and while it answers |
//! | `reply.rs` | an answer in Converse's words |
//! | `stream.rs` with `order.rs` and `events.rs` | an answer while it is made |
//! | `bodies.rs` with `bodies/` | bodies of InvokeModel, one file a family |
//! | `apply_guardrail.rs`, `invoke_guardrail_checks.rs` | guardrails without a model |

pub(crate) mod apply_guardrail;
mod ask;
mod blocks;
mod bodies;
mod converse;
mod converse_stream;
mod count_tokens;
mod events;
mod gate;
mod guarded;
mod invoke_guardrail_checks;
mod invoke_model;
mod invoke_model_with_response_stream;
mod models;
mod order;
mod reply;
mod request;
mod stream;

use super::OperationTable;
use outcrop_api::bedrock_runtime as api;

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    table.raw::<api::Converse, _, _>(converse::converse);
    table.raw::<api::ConverseStream, _, _>(converse_stream::converse_stream);
    table.unary::<api::CountTokens, _, _>(count_tokens::count_tokens);
    table.raw::<api::InvokeModel, _, _>(invoke_model::invoke_model);
    table.raw::<api::InvokeModelWithResponseStream, _, _>(
        invoke_model_with_response_stream::invoke_model_with_response_stream,
    );
    table.unary::<api::ApplyGuardrail, _, _>(apply_guardrail::apply_guardrail);
    table.unary::<api::InvokeGuardrailChecks, _, _>(invoke_guardrail_checks::invoke_guardrail_checks);
}
