//! A turn under way, as others see it: it can be called off, and its end can be waited for.

use outcrop_planner::turn::CancelledBy;
use outcrop_store::{RequestHashes, TurnRef};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A turn under way.
#[derive(Debug)]
pub struct RunningTurn {
    /// The turn is to end.
    cancelled: CancellationToken,
    by: OnceLock<CancelledBy>,
    was_cancelled: AtomicBool,
    ended: CancellationToken,
    /// How its request is known when it comes again.
    request: Option<RequestHashes>,
    /// The turn, as soon as it is written; told anew whenever there is more to see of it.
    progress: watch::Sender<Option<TurnRef>>,
    /// What of the answer was said while it is written.
    said: Mutex<String>,
}

impl RunningTurn {
    pub(super) fn new(above: Option<&CancellationToken>, request: Option<RequestHashes>) -> Self {
        Self {
            cancelled: above.map_or_else(CancellationToken::new, CancellationToken::child_token),
            by: OnceLock::new(),
            was_cancelled: AtomicBool::new(false),
            ended: CancellationToken::new(),
            request,
            progress: watch::Sender::new(None),
            said: Mutex::default(),
        }
    }

    /// Whether a request is the one that the turn came by: it is under way, so its input is enough.
    pub(super) fn is_of(&self, request: &RequestHashes) -> bool {
        self.request.as_ref().is_some_and(|own| own.input == request.input)
    }

    /// To be told when there is more to see: the turn has begun, or an event of it was written.
    pub fn has_written(&self, turn: TurnRef) {
        self.progress.send_replace(Some(turn));
    }

    /// Tells whenever there is more to see.
    pub fn progress(&self) -> watch::Receiver<Option<TurnRef>> {
        self.progress.subscribe()
    }

    /// To be told what is said of the answer while it is written.
    pub fn says(&self, piece: &str) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push_str(piece);
        self.progress.send_modify(|_| {});
    }

    /// What was said of the answer that is being written.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes what was said of the answer: another is begun, or it is done.
    pub fn take_said(&self) -> String {
        std::mem::take(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
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

    /// Whether nobody drives it any more.
    pub fn has_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Waits until nobody drives it any more.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    pub(super) fn set_ended(&self) {
        self.ended.cancel();
    }
}
