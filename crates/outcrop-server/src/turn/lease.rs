//! This process as others know it: the name under which it holds sessions, and until when it may act by that.
//!
//! On a store of its own it holds them for as long as it lives. On one that it shares it says again and again that it
//! lives; when it could not in time it stops acting, since others take its turns over then. A write of its own would be
//! refused by its epoch; a call of a tool would not, so none is begun in the last moment of a lease.

use crate::App;
use outcrop_store::{StoreError, TurnRef};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Part of a lease, from its end, in which nothing is begun.
const MARGIN: f64 = 0.2;

/// The name of a process, and until when what it holds is its own.
#[derive(Debug)]
pub struct Lease {
    owner: String,
    began: Instant,
    /// Milliseconds after `began`.
    valid_until: AtomicU64,
}

impl Lease {
    /// A process of this name, which no other has or had.
    pub fn new(owner: String) -> Self {
        Self { owner, began: Instant::now(), valid_until: AtomicU64::new(0) }
    }

    /// The name.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Whether there is time to begin something.
    fn is_valid(&self) -> bool {
        let until = self.valid_until.load(Ordering::Acquire);
        until == u64::MAX || self.began.elapsed() < Duration::from_millis(until)
    }
}

/// Says that this process works on the store, and for how long.
///
/// # Errors
/// Those of the store.
pub(super) async fn renew(app: &App) -> Result<(), StoreError> {
    let lease = &app.lease;
    if !app.store.is_shared() {
        app.store.hold_alone(lease.owner.clone()).await?;
        lease.valid_until.store(u64::MAX, Ordering::Release);
        return Ok(());
    }
    // Counted from before it was asked for: others count from after.
    let (asked, now, duration) = (lease.began.elapsed(), app.clock.now(), app.settings.recovery.lease);
    let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX / 4);
    let until = outcrop_wire::Timestamp::from_nanos(now.as_nanos().saturating_add(nanos));
    app.store.renew_lease(lease.owner.clone(), now, until).await?;
    let valid = asked + duration.mul_f64(1.0 - MARGIN);
    lease.valid_until.store(u64::try_from(valid.as_millis()).unwrap_or(u64::MAX - 1), Ordering::Release);
    Ok(())
}

/// To be asked before something is begun that cannot be taken back: whether the turn is still this process's. After a
/// pause that was longer than its lease a process has to look.
///
/// # Errors
/// [`StoreError::Fenced`] when somebody else has the turn; those of the store.
pub(super) async fn check(app: &App, turn: TurnRef) -> Result<(), StoreError> {
    if app.lease.is_valid() || !app.store.is_shared() {
        return Ok(());
    }
    renew(app).await?;
    match app.store.read(move |tx| tx.has_epoch(turn)).await? {
        true => Ok(()),
        false => Err(StoreError::Fenced),
    }
}

/// Renews the lease until the process is to end.
pub(super) async fn keep(app: &App) {
    if !app.store.is_shared() {
        return;
    }
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => break,
            () = tokio::time::sleep(app.settings.recovery.lease / 3) => {}
        }
        if let Err(error) = renew(app).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the lease was not renewed; it is tried again");
        }
    }
}
