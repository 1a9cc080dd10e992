//! Functions as agents call them: real processes, real sockets.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "all of this is test")]

#[path = "it/bench.rs"]
mod bench;
#[path = "it/failures.rs"]
mod failures;
#[path = "it/local.rs"]
mod local;
#[path = "it/node.rs"]
mod node;
#[path = "it/protocol.rs"]
mod protocol;
#[path = "it/remote.rs"]
mod remote;
#[path = "it/stage.rs"]
mod stage;
