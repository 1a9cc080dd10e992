//! Waiting for states that pass.

use super::Failure;
use crate::client::ClientError;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait for one resource.
const PATIENCE: Duration = Duration::from_secs(120);
/// First pause between two looks; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Looks until `look` gives a value; gives up after two minutes. Errors of the look end it.
pub(super) async fn until<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<T>, ClientError>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = PAUSE_MIN;
    loop {
        if let Some(value) = look().await? {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            return Err(Failure(format!("{what} took longer than {} s", PATIENCE.as_secs())));
        }
        sleep(pause).await;
        pause = PAUSE_MAX.min(pause * 2);
    }
}

/// Looks until the thing is not found any more, or gives up quietly: what depends on its absence will tell.
pub(super) async fn until_gone<T>(mut look: impl AsyncFnMut() -> Result<T, ClientError>) -> Result<(), ClientError> {
    let deadline = Instant::now() + PATIENCE / 4;
    let mut pause = PAUSE_MIN;
    while Instant::now() < deadline {
        match look().await {
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error),
            Ok(_) => sleep(pause).await,
        }
        pause = PAUSE_MAX.min(pause * 2);
    }
    Ok(())
}
