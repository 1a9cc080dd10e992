//! Every provider against a server that speaks its documented wire, and refuses what that does not have.
//!
//! One suite (`suite`) for all: a stand-in (`standin`) plays neutral answers in the provider's words and checks each request
//! by the provider's rules (`anthropic`, `bedrock`, `gemini`, `openai`): unknown members, the order of roles, calls without
//! results and results without calls, thinking that is not what was said, and the rest. What a wire cannot express is said
//! in its `Can`.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::needless_pass_by_value,
    reason = "all of it is a test"
)]

mod wires {
    pub mod anthropic;
    pub mod bedrock;
    pub mod gemini;
    pub mod openai;
    pub mod recordings;
    pub mod standin;
    pub mod strict;
    pub mod suite;
}
