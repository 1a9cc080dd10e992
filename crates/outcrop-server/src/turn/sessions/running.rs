//! A turn under way, as others see it: it can be called off, and its end can be waited for.

use outcrop_planner::turn::CancelledBy;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// A turn under way.
#[derive(Debug)]
pub struct RunningTurn {
    /// The turn is to end.
    cancelled: CancellationToken,
    by: OnceLock<CancelledBy>,
    was_cancelled: AtomicBool,
    ended: CancellationToken,
}

impl RunningTurn {
    pub(super) fn new(above: Option<&CancellationToken>) -> Self {
        Self {
            cancelled: above.map_or_else(CancellationToken::new, CancellationToken::child_token),
            by: OnceLock::new(),
            was_cancelled: AtomicBool::new(false),
            ended: CancellationToken::new(),
        }
    }

    /// Calls the turn off; the first reason stands. It ends soon after, or was at its end anyway.
    pub fn cancel(&self, by: CancelledBy) {
        let _ = self.by.set(by);
        self.cancelled.cancel();
    }

    /// Cancelled when the turn is to end; turns that work for it take a child of it.
    pub fn token(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// For whom it is called off.
    pub fn cancelled_by(&self) -> CancelledBy {
        // A token that was cancelled from above comes without a reason of its own.
        self.by.get().copied().unwrap_or(CancelledBy::Supervisor)
    }

    /// To be told when it ended by being called off.
    pub fn set_cancelled(&self) {
        self.was_cancelled.store(true, Ordering::Release);
    }

    /// Whether it ended by being called off.
    pub fn was_cancelled(&self) -> bool {
        self.was_cancelled.load(Ordering::Acquire)
    }

    /// Waits for its end; true when it ended by being called off.
    pub async fn end(&self) -> bool {
        self.ended.cancelled().await;
        self.was_cancelled()
    }

    pub(super) fn has_ended(&self) {
        self.ended.cancel();
    }
}
