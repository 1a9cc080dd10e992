//! Asking a model or the author's function, for a turn that is driven.

use super::drive::Driver;
use super::emit::Emitter;
use super::functions;
use super::sessions::RunningTurn;
use crate::ops::bedrock::inference_profiles;
use outcrop_planner::turn::text::AnswerStream;
use outcrop_planner::turn::{Event, Limit, ModelFailed, ModelReplied, ParserCall, ParserOutcome, ParserReturned};
use outcrop_ports::{
    BoxFuture, ContentBlock, Delta, DeltaSink, Message, ModelError, ModelErrorKind, ModelRequest, ToolFailureCause,
    ToolUse,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

impl Driver<'_> {
    pub(super) async fn call_model(&mut self, request: &ModelRequest) -> Event {
        let app = self.app;
        let started_at = app.clock.now();
        let behind = match inference_profiles::behind(app, &request.model_id).await {
            Ok(profile) => profile.map(|profile| ModelRequest { model_id: profile.copied_from, ..request.clone() }),
            Err(error) => {
                let message = format!("inference profile {}: {}", request.model_id, error.message);
                let error = ModelError::new(ModelErrorKind::NotFound, message);
                return Event::ModelFailed(ModelFailed { started_at, at: app.clock.now(), error });
            }
        };
        let request = behind.as_ref().unwrap_or(request);
        let model = app.models.model(&request.model_id);
        let patience = app.settings.model_call_timeout.min(self.ends_at.saturating_duration_since(Instant::now()));
        let sink = (self.stream && self.turn.can_stream()).then(|| AnswerSink {
            emitter: self.emitter,
            running: &self.running,
            answer: Mutex::new(AnswerStream::new(!request.tools.is_empty())),
        });
        if sink.is_some() {
            self.running.take_said();
        }
        let deltas = sink.as_ref().map(|sink| sink as &dyn DeltaSink);
        let asked = tokio::time::timeout(patience, model.converse(request, deltas)).await;
        if sink.is_some() {
            self.shown = self.running.said();
        }
        let at = app.clock.now();
        let reply = asked.as_ref().ok().and_then(|answer| answer.as_ref().ok());
        app.model_answered(&self.payer, &request.model_id, reply);
        match asked {
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
        }
    }

    pub(super) async fn call_parser(&self, call: ParserCall) -> Event {
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

/// Shows an answer while it is written.
struct AnswerSink<'a> {
    emitter: &'a Emitter,
    /// Others who follow the turn are shown it, too.
    running: &'a RunningTurn,
    answer: Mutex<AnswerStream>,
}

impl DeltaSink for AnswerSink<'_> {
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Delta::Text(piece) = delta else { return };
            let mut answer = self.answer.lock().await;
            let text = answer.push(&piece);
            if !text.is_empty() {
                self.running.says(&text);
                self.emitter.text(&text).await;
            }
        })
    }

    /// The answer that was begun stays as it was shown, and the whole one follows it.
    fn may_begin_again(&self) -> bool {
        true
    }
}
