//! The one loop: ask the machine, do what it says, journal what came of it, feed it back.

use super::begin::{self, Beginning};
use super::callback;
use super::cancel;
use super::collaborators::Scope;
use super::emit::{self, Emitter, failure};
use super::files::{self, Files};
use super::journal;
use super::lease;
use super::recorded::Recorded;
use super::request;
use super::sessions::{RunningTurn, SessionGuard};
use super::take_up;
use super::tools::{Calls, Stopped};
use super::windows;
use crate::App;
use crate::agents::prepared::Target;
use crate::bill::Payer;
use crate::errors::{self, ApiError, OpResult};
use crate::metrics::TurnEnd;
use outcrop_api::bedrock_agent_runtime::{Attribution, ReturnControlPayload};
use outcrop_planner::turn::recovery::SleepingCall;
use outcrop_planner::turn::{
    ControlReturned, Decision, Event, FailureKind, Limit, Output, Started, Step, Turn, TurnLimits,
};
use outcrop_store::{AwaitedCallback, FinishTurn, RequestHashes, TurnOutcome, TurnRef};
use outcrop_wire::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What an invocation wants.
pub struct TurnRequest {
    /// The agent it is for.
    pub target: Arc<Target>,
    /// Session as the client named it.
    pub session_id: Arc<str>,
    /// The user's words or the caller's results.
    pub input: TurnInput,
    /// Limits of a turn that begins; of one that goes on the time that it has from now.
    pub limits: TurnLimits,
    /// Whether the answer is wanted piece by piece.
    pub stream: bool,
    /// What the session is remembered under when it is over.
    pub memory_id: Option<String>,
    /// How the request is known when it comes again; a collaborator's is known to its supervisor only.
    pub request: Option<RequestHashes>,
    /// Whether a turn that waits for a callback makes way.
    pub interrupts: bool,
    /// How long it waits for a session that another server works on.
    pub patience: Duration,
    /// What the request was shown already of the turn that it came by before.
    pub recorded: Option<Box<Recorded>>,
    /// What the supervisor hands down, for a collaborator's turn.
    pub above: Option<Scope>,
}

/// What begins or continues a turn.
pub enum TurnInput {
    /// The user's words.
    Words(Box<Started>),
    /// The results of a return of control.
    Results {
        /// Which return of control.
        invocation_id: String,
        /// The results.
        returned: ControlReturned,
    },
    /// A fork of a turn, which is recorded already.
    Forked(Box<ForkedTurn>),
}

/// A turn that goes on in a session of its own.
pub struct ForkedTurn {
    pub(super) at: TurnRef,
    pub(super) next_seq: u32,
    pub(super) turn: Turn,
    pub(super) decision: Decision,
    pub(super) enable_trace: bool,
}

/// Runs a turn to its end and sends what is to be seen on the way. When the caller goes away, the turn goes on; when the
/// process goes away, the journal has it. A request whose turn is there already gets that one. `held` is let go of as soon
/// as the turn's end is written: the session does not wait for a slow reader of the last frames.
pub async fn run(app: Arc<App>, request: TurnRequest, held: SessionGuard, mut emitter: Emitter) {
    let running = app.metrics.turn_begins();
    let turn = held.running().clone();
    let ended = try_run(&app, request, held, &mut emitter).await;
    drop(running);
    app.metrics.turn_ended(match &ended {
        Ok(ended) => ended.metric(),
        Err(_) if turn.was_cancelled() => TurnEnd::Cancelled,
        Err(_) => TurnEnd::Failed,
    });
    let error = match ended {
        Ok(Ended::Finished { .. } | Ended::Suspended { .. }) => return,
        Ok(Ended::Asleep(sleep)) => sleep.error(),
        Ok(Ended::Left) => errors::stopping(),
        Err(error) => error,
    };
    emitter.exception(&error).await;
}

