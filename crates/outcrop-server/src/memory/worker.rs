//! The worker: finds idle sessions and jobs that are due, a few at a time, and sees each job to its end.
//!
//! It runs beside the turns and ends with the process. A job under way when the process is told to end is given back; one
//! that the end of the process cut off is found again at the next start.

use super::summarize::{self, Problem};
use crate::App;
use crate::errors::ApiError;
use crate::metrics::MemoryOutcome;
use outcrop_store::{IdleSession, MemoryJob};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Idle sessions that one write ends at most, so that it never holds the writer for long.
const END_AT_ONCE: usize = 16;
/// Longest time between two attempts.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(60 * 60);
/// How much longer than its model and its parser may take a job is held, for reading and writing.
const LEASE_SLACK: Duration = Duration::from_secs(60);

/// Starts the worker; it is waited for like a turn.
pub fn start(app: &Arc<App>) {
    app.turns.spawn(run(app.clone()));
}

async fn run(app: Arc<App>) {
    // Where no other process works on the store, whoever held a job is gone. Others' leases end by themselves.
    if !app.store.is_shared() {
        let released = app.store.write(|tx| Ok::<_, ApiError>(tx.release_memory_jobs()?)).await;
        if let Err(error) = released {
            tracing::error!(code = error.code, "memory jobs were not released");
        }
    }
    let mut jobs: JoinSet<()> = JoinSet::new();
    let mut after: Option<IdleSession> = None;
    loop {
        let looked = async {
            after = end_idle_sessions(&app, after.take()).await?;
            take_jobs(&app, &mut jobs).await
        };
        if let Err(error) = looked.await {
            tracing::error!(code = error.code, "the memory could not be worked on; it is tried again");
        }
        let pause = if after.is_some() { Duration::ZERO } else { app.settings.memory.sweep_interval };
        tokio::select! {
            () = app.stopping.cancelled() => break,
            () = app.memory.wake.notified() => {}
            Some(_) = jobs.join_next(), if !jobs.is_empty() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    // Each sees for itself that the process is to end.
    while jobs.join_next().await.is_some() {}
}

/// Ends some sessions whose idle time is over; gives where to go on when there may be more.
async fn end_idle_sessions(app: &Arc<App>, after: Option<IdleSession>) -> Result<Option<IdleSession>, ApiError> {
    let now = app.clock.now();
    let found = app.store.read(move |tx| tx.idle_sessions(now, after.as_ref(), END_AT_ONCE)).await?;
    let next = found.last().filter(|_| found.len() == END_AT_ONCE).cloned();
    let mut held = Vec::with_capacity(found.len());
    let mut numbers = Vec::with_capacity(found.len());
    for session in found {
        let name = (session.agent_id.into(), session.alias_id.into(), session.session_id.into());
        // A turn may take longer than the idle time; its end begins that anew.
        let Some(guard) = app.sessions.lock(name, Duration::ZERO).await else { continue };
        held.push(guard);
        numbers.push(session.session);
    }
    if !numbers.is_empty() {
        let work = move |tx: &mut outcrop_store::Tx<'_>| {
            numbers.iter().try_for_each(|session| tx.end_idle_session(*session, now).map(drop))
        };
        app.store.write::<_, ApiError, _>(move |tx| Ok(work(tx)?)).await?;
    }
    Ok(next)
}

/// Takes as many jobs as there are places.
async fn take_jobs(app: &Arc<App>, running: &mut JoinSet<()>) -> Result<(), ApiError> {
    let settings = &app.settings;
    let places = settings.memory.jobs_at_once_max.saturating_sub(running.len());
    if places == 0 {
        return Ok(());
    }
    let now = app.clock.now();
    let lease = settings.model_call_timeout + settings.tool_call_timeout + LEASE_SLACK;
    let leased_until = now.plus_seconds(i64::try_from(lease.as_secs()).unwrap_or(i64::MAX / 2_000_000_000));
    for job in app.store.claim_memory_jobs(now, leased_until, places).await? {
        running.spawn(work(app.clone(), job));
    }
    Ok(())
}

/// One attempt at a job, to its end.
async fn work(app: Arc<App>, job: MemoryJob) {
    let stopping = app.stopping.clone();
    let attempt = tokio::select! {
        attempt = summarize::summarize(&app, &job) => Some(attempt),
        () = stopping.cancelled() => None,
    };
    let MemoryJob { session, agent_id, session_id, attempts, .. } = &job;
    let (session, attempts_max) = (*session, app.settings.memory.attempts_max);
    let now = app.clock.now();
    let kept = match attempt {
        Some(Ok(outcome)) => {
            app.metrics.memory_job(outcome);
            return;
        }
        None => app.store.write(move |tx| tx.retry_memory_job(session, now, false)).await,
        Some(Err(Problem(reason))) if *attempts >= attempts_max => {
            tracing::error!(
                agent_id,
                session_id,
                attempts,
                reason,
                "session {session_id} of agent {agent_id} could not be summed up in {attempts} attempts and is given up: {reason}"
            );
            app.metrics.memory_job(MemoryOutcome::GivenUp);
            app.store.write(move |tx| tx.end_memory_job(session).map(drop)).await
        }
        Some(Err(Problem(reason))) => {
            tracing::warn!(
                agent_id,
                session_id,
                attempts,
                reason,
                "session {session_id} of agent {agent_id} could not be summed up; it is tried again: {reason}"
            );
            app.metrics.memory_job(MemoryOutcome::Failed);
            let delay = app.settings.memory.retry_delay.saturating_mul(1 << (attempts.saturating_sub(1)).min(20));
            let nanos = i64::try_from(delay.min(RETRY_DELAY_MAX).as_nanos()).unwrap_or(0);
            let due_at = outcrop_wire::Timestamp::from_nanos(now.as_nanos().saturating_add(nanos));
            app.store.write(move |tx| tx.retry_memory_job(session, due_at, true)).await
        }
    };
    if let Err(error) = kept {
        // Its lease ends, and it is found again.
        tracing::error!(error = &error as &dyn std::error::Error, session_id, "a memory job was not put back");
    }
}
