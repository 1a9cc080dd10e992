//! Who waits for whom: so many calls at once, so many in a minute, and none while the provider wants to be left alone.

use super::seconds;
use outcrop_ports::{ModelError, ModelErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Who waits for whom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueueSettings {
    /// Most calls at once.
    pub concurrency_max: usize,
    /// Most calls in a minute; none: as many as come.
    pub calls_per_minute: Option<u32>,
    /// Most calls that wait; one more is refused at once.
    pub length_max: usize,
    /// Longest wait.
    pub timeout: Duration,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { concurrency_max: 256, calls_per_minute: None, length_max: 1_024, timeout: Duration::from_secs(60) }
    }
}

/// First come, first served.
#[derive(Debug)]
pub(super) struct Queue {
    settings: QueueSettings,
    places: Semaphore,
    waiting: AtomicUsize,
    /// When the next call may go: for the rate, and for what the provider asked for.
    next: Mutex<Next>,
}

#[derive(Debug)]
struct Next {
    /// Of the rate; runs ahead of the clock by the calls that are let go.
    slot: Instant,
    /// Of the provider.
    held_until: Option<Instant>,
}

/// Counts who waits; counts back when dropped, also when the caller gave up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    pub(super) fn new(settings: QueueSettings) -> Self {
        let places = settings.concurrency_max.clamp(1, Semaphore::MAX_PERMITS);
        let next = Next { slot: Instant::now(), held_until: None };
        Self { settings, places: Semaphore::new(places), waiting: AtomicUsize::new(0), next: Mutex::new(next) }
    }

    /// Waits for a place. Dropping the future gives the wait up, dropping the place makes room for the next.
    pub(super) async fn enter(&self) -> Result<SemaphorePermit<'_>, ModelError> {
        let refuse = |why: String| Err(ModelError::new(ModelErrorKind::Throttled, why));
        let ends_at = Instant::now() + self.settings.timeout;
        let place = match self.places.try_acquire() {
            Ok(place) => place,
            Err(_) => {
                let waiting = Waiting(&self.waiting);
                if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.settings.length_max {
                    drop(waiting);
                    return refuse(format!(
                        "{} calls of it are under way and {} wait (`concurrency_max`, `queue_length_max`)",
                        self.settings.concurrency_max, self.settings.length_max
                    ));
                }
                match tokio::time::timeout_at(ends_at, self.places.acquire()).await {
                    Ok(Ok(place)) => place,
                    // The semaphore is never closed.
                    Ok(Err(_)) | Err(_) => {
                        return refuse(format!(
                            "{} calls of it were under way for {} (`concurrency_max`, `queue_timeout`)",
                            self.settings.concurrency_max,
                            seconds(self.settings.timeout)
                        ));
                    }
                }
            }
        };
        // Whoever has a place may have to wait for its time; those behind wait for the place.
        let Some(goes_at) = self.slot(ends_at) else {
            return refuse(format!(
                "its provider wants no call for longer than a call waits ({}, `queue_timeout`)",
                seconds(self.settings.timeout)
            ));
        };
        tokio::time::sleep_until(goes_at).await;
        Ok(place)
    }

    /// When a call may go, at the latest then; it counts from now on.
    fn slot(&self, latest: Instant) -> Option<Instant> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let mut goes_at = next.held_until.map_or(now, |until| until.max(now));
        if let Some(rate) = self.settings.calls_per_minute.filter(|rate| *rate > 0) {
            let gap = Duration::from_secs(60) / rate;
            // What was not used within a second may be made up for.
            let earliest = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
            let slot = next.slot.max(earliest);
            goes_at = goes_at.max(slot);
            if goes_at > latest {
                return None;
            }
            next.slot = slot + gap;
        }
        (goes_at <= latest).then_some(goes_at)
    }

    /// The provider asks to be left alone for so long: nobody calls until then.
    pub(super) fn hold(&self, wait: Duration) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now().checked_add(wait);
        next.held_until = next.held_until.max(until);
    }
}
