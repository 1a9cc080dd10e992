//! One process of a function: its life from start to end, and the event it works on.

use super::code::Code;
use super::logs::Logs;
use super::pool::Pool;
use super::{process, runtime_api};
use crate::failure::Failure;
use bytes::Bytes;
use serde_json::json;
use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

/// However short the idle time-out, a process is looked at no more often than this.
const LOOK_INTERVAL_MIN: Duration = Duration::from_millis(10);
/// Most connections one process may keep to us.
const CONNECTIONS_MAX: usize = 8;
/// How long we read what an ended process has printed; what it started may hold its streams open.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(200);

/// One process, as the pool and its connections see it.
pub(super) struct Instance {
    pub(super) code_version: u64,
    pub(super) logs: Logs,
    state: Mutex<State>,
    /// Ends the process.
    end: CancellationToken,
}

/// What a process is about.
enum State {
    /// It has not asked for an event yet.
    Starting,
    /// It has said why it cannot start.
    Refused(Bytes),
    /// It waits for an event.
    Idle { hand_over: oneshot::Sender<Event>, since: Instant },
    /// It works on an event.
    Busy { request_id: String, reply: oneshot::Sender<Reply>, response_bytes_max: usize },
    /// It has answered and not asked for the next event yet.
    Answered,
    /// It gets no more events.
    Done,
}

/// The phases that the pool counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Answered,
    Other,
}

/// What a process is to work on.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    /// JSON for the function beside its event.
    pub(super) client_context: Option<String>,
    /// Since the epoch.
    pub(super) deadline_millis: i64,
    pub(super) arn: String,
}

/// How its work ended.
#[derive(Debug)]
pub(super) enum Reply {
    Answered(Bytes),
    /// With Lambda's error payload.
    Failed(Bytes),
    TooLarge {
        bytes: Option<u64>,
        limit: usize,
    },
    /// The process ended first; status in Lambda's words.
    Ended {
        status: String,
    },
}

/// An event on its way.
pub(super) struct Begun {
    pub(super) request_id: String,
    pub(super) reply: oneshot::Receiver<Reply>,
    /// What is logged after it belongs to the event.
    pub(super) log_mark: u64,
}

