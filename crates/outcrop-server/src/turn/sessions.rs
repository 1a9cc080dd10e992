//! One turn at a time in a session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A session as the wire names it: agent, alias, session.
pub type SessionName = (Arc<str>, Arc<str>, Arc<str>);

/// Which sessions have a turn under way in this process.
#[derive(Clone, Default)]
pub struct SessionLocks {
    held: Arc<Mutex<HashMap<SessionName, Arc<Semaphore>>>>,
}

/// The right to run a turn; given back when dropped.
pub struct SessionGuard {
    locks: SessionLocks,
    name: SessionName,
    permit: Option<OwnedSemaphorePermit>,
}

impl SessionLocks {
    /// Waits for the session to be free, at most so long; `None` when it is not by then.
    pub async fn lock(&self, name: SessionName, wait: Duration) -> Option<SessionGuard> {
        let semaphore =
            self.with(|held| held.entry(name.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone());
        // The usual case needs no timer.
        let permit = match semaphore.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => tokio::time::timeout(wait, semaphore.acquire_owned()).await.ok()?.ok()?,
        };
        Some(SessionGuard { locks: self.clone(), name, permit: Some(permit) })
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashMap<SessionName, Arc<Semaphore>>) -> T) -> T {
        // The map is whole even if a holder panicked: no change of it can be half done.
        change(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.permit = None;
        self.locks.with(|held| {
            // Two counts are the map's own and none other: nobody waits.
            if held.get(&self.name).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
                held.remove(&self.name);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_nothing_is_left() {
        let locks = SessionLocks::default();
        let name: SessionName = ("a".into(), "b".into(), "c".into());
        let first = locks.lock(name.clone(), Duration::ZERO).await.expect("is free");
        assert!(locks.lock(name.clone(), Duration::ZERO).await.is_none());
        let waiting = {
            let (locks, name) = (locks.clone(), name.clone());
            async move { locks.lock(name, Duration::from_secs(60)).await }
        };
        let other = async move {
            tokio::task::yield_now().await;
            drop(first);
        };
        let (second, ()) = tokio::join!(waiting, other);
        drop(second.expect("was freed"));
        assert_eq!(locks.with(|held| held.len()), 0);
    }
}
