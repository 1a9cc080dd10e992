//! Tool calls of one step, side by side; one outcome each.

use super::collaborators::{self, Scope};
use super::{guard, reading};
use crate::App;
use crate::agents::controls::GuardrailName;
use outcrop_planner::turn::{Call, Event, ToolReturned};
use outcrop_ports::{ToolCall, ToolContext, ToolFailure, ToolFailureCause, ToolLimits, ToolOutcome};
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
    running: JoinSet<Option<Event>>,
    waiting: std::vec::IntoIter<Call>,
    scope: Scope,
    context: Arc<ToolContext>,
    app: Arc<App>,
    time_left: Duration,
    /// Session and turn whose calls these are.
    journal: (i64, u32),
}

impl Calls {
    /// Starts the calls of a step.
    pub(super) fn start(
        app: &Arc<App>,
        calls: Vec<Call>,
        context: ToolContext,
        time_left: Duration,
        scope: Scope,
        journal: (i64, u32),
    ) -> Self {
        let mut calls = Self {
            running: JoinSet::new(),
            waiting: calls.into_iter(),
            scope,
            context: Arc::new(context),
            app: app.clone(),
            time_left,
            journal,
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
                Ok(Some(event)) => return Some(event),
                // The process or the turn is to end; the driver sees that no call is left.
                Ok(None) => {}
                // The executor panicked: a fault of ours. The machine still waits for this call; its turn ends when no
                // call is left, which the driver sees.
                Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "a tool call was lost"),
            }
        }
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
        let guardrail = self.scope.result_guardrail.clone();
        let limits = ToolLimits {
            timeout: app.settings.tool_call_timeout.min(self.time_left),
            response_bytes_max: app.settings.tool_response_bytes_max,
        };
        match call {
            Call::Tool(call) => {
                let cancelled: CancellationToken = self.scope.cancelled.clone();
                self.running.spawn(async move {
                    tokio::select! {
                        biased;
                        returned = one(&app, call, &context, limits, guardrail.as_ref()) => Some(Event::ToolReturned(returned)),
                        // Dropping the call ends it: a local function's process with it, a request to another server too.
                        () = cancelled.cancelled() => None,
                    }
                })
            }
            Call::Read(read) => {
                let (session, turn) = self.journal;
                let read = reading::read(app, session, turn, read);
                self.running.spawn(async move { Some(Event::ToolReturned(read.await)) })
            }
            Call::Collaborator(call) => {
                let asked = collaborators::ask(app, call, self.scope.clone());
                self.running.spawn(async move { asked.await.map(Event::CollaboratorReturned) })
            }
        };
        true
    }
}

async fn one(
    app: &App,
    call: ToolCall,
    context: &ToolContext,
    limits: ToolLimits,
    guardrail: Option<&GuardrailName>,
) -> ToolReturned {
    let started_at = app.clock.now();
    // The executor keeps its own time; this is for one that does not.
    let patience = limits.timeout + Duration::from_secs(5);
    let outcome =
        tokio::time::timeout(patience, app.tools.execute(&call, context, limits)).await.unwrap_or_else(|_| {
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
    let (outcome, assessed) = guard::of_result(app, guardrail, outcome).await;
    let (at, call_id) = (app.clock.now(), app.ids.uuid());
    ToolReturned { started_at, at, call_id, tool_use_id: call.tool_use_id, outcome, assessed }
}