impl Instance {
    /// Gives a waiting process its event; returns the event when it does not wait any more.
    pub(super) fn begin(&self, event: Event, response_bytes_max: usize) -> Result<Begun, Event> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Done) {
            State::Idle { hand_over, .. } => {
                let (sender, reply) = oneshot::channel();
                let begun = Begun { request_id: event.request_id.clone(), reply, log_mark: self.logs.mark() };
                *state = State::Busy { request_id: event.request_id.clone(), reply: sender, response_bytes_max };
                hand_over.send(event).map(|()| begun).inspect_err(|_| *state = State::Done)
            }
            other => {
                *state = other;
                Err(event)
            }
        }
    }

    /// Ends the process; what it works on is lost.
    pub(super) fn kill(&self) {
        self.end.cancel();
    }

    /// Ends the process if it still works on this event, whose caller has given up: it cannot be used meanwhile.
    pub(super) fn abandon(&self, request_id: &str) {
        let mut state = self.state();
        if matches!(&*state, State::Busy { request_id: own, .. } if own == request_id) {
            *state = State::Done;
            drop(state);
            self.kill();
        }
    }

    /// The process asks for an event. `None` when it may not ask now. With the phase it was in before, when it was
    /// not waiting already.
    pub(super) fn ask(&self) -> Option<(oneshot::Receiver<Event>, Option<Phase>)> {
        if self.end.is_cancelled() {
            return None;
        }
        let mut state = self.state();
        let before = match &*state {
            State::Starting => Some(Phase::Starting),
            State::Answered => Some(Phase::Answered),
            // Its first connection broke and this is the second.
            State::Idle { .. } => None,
            State::Refused(_) | State::Busy { .. } | State::Done => return None,
        };
        let (hand_over, receiver) = oneshot::channel();
        *state = State::Idle { hand_over, since: Instant::now() };
        Some((receiver, before))
    }

    /// How long the answer to an event may be; `None` when the process does not work on it.
    pub(super) fn response_bytes_max(&self, request_id: &str) -> Option<usize> {
        match &*self.state() {
            State::Busy { request_id: own, response_bytes_max, .. } if own == request_id => Some(*response_bytes_max),
            _ => None,
        }
    }

    /// Takes the answer to an event; `false` when the process does not work on it (any more).
    pub(super) fn answer(&self, request_id: &str, reply: Reply, answered: impl FnOnce()) -> bool {
        let mut state = self.state();
        if !matches!(&*state, State::Busy { request_id: own, .. } if own == request_id) {
            return false;
        }
        let before = std::mem::replace(&mut *state, State::Answered);
        drop(state);
        answered();
        if let State::Busy { reply: waiting, .. } = before {
            // Whoever asked may have given up meanwhile; then the process is being ended.
            let _ = waiting.send(reply);
        }
        true
    }

    /// The process says why it cannot start; `false` when it has started already.
    pub(super) fn refuse(&self, payload: Bytes) -> bool {
        let mut state = self.state();
        let starting = matches!(*state, State::Starting);
        if starting {
            *state = State::Refused(payload);
            drop(state);
            self.kill();
        }
        starting
    }

    fn is_starting(&self) -> bool {
        matches!(*self.state(), State::Starting)
    }

    fn idle_since(&self) -> Option<Instant> {
        match &*self.state() {
            State::Idle { since, .. } => Some(*since),
            _ => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The life of one process: start, events, end. Runs as a task of the host; the process ends with it.
pub(super) async fn live(pool: Arc<Pool>, code: Arc<Code>) {
    let instance = Arc::new(Instance {
        code_version: code.version,
        logs: Logs::new(Arc::clone(&pool.function.name)),
        state: Mutex::new(State::Starting),
        end: pool.shared.shutdown.child_token(),
    });
    let ended = match start(&pool, &code).await {
        Ok((mut child, listener)) => {
            let mut readers = JoinSet::new();
            if let Some(stream) = child.stdout.take() {
                readers.spawn(instance.logs.clone().read(stream));
            }
            if let Some(stream) = child.stderr.take() {
                readers.spawn(instance.logs.clone().read(stream));
            }
            let leader = child.id();
            let end = run(&pool, &instance, &mut child, &listener).await;
            process::kill_group(leader);
            let not_up = matches!(end, End::NotUp);
            let status = match end {
                End::Exited(status) => status.map_or_else(|error| error.to_string(), process::status_text),
                End::Killed | End::NotUp => {
                    // Killed, so it ends; and if the system refuses to say so, there is nothing left to wait for.
                    let _ = child.wait().await;
                    "signal: killed".to_owned()
                }
            };
            // What it started outside its group may hold the streams for ever.
            let _ = timeout(LAST_WORDS_TIMEOUT, async { while readers.join_next().await.is_some() {} }).await;
            Ok((status, not_up))
        }
        Err(failure) => Err(failure),
    };
    finish(&pool, &instance, ended);
}

enum End {
    Exited(io::Result<ExitStatus>),
    Killed,
    /// It did not ask for an event in time.
    NotUp,
}

async fn start(pool: &Pool, code: &Code) -> Result<(Child, TcpListener), Failure> {
    let failed = |error: io::Error| Failure::unreachable("could not be started", error.to_string());
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let child = process::start(&pool.shared, &pool.function, code, address).await?;
    Ok((child, listener))
}

/// Serves the process's connections until it ends or is to be ended.
async fn run(pool: &Arc<Pool>, instance: &Arc<Instance>, child: &mut Child, listener: &TcpListener) -> End {
    let idle_timeout = pool.shared.config.idle_timeout;
    let up_by = Instant::now() + pool.shared.config.init_timeout;
    let serve = |socket| runtime_api::serve(socket, Arc::clone(instance), Arc::clone(pool));
    let mut connections = JoinSet::new();
    let mut look_at = up_by.min(Instant::now() + idle_timeout);
    loop {
        tokio::select! {
            biased;
            () = instance.end.cancelled() => return End::Killed,
            status = child.wait() => return End::Exited(status),
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                // An accept that fails concerns a connection that is gone already.
                if let Ok((socket, _)) = accepted {
                    connections.spawn(serve(socket));
                }
            }
            Some(_) = connections.join_next() => {}
            () = sleep_until(look_at) => {
                let now = Instant::now();
                if instance.is_starting() {
                    if up_by <= now {
                        return End::NotUp;
                    }
                    look_at = up_by.min(now + idle_timeout.max(LOOK_INTERVAL_MIN));
                    continue;
                }
                let due = instance.idle_since().map_or(now, |since| since) + idle_timeout;
                if due <= now && pool.withdraw(instance) {
                    return End::Killed;
                }
                look_at = due.max(now + LOOK_INTERVAL_MIN);
            }
        }
    }
}

/// Tells the pool and whoever waits that the process is gone.
fn finish(pool: &Arc<Pool>, instance: &Arc<Instance>, ended: Result<(String, bool), Failure>) {
    let log = instance.logs.since(0);
    let last = std::mem::replace(&mut *instance.state(), State::Done);
    let (status, not_up) = match ended {
        Ok(ended) => ended,
        Err(failure) => {
            tracing::warn!(function = &*pool.function.name, ?failure, "a function's process could not be started");
            return pool.ended(instance, Phase::Starting, Some(failure));
        }
    };
    match last {
        State::Refused(payload) => pool.ended(instance, Phase::Starting, Some(Failure::Init { payload, log })),
        State::Starting => {
            let init_timeout = pool.shared.config.init_timeout;
            let failure = if not_up {
                Failure::NotReached { after: init_timeout, why: "it did not start", log }
            } else {
                let message = format!("Runtime exited with error: {status}");
                let payload = json!({"errorType": "Runtime.ExitError", "errorMessage": message});
                Failure::Init { payload: Bytes::from(payload.to_string()), log }
            };
            pool.ended(instance, Phase::Starting, Some(failure));
        }
        State::Busy { reply, .. } => {
            pool.ended(instance, Phase::Other, None);
            // Nobody listens when it was ended because its caller had given up.
            let _ = reply.send(Reply::Ended { status });
        }
        State::Answered => pool.ended(instance, Phase::Answered, None),
        State::Idle { .. } | State::Done => pool.ended(instance, Phase::Other, None),
    }
}
