//! The worker that looks after turns without a client: those that were cut off by the end of their process, and those whose
//! callback has come or is overdue. A few at a time; a request that attaches comes first.

use super::emit::{Emitter, Speaker};
use super::history;
use super::lease;
use super::recorded::Recorded;
use super::sessions::{SessionGuard, SessionName, SessionPolicy, SessionSettings, Way};
use super::take_up::{self, How};
use crate::App;
use crate::edge::event_stream::FrameSender;
use crate::errors::{self, OpResult};
use crate::metrics::TurnEnd;
use outcrop_store::{DueTurn, OrphanedTurn, RequestHashes, TurnRef};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// What becomes of turns that were cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecoveredTurns {
    /// Brought to their next boundary, where they wait for their request to come again.
    #[default]
    Wait,
    /// Driven to their end.
    Finish,
}

/// Settings of turns without a client.
#[derive(Clone, Debug)]
pub struct RecoverySettings {
    /// What becomes of turns that were cut off.
    pub turns: RecoveredTurns,
    /// Most turns without a client that are driven at a time.
    pub turns_at_once_max: usize,
    /// How often is looked for them.
    pub interval: Duration,
    /// How long a server that shares its store is taken for alive after it was last heard of.
    pub lease: Duration,
    /// Where callbacks reach this server, without a slash at its end; where it listens, when absent.
    pub public_url: Option<String>,
}

impl Default for RecoverySettings {
    fn default() -> Self {
        Self {
            turns: RecoveredTurns::Wait,
            turns_at_once_max: 16,
            interval: Duration::from_secs(5),
            lease: Duration::from_secs(15),
            public_url: None,
        }
    }
}

impl RecoverySettings {
    pub(super) fn callback_url<'a>(&'a self, endpoint: &'a str) -> &'a str {
        self.public_url.as_deref().unwrap_or(endpoint)
    }
}

/// Wakes the worker.
#[derive(Debug, Default)]
pub struct RecoveryQueue {
    wake: Notify,
}

impl RecoveryQueue {
    /// To be called when there is something to look after that was not there before.
    pub fn look_again(&self) {
        self.wake.notify_one();
    }
}

/// Says that this process works on the store. To be called before requests are answered. `before` is a process that is known
/// to be gone: nobody waits for the end of its lease.
///
/// # Errors
/// Those of the store.
pub async fn prepare(app: &Arc<App>, before: Option<String>) -> OpResult<()> {
    if let Some(before) = before {
        app.store.forget_lease(before).await?;
    }
    Ok(lease::renew(app).await?)
}

/// Starts the worker; it is waited for like a turn.
pub fn start(app: &Arc<App>) {
    app.turns.spawn(work(app.clone()));
    let app = app.clone();
    app.turns.clone().spawn(async move { lease::keep(&app).await });
}

/// Says that this process is gone, so that nobody waits for the end of its lease. To be called when all turns have ended or
/// are left to their journals.
pub async fn end(app: &App) {
    let released = app.store.release_lease(app.lease.owner().to_owned(), app.clock.now()).await;
    if let Err(error) = released {
        tracing::warn!(error = &error as &dyn std::error::Error, "the lease was not given up; it runs out");
    }
}

async fn work(app: Arc<App>) {
    let mut driven: JoinSet<()> = JoinSet::new();
    // Alone in its store a process finds at its start whatever was cut off, and nothing later.
    let mut is_first = true;
    loop {
        let looked = look(&app, &mut driven, is_first || app.store.is_shared()).await;
        is_first &= !looked.as_ref().is_ok_and(|(_, is_all)| *is_all);
        let next = looked.map(|(next, _)| next).unwrap_or_else(|error| {
            tracing::error!(code = error.code, "turns without a client were not looked after; it is tried again");
            app.settings.recovery.interval
        });
        tokio::select! {
            () = app.stopping.cancelled() => break,
            () = app.recovery.wake.notified() => {}
            Some(_) = driven.join_next(), if !driven.is_empty() => {}
            () = tokio::time::sleep(next) => {}
        }
    }
    // Each sees for itself that the process is to end.
    while driven.join_next().await.is_some() {}
}

