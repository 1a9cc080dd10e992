//! A turn that is called off.
//!
//! It ends at once: every tool use gets a result that says that its outcome is unknown, and the user's words stay in the
//! history with a note that the turn was cancelled, so that "no, to Oslo" is understood after "book a flight to Rome".

use super::calls::{Pending, Work};
use super::event::{CancelledBy, Decision, FailureKind, Step};
use super::{State, Turn, trace};
use crate::agent::Collaborator;
use crate::phase::Phase;
use outcrop_wire::Timestamp;
use std::sync::Arc;

/// Why a tool use has no result of its own.
const UNKNOWN: &str = "The turn was cancelled before this call's result was known; whether it did its work is unknown.";

/// Stands in the history in place of the answer.
const CANCELLED: &str = "(This turn was cancelled before it had an answer.)";

impl CancelledBy {
    /// What the caller and the trace read.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Request => "The turn was cancelled on request.",
            Self::NextTurn => "The turn was cancelled because another request took its place in the session.",
            Self::Supervisor => "The turn was cancelled because the turn of its supervisor was.",
        }
    }
}

impl Turn {
    pub(super) fn cancelled(&mut self, at: Timestamp, by: CancelledBy, state: State) -> Decision {
        self.withdraw_answer(&state);
        if let State::WithTools(pending) | State::WithCaller { pending, .. } = state {
            self.give_up(pending, UNKNOWN);
        }
        let mut output = Vec::new();
        self.show_held(at, &mut output);
        self.forget_answer();
        self.close(CANCELLED);
        let (began_at, reason) = (self.request.began_at, by.reason());
        self.trace(&mut output, at, |turn| trace::failure(turn, Phase::Orchestration, began_at, at, reason));
        let step = Step::Fail { kind: FailureKind::Cancelled, message: reason.to_owned(), resource: None };
        Decision { step, output }
    }

    /// Collaborators that returned control and wait for the caller, each with its own invocation id: they are to be
    /// called off with this turn.
    pub fn waiting_collaborators(&self) -> Vec<(Arc<Collaborator>, String)> {
        let (State::WithTools(pending) | State::WithCaller { pending, .. }) = &self.state else { return Vec::new() };
        let waiting =
            pending.iter().filter(|call| call.result.is_none()).filter_map(|Pending { work, .. }| match work {
                Work::Waiting(waiting) => {
                    Some((waiting.call.collaborator.clone(), waiting.payload.invocation_id.clone().unwrap_or_default()))
                }
                _ => None,
            });
        waiting.collect()
    }
}
