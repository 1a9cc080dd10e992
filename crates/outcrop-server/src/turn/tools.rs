//! Tool calls of one step, side by side; one outcome each.

use super::callback;
use super::collaborators::{self, Asked, Scope};
use super::drive::Sleep;
use super::reading;
use super::request;
use crate::App;
use outcrop_planner::turn::{Call, Event, ToolReturned};
use outcrop_ports::{Delivery, ToolCall, ToolContext, ToolFailure, ToolFailureCause, ToolLimits, ToolOutcome};
use outcrop_store::TurnRef;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Calls that run at once within one step; a step that asks for more waits for places.
const CALLS_AT_ONCE_MAX: usize = 32;

/// How long a turn that is called off waits for its collaborators to write their ends.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls under way. Dropping it gives them up.
pub(super) struct Calls {
    running: JoinSet<CallEnd>,
    waiting: std::vec::IntoIter<Call>,
    scope: Scope,
    context: Arc<ToolContext>,
    app: Arc<App>,
    time_left: Duration,
    /// The turn whose calls these are.
    at: TurnRef,
    /// Its step.
    call_scope: Arc<str>,
    /// They were under way before, and are made again.
    again: bool,
    stopped: Stopped,
}

/// Calls that have ended without a result.
#[derive(Default)]
pub(super) struct Stopped {
    /// Collaborators whose turns sleep.
    pub(super) asleep: Vec<Sleep>,
    /// There is one that was left, with its turn or because this one is to end.
    pub(super) left: bool,
}

/// How a call ends.
enum CallEnd {
    Event(Box<Event>),
    Asleep(Sleep),
    Left,
}

impl Calls {
    /// Starts the calls of a step.
    pub(super) fn start(
        app: &Arc<App>,
        calls: Vec<Call>,
        context: ToolContext,
        time_left: Duration,
        scope: Scope,
        (at, call_scope, again): (TurnRef, String, bool),
    ) -> Self {
        let mut calls = Self {
            running: JoinSet::new(),
            waiting: calls.into_iter(),
            scope,
            context: Arc::new(context),
            app: app.clone(),
            time_left,
            at,
            call_scope: call_scope.into(),
            again,
            stopped: Stopped::default(),
        };
        while calls.running.len() < CALLS_AT_ONCE_MAX && calls.start_next() {}
        calls
    }

    /// The next call to end; `None` when all have.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            let ended = self.running.join_next().await?;
            self.start_next();
            match ended {
                Ok(CallEnd::Event(event)) => return Some(*event),
                // The driver sees that no call is left.
                Ok(CallEnd::Asleep(sleep)) => self.stopped.asleep.push(sleep),
                Ok(CallEnd::Left) => self.stopped.left = true,
                // The executor panicked: a fault of ours. The machine still waits for this call; its turn ends when no
                // call is left, which the driver sees.
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "a tool call was lost"),
            }
        }
    }

    /// What ended without a result.
    pub(super) fn stopped(self) -> Stopped {
        self.stopped
    }

    /// Ends what is under way when the turn is called off: functions are given up, collaborators end their own turns.
    pub(super) async fn cancelled(mut self) {
        self.waiting = Vec::new().into_iter();
        let ends = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(CANCEL_TIMEOUT, ends).await.is_err() {
            tracing::warn!("a collaborator's turn was called off and did not end in time; it is left to its journal");
        }
    }

    fn start_next(&mut self) -> bool {
        let Some(call) = self.waiting.next() else { return false };
        let (app, context) = (self.app.clone(), self.context.clone());
        let limits = ToolLimits {
            timeout: app.settings.tool_call_timeout.min(self.time_left),
            response_bytes_max: app.settings.tool_response_bytes_max,
        };
        match call {
            Call::Tool(call) => {
                let cancelled: CancellationToken = self.scope.cancelled.clone();
                let (at, key) = (self.at, request::call_name(callback::CALLS, &self.call_scope, &call.tool_use_id));
                self.running.spawn(async move {
                    tokio::select! {
                        biased;
                        returned = one(&app, call, &context, at, key, limits) => {
                            CallEnd::Event(Box::new(Event::ToolReturned(returned)))
                        }
                        // Dropping the call ends it: a local function's process with it, a request to another server too.
                        () = cancelled.cancelled() => CallEnd::Left,
                    }
                })
            }
            Call::Read(read) => {
                let read = reading::read(app, self.at.session, self.at.turn, read);
                self.running.spawn(async move { CallEnd::Event(Box::new(Event::ToolReturned(read.await))) })
            }
            Call::Collaborator(call) => {
                let asked = collaborators::ask(app, call, self.call_scope.clone(), self.again, self.scope.clone());
                self.running.spawn(async move {
                    match asked.await {
                        Asked::Returned(returned) => CallEnd::Event(Box::new(Event::CollaboratorReturned(returned))),
                        Asked::Asleep(sleep) => CallEnd::Asleep(sleep),
                        Asked::Nothing => CallEnd::Left,
                    }
                })
            }
        };
        true
    }
}

async fn one(
    app: &App,
    call: ToolCall,
    context: &ToolContext,
    at: TurnRef,
    key: String,
    limits: ToolLimits,
) -> ToolReturned {
    let started_at = app.clock.now();
    // A call that cannot be answered later is better than none.
    let callback = callback::callback(app, at, &key).await.unwrap_or_default();
    let delivery = Delivery { idempotency_key: key.into(), callback };
    // The executor keeps its own time; this is for one that does not.
    let patience = limits.timeout + Duration::from_secs(5);
    let outcome = tokio::time::timeout(patience, app.tools.execute(&call, context, &delivery, limits))
        .await
        .unwrap_or_else(|_| {
            ToolOutcome::Failed(ToolFailure {
                cause: ToolFailureCause::TimedOut,
                message: format!(
                    "The call did not end within {} s; whether it did its work is unknown.",
                    limits.timeout.as_secs()
                ),
                detail: String::new(),
            })
        });
    app.metrics.tool_call(&outcome);
    if let ToolOutcome::Failed(failure) = &outcome {
        tracing::warn!(function = &*call.function_arn, action_group = &*call.action_group, cause = ?failure.cause, reason = failure.message, "tool call failed");
    }
    ToolReturned { started_at, at: app.clock.now(), call_id: app.ids.uuid(), tool_use_id: call.tool_use_id, outcome }
}
