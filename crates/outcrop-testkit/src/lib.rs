//! Plays the world in tests: movable clock, foreseeable ids, fake functions, collected deltas.
//!
//! A dev-dependency only. A model to play is `outcrop_models::scripted::ScriptedModel`, which users have too.

mod ambient;
mod tools;

pub use ambient::{FixedClock, MovableClock, SequentialIds};
pub use tools::FakeTools;

use outcrop_ports::{BoxFuture, Delta, DeltaSink};
use std::sync::{Mutex, PoisonError};

/// Keeps every delta; always has room for the next.
#[derive(Debug, Default)]
pub struct CollectedDeltas(Mutex<Vec<Delta>>);

impl CollectedDeltas {
    /// Nothing collected yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What came so far, in order.
    pub fn all(&self) -> Vec<Delta> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The text deltas, joined.
    pub fn text(&self) -> String {
        let deltas = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        deltas
            .iter()
            .filter_map(|delta| if let Delta::Text(text) = delta { Some(text.as_str()) } else { None })
            .collect()
    }
}

impl DeltaSink for CollectedDeltas {
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(delta);
        Box::pin(std::future::ready(()))
    }
}
