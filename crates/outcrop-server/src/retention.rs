//! Retention: what was over long ago is forgotten, a little at a time, beside the turns.
//!
//! One worker goes through everything that has a time to be kept ([`RetentionSettings`]), pauses, and begins again. It gives
//! the store so many rows a second and no more, so that a first sweep of a large store takes its time and not the turns'.
//! Nothing is lost when the process ends on the way: the next pass finds what is left.

use crate::App;
use crate::metrics::Swept as SweptKind;
use crate::turn::is_end_of_turn;
use outcrop_store::{StoreError, Sweep, Sweeping};
use outcrop_wire::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// What a step that finds nothing counts as, in rows: it reads.
const LOOK_ROWS: usize = 20;
/// Time between two looks whether the store is at rest.
const TIDY_INTERVAL: Duration = Duration::from_secs(5);

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionSettings {
    /// Sessions of agents that are over, from their last turn on, with their journals and files; `None` for ever.
    pub sessions: Option<Duration>,
    /// How a turn came to its end, from its end on: its trace, large results to be read on, points to fork at. What was
    /// said stays with the session. `None` as long as the session.
    pub journals: Option<Duration>,
    /// Sessions of the session store, from their last write on; `None` until they are deleted.
    pub session_store: Option<Duration>,
    /// How often the worker looks.
    pub sweep_interval: Duration,
    /// Most rows that are deleted in a second.
    pub rows_per_second: u32,
}

impl RetentionSettings {
    /// Shortest time that anything is kept: longer than a turn and its retries take.
    pub const SHORTEST: Duration = Duration::from_secs(60 * 60);
}

impl Default for RetentionSettings {
    fn default() -> Self {
        let days = |days: u64| Some(Duration::from_secs(days * 24 * 60 * 60));
        Self {
            sessions: days(90),
            journals: days(30),
            session_store: None,
            sweep_interval: Duration::from_secs(10 * 60),
            rows_per_second: 1_000,
        }
    }
}

/// Starts the worker; it is waited for like a turn, and ends between two steps.
pub fn start(app: &Arc<App>) {
    app.turns.spawn(run(app.clone()));
    app.turns.spawn(tidy(app.clone()));
}

async fn run(app: Arc<App>) {
    let interval = app.settings.retention.sweep_interval;
    // Processes that start together do not sweep together.
    let mut pause = interval.mul_f64(jitter(&app) / 10.0);
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = pass(&app) => {}
        }
        pause = interval.mul_f64(1.0 + jitter(&app) / 10.0);
    }
}

/// From 0 to 1.
fn jitter(app: &App) -> f64 {
    let random = app.ids.uuid();
    let digits = random.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    f64::from(digits.unwrap_or(0)) / f64::from(u32::MAX)
}

async fn pass(app: &App) {
    let settings = app.settings.retention;
    let now = app.clock.now();
    let before = |keep: Duration| {
        let nanos = i64::try_from(keep.as_nanos()).unwrap_or(i64::MAX);
        Timestamp::from_nanos(now.as_nanos().saturating_sub(nanos))
    };
    let steps = |before| Sweeping::Steps { before, now, is_end: is_end_of_turn };
    let all = [
        (SweptKind::Sessions, settings.sessions.map(before).map(Sweeping::Sessions)),
        (SweptKind::Journals, settings.journals.map(before).map(steps)),
        (SweptKind::StoredSessions, settings.session_store.map(before).map(Sweeping::StoredSessions)),
        (SweptKind::ClientTokens, Some(Sweeping::ClientTokens(now))),
        (SweptKind::Memories, Some(Sweeping::Memory(now))),
    ];
    for (kind, what) in all {
        let Some(what) = what else { continue };
        if let Err(error) = sweep(app, kind, what).await {
            // The next pass goes on where this one stopped.
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, kind = kind.name(), "a sweep of {} stopped: {error}", kind.name());
        }
    }
}

async fn sweep(app: &App, kind: SweptKind, what: Sweeping) -> Result<(), StoreError> {
    let (mut sweep, mut rows, mut gone) = (Sweep::new(what), 0, 0);
    let ended = loop {
        let swept = match app.store.sweep(&mut sweep).await {
            Ok(swept) => swept,
            Err(error) => break Err(error),
        };
        rows += swept.rows;
        gone += swept.gone;
        app.metrics.swept(kind, swept.gone);
        if swept.done {
            break Ok(());
        }
        let cost = u32::try_from(swept.rows.max(LOOK_ROWS)).unwrap_or(u32::MAX);
        tokio::time::sleep(Duration::from_secs(1) * cost / app.settings.retention.rows_per_second.max(1)).await;
    };
    if gone > 0 {
        tracing::info!(kind = kind.name(), gone, rows, "swept {gone} {} with {rows} rows", kind.name());
    }
    ended
}

/// Folds the store's log into its database when nothing has been written for a while, so that a store at rest takes the
/// space of what it holds.
async fn tidy(app: Arc<App>) {
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(TIDY_INTERVAL) => {}
        }
        if let Err(error) = app.store.fold_log_at_rest().await {
            // Nothing depends on it.
            tracing::debug!(%error, "the store's log was not folded: {error}");
        }
    }
}
