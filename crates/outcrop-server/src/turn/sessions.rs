//! One turn at a time in a session: who may run, who waits, who is called off.
//!
//! Requests are served in the order in which they came. What one does that finds its session taken is its
//! [`SessionPolicy`]: it is refused after a short wait, it queues, or it calls off the turn under way and all that came
//! before it. All of this is of one process.

mod running;

pub use running::RunningTurn;

use outcrop_planner::turn::CancelledBy;
use outcrop_store::RequestHashes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// A session as the wire names it: agent, alias, session.
pub type SessionName = (Arc<str>, Arc<str>, Arc<str>);

/// What a request does that finds another one at work in its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionPolicy {
    /// It is refused when the other one is not done shortly.
    #[default]
    Refuse,
    /// It waits for its place in the queue.
    Queue,
    /// The other one is called off.
    Interrupt,
}

impl SessionPolicy {
    /// All, by the names they have in settings, tags and headers.
    pub const NAMES: [(&'static str, Self); 3] =
        [("refuse", Self::Refuse), ("queue", Self::Queue), ("interrupt", Self::Interrupt)];

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(name, _)| *name == text).map(|(_, policy)| *policy)
    }
}

/// Settings of sessions that several requests want at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// What a request does when nobody says otherwise.
    pub policy: SessionPolicy,
    /// How long a request waits before it is refused.
    pub wait: Duration,
    /// Most requests that queue for one session.
    pub queue_length_max: usize,
    /// How long a request queues; also how long one waits for the turn that it calls off.
    pub queue_timeout: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            policy: SessionPolicy::Refuse,
            wait: Duration::from_secs(5),
            queue_length_max: 16,
            queue_timeout: Duration::from_secs(60),
        }
    }
}

/// Why a request does not get its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// The turn under way did not end in time.
    Refused,
    /// As many queue as may.
    QueueFull,
    /// It queued for as long as it may.
    QueuedTooLong,
    /// A newer request took its place.
    Interrupted,
}

/// Which sessions have a turn under way in this process, and who waits for them.
#[derive(Clone, Default)]
pub struct Sessions {
    places: Arc<Mutex<HashMap<SessionName, Place>>>,
}

/// A session that somebody wants.
struct Place {
    /// The right to run, given in the order of asking.
    right: Arc<Semaphore>,
    /// Requests that asked so far: the number of the latest.
    asked: u64,
    /// Requests up to this number are called off.
    interrupted: u64,
    /// Requests that run or wait.
    present: usize,
    waiting: usize,
    running: Option<Arc<RunningTurn>>,
}

impl Place {
    fn ask(&mut self, interrupts: bool) -> (u64, Arc<Semaphore>) {
        self.asked += 1;
        self.present += 1;
        if interrupts {
            self.interrupted = self.asked - 1;
            if let Some(running) = &self.running {
                running.cancel(CancelledBy::NextTurn);
            }
        }
        (self.asked, self.right.clone())
    }
}

impl Default for Place {
    fn default() -> Self {
        let right = Arc::new(Semaphore::new(1));
        Self { right, asked: 0, interrupted: 0, present: 0, waiting: 0, running: None }
    }
}

/// The right to run a turn; given back when dropped.
pub struct SessionGuard {
    permit: Option<OwnedSemaphorePermit>,
    visit: Visit,
    running: Arc<RunningTurn>,
}

impl SessionGuard {
    /// The turn that runs by this right.
    pub fn running(&self) -> &Arc<RunningTurn> {
        &self.running
    }
}

/// What a request finds.
pub enum Way {
    /// The right to run.
    Right(SessionGuard),
    /// Itself, sent before and under way.
    Same(Arc<RunningTurn>),
}

/// Counts a request in as long as it lives.
struct Visit {
    sessions: Sessions,
    name: SessionName,
    number: u64,
    is_waiting: bool,
}

impl Sessions {
    /// Waits for the session by a policy. `above` calls the turn off with the one that it works for.
    ///
    /// # Errors
    /// Why not. Dropping the future gives the place in the queue up.
    pub async fn enter(
        &self,
        name: SessionName,
        policy: SessionPolicy,
        settings: SessionSettings,
        above: Option<&CancellationToken>,
    ) -> Result<SessionGuard, Busy> {
        let asked = self.ask(name, policy == SessionPolicy::Interrupt);
        Self::wait(asked, policy, settings, above, None).await
    }

    /// As [`Sessions::enter`], for a request that may have come before: when it is under way, that is what it gets.
    ///
    /// # Errors
    /// As there.
    pub async fn enter_for(
        &self,
        name: SessionName,
        policy: SessionPolicy,
        settings: SessionSettings,
        request: RequestHashes,
    ) -> Result<Way, Busy> {
        let asked = match self.find_or_ask(name, policy == SessionPolicy::Interrupt, &request) {
            Ok(asked) => asked,
            Err(running) => return Ok(Way::Same(running)),
        };
        Self::wait(asked, policy, settings, None, Some(request)).await.map(Way::Right)
    }

