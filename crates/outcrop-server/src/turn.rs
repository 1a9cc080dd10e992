//! Driving turns: the planner says what is next, here it is done, journaled and fed back.

mod bindings;
pub mod cancel;
mod collaborators;
pub mod drive;
pub mod emit;
mod files;
pub mod fork;
pub mod functions;
pub(crate) mod guard;
mod histories;
mod history;
mod journal;
pub mod kept;
pub mod over;
mod reading;
pub mod sessions;
mod tools;
mod windows;

pub use bindings::{Bindings, bound};
pub use collaborators::end_sessions;
pub use drive::{TurnInput, TurnRequest, run};
pub use histories::Histories;
use history::History;
pub use history::last_snapshot;
pub use journal::is_end_of_turn;