async fn try_run(app: &Arc<App>, request: TurnRequest, held: SessionGuard, emitter: &mut Emitter) -> OpResult<Ended> {
    match begin::begin(app, request, held, emitter).await? {
        Beginning::New(mut driver, decision) => driver.drive(decision, None).await,
        Beginning::Known(known) => take_up::known(app, *known, emitter).await,
    }
}

/// Runs a collaborator's turn; gives how it ended, and the session's attributes as it left them.
pub(super) async fn run_below(
    app: &Arc<App>,
    request: TurnRequest,
    held: SessionGuard,
    mut emitter: Emitter,
) -> OpResult<(Ended, BTreeMap<String, String>)> {
    match begin::begin(app, request, held, &mut emitter).await? {
        Beginning::New(mut driver, decision) => {
            let ended = driver.drive(decision, None).await?;
            Ok((ended, driver.turn.session_attributes().clone()))
        }
        // Its requests are not looked for.
        Beginning::Known(_) => Err(lost("a collaborator's turn was taken for another")),
    }
}

/// How a turn comes to its end for now.
pub(super) enum Ended {
    /// With its answer.
    Finished { text: String },
    /// With the caller's part.
    Suspended { payload: Box<ReturnControlPayload> },
    /// It waits for a callback.
    Asleep(Sleep),
    /// It was left at a boundary, for somebody to go on with it.
    Left,
}

impl Ended {
    /// As metrics count it.
    pub(super) fn metric(&self) -> TurnEnd {
        match self {
            Self::Finished { .. } => TurnEnd::Finished,
            Self::Suspended { .. } => TurnEnd::Suspended,
            Self::Asleep(_) => TurnEnd::Asleep,
            Self::Left => TurnEnd::Left,
        }
    }
}

/// What a turn sleeps for.
#[derive(Clone, Debug)]
pub(super) struct Sleep {
    /// When the last of it is given up.
    pub(super) until: Timestamp,
    /// The actions that answer later.
    pub(super) actions: String,
    /// The function of the first of them.
    pub(super) function_arn: String,
}

impl Sleep {
    /// Of these calls, and what collaborators sleep for.
    pub(super) fn of(own: &[SleepingCall], below: &[Self]) -> Option<Self> {
        let own = own.iter().map(|call| (call.until, call.action.as_str(), call.function_arn.as_str()));
        let below = below.iter().map(|sleep| (sleep.until, sleep.actions.as_str(), sleep.function_arn.as_str()));
        own.chain(below).fold(None, |sleep, (until, action, function_arn)| {
            Some(match sleep {
                None => Self { until, actions: action.to_owned(), function_arn: function_arn.to_owned() },
                Some(Self { until: before, actions, function_arn }) => {
                    Self { until: until.max(before), actions: format!("{actions}, {action}"), function_arn }
                }
            })
        })
    }

    /// What the caller's stream ends with.
    pub(super) fn error(self) -> ApiError {
        let resource = Some(self.function_arn).filter(|arn| !arn.is_empty());
        let message = format!(
            "The turn waits for {}, which answers later, until {} at most. Send the same request again to go on reading.",
            self.actions, self.until
        );
        emit::failure_of(FailureKind::Dependency, message, resource)
    }
}

/// A turn being driven.
pub(super) struct Driver<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) emitter: &'a Emitter,
    pub(super) turn: Turn,
    /// The right to the session, until the turn's end is written.
    pub(super) held: Option<SessionGuard>,
    /// The turn as others see it, who may call it off.
    pub(super) running: Arc<RunningTurn>,
    /// Where it is written.
    pub(super) at: TurnRef,
    pub(super) next_seq: u32,
    pub(super) ends_at: Instant,
    /// Who pays for its model.
    pub(super) payer: Payer,
    /// What is handed down to collaborators.
    pub(super) below: Scope,
    pub(super) stream: bool,
    /// The calls that are to be made next were under way before: collaborators go on with the turns that they have.
    pub(super) again: bool,
    /// A callback whose result is not written yet.
    pub(super) taken: Option<String>,
    /// What of the answer was shown while it was written.
    pub(super) shown: String,
    /// Files of the session that were read in this turn.
    pub(super) files: Files,
}