    async fn wait(
        (mut visit, right): (Visit, Arc<Semaphore>),
        policy: SessionPolicy,
        settings: SessionSettings,
        above: Option<&CancellationToken>,
        request: Option<RequestHashes>,
    ) -> Result<SessionGuard, Busy> {
        // The usual case needs no timer.
        let permit = match right.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let is_room = visit.wait_in_line((policy == SessionPolicy::Queue).then_some(settings.queue_length_max));
                if !is_room {
                    return Err(Busy::QueueFull);
                }
                let (wait, too_long) = match policy {
                    SessionPolicy::Refuse => (settings.wait, Busy::Refused),
                    SessionPolicy::Queue | SessionPolicy::Interrupt => (settings.queue_timeout, Busy::QueuedTooLong),
                };
                let acquired = tokio::time::timeout(wait, right.acquire_owned()).await;
                acquired.map_err(|_| too_long)?.map_err(|_| too_long)?
            }
        };
        visit.run(permit, above, request)
    }

    /// Whether a turn is under way in the session, or one waits for it.
    pub fn is_held(&self, name: &SessionName) -> bool {
        self.with(|places| places.contains_key(name))
    }

    /// Waits for the session to be free, at most so long; `None` when it is not by then.
    pub async fn lock(&self, name: SessionName, wait: Duration) -> Option<SessionGuard> {
        let settings = SessionSettings { wait, ..SessionSettings::default() };
        self.enter(name, SessionPolicy::Refuse, settings, None).await.ok()
    }

    /// Turns under way in sessions of an id; `agent_id` and `alias_id` say of which agent where they are given.
    pub fn running(
        &self,
        session_id: &str,
        agent_id: Option<&str>,
        alias_id: Option<&str>,
    ) -> Vec<(SessionName, Arc<RunningTurn>)> {
        self.with(|places| {
            let wanted = places.iter().filter(|((agent, alias, session), _)| {
                **session == *session_id
                    && agent_id.is_none_or(|wanted| **agent == *wanted)
                    && alias_id.is_none_or(|wanted| **alias == *wanted)
            });
            wanted.filter_map(|(name, place)| Some((name.clone(), place.running.clone()?))).collect()
        })
    }

    fn ask(&self, name: SessionName, interrupts: bool) -> (Visit, Arc<Semaphore>) {
        let (number, right) = self.with(|places| places.entry(name.clone()).or_default().ask(interrupts));
        (Visit { sessions: self.clone(), name, number, is_waiting: false }, right)
    }

    /// A place in the line, or the same request that is under way.
    fn find_or_ask(
        &self,
        name: SessionName,
        interrupts: bool,
        request: &RequestHashes,
    ) -> Result<(Visit, Arc<Semaphore>), Arc<RunningTurn>> {
        let (number, right) = self.with(|places| {
            let place = places.entry(name.clone()).or_default();
            match &place.running {
                Some(running) if running.is_of(request) => Err(running.clone()),
                _ => Ok(place.ask(interrupts)),
            }
        })?;
        Ok((Visit { sessions: self.clone(), name, number, is_waiting: false }, right))
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashMap<SessionName, Place>) -> T) -> T {
        // The map is whole even if a holder panicked: no change of it can be half done.
        change(&mut self.places.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Visit {
    fn with<T>(&self, change: impl FnOnce(&mut Place) -> T) -> Option<T> {
        self.sessions.with(|places| places.get_mut(&self.name).map(change))
    }

    /// False when as many wait as may.
    fn wait_in_line(&mut self, most: Option<usize>) -> bool {
        let is_room = self.with(|place| {
            let is_room = most.is_none_or(|most| place.waiting < most);
            place.waiting += usize::from(is_room);
            is_room
        });
        self.is_waiting = is_room == Some(true);
        self.is_waiting
    }

    fn run(
        self,
        permit: OwnedSemaphorePermit,
        above: Option<&CancellationToken>,
        request: Option<RequestHashes>,
    ) -> Result<SessionGuard, Busy> {
        let running = Arc::new(RunningTurn::new(above, request));
        let is_interrupted = self.with(|place| {
            place.running = Some(running.clone());
            self.number <= place.interrupted
        });
        let mut guard = SessionGuard { permit: Some(permit), visit: self, running };
        guard.visit.leave_line();
        if is_interrupted == Some(true) { Err(Busy::Interrupted) } else { Ok(guard) }
    }

    fn leave_line(&mut self) {
        if std::mem::take(&mut self.is_waiting) {
            self.with(|place| place.waiting -= 1);
        }
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        // Before the next one runs, which puts its own turn there.
        self.visit.with(|place| place.running = None);
        self.permit = None;
        self.running.set_ended();
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.leave_line();
        self.sessions.with(|places| {
            if let Some(place) = places.get_mut(&self.name) {
                place.present -= 1;
                if place.present == 0 {
                    places.remove(&self.name);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
