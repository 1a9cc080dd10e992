//! Driving turns: the planner says what is next, here it is done, journaled and fed back.

pub mod drive;
pub mod emit;
mod history;
mod journal;
pub mod sessions;
mod tools;

pub use drive::{TurnInput, TurnRequest, run};
