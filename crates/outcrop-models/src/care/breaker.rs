//! A provider that only fails is left alone for a while, so that turns fail fast, or go to a fallback, and it can get
//! well.

use super::seconds;
use outcrop_ports::{ModelError, ModelErrorKind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// When a provider that fails is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row after which it is; zero: never.
    pub failures: u32,
    /// For how long; then one call tries it out.
    pub pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { failures: 10, pause: Duration::from_secs(15) }
    }
}

#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Nobody calls before; whoever then comes first moves it on, and is the trial.
    opens_at: Option<Instant>,
}

/// A call that was let through; says how it went.
pub(super) struct Trial<'a>(&'a Breaker);

impl Breaker {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: Mutex::default() }
    }

    /// Lets a call through, or says for how long none is.
    pub(super) fn allow(&self) -> Result<Trial<'_>, ModelError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opens_at) = state.opens_at {
            let now = Instant::now();
            if now < opens_at {
                let why = format!(
                    "its provider failed {} times in a row and is left alone for {} more",
                    state.failures,
                    seconds(opens_at - now)
                );
                return Err(ModelError::new(ModelErrorKind::Unavailable, why));
            }
            state.opens_at = Some(now + self.settings.pause);
        }
        Ok(Trial(self))
    }
}

impl Trial<'_> {
    pub(super) fn succeeded(self) {
        *self.0.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    pub(super) fn failed(self) {
        let Self(Breaker { settings, state }) = self;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        if settings.failures > 0 && state.failures >= settings.failures {
            state.opens_at = Some(Instant::now() + settings.pause);
        }
    }
}
