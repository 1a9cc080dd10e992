//! The warm processes of one function, and the calls that wait for one.

use super::code::{self, Code};
use super::instance::{self, Begun, Event, Instance, Phase, Reply};
use super::{Function, Shared};
use crate::InvokeLimits;
use crate::failure::{Answer, Failure};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

/// Most calls that wait for a process of one function.
const WAITERS_MAX: usize = 1_000;
/// Most processes of one function that start at once: a first one that is up may serve all that wait.
const STARTS_MAX: usize = 2;
/// A call waits this long for a process that has just answered before another process is started for it.
const PATIENCE: Duration = Duration::from_millis(50);

pub(super) struct Pool {
    pub(super) shared: Arc<Shared>,
    pub(super) function: Function,
    queue: Mutex<Queue>,
    /// Held while the code is looked at, so that one call does it for all.
    look: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Queue {
    /// Processes that wait for an event; the one used last comes last and is used first, so that the others may age.
    idle: Vec<Arc<Instance>>,
    waiters: VecDeque<oneshot::Sender<Result<Handover, Failure>>>,
    /// Processes that run or start.
    processes: usize,
    /// Of these, those that have not asked for an event yet. Signed, for two connections of one process may report
    /// out of order.
    starting: isize,
    /// Of these, those that have answered and not asked for the next event yet.
    answered: isize,
    code: Option<Arc<Code>>,
    /// Until when the code counts as unchanged.
    fresh_until: Option<Instant>,
    retired: bool,
}

impl Pool {
    pub(super) fn new(shared: Arc<Shared>, function: Function) -> Self {
        Self { shared, function, queue: Mutex::default(), look: tokio::sync::Mutex::default() }
    }

    /// One event, from waiting for a process to its answer.
    pub(super) async fn call(
        self: &Arc<Self>,
        arn: String,
        payload: Bytes,
        client_context: Option<String>,
        limits: InvokeLimits,
    ) -> Result<Answer, Failure> {
        let deadline = Instant::now() + limits.timeout;
        let mut event = Event { request_id: self.shared.ids.uuid(), payload, client_context, deadline_millis: 0, arn };
        loop {
            let Ok(acquired) = timeout_at(deadline, self.acquire()).await else {
                return Err(Failure::NotReached { after: limits.timeout, why: self.why_waiting(), log: String::new() });
            };
            let instance = acquired?;
            let left = deadline.saturating_duration_since(Instant::now());
            // What ends it, and what is said about it: the function's own time-out or the caller's patience.
            let (ends_after, said) = match self.function.local.timeout {
                own if own <= left => (own, own),
                _ => (left, limits.timeout),
            };
            let millis = i64::try_from(ends_after.as_millis()).unwrap_or(i64::MAX);
            event.deadline_millis = self.shared.clock.now().as_millis().saturating_add(millis);
            match instance.begin(event, limits.response_bytes_max) {
                Ok(begun) => return self.finish(&instance, begun, ends_after, said, limits.log_tail).await,
                // Its connection had gone; it is on its way out.
                Err(returned) => {
                    instance.kill();
                    event = returned;
                }
            }
        }
    }

    async fn finish(
        &self,
        instance: &Arc<Instance>,
        begun: Begun,
        ends_after: Duration,
        said: Duration,
        log_tail: bool,
    ) -> Result<Answer, Failure> {
        let Begun { request_id, reply, log_mark } = begun;
        let reply = {
            let _working = AbandonOnDrop { instance, request_id: &request_id };
            timeout(ends_after, reply).await
        };
        let log = || instance.logs.since(log_mark);
        match reply {
            Err(_) => Err(Failure::TimedOut { request_id, after: said, log: log() }),
            Ok(Err(_)) => Err(Failure::Exited { request_id, status: "unknown".to_owned(), log: log() }),
            Ok(Ok(reply)) => {
                let (payload, function_error) = match reply {
                    Reply::Answered(payload) => (payload, false),
                    Reply::Failed(payload) => (payload, true),
                    Reply::TooLarge { bytes, limit } => return Err(Failure::TooLarge { bytes, limit }),
                    Reply::Ended { status } => return Err(Failure::Exited { request_id, status, log: log() }),
                };
                if log_tail {
                    instance.logs.settle().await;
                }
                Ok(Answer { payload, function_error, log: if log_tail { log() } else { String::new() } })
            }
        }
    }

