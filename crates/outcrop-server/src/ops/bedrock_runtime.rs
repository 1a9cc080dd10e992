//! `bedrock-runtime`: models and guardrails, called directly.

pub(crate) mod apply_guardrail;
mod invoke_guardrail_checks;

use super::OperationTable;
use outcrop_api::bedrock_runtime as api;

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    table.unary::<api::ApplyGuardrail, _, _>(apply_guardrail::apply_guardrail);
    table.unary::<api::InvokeGuardrailChecks, _, _>(invoke_guardrail_checks::invoke_guardrail_checks);
}
