//! The one loop: ask the machine, do what it says, journal what came of it, feed it back.

use super::cancel;
use super::collaborators::{self, Scope};
use super::emit::{Emitter, failure};
use super::files::{self, Files};
use super::functions;
use super::guard::{self, GuardedSink};
use super::history::{self, History};
use super::journal;
use super::sessions::{RunningTurn, SessionGuard};
use super::tools::Calls;
use super::windows;
use crate::App;
use crate::agents::prepared::Target;
use crate::bill::Payer;
use crate::errors::{self, ApiError, OpResult};
use crate::metrics::TurnEnd;
use crate::ops::bedrock::inference_profiles;
use outcrop_api::bedrock_agent::AgentCollaboration;
use outcrop_api::bedrock_agent_runtime::{Attribution, ReturnControlPayload};
use outcrop_planner::turn::text::AnswerStream;
use outcrop_planner::turn::{
    Assessed, ControlReturned, Decision, Event, FailureKind, Limit, ModelFailed, ModelReplied, Output, ParserCall,
    ParserOutcome, ParserReturned, Started, Step, Turn, TurnLimits,
};
use outcrop_ports::{
    BoxFuture, ContentBlock, Delta, DeltaSink, Message, ModelError, ModelErrorKind, ModelRequest, ToolFailureCause,
    ToolUse,
};
use outcrop_store::{BeginError, BeginTurn, FinishTurn, Session, SessionFile, TurnOutcome};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
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
    /// Characters between two checks of an answer that is wanted piece by piece.
    pub guardrail_interval: u32,
    /// What the session is remembered under when it is over.
    pub memory_id: Option<String>,
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
    pub(super) session: i64,
    pub(super) number: u32,
    pub(super) next_seq: u32,
    pub(super) turn: Turn,
    pub(super) decision: Decision,
    pub(super) enable_trace: bool,
}

/// Runs a turn to its end and sends what is to be seen on the way. When the caller goes away, the turn goes on; when the
/// process goes away, the journal has it. `held` is let go of as soon as the turn's end is written: the session does not
/// wait for a slow reader of the last frames.
pub async fn run(app: Arc<App>, request: TurnRequest, held: SessionGuard, mut emitter: Emitter) {
    let running = app.metrics.turn_begins();
    let turn = held.running().clone();
    let ended = try_run(&app, request, held, &mut emitter).await;
    drop(running);
    let failed = if turn.was_cancelled() { TurnEnd::Cancelled } else { TurnEnd::Failed };
    app.metrics.turn_ended(*ended.as_ref().unwrap_or(&failed));
    if let Err(error) = ended {
        emitter.exception(&error).await;
    }
}

async fn try_run(app: &Arc<App>, request: TurnRequest, held: SessionGuard, emitter: &mut Emitter) -> OpResult<TurnEnd> {
    let (mut driver, decision) = Driver::begin(app, request, held, emitter).await?;
    Ok(match driver.drive(decision).await? {
        Ended::Finished { .. } => TurnEnd::Finished,
        Ended::Suspended { .. } => TurnEnd::Suspended,
    })
}

/// Runs a collaborator's turn; gives how it ended, and the session's attributes as it left them.
pub(super) async fn run_below(
    app: &Arc<App>,
    request: TurnRequest,
    held: SessionGuard,
    mut emitter: Emitter,
) -> OpResult<(Ended, BTreeMap<String, String>)> {
    let (mut driver, decision) = Driver::begin(app, request, held, &mut emitter).await?;
    let ended = driver.drive(decision).await?;
    Ok((ended, driver.turn.session_attributes().clone()))
}

/// How a turn comes to its end for now.
pub(super) enum Ended {
    /// With its answer.
    Finished { text: String },
    /// With the caller's part.
    Suspended { payload: Box<ReturnControlPayload> },
}

/// A turn being driven.
struct Driver<'a> {
    app: &'a Arc<App>,
    emitter: &'a Emitter,
    turn: Turn,
    /// The right to the session, until the turn's end is written.
    held: Option<SessionGuard>,
    /// The turn as others see it, who may call it off.
    running: Arc<RunningTurn>,
    session: i64,
    number: u32,
    next_seq: u32,
    ends_at: Instant,
    /// Who pays for its model.
    payer: Payer,
    /// What is handed down to collaborators.
    below: Scope,
    stream: bool,
    guardrail_interval: u32,
    /// What of the answer was shown while it was written.
    shown: String,
    /// What guardrails found in it that must not be shown.
    refused: Option<Assessed>,
    /// Files of the session that were read in this turn.
    files: Files,
}