    /// A process with current code that waits for an event.
    async fn acquire(self: &Arc<Self>) -> Result<Arc<Instance>, Failure> {
        self.refresh_code().await?;
        let (receiver, start) = {
            let mut queue = self.queue();
            if let Some(instance) = queue.idle.pop() {
                return Ok(instance);
            }
            queue.waiters.retain(|waiter| !waiter.is_closed());
            if queue.waiters.len() >= WAITERS_MAX {
                return Err(Failure::unreachable("has too many calls waiting already", ""));
            }
            let (sender, receiver) = oneshot::channel();
            queue.waiters.push_back(sender);
            (receiver, self.claim_start(&mut queue, true))
        };
        self.start(start);
        let mut receiver = receiver;
        let handed = match timeout(PATIENCE, &mut receiver).await {
            Ok(handed) => handed,
            Err(_) => {
                // What has answered does not come back at once: do not count on it.
                let start = self.claim_start(&mut self.queue(), false);
                self.start(start);
                receiver.await
            }
        };
        match handed {
            Ok(handover) => handover?.take().ok_or_else(|| Failure::unreachable("lost its process", "")),
            Err(_) => Err(Failure::unreachable("is not run any more", "")),
        }
    }

    /// A process asks for an event: the one that has waited longest gets it, unless its code is outdated.
    pub(super) fn became_idle(self: &Arc<Self>, instance: &Arc<Instance>, before: Phase) {
        let (keep, start) = {
            let mut queue = self.queue();
            queue.leave(before);
            let current = queue.code.as_ref().is_some_and(|code| code.version == instance.code_version);
            let keep = current && self.offer(&mut queue, instance);
            (keep, self.claim_start(&mut queue, true))
        };
        if !keep {
            instance.kill();
        }
        self.start(start);
    }

    /// A process has answered; it will ask for the next event presently.
    pub(super) fn answered(&self) {
        self.queue().answered += 1;
    }

    /// A process is gone. `failure` tells why one never came up: all that wait hear it, for the next would fail alike.
    pub(super) fn ended(self: &Arc<Self>, instance: &Arc<Instance>, last: Phase, failure: Option<Failure>) {
        let (disappointed, start) = {
            let mut queue = self.queue();
            queue.processes = queue.processes.saturating_sub(1);
            queue.leave(last);
            queue.idle.retain(|idle| !Arc::ptr_eq(idle, instance));
            if self.shared.shutdown.is_cancelled() {
                // Nothing is started any more; whoever waits hears it by the end of the channel.
                queue.waiters.clear();
            }
            let current = queue.code.as_ref().is_some_and(|code| code.version == instance.code_version);
            match failure.filter(|_| current) {
                Some(failure) => (Some((std::mem::take(&mut queue.waiters), failure)), None),
                None => (None, self.claim_start(&mut queue, true)),
            }
        };
        if let Some((waiters, failure)) = disappointed {
            for waiter in waiters {
                // A waiter that has given up needs no reason.
                let _ = waiter.send(Err(failure.clone()));
            }
        }
        self.start(start);
    }

    pub(super) fn processes(&self) -> usize {
        self.queue().processes
    }

    /// Takes a process out of the idle ones; `false` when a call has got hold of it.
    pub(super) fn withdraw(&self, instance: &Arc<Instance>) -> bool {
        let mut queue = self.queue();
        let before = queue.idle.len();
        queue.idle.retain(|idle| !Arc::ptr_eq(idle, instance));
        queue.idle.len() < before
    }

    /// Ends idle processes now and the others after their event.
    pub(super) fn retire(&self) {
        let idle = {
            let mut queue = self.queue();
            queue.retired = true;
            std::mem::take(&mut queue.idle)
        };
        idle.iter().for_each(|instance| instance.kill());
    }

    /// Hands a process to a waiter or lays it by; `false` when it is not needed any more. Under the lock.
    fn offer(self: &Arc<Self>, queue: &mut Queue, instance: &Arc<Instance>) -> bool {
        let mut handover = Handover { instance: Some(Arc::clone(instance)), pool: Arc::clone(self) };
        while let Some(waiter) = queue.waiters.pop_front() {
            match waiter.send(Ok(handover)) {
                Ok(()) => return true,
                // The waiter has given up: on to the next with the same process.
                Err(Ok(returned)) => handover = returned,
                Err(Err(_)) => return false,
            }
        }
        // Taken apart here, for dropping it whole would come back to the lock that is held.
        let instance = handover.take();
        if queue.retired {
            return false;
        }
        queue.idle.extend(instance);
        true
    }

