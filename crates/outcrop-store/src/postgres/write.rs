//! The threads that write to PostgreSQL. Each takes what waits for it as one transaction, like SQLite's one writer.

use super::session::{Session, WAIT_MAX};
use crate::conn::Conn;
use crate::writer::Waiting;
use crate::writer::batch::{Batch, settle_all};
use std::time::{Duration, Instant};

/// The pause before a transaction that stood in another's way is done again.
const OUT_OF_THE_WAY: Duration = Duration::from_millis(5);

/// Writes until there is nothing more to wait for.
pub(crate) fn write_until_closed(session: &Session, mut waiting: Waiting) {
    let mut jobs = Vec::new();
    while waiting.take(&mut jobs) {
        let began = Instant::now();
        loop {
            let mut again = Batch::new(Conn::Postgres(session)).write(&mut jobs);
            if again.is_empty() {
                break;
            }
            // Nothing of these was written, and they do the same when they are done again.
            let why = session.lost().unwrap_or(crate::StoreError::Busy);
            if began.elapsed() > WAIT_MAX || session.is_long_away() {
                settle_all(&mut again, Err(&why));
                break;
            }
            tracing::debug!(jobs = again.len(), %why, "doing {} writes again: {why}", again.len());
            std::thread::sleep(OUT_OF_THE_WAY);
            jobs = again;
        }
    }
}