/// Takes up as many as there are places; gives when to look again, and whether all were taken up.
async fn look(app: &Arc<App>, driven: &mut JoinSet<()>, for_orphans: bool) -> OpResult<(Duration, bool)> {
    let settings = &app.settings.recovery;
    while driven.try_join_next().is_some() {}
    let now = app.clock.now();
    let places = settings.turns_at_once_max.saturating_sub(driven.len());
    let (due, next) = app.store.read(move |tx| tx.due_callbacks(now, places)).await?;
    for due in due {
        if !due.is_asleep {
            app.store.silence_callbacks(due.turn.session, now).await?;
            continue;
        }
        if let Some(request) = due.request.clone()
            && let Some(held) = hold(app, &due.name, request).await
        {
            driven.spawn(wake(app.clone(), due, held));
        }
    }
    let (mut after, mut is_all) = (0, true);
    loop {
        if !for_orphans {
            break;
        }
        let places = settings.turns_at_once_max.saturating_sub(driven.len());
        if places == 0 {
            is_all = false;
            break;
        }
        let orphans = app.store.read(move |tx| tx.orphaned_turns(now, after, places)).await?;
        let Some(last) = orphans.last() else { break };
        after = last.turn.session;
        for orphan in orphans {
            // One that has somebody who asks for it needs nobody else.
            let Some(held) = hold(app, &orphan.name, orphan.request.clone()).await else { continue };
            driven.spawn(recover(app.clone(), orphan, held));
        }
    }
    let due_in = next.map(|next| Duration::from_nanos(u64::try_from(next.as_nanos() - now.as_nanos()).unwrap_or(0)));
    Ok((due_in.map_or(settings.interval, |due_in| due_in.min(settings.interval)), is_all))
}

/// The right to a session, if nobody has it.
async fn hold(app: &Arc<App>, [agent, alias, session]: &[String; 3], request: RequestHashes) -> Option<SessionGuard> {
    let name: SessionName = (agent.as_str().into(), alias.as_str().into(), session.as_str().into());
    let settings = SessionSettings { wait: Duration::ZERO, ..app.settings.sessions };
    match app.sessions.enter_for(name, SessionPolicy::Refuse, settings, request).await {
        Ok(Way::Right(held)) => Some(held),
        _ => None,
    }
}

async fn recover(app: Arc<App>, orphan: OrphanedTurn, held: SessionGuard) {
    let OrphanedTurn { turn, name, goes_on, cut_off, .. } = orphan;
    let taken = app.store.take_over(turn, app.lease.owner().to_owned(), app.clock.now()).await;
    let to_boundary = !goes_on && app.settings.recovery.turns == RecoveredTurns::Wait;
    let Some(at) = told(taken.map_err(Into::into), turn).flatten() else { return };
    tracing::info!(
        session_id = name[2],
        turn = at.turn,
        cut_off,
        to_boundary,
        "a turn of session {} is taken up that was cut off",
        name[2]
    );
    told(go_on(&app, at, &name, (cut_off, to_boundary), held).await, at);
}

async fn wake(app: Arc<App>, due: DueTurn, held: SessionGuard) {
    let woken = app.store.wake_turn(due.turn, app.lease.owner().to_owned(), app.clock.now()).await;
    let Some(at) = told(woken.map_err(Into::into), due.turn).flatten() else { return };
    tracing::debug!(session_id = due.name[2], turn = at.turn, "a turn was woken");
    told(go_on(&app, at, &due.name, (false, false), held).await, at);
}

/// Drives a turn that is this process's, with nobody to see it.
async fn go_on(
    app: &Arc<App>,
    at: TurnRef,
    name: &[String; 3],
    (cut_off, to_boundary): (bool, bool),
    held: SessionGuard,
) -> OpResult<()> {
    let speaker =
        Speaker { agent: None, caller_chain: Vec::new(), collaborator_name: None, session_id: name[2].as_str().into() };
    let mut emitter = Emitter::new(FrameSender::nobody(), speaker);
    let session = app.store.read(move |tx| tx.kept_session(at.session)).await?.ok_or_else(errors::not_found)?;
    let attributes = session.session.attributes;
    history::before(app, at, &attributes).await?;
    let mut recorded = Recorded::of(app, at, attributes, &emitter, false).await?;
    drop(recorded.read(app).await?);
    let how = How { cut_off, stream: false, traced: false, to_boundary, above: None };
    let (mut driver, decision, unwritten) = take_up::resume(app, at, recorded, how, held, &mut emitter).await?;
    let running = app.metrics.turn_begins();
    let ended = driver.drive(decision, unwritten).await;
    drop(running);
    app.metrics.turn_ended(match &ended {
        Ok(ended) => ended.metric(),
        Err(_) => TurnEnd::Failed,
    });
    // What the client would have been told is in the journal.
    ended.map(drop)
}

fn told<T>(result: OpResult<T>, turn: TurnRef) -> Option<T> {
    result
        .map_err(|error| {
            let (code, reason) = (error.code, &error.message);
            tracing::warn!(session = turn.session, turn = turn.turn, code, reason, "a turn without a client ended so");
        })
        .ok()
}
