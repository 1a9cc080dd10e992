//! `sts`: who is calling, which set-up scripts ask for the account's number.

mod get_caller_identity;

use super::OperationTable;
use outcrop_api::sts as api;

/// Adds the operations to the table.
pub fn register(table: &mut OperationTable) {
    table.unary::<api::GetCallerIdentity, _, _>(get_caller_identity::get_caller_identity);
}