impl<'a> Driver<'a> {
    async fn begin(
        app: &'a Arc<App>,
        request: TurnRequest,
        held: SessionGuard,
        emitter: &'a mut Emitter,
    ) -> OpResult<(Self, Decision)> {
        let TurnRequest { target, session_id, input, limits, stream, guardrail_interval, memory_id, above } = request;
        let began = Instant::now();
        let enable_trace = match &input {
            TurnInput::Words(started) => started.enable_trace,
            TurnInput::Results { returned, .. } => returned.enable_trace,
            TurnInput::Forked(forked) => forked.enable_trace,
        };
        let begin = |resume: Option<String>, first_event: Vec<u8>, files: Vec<SessionFile>| BeginTurn {
            agent_id: target.agent_id.to_string(),
            alias_id: target.alias_id.to_string(),
            session_id: session_id.to_string(),
            now: app.clock.now(),
            idle_ttl_seconds: u32::try_from(target.prepared.idle_session_ttl_seconds).unwrap_or(u32::MAX),
            resume,
            memory_id: memory_id.clone(),
            first_event,
            files,
        };
        let (session, number, next_seq, turn, decision) = match input {
            TurnInput::Words(mut started) => {
                started.models = windows::models(app, &target);
                guard::of_words(app, &target, &mut started).await?;
                started.windows = windows::of_agent(app, &target.prepared, &started.models);
                if target.prepared.collaboration == AgentCollaboration::SupervisorRouter {
                    started.last_agent = history::last_agent(app, &target, &session_id).await?;
                }
                let files = files::to_keep(&started.files);
                let event = Event::Started(*started);
                let begin = begin(None, journal::event_row(&event), files);
                let begun = app.store.begin_turn(begin).await.map_err(begin_error)?;
                let Event::Started(started) = event else { unreachable!("made above") };
                if begun.is_new {
                    // Numbers of sessions that were swept are given again.
                    app.histories.forget(begun.session);
                }
                let history = match begun.previous_turns {
                    0 => History::default(),
                    _ => history::before(app, begun.session, begun.turn, &begun.attributes).await?,
                };
                let attributes = history.attributes.unwrap_or(begun.attributes);
                let (turn, decision) = Turn::start(target.prepared.clone(), history.earlier, attributes, started);
                (begun.session, begun.turn, begun.next_seq, turn, decision)
            }
            TurnInput::Results { invocation_id, mut returned } => {
                guard::of_results(app, target.controls.result_guardrail(&app.settings), &mut returned).await?;
                let mut turn = suspended_turn(app, &target, &session_id, &invocation_id).await?;
                // It goes on as what it began as, also when the alias leads elsewhere by now.
                emitter.speak_as(&turn.tool_context().agent.version);
                turn.check_results(&returned.results).map_err(errors::validation)?;
                let event = Event::ControlReturned(returned);
                let begun = app
                    .store
                    .begin_turn(begin(Some(invocation_id), journal::event_row(&event), Vec::new()))
                    .await
                    .map_err(begin_error)?;
                let decision = turn.apply(event);
                (begun.session, begun.turn, begun.next_seq, turn, decision)
            }
            TurnInput::Forked(forked) => {
                let ForkedTurn { session, number, next_seq, turn, decision, .. } = *forked;
                (session, number, next_seq, turn, decision)
            }
        };
        let own_end = began + Duration::from_secs(limits.wall_time_seconds.min(turn.limits().wall_time_seconds));
        let ends_at = above.as_ref().map_or(own_end, |above| own_end.min(above.ends_at));
        let running = held.running().clone();
        let root_session = above.as_ref().map_or_else(|| session_id.clone(), |above| above.root_session.clone());
        let payer = Payer { agent: target.agent_id.clone(), session: root_session.clone() };
        let below = Scope {
            root_session,
            depth: above.as_ref().map_or(0, |above| above.depth) + 1,
            session_id: above.map_or_else(|| collaborators::session_below(session).into(), |above| above.session_id),
            ends_at,
            enable_trace,
            cancelled: running.token().clone(),
            result_guardrail: target.controls.result_guardrail(&app.settings).cloned(),
            emitter: emitter.clone(),
        };
        let refused = None;
        let (held, shown, files) = (Some(held), String::new(), Files::default());
        let driver = Self {
            app,
            emitter,
            turn,
            held,
            running,
            session,
            number,
            next_seq,
            ends_at,
            payer,
            below,
            stream,
            guardrail_interval,
            shown,
            refused,
            files,
        };
        Ok((driver, decision))
    }

