//! The system's clock and random ids.

use outcrop_ports::{Clock, Ids};
use outcrop_wire::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 or after 2262 is read as 1970: nothing here depends on true time for safety.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or_default())
    }
}

/// Ids from the system's random source.
pub(crate) struct RandomIds;

/// Letters and digits of AWS's ids.
const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

impl Ids for RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is where ids come from")]
    fn resource_id(&self) -> String {
        let mut number = uuid::Uuid::new_v4().as_u128();
        let mut next = || {
            let digit = usize::try_from(number % 36).unwrap_or_default();
            number /= 36;
            char::from(ALPHABET[digit])
        };
        (0..10).map(|_| next()).collect()
    }

    #[expect(clippy::disallowed_methods, reason = "this is where ids come from")]
    fn uuid(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }
}
