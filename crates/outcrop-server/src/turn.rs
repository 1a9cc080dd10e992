//! Driving turns: the planner says what is next, here it is done, journaled and fed back.

mod collaborators;
pub mod drive;
pub mod emit;
pub mod functions;
mod history;
mod journal;
pub mod sessions;
mod tools;

pub use collaborators::end_sessions;
pub use drive::{TurnInput, TurnRequest, run};
pub use history::last_snapshot;