    async fn drive(&mut self, mut decision: Decision) -> OpResult<Ended> {
        let mut calls: Option<Calls> = None;
        let (stopping, cancelled) = (self.app.stopping.clone(), self.running.token().clone());
        // The last event as a row: written with the turn's end when it is the last, else before the next step.
        let mut unwritten: Option<Vec<u8>> = None;
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
            let event = match decision.step {
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
                    files::put_in(self.app, self.session, &mut request, &mut self.files).await?;
                    // What was heard so far is durable, and asking a model changes nothing: the turn can stop here.
                    tokio::select! {
                        event = self.call_model(&request) => event?,
                        () = stopping.cancelled() => return Err(errors::stopping()),
                        () = cancelled.cancelled() => self.cancel(None).await,
                    }
                }
                Step::Summarize(request) => {
                    tokio::select! {
                        event = self.call_model(&request) => windows::summarized(event?, self.app),
                        () = stopping.cancelled() => return Err(errors::stopping()),
                        () = cancelled.cancelled() => self.cancel(None).await,
                    }
                }
                Step::CallParser(call) => {
                    // As asking a model: it changes nothing of ours.
                    tokio::select! {
                        event = self.call_parser(call) => event,
                        () = stopping.cancelled() => return Err(errors::stopping()),
                        () = cancelled.cancelled() => self.cancel(None).await,
                    }
                }
                Step::CallTools(_) if stopping.is_cancelled() => return Err(errors::stopping()),
                Step::CallTools(batch) => {
                    let time_left = self.ends_at.saturating_duration_since(Instant::now());
                    let started = Calls::start(
                        self.app,
                        batch,
                        self.turn.tool_context(),
                        time_left,
                        self.below.clone(),
                        (self.session, self.number),
                    );
                    calls = Some(started);
                    self.next_result(&mut calls).await?
                }
                Step::ApplyGuardrail { request } => guard::for_function(self.app, &request).await,
                Step::Assess { text } => guard::of_answer(self.app, &self.turn, text, self.refused.take()).await?,
                Step::Wait => self.next_result(&mut calls).await?,
                Step::ReturnControl(payload) => {
                    let invocation_id = payload.invocation_id.clone().unwrap_or_default();
                    self.finish(unwritten, TurnOutcome::Suspended { invocation_id }).await?;
                    self.emitter.output(decision.output).await;
                    self.emitter.return_control(&payload).await;
                    return Ok(Ended::Suspended { payload: Box::new(payload) });
                }
                Step::Finish { text, attribution } => {
                    self.finish(unwritten, TurnOutcome::Finished).await?;
                    self.finished(decision.output, &text, attribution).await;
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
                    self.finish(unwritten, outcome).await?;
                    self.emitter.output(decision.output).await;
                    return Err(failure(kind, message, resource));
                }
            };
            unwritten = Some(journal::event_row(&event));
            decision = self.turn.apply(event);
        }
    }

    /// Shows the end. The chunk is last, unless the answer was streamed: then the trace is.
    async fn finished(&self, output: Vec<outcrop_planner::turn::Output>, text: &str, attribution: Option<Attribution>) {
        if self.shown.is_empty() {
            self.emitter.output(output).await;
            self.emitter.answer(text, attribution).await;
            return;
        }
        // Guardrails speak before the piece that they let through.
        let (assessments, output) = output.into_iter().partition(Output::is_of_guardrail);
        self.emitter.output(assessments).await;
        // What was shown begins the answer, unless a model writes its answer tag late, or a guardrail puts something in its
        // place: then that follows whole.
        let rest = text.strip_prefix(self.shown.as_str()).map_or_else(|| format!("\n{text}"), str::to_owned);
        if !rest.is_empty() {
            self.emitter.text(&rest).await;
        }
        self.emitter.output(output).await;
    }

    async fn call_model(&mut self, request: &ModelRequest) -> OpResult<Event> {
        let app = self.app;
        let started_at = app.clock.now();
        let behind = match inference_profiles::behind(app, &request.model_id).await {
            Ok(profile) => profile.map(|profile| ModelRequest { model_id: profile.copied_from, ..request.clone() }),
            Err(error) => {
                let message = format!("inference profile {}: {}", request.model_id, error.message);
                let error = ModelError::new(ModelErrorKind::NotFound, message);
                return Ok(Event::ModelFailed(ModelFailed { started_at, at: app.clock.now(), error }));
            }
        };
        let request = behind.as_ref().unwrap_or(request);
        let model = app.models.model(&request.model_id);
        let patience = app.settings.model_call_timeout.min(self.ends_at.saturating_duration_since(Instant::now()));
        let streams = self.stream && self.turn.can_stream();
        let guarded = match streams && self.turn.is_guarded() {
            true => {
                let has_tools = !request.tools.is_empty();
                Some(GuardedSink::new(app, &self.turn, self.emitter, self.guardrail_interval, has_tools).await?)
            }
            false => None,
        };
        let sink = (streams && guarded.is_none()).then(|| AnswerSink {
            emitter: self.emitter,
            answer: Mutex::new((AnswerStream::new(!request.tools.is_empty()), String::new())),
        });
        let deltas = sink.as_ref().map(|sink| sink as &dyn DeltaSink);
        let deltas = deltas.or(guarded.as_ref().map(|sink| sink as &dyn DeltaSink));
        let asked = tokio::time::timeout(patience, model.converse(request, deltas)).await;
        if let Some(sink) = sink {
            self.shown = sink.answer.into_inner().1;
        }
        if let Some(sink) = guarded {
            (self.shown, self.refused) = sink.end();
        }
        let at = app.clock.now();
        let reply = asked.as_ref().ok().and_then(|answer| answer.as_ref().ok());
        app.model_answered(&self.payer, &request.model_id, reply);
        Ok(match asked {
            Ok(Ok(mut reply)) => {
                refuse_deep_arguments(&mut reply.message);
                Event::ModelReplied(ModelReplied { started_at, at, call_id: app.ids.uuid(), reply })
            }
            Ok(Err(error)) => {
                tracing::warn!(model = request.model_id, kind = ?error.kind, reason = error.message, "model call failed");
                Event::ModelFailed(ModelFailed { started_at, at, error })
            }
            Err(_) if patience < app.settings.model_call_timeout => Event::LimitReached { at, limit: Limit::WallTime },
            Err(_) => {
                let message = format!("no answer within {} s", patience.as_secs());
                Event::ModelFailed(ModelFailed {
                    started_at,
                    at,
                    error: ModelError::new(ModelErrorKind::TimedOut, message),
                })
            }
        })
    }

    async fn call_parser(&self, call: ParserCall) -> Event {
        let app = self.app;
        let started_at = app.clock.now();
        let time_left = self.ends_at.saturating_duration_since(Instant::now());
        let answer = functions::invoke(app, &call.function_arn, call.payload.into_bytes(), time_left).await;
        let at = app.clock.now();
        let outcome = match answer {
            Err(failure) if failure.cause == ToolFailureCause::TimedOut && Instant::now() >= self.ends_at => {
                return Event::LimitReached { at, limit: Limit::WallTime };
            }
            Ok(payload) => ParserOutcome::Answered(String::from_utf8_lossy(&payload).into_owned()),
            Err(failure) => {
                tracing::warn!(function = &*call.function_arn, cause = ?failure.cause, reason = failure.message, "the author's function failed");
                ParserOutcome::Failed(failure)
            }
        };
        Event::ParserReturned(ParserReturned { started_at, at, call_id: app.ids.uuid(), outcome })
    }

    /// The next result of the calls under way. What has ended already counts, also when the turn is called off.
    async fn next_result(&self, running: &mut Option<Calls>) -> OpResult<Event> {
        let calls = running.as_mut().ok_or_else(|| lost("a turn waits for calls that were never made"))?;
        let next = tokio::select! {
            biased;
            next = tokio::time::timeout_at(self.ends_at, calls.next()) => next,
            () = self.running.token().cancelled() => return Ok(self.cancel(running.take()).await),
        };
        match next {
            Ok(Some(event)) => Ok(event),
            Ok(None) if self.app.stopping.is_cancelled() => Err(errors::stopping()),
            Ok(None) if self.running.token().is_cancelled() => Ok(self.cancel(None).await),
            Ok(None) => Err(lost("no call is left, and the turn still waits for one")),
            Err(_) => Ok(Event::LimitReached { at: self.app.clock.now(), limit: Limit::WallTime }),
        }
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

    async fn append(&mut self, row: Vec<u8>) -> OpResult<()> {
        let rows = vec![(self.app.clock.now(), row)];
        self.app.store.append_events(self.session, self.number, self.next_seq, rows).await?;
        self.next_seq += 1;
        Ok(())
    }

    /// Writes the last event and the turn's end in one go.
    async fn finish(&mut self, last: Option<Vec<u8>>, outcome: TurnOutcome) -> OpResult<()> {
        let now = self.app.clock.now();
        let mut rows: Vec<_> = last.into_iter().map(|row| (now, row)).collect();
        // Also of a turn that only waits: replayed from these, its events lead to the same again.
        let attributes = Some(self.turn.session_attributes().clone());
        if !matches!(outcome, TurnOutcome::Suspended { .. }) {
            rows.push((now, journal::ended_row(&self.turn)));
        }
        let finish = FinishTurn {
            session: self.session,
            turn: self.number,
            first_seq: self.next_seq,
            events: rows,
            now,
            attributes,
            outcome,
        };
        let is_over = !matches!(finish.outcome, TurnOutcome::Suspended { .. });
        self.app.store.finish_turn(finish).await?;
        if is_over {
            self.app.histories.ended(self.session, self.number, &self.turn);
        }
        self.held = None;
        Ok(())
    }
}

