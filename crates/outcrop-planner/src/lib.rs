//! Decides: prepared agent, tool specs, prompts, trace parts, limits.
//!
//! Pure: no await, no clock, no randomness, no IO. Events go in, steps and output come out, and the same events give
//! the same steps, so return of control, recovery and replay are one thing: feed the recorded events again.
//!
//! - [`prepare`] compiles an agent's documents to a [`PreparedAgent`], or says what is wrong with them.
//! - [`turn`] is the machine: [`turn::Turn::start`], then [`turn::Turn::apply`] until the step is an end.

pub mod agent;
pub mod memory;
pub mod phase;
pub mod prepare;
mod schema;
pub mod template;
pub mod turn;

pub use agent::{Collaborator, Executor, INLINE_AGENT, PreparedAgent, Snapshot, Tool, ToolKind};
pub use phase::{ModelRole, Phase, PhaseModels, PhasePrompt, PhasePrompts};
