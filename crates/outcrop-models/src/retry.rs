//! When to ask a provider again, and how long to wait before.

use http::HeaderMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Longest wait a provider can ask for; who asks for more is not asked again.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(20);

/// How often and how late a call is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Most further attempts after the first.
    pub count_max: u32,
    /// Wait before the second attempt; doubled for each further one, then shortened by up to a half so that callers
    /// that failed together do not come back together.
    pub base: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { count_max: 2, base: Duration::from_millis(400) }
    }
}

impl Retries {
    /// How long to wait after the failed attempt of this number (from zero); `None` to give up: no attempt is left,
    /// or the provider asks for more patience than is reasonable.
    pub(crate) fn wait(self, attempt: u32, asked_for: Option<Duration>) -> Option<Duration> {
        if attempt >= self.count_max {
            return None;
        }
        match asked_for {
            Some(wait) if wait > RETRY_AFTER_MAX => None,
            Some(wait) => Some(wait),
            None => Some(jittered(self.base.saturating_mul(2_u32.saturating_pow(attempt)).min(RETRY_AFTER_MAX))),
        }
    }
}

/// What the provider asks for: `retry-after-ms`, else `Retry-After` in seconds. The form with a date is passed over:
/// it would need the time.
pub(crate) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| {
        let value: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
        (value.is_finite() && value >= 0.0).then_some(value)
    };
    let seconds = number("retry-after-ms").map(|millis| millis / 1000.0).or_else(|| number("retry-after"))?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// Between a half and the whole of the wait. Spread by hashing a counter: no randomness is needed to keep the callers
/// of one process apart.
fn jittered(wait: Duration) -> Duration {
    static TURN: AtomicU64 = AtomicU64::new(0);
    let mut hasher = DefaultHasher::new();
    (TURN.fetch_add(1, Ordering::Relaxed), std::process::id()).hash(&mut hasher);
    let thousandth = u32::try_from(hasher.finish() % 1_000).unwrap_or_default();
    wait / 2 + wait / 2 * thousandth / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let retries = Retries { count_max: 2, base: Duration::from_millis(100) };
        for (attempt, low, high) in [(0, 50, 100), (1, 100, 200)] {
            let wait = retries.wait(attempt, None).expect("attempts are left");
            assert!((Duration::from_millis(low)..=Duration::from_millis(high)).contains(&wait), "{attempt}: {wait:?}");
        }
        assert_eq!(retries.wait(2, None), None);
        assert_eq!(retries.wait(0, Some(Duration::from_secs(20))), Some(Duration::from_secs(20)));
        assert_eq!(retries.wait(0, Some(Duration::from_secs(21))), None);
    }

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], expected: Option<Duration>) {
        let map = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        assert_eq!(asked_wait(&map), expected);
    }

    #[test]
    fn what_the_provider_asks_for() {
        check(&[], None);
        check(&[("retry-after", "2")], Some(Duration::from_secs(2)));
        check(&[("retry-after", "0.5"), ("retry-after-ms", "20")], Some(Duration::from_millis(20)));
        check(&[("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")], None);
        check(&[("retry-after", "-3")], None);
        check(&[("retry-after", "NaN")], None);
        check(&[("retry-after", "1e300")], Some(Duration::MAX));
    }
}
