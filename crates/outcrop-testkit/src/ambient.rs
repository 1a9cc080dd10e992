//! Time that stands still or is moved by hand, and ids that can be foreseen.

use outcrop_ports::{Clock, Ids};
use outcrop_wire::Timestamp;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Always the same time.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Time that moves only when the test moves it.
#[derive(Debug)]
pub struct MovableClock(AtomicI64);

impl MovableClock {
    /// Starts at a time.
    pub const fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_nanos()))
    }

    /// Moves on; what does not fit into 64 bits of nanoseconds (292 years) is cut to it.
    pub fn advance(&self, by: Duration) {
        let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        // The closure never answers None, so the update cannot fail.
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| Some(now.saturating_add(nanos)));
    }

    /// Jumps to a time, also backwards.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.as_nanos(), Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// Ids that count up: `ID00000001`, `ID00000002`, … and UUIDs `00000000-0000-4000-8000-000000000001`, …
///
/// Resource ids and UUIDs count separately. Distinct for the first hundred million, then resource ids begin again.
#[derive(Debug, Default)]
pub struct SequentialIds {
    resources: AtomicU64,
    uuids: AtomicU64,
}

impl SequentialIds {
    /// Begins at one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Ids for SequentialIds {
    fn resource_id(&self) -> String {
        let number = self.resources.fetch_add(1, Ordering::SeqCst) + 1;
        format!("ID{:08}", number % 100_000_000)
    }

    fn uuid(&self) -> String {
        let number = self.uuids.fetch_add(1, Ordering::SeqCst) + 1;
        format!("00000000-0000-4000-8000-{:012x}", number & 0xffff_ffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_moves_only_by_hand() {
        let clock = MovableClock::new(Timestamp::from_millis(1_000));
        assert_eq!(clock.now(), Timestamp::from_millis(1_000));
        clock.advance(Duration::from_millis(250));
        assert_eq!(clock.now(), Timestamp::from_millis(1_250));
        clock.set(Timestamp::from_millis(5));
        assert_eq!(clock.now(), Timestamp::from_millis(5));
    }

    #[test]
    fn ids_have_the_forms_of_the_service() {
        let ids = SequentialIds::new();
        assert_eq!([ids.resource_id(), ids.resource_id()], ["ID00000001", "ID00000002"]);
        assert_eq!(ids.uuid(), "00000000-0000-4000-8000-000000000001");
        assert_eq!(ids.uuid(), "00000000-0000-4000-8000-000000000002");
    }
}
