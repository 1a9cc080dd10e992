//! The guardrails of a turn: over the user's words before they are recorded, over results of tools before the model reads
//! them, over the answer before it is given out, also while it is written.

use super::emit::Emitter;
use crate::App;
use crate::agents::controls::GuardrailName;
use crate::agents::prepared::Target;
use crate::errors::OpResult;
use crate::guardrails::apply::{self, Applied, Guard, Part};
use crate::guardrails::traced;
use crate::ops::bedrock_runtime::apply_guardrail;
use outcrop_api::bedrock_runtime::ApplyGuardrailRequest;
use outcrop_guardrails::{Action, Masker, Source, Verdict as Found};
use outcrop_planner::turn::text::AnswerStream;
use outcrop_planner::turn::{Assessed, ControlReturned, Event, ParserOutcome, ParserReturned, Started, Turn, Verdict};
use outcrop_planner::{Phase, PreparedAgent};
use outcrop_ports::{BoxFuture, Delta, DeltaSink, ToolFailure, ToolFailureCause, ToolOutcome};
use outcrop_wire::Timestamp;
use serde_json::json;
use tokio::sync::Mutex;

/// Characters between two checks of an answer that is streamed, when the caller does not say.
pub(crate) const INTERVAL_CHARS: u32 = 50;
/// How much of the answer before a piece is assessed with it, in bytes: what is wrong may be said over several pieces.
const WINDOW_BYTES: usize = 4 << 10;

/// The agent's guardrail, and those that are enforced for its model.
async fn guards(app: &App, agent: &PreparedAgent) -> OpResult<Vec<Guard>> {
    let orchestration = agent.prompts.get(Phase::Orchestration);
    let model_id = orchestration.foundation_model.as_deref().unwrap_or(&agent.model_id);
    let named = agent.guardrail.as_ref().and_then(|guardrail| {
        let identifier = guardrail.guardrail_identifier.as_deref()?;
        Some((identifier, guardrail.guardrail_version.as_deref().unwrap_or_default()))
    });
    apply::guards(app, named, Some(model_id)).await
}

/// Has the user's words assessed before anything else sees them. They are recorded as guardrails leave them: what is
/// masked or refused as sensitive is in no journal.
///
/// # Errors
/// Not found: a guardrail that is gone.
pub(super) async fn of_words(app: &App, target: &Target, started: &mut Started) -> OpResult<()> {
    let guards = guards(app, &target.prepared).await?;
    if guards.is_empty() {
        return Ok(());
    }
    let began = app.clock.now();
    let applied = apply::apply(app, &guards, Source::Input, vec![Part::plain(started.input_text.as_str())]).await;
    match applied.verdict {
        Found::Pass => {}
        Found::Masked => started.input_text = applied.texts().concat(),
        Found::Blocked => started.input_text = without_values(&applied, &started.input_text),
    }
    let mut assessed = assessed(app, began, &applied);
    if assessed.verdict == Verdict::Masked {
        assessed.text = None;
    }
    started.assessed = Some(Box::new(assessed));
    Ok(())
}

/// Has an answer assessed. What was found while it was written counts: what is refused once stays refused.
///
/// # Errors
/// Not found: a guardrail that is gone.
pub(super) async fn of_answer(app: &App, turn: &Turn, text: String, found: Option<Assessed>) -> OpResult<Event> {
    if let Some(found) = found {
        return Ok(Event::Assessed(found));
    }
    let guards = guards(app, turn.agent()).await?;
    let began = app.clock.now();
    let applied = apply::apply(app, &guards, Source::Output, vec![Part::plain(text)]).await;
    Ok(Event::Assessed(assessed(app, began, &applied)))
}

/// Applies the guardrail that an author's orchestration names, and answers as ApplyGuardrail does.
pub(super) async fn for_function(app: &App, request: &str) -> Event {
    let started_at = app.clock.now();
    let answered = match serde_json::from_str::<ApplyGuardrailRequest>(request) {
        Ok(request) => apply_guardrail::answer(app, request).await.map_err(|error| error.message),
        Err(error) => Err(format!("its answer is no request of ApplyGuardrail: {error}")),
    };
    let outcome = match answered {
        Ok(answer) => ParserOutcome::Answered(json!(answer).to_string()),
        Err(message) => {
            ParserOutcome::Failed(ToolFailure { cause: ToolFailureCause::BadResponse, message, detail: String::new() })
        }
    };
    Event::ParserReturned(ParserReturned { started_at, at: app.clock.now(), call_id: app.ids.uuid(), outcome })
}

/// Has the result of a call assessed by the guardrail for results, if there is one. The model reads what is left of it.
pub(super) async fn of_result(
    app: &App,
    name: Option<&GuardrailName>,
    outcome: ToolOutcome,
) -> (ToolOutcome, Option<Box<Assessed>>) {
    let (Some(name), ToolOutcome::Succeeded(mut success)) = (name, outcome.clone()) else { return (outcome, None) };
    let began = app.clock.now();
    let guards = match apply::guards(app, Some((&name.identifier, &name.version)), None).await {
        Ok(guards) => guards,
        Err(error) => {
            tracing::error!(
                guardrail = name.identifier,
                reason = error.message,
                "the guardrail for results cannot be applied"
            );
            let message = "The result was withheld: the guardrail that is to check it cannot be applied.".to_owned();
            let failure = ToolFailure { cause: ToolFailureCause::BadResponse, message, detail: error.message };
            return (ToolOutcome::Failed(failure), None);
        }
    };
    let applied = apply::apply(app, &guards, Source::ToolResult, vec![Part::plain(success.body.as_str())]).await;
    let assessed = assessed(app, began, &applied);
    if let Some(text) = &assessed.text {
        success.body = match assessed.verdict {
            Verdict::Blocked => format!("(This result was withheld by a guardrail: {text})"),
            _ => text.clone(),
        };
    }
    (ToolOutcome::Succeeded(success), Some(Box::new(assessed)))
}