/// Replaces arguments that are nested too deeply to be journaled and read back; the model is told that they are no
/// object, and tries again.
fn refuse_deep_arguments(message: &mut Message) {
    for block in &mut message.content {
        if let ContentBlock::ToolUse(tool_use) = block
            && tool_use.is_too_deep()
        {
            tool_use.input = format!("(nested more than {} levels deep)", ToolUse::INPUT_DEPTH_MAX).into();
        }
    }
}

/// The turn that waits for these results.
async fn suspended_turn(app: &Arc<App>, target: &Target, session_id: &str, invocation_id: &str) -> OpResult<Turn> {
    let not_awaited = || {
        errors::validation(format!("No action with invocationId {invocation_id} waits for a result in this session."))
    };
    let found = find_session(app, target, session_id).await?;
    let session =
        found.filter(|session| session.suspended.as_deref() == Some(invocation_id)).ok_or_else(not_awaited)?;
    let history = history::before(app, session.id, session.turns, &session.attributes).await?;
    let rebuilt = history::rebuild(app, session.id, session.turns, history.earlier, session.attributes).await?;
    let turn = rebuilt.ok_or_else(|| lost("a suspended turn cannot be rebuilt"))?;
    if turn.awaited_invocation() == Some(invocation_id) { Ok(turn) } else { Err(not_awaited()) }
}