    /// The code to start another process with, counted as starting already, when one is wanted and allowed.
    /// `patient` counts on processes that have just answered to come back for what waits.
    fn claim_start(&self, queue: &mut Queue, patient: bool) -> Option<Arc<Code>> {
        let waiting = isize::try_from(queue.waiters.len()).unwrap_or(isize::MAX);
        let coming = queue.starting.max(0) + if patient { queue.answered.max(0) } else { 0 };
        let allowed = queue.processes < self.shared.config.processes_per_function_max.max(1)
            && queue.starting < isize::try_from(STARTS_MAX).unwrap_or(1)
            && !self.shared.shutdown.is_cancelled();
        if waiting <= coming || !allowed {
            return None;
        }
        let code = queue.code.clone()?;
        queue.processes += 1;
        queue.starting += 1;
        Some(code)
    }

    fn start(self: &Arc<Self>, code: Option<Arc<Code>>) {
        if let Some(code) = code {
            self.shared.tasks.spawn(instance::live(Arc::clone(self), code));
        }
    }

    /// Looks at the code once per interval; when it changed, idle processes end and new calls get new ones.
    async fn refresh_code(&self) -> Result<(), Failure> {
        let is_fresh = || self.queue().fresh_until.is_some_and(|until| Instant::now() < until);
        if is_fresh() {
            return Ok(());
        }
        let _looking = self.look.lock().await;
        if is_fresh() {
            return Ok(());
        }
        let known = self.queue().code.clone();
        let (source, scratch) = (self.function.local.code.clone(), self.shared.scratch.join("code"));
        let layers = self.function.local.layers.clone();
        let known_stamp = known.as_ref().map(|code| code.stamp);
        let look = move || {
            let stamp = code::stamp(&source)?;
            let unchanged = known_stamp == Some(stamp);
            if unchanged {
                return Ok(None);
            }
            let layers = layers.iter().map(|layer| code::prepare(layer, &scratch)).collect::<Result<Vec<_>, _>>()?;
            code::prepare(&source, &scratch).map(|root| Some((root, layers, stamp)))
        };
        let changed = self
            .shared
            .tasks
            .spawn_blocking(look)
            .await
            .map_err(|error| Failure::unreachable("cannot be run", error.to_string()))??;
        let outdated = {
            let mut queue = self.queue();
            queue.fresh_until = Some(Instant::now() + self.shared.config.code_check_interval);
            match changed {
                None => Vec::new(),
                Some((root, layers, stamp)) => {
                    let version = known.map_or(0, |code| code.version + 1);
                    queue.code = Some(Arc::new(Code { root, layers, version, stamp }));
                    std::mem::take(&mut queue.idle)
                }
            }
        };
        if !outdated.is_empty() {
            tracing::info!(function = &*self.function.name, "code changed, processes are replaced");
        }
        outdated.iter().for_each(|instance| instance.kill());
        Ok(())
    }

    fn why_waiting(&self) -> &'static str {
        match self.queue().starting {
            1.. => "it did not start",
            _ => "all its processes were busy, and none became free",
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// A process leaves a phase that is counted.
    fn leave(&mut self, phase: Phase) {
        match phase {
            Phase::Starting => self.starting -= 1,
            Phase::Answered => self.answered -= 1,
            Phase::Other => {}
        }
    }
}

/// A process on its way to a waiter. Goes back to the pool when the waiter is gone before it arrives.
struct Handover {
    instance: Option<Arc<Instance>>,
    pool: Arc<Pool>,
}

impl Handover {
    fn take(mut self) -> Option<Arc<Instance>> {
        self.instance.take()
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        if let Some(instance) = self.instance.take() {
            self.pool.became_idle(&instance, Phase::Other);
        }
    }
}

/// Whoever stops waiting for an answer, by time-out or by being dropped, ends the process that still works on it.
struct AbandonOnDrop<'a> {
    instance: &'a Arc<Instance>,
    request_id: &'a str,
}

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        // Does nothing when the answer has come.
        self.instance.abandon(self.request_id);
    }
}