/// The same for what the caller brings back.
pub(super) async fn of_results(
    app: &App,
    name: Option<&GuardrailName>,
    returned: &mut ControlReturned,
) -> OpResult<()> {
    let Some(name) = name else { return Ok(()) };
    let guards = apply::guards(app, Some((&name.identifier, &name.version)), None).await?;
    for body in returned.results.iter_mut().filter_map(|result| result.body.as_mut()) {
        let applied = apply::apply(app, &guards, Source::ToolResult, vec![Part::plain(body.as_str())]).await;
        match (applied.verdict, &applied.message) {
            (Found::Pass, _) => {}
            (Found::Blocked, Some(message)) => *body = format!("(This result was withheld by a guardrail: {message})"),
            _ => *body = applied.texts().concat(),
        }
    }
    Ok(())
}

fn assessed(app: &App, started_at: Timestamp, applied: &Applied) -> Assessed {
    let (verdict, text) = match applied.verdict {
        Found::Pass => (Verdict::Passed, None),
        Found::Masked => (Verdict::Masked, Some(applied.texts().concat())),
        Found::Blocked => (Verdict::Blocked, Some(applied.texts().concat())),
    };
    let assessments = traced::assessments(applied);
    Assessed { started_at, at: app.clock.now(), call_id: app.ids.uuid(), verdict, text, assessments }
}

/// Words that are refused, as they are recorded: without the values that were found in them.
fn without_values(applied: &Applied, words: &str) -> String {
    let mut text = words.to_owned();
    for said in &applied.said {
        let entities = said.assessment.pii_entities.iter().filter(|found| found.action != Action::None);
        for found in entities {
            text = text.replace(&found.r#match, &format!("{{{}}}", found.r#type.as_str()));
        }
        for found in said.assessment.regexes.iter().filter(|found| found.action != Action::None) {
            text = text.replace(&found.r#match, &format!("{{{}}}", found.name));
        }
    }
    text
}

/// Shows an answer while it is written, as far as guardrails let it: what may still become part of a value is held back,
/// and before each piece all that is said so far is assessed.
pub(super) struct GuardedSink<'a> {
    app: &'a App,
    turn: &'a Turn,
    emitter: &'a Emitter,
    guards: Vec<Guard>,
    interval: usize,
    state: Mutex<Written>,
}

struct Written {
    answer: AnswerStream,
    /// One for each guardrail; each reads what the one before it left.
    maskers: Vec<Masker>,
    /// The last of what was said, as it was said.
    said: String,
    /// Masked, and not shown yet.
    ready: String,
    /// Masked and shown.
    shown: String,
    /// What was found that must not be shown.
    refused: Option<Assessed>,
}

impl<'a> GuardedSink<'a> {
    /// A sink for one model call.
    ///
    /// # Errors
    /// Not found: a guardrail that is gone.
    pub(super) async fn new(
        app: &'a App,
        turn: &'a Turn,
        emitter: &'a Emitter,
        interval: u32,
        tools_on_offer: bool,
    ) -> OpResult<Self> {
        let guards = guards(app, turn.agent()).await?;
        let maskers = guards.iter().map(|guard| guard.compiled.policies.masker(Source::Output)).collect();
        let state = Written {
            answer: AnswerStream::new(tools_on_offer),
            maskers,
            said: String::new(),
            ready: String::new(),
            shown: String::new(),
            refused: None,
        };
        let interval = usize::try_from(interval).unwrap_or(usize::MAX).max(1);
        Ok(Self { app, turn, emitter, guards, interval, state: Mutex::new(state) })
    }

    /// What was shown, and what was found that must not be.
    pub(super) fn end(self) -> (String, Option<Assessed>) {
        let written = self.state.into_inner();
        (written.shown, written.refused)
    }

    async fn take(&self, piece: &str) {
        let mut written = self.state.lock().await;
        if written.refused.is_some() {
            return;
        }
        let said = written.answer.push(piece);
        if said.is_empty() {
            return;
        }
        written.said.push_str(&said);
        let mut released = said;
        for masker in &mut written.maskers {
            released = masker.push(&released).text;
        }
        written.ready.push_str(&released);
        if written.ready.chars().count() < self.interval {
            return;
        }
        let began = self.app.clock.now();
        let applied = apply::apply_now(&self.guards, Source::Output, vec![Part::plain(written.said.as_str())]);
        let assessed = assessed(self.app, began, &applied);
        if assessed.verdict == Verdict::Blocked {
            written.refused = Some(assessed);
            return;
        }
        let reach = written.said.ceil_char_boundary(written.said.len().saturating_sub(WINDOW_BYTES));
        written.said.drain(..reach);
        while let Some((end, _)) = written.ready.char_indices().nth(self.interval - 1) {
            let end = written.ready.ceil_char_boundary(end + 1);
            let piece: String = written.ready.drain(..end).collect();
            self.emitter.output(self.turn.piece_assessed(&assessed)).await;
            self.emitter.text(&piece).await;
            written.shown.push_str(&piece);
        }
    }
}

impl DeltaSink for GuardedSink<'_> {
    fn send<'a>(&'a self, delta: Delta) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Delta::Text(piece) = delta {
                self.take(&piece).await;
            }
        })
    }
}