/// What comes of waiting for calls.
enum Next {
    Event(Box<Event>),
    Ended(Ended),
}

impl Driver<'_> {
    /// Drives the turn from a decision on, whose event may not be written yet.
    pub(super) async fn drive(&mut self, mut decision: Decision, mut unwritten: Option<Vec<u8>>) -> OpResult<Ended> {
        let mut calls: Option<Calls> = None;
        let (stopping, cancelled) = (self.app.stopping.clone(), self.running.token().clone());
        self.running.has_written(self.at);
        // `unwritten` is the last event as a row: written with the turn's end when it is the last, else before the next step.
        loop {
            let ends = matches!(decision.step, Step::Finish { .. } | Step::Fail { .. } | Step::ReturnControl(_));
            if !ends && let Some(row) = unwritten.take() {
                self.append(row).await?;
            }
            if !ends {
                let output = std::mem::take(&mut decision.output);
                tokio::select! {
                    () = self.emitter.output(output) => {}
                    // Nobody waits for a slow reader to have a turn called off.
                    () = cancelled.cancelled() => {}
                }
            }
            let asks = matches!(decision.step, Step::CallModel(_) | Step::Summarize(_) | Step::CallParser(_));
            let event = match decision.step {
                _ if asks && self.below.to_boundary => return self.leave().await,
                Step::CallModel(_) | Step::Summarize(_) | Step::CallParser(_) | Step::CallTools(_)
                    if cancelled.is_cancelled() =>
                {
                    self.cancel(calls.take()).await
                }
                Step::CallModel(_) | Step::Summarize(_) | Step::CallParser(_) | Step::CallTools(_)
                    if Instant::now() >= self.ends_at =>
                {
                    Event::LimitReached { at: self.app.clock.now(), limit: Limit::WallTime }
                }
                Step::CallModel(mut request) => {
                    files::put_in(self.app, self.at.session, &mut request, &mut self.files).await?;
                    // What was heard so far is durable, and asking a model changes nothing: the turn can stop here.
                    tokio::select! {
                        event = self.call_model(&request) => event,
                        () = stopping.cancelled() => return self.leave().await,
                        () = cancelled.cancelled() => self.cancel(None).await,
                    }
                }
                Step::Summarize(request) => {
                    tokio::select! {
                        event = self.call_model(&request) => windows::summarized(event, self.app),
                        () = stopping.cancelled() => return self.leave().await,
                        () = cancelled.cancelled() => self.cancel(None).await,
                    }
                }
                Step::CallParser(call) => {
                    // As asking a model: it changes nothing of ours.
                    tokio::select! {
                        event = self.call_parser(call) => event,
                        () = stopping.cancelled() => return self.leave().await,
                        () = cancelled.cancelled() => self.cancel(None).await,
                    }
                }
                Step::CallTools(_) if stopping.is_cancelled() => return self.leave().await,
                Step::CallTools(batch) => {
                    lease::check(self.app, self.at).await?;
                    let time_left = self.ends_at.saturating_duration_since(Instant::now());
                    let scope = self.turn.call_scope();
                    let again = std::mem::take(&mut self.again);
                    let context = self.turn.tool_context();
                    let started =
                        Calls::start(self.app, batch, context, time_left, self.below.clone(), (self.at, scope, again));
                    calls = Some(started);
                    match self.next_result(&mut calls).await? {
                        Next::Event(event) => *event,
                        Next::Ended(ended) => return Ok(ended),
                    }
                }
                Step::Wait => match self.next_result(&mut calls).await? {
                    Next::Event(event) => *event,
                    Next::Ended(ended) => return Ok(ended),
                },
                Step::ReturnControl(payload) => {
                    let invocation_id = payload.invocation_id.clone().unwrap_or_default();
                    self.finish(unwritten, TurnOutcome::Suspended { invocation_id }, Vec::new()).await?;
                    self.emitter.output(decision.output).await;
                    self.emitter.return_control(&payload).await;
                    return Ok(Ended::Suspended { payload: Box::new(payload) });
                }
                Step::Finish { text, attribution } => {
                    self.finish(unwritten, TurnOutcome::Finished, Vec::new()).await?;
                    finished(self.emitter, &self.shown, decision.output, &text, attribution).await;
                    return Ok(Ended::Finished { text });
                }
                Step::Fail { kind, message, resource } => {
                    if kind == FailureKind::Cancelled {
                        self.running.set_cancelled();
                    }
                    // A turn that waits for the caller's results once more is not over.
                    let outcome = match self.turn.awaited_invocation() {
                        Some(id) => TurnOutcome::Suspended { invocation_id: id.to_owned() },
                        None => TurnOutcome::Finished,
                    };
                    self.finish(unwritten, outcome, Vec::new()).await?;
                    self.emitter.output(decision.output).await;
                    return Err(failure(kind, message, resource));
                }
            };
            unwritten = Some(journal::event_row(&event));
            decision = self.turn.apply(event);
        }
    }

    /// The next result of the calls under way. What has ended already counts, also when the turn is called off.
    async fn next_result(&mut self, running: &mut Option<Calls>) -> OpResult<Next> {
        let next = match running.as_mut() {
            None => Ok(None),
            Some(calls) => tokio::select! {
                biased;
                next = tokio::time::timeout_at(self.ends_at, calls.next()) => next,
                () = self.running.token().cancelled() => return Ok(Next::Event(Box::new(self.cancel(running.take()).await))),
            },
        };
        match next {
            Ok(Some(event)) => Ok(Next::Event(Box::new(event))),
            Ok(None) if self.running.token().is_cancelled() => Ok(Next::Event(Box::new(self.cancel(None).await))),
            Ok(None) => self.without_calls(running.take().map(Calls::stopped).unwrap_or_default()).await,
            Err(_) => {
                Ok(Next::Event(Box::new(Event::LimitReached { at: self.app.clock.now(), limit: Limit::WallTime })))
            }
        }
    }

    /// No call runs any more, and there are such as have no result.
    async fn without_calls(&mut self, stopped: Stopped) -> OpResult<Next> {
        if self.app.stopping.is_cancelled() || (stopped.left && self.below.to_boundary) {
            return self.leave().await.map(Next::Ended);
        }
        let sleeping = self.turn.sleeping();
        if let Some(event) = self.called_back(&sleeping).await? {
            return Ok(Next::Event(Box::new(event)));
        }
        let Some(sleep) = Sleep::of(&sleeping, &stopped.asleep).filter(|_| !stopped.left) else {
            return Err(lost("no call is left, and the turn still waits for one"));
        };
        let scope = self.turn.call_scope();
        let callbacks = sleeping.iter().map(|call| AwaitedCallback {
            call_key: request::call_name(callback::CALLS, &scope, &call.tool_use_id),
            root: self.below.root,
            deadline: call.until,
        });
        let outcome = TurnOutcome::Asleep { until: sleep.until };
        self.finish(None, outcome, callbacks.collect()).await?;
        Ok(Next::Ended(Ended::Asleep(sleep)))
    }

    /// What became of one of the calls that answer later; `None` when all are still to be waited for.
    async fn called_back(&mut self, sleeping: &[SleepingCall]) -> OpResult<Option<Event>> {
        if sleeping.is_empty() {
            return Ok(None);
        }
        let scope = self.turn.call_scope();
        let now = self.app.clock.now();
        for taken in self.app.store.taken_callbacks((self.at.session, self.at.turn), now).await? {
            let is_its =
                |call: &&SleepingCall| request::call_name(callback::CALLS, &scope, &call.tool_use_id) == taken.call_key;
            let Some(call) = sleeping.iter().find(is_its) else {
                // Of a call that is over.
                self.app.store.callback_was_taken(taken.call_key).await?;
                continue;
            };
            self.taken = Some(taken.call_key);
            return Ok(Some(callback::returned(self.app, &call.tool_use_id, taken.result.as_deref())));
        }
        Ok(None)
    }

    /// Ends what is under way, collaborators included, when the turn is called off.
    async fn cancel(&self, calls: Option<Calls>) -> Event {
        if let Some(calls) = calls {
            calls.cancelled().await;
        }
        let waiting = self.turn.waiting_collaborators();
        cancel::cancel_waiting(self.app, waiting, &self.below.session_id).await;
        Event::Cancelled { at: self.app.clock.now(), by: self.running.cancelled_by() }
    }

    /// Leaves the turn where it is: what was done is written, and nothing is under way.
    async fn leave(&mut self) -> OpResult<Ended> {
        // Should this fail, the turn is taken for one that was cut off, which is what it is then.
        if let Err(error) = self.app.store.leave_turn(self.at).await {
            tracing::warn!(session = self.at.session, error = &error as &dyn std::error::Error, "a turn was not left");
        }
        self.held = None;
        Ok(Ended::Left)
    }

    async fn append(&mut self, row: Vec<u8>) -> OpResult<()> {
        let rows = vec![(self.app.clock.now(), row)];
        self.app.store.append_events(self.at, self.next_seq, rows).await?;
        self.next_seq += 1;
        self.running.has_written(self.at);
        self.note_taken().await
    }

    /// Notes that a callback is written: it is not taken again.
    async fn note_taken(&mut self) -> OpResult<()> {
        match self.taken.take() {
            Some(call_key) => Ok(self.app.store.callback_was_taken(call_key).await?),
            None => Ok(()),
        }
    }

    /// Writes the last event and the turn's end in one go.
    async fn finish(
        &mut self,
        last: Option<Vec<u8>>,
        outcome: TurnOutcome,
        callbacks: Vec<AwaitedCallback>,
    ) -> OpResult<()> {
        let now = self.app.clock.now();
        let mut rows: Vec<_> = last.into_iter().map(|row| (now, row)).collect();
        // Also of a turn that waits for its caller: replayed from these, its events lead to the same again.
        let attributes =
            (!matches!(outcome, TurnOutcome::Asleep { .. })).then(|| self.turn.session_attributes().clone());
        if matches!(outcome, TurnOutcome::Finished | TurnOutcome::Ended) {
            rows.push((now, journal::ended_row(&self.turn)));
        }
        let finish = FinishTurn {
            attributes,
            unread: !self.emitter.is_below() && !self.emitter.has_reader(),
            callbacks,
            ..FinishTurn::new(self.at, self.next_seq, rows, now, outcome)
        };
        let is_asleep = matches!(finish.outcome, TurnOutcome::Asleep { .. });
        let is_over = !is_asleep && !matches!(finish.outcome, TurnOutcome::Suspended { .. });
        self.app.store.finish_turn(finish).await?;
        if is_over {
            self.app.histories.ended(self.at.session, self.at.turn, &self.turn);
        }
        self.note_taken().await?;
        if is_asleep {
            self.app.recovery.look_again();
        }
        self.held = None;
        Ok(())
    }
}

/// Shows the end; `shown` is what of the answer was shown while it was written. The chunk is last, unless the answer was
/// streamed: then the trace is.
pub(super) async fn finished(
    emitter: &Emitter,
    shown: &str,
    output: Vec<Output>,
    text: &str,
    attribution: Option<Attribution>,
) {
    if shown.is_empty() {
        emitter.output(output).await;
        emitter.answer(text, attribution).await;
        return;
    }
    // What was shown begins the answer, unless a model writes its answer tag late: then the answer follows whole.
    let rest = text.strip_prefix(shown).map_or_else(|| format!("\n{text}"), str::to_owned);
    if !rest.is_empty() {
        emitter.text(&rest).await;
    }
    emitter.output(output).await;
}

pub(super) fn lost(what: &str) -> ApiError {
    tracing::error!(what, "a turn cannot go on");
    errors::internal()
}