async fn find_session(app: &App, target: &Target, session_id: &str) -> OpResult<Option<Session>> {
    let (agent_id, alias_id, session_id) = (target.agent_id.clone(), target.alias_id.clone(), session_id.to_owned());
    let now = app.clock.now();
    app.store.read(move |tx| Ok(tx.find_session(&agent_id, &alias_id, &session_id, now)?)).await
}

fn begin_error(error: BeginError) -> ApiError {
    match error {
        BeginError::NotSuspended | BeginError::WrongInvocation { .. } => {
            errors::validation("No action with this invocationId waits for a result in this session.")
        }
        BeginError::Store(error) => error.into(),
    }
}

fn lost(what: &str) -> ApiError {
    tracing::error!(what, "a turn cannot go on");
    errors::internal()
}

/// Shows an answer while it is written.
struct AnswerSink<'a> {
    emitter: &'a Emitter,
    answer: Mutex<(AnswerStream, String)>,
}

impl DeltaSink for AnswerSink<'_> {
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Delta::Text(piece) = delta else { return };
            let mut answer = self.answer.lock().await;
            let text = answer.0.push(&piece);
            if !text.is_empty() {
                answer.1.push_str(&text);
                self.emitter.text(&text).await;
            }
        })
    }

    /// The answer that was begun stays as it was shown, and the whole one follows it.
    fn may_begin_again(&self) -> bool {
        true
    }
}
