//! Points in time as AWS writes them in JSON: ISO 8601, UTC, `Z`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A point in time, in nanoseconds since the Unix epoch.
///
/// Printed with six decimals, or nine when the nanoseconds ask for it: the control plane shows microseconds,
/// traces show nanoseconds. Reads ISO 8601 text and, as old SDKs send, epoch seconds as a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since the epoch; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Cut to microseconds: what the control plane stores and shows.
    pub const fn to_micros(self) -> Self {
        Self(self.0 - self.0.rem_euclid(1_000))
    }

    /// Milliseconds from `earlier` to here; zero when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        let nanos = self.0.saturating_sub(earlier.0);
        if nanos < 0 { 0 } else { nanos / 1_000_000 }
    }

    /// This point moved by so many seconds; saturates.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000_000)))
    }

    /// Reads ISO 8601 text with an offset or `Z`; `None` when it is no such text or out of range.
    pub fn parse(text: &str) -> Option<Self> {
        let at: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(at.as_nanosecond()).ok().map(Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = jiff::Timestamp::from_nanosecond(i128::from(self.0)).map_err(|_| fmt::Error)?;
        let precision = if self.0.rem_euclid(1_000) == 0 { 6 } else { 9 };
        write!(f, "{at:.precision$}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an ISO 8601 timestamp or epoch seconds")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).ok_or_else(|| E::custom("expected an ISO 8601 timestamp"))
            }
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Timestamp, E> {
                Ok(Timestamp(seconds.saturating_mul(1_000_000_000)))
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Timestamp, E> {
                self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
            }
            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Timestamp, E> {
                // Saturating by the rules of `as`; a float carries microseconds at best.
                Ok(Timestamp((seconds * 1e6) as i64 * 1_000))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_what_aws_prints() {
        for text in ["2025-06-01T10:00:00.123456Z", "2025-05-21T09:50:23.107114510Z", "2025-06-01T10:00:00.000000Z"] {
            assert_eq!(Timestamp::parse(text).map(|at| at.to_string()), Some(text.to_owned()));
        }
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert_eq!(serde_json::from_str::<Timestamp>("1.5").ok(), Some(Timestamp::from_millis(1500)));
    }
}
