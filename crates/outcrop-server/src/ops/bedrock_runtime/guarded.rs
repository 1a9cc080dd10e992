//! Guardrails around a call of a model: what is checked of a request, and of its answer.
//!
//! A request names one guardrail, and others may be enforced for its model. The request is assessed before the model is
//! asked, the answer before it is given out; [`Gate`] does so while it is made.

use super::ask::{self, Asked};
use super::gate::Gate;
use super::models::{self, Named};
use super::request;
use crate::App;
use crate::errors::{self, OpResult};
use crate::guardrails::apply::{self, Applied, Guard, Part};
use crate::guardrails::told::{self, Images, Scope};
use crate::ops::OpContext;
use outcrop_api::bedrock_runtime as api;
use outcrop_guardrails::{Qualifier, Source, Verdict};
use outcrop_ports::{ContentBlock, Message, ModelError, ModelReply, ModelRequest, Role, StopReason, Usage};
use std::collections::BTreeMap;

/// What a request says of its guardrail, whichever operation it came by.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) identifier: Option<String>,
    pub(super) version: Option<String>,
    /// How much is told of it; nothing where the caller does not want a trace.
    pub(super) trace: Option<Scope>,
    /// Whether a stream is shown at once and assessed behind.
    pub(super) is_async: bool,
}

impl Wanted {
    /// As Converse says it.
    pub(super) fn of_converse(config: Option<api::GuardrailConfiguration>) -> Self {
        let Some(config) = config else { return Self::default() };
        Self {
            identifier: config.guardrail_identifier,
            version: config.guardrail_version,
            trace: scope(config.trace),
            is_async: false,
        }
    }

    /// As ConverseStream says it.
    pub(super) fn of_stream(config: Option<api::GuardrailStreamConfiguration>) -> Self {
        let Some(config) = config else { return Self::default() };
        Self {
            identifier: config.guardrail_identifier,
            version: config.guardrail_version,
            trace: scope(config.trace),
            is_async: config.stream_processing_mode == Some(api::GuardrailStreamProcessingMode::Async),
        }
    }

    /// As InvokeModel says it in its headers.
    pub(super) fn of_headers(identifier: Option<String>, version: Option<String>, trace: Option<api::Trace>) -> Self {
        let trace = match trace {
            None | Some(api::Trace::Disabled) => None,
            Some(api::Trace::Enabled) => Some(Scope::Interventions),
            Some(api::Trace::EnabledFull) => Some(Scope::Full),
        };
        Self { identifier, version, trace, is_async: false }
    }
}

fn scope(trace: Option<api::GuardrailTrace>) -> Option<Scope> {
    match trace {
        None | Some(api::GuardrailTrace::Disabled) => None,
        Some(api::GuardrailTrace::Enabled) => Some(Scope::Interventions),
        Some(api::GuardrailTrace::EnabledFull) => Some(Scope::Full),
    }
}

/// What the caller is told of guardrails with an answer.
#[derive(Debug)]
pub(super) struct Told {
    /// Whether the answer is not as the model, or the user, made it.
    pub(super) intervened: bool,
    /// What was found, where the caller wants to know.
    pub(super) trace: Option<api::GuardrailTraceAssessment>,
}

/// The guardrails of one call, and what they said so far.
#[derive(Debug, Default)]
pub(super) struct Guarding {
    guards: Vec<Guard>,
    trace: Option<Scope>,
    is_async: bool,
    images: Images,
    /// What the answer has to rest on, and what was asked: for contextual grounding.
    material: Vec<Part>,
    input: Option<Applied>,
}

/// Reads a request of Converse, and has it assessed. It is masked where a guardrail says so.
///
/// # Errors
/// Validation, also of what no guardrail may pass over. Not found: a guardrail that does not exist.
pub(super) async fn read(
    cx: &OpContext,
    mut req: api::ConverseRequest,
    wanted: Wanted,
) -> OpResult<(request::Asked, Guarding)> {
    let named = models::named(&cx.app, &req.model_id).await?;
    let mut guarding = Guarding::new(cx, wanted, &named.model_id).await?;
    if guarding.guards.is_empty() {
        return Ok((request::read(cx, req).await?, guarding));
    }
    // What is wrong with a request is told whatever guardrails say of it.
    let asked = request::read(cx, req.clone()).await?;
    let is_masked = guarding.assess_input(cx, &mut req).await?;
    let asked = if is_masked { request::read(cx, req).await? } else { asked };
    Ok((asked, guarding))
}

/// Asks the model unless the request is refused, and has the answer assessed.
///
/// # Errors
/// The model's.
pub(super) async fn ask(
    cx: &OpContext,
    named: &Named,
    request: &ModelRequest,
    guarding: &Guarding,
) -> Result<Asked, ModelError> {
    if let Some(refusal) = guarding.refusal() {
        return Ok(refusal);
    }
    let mut asked = ask::ask(cx, named, request, None).await?;
    guarding.assess_output(cx, &mut asked, None).await;
    Ok(asked)
}

impl Guarding {
    async fn new(app: &App, wanted: Wanted, model_id: &str) -> OpResult<Self> {
        let named = match (&wanted.identifier, &wanted.version) {
            (None, None) => None,
            (Some(identifier), Some(version)) => Some((identifier.as_str(), version.as_str())),
            _ => {
                return Err(errors::validation(
                    "guardrailIdentifier and guardrailVersion go together. Give both, or leave out both.",
                ));
            }
        };
        let guards = apply::guards(app, named, Some(model_id)).await?;
        Ok(Self { guards, trace: wanted.trace, is_async: wanted.is_async, ..Self::default() })
    }

    /// Has what the request says assessed; tells whether it was masked.
    async fn assess_input(&mut self, app: &App, req: &mut api::ConverseRequest) -> OpResult<bool> {
        self.images.total = images(req);
        if self.images.total > 0 && self.guards.iter().any(|guard| guard.compiled.images.0) {
            return Err(errors::validation(
                "A content filter of the guardrail has the modality IMAGE, and images cannot be assessed by this version of Outcrop. Leave images out, or take the modality out of the filter.",
            ));
        }
        let mut places = places(req);
        if places.is_empty() {
            return Ok(false);
        }
        let parts: Vec<Part> = places.iter().map(Place::part).collect();
        let is_material = |one: &Qualifier| *one != Qualifier::GuardContent;
        self.material = parts.iter().filter(|part| part.qualifiers.iter().any(is_material)).cloned().collect();
        for part in &mut self.material {
            part.qualifiers.retain(is_material);
        }
        let applied = apply::apply(app, &self.guards, Source::Input, parts).await;
        let is_masked = applied.verdict == Verdict::Masked;
        if is_masked {
            let guarded = places.iter_mut().filter(|place| apply::is_guarded(&place.qualifiers));
            for (place, text) in guarded.zip(&applied.outputs) {
                place.text.clone_from(text);
            }
        }
        self.input = Some(applied);
        Ok(is_masked)
    }

    /// What is answered in place of the model, where the request is refused.
    pub(super) fn refusal(&self) -> Option<Asked> {
        let applied = self.input.as_ref().filter(|applied| applied.verdict == Verdict::Blocked)?;
        let message = message(applied);
        let reply = ModelReply::new(message, StopReason::GuardrailIntervened, Usage::default());
        let latency_ms = applied.said.iter().map(|said| said.millis).sum();
        Some(Asked { reply, latency_ms, guardrail: self.told(None, None) })
    }

    /// Has an answer assessed, and changes it as guardrails say. `refused` is what was found while it was made. Tells
    /// what the guardrails say of it.
    pub(super) async fn assess_output(&self, app: &App, asked: &mut Asked, refused: Option<Applied>) -> Verdict {
        if self.guards.is_empty() {
            return Verdict::Pass;
        }
        let said: Vec<String> = texts(&mut asked.reply).map(|text| text.clone()).collect();
        let applied = match refused {
            Some(refused) => Some(refused),
            None if said.is_empty() => None,
            None => {
                let parts = self.material.iter().cloned().chain(said.iter().map(|text| Part::plain(text.as_str())));
                Some(apply::apply(app, &self.guards, Source::Output, parts.collect()).await)
            }
        };
        match applied.as_ref().map(|applied| (applied.verdict, applied)) {
            Some((Verdict::Blocked, applied)) => {
                asked.reply.message = message(applied);
                asked.reply.stop_reason = StopReason::GuardrailIntervened;
            }
            // What is out cannot be masked any more.
            Some((Verdict::Masked, applied)) if !self.is_async => {
                for (text, masked) in texts(&mut asked.reply).zip(&applied.outputs) {
                    text.clone_from(masked);
                }
                // A caller that is to call tools goes by this.
                if asked.reply.stop_reason != StopReason::ToolUse {
                    asked.reply.stop_reason = StopReason::GuardrailIntervened;
                }
            }
            _ => {}
        }
        asked.guardrail = self.told(applied.as_ref(), Some(said));
        applied.map_or(Verdict::Pass, |applied| applied.verdict)
    }

    /// Whether what is said is shown at once.
    pub(super) fn is_async(&self) -> bool {
        self.is_async
    }

    /// Assesses an answer while it is made. None where nothing is to be assessed, or only the whole answer.
    pub(super) fn gate(&self) -> Option<Gate> {
        (!self.guards.is_empty()).then(|| Gate::new(self.guards.clone(), self.is_async))
    }

    /// Whether an answer can be judged as a whole only: by what it rests on, or by a model.
    pub(super) fn wants_whole_answer(&self, app: &App) -> bool {
        let grounds = |guard: &Guard| guard.compiled.configuration.grounding.iter().any(|filter| filter.enabled);
        let is_grounded = !self.material.is_empty() && self.guards.iter().any(grounds);
        let is_judged = !self.guards.is_empty() && app.settings.guardrail_classifier.is_some();
        !self.is_async && (is_grounded || is_judged)
    }

    fn told(&self, output: Option<&Applied>, said: Option<Vec<String>>) -> Option<Told> {
        if self.guards.is_empty() {
            return None;
        }
        let verdict_of = |applied: Option<&Applied>| applied.map_or(Verdict::Pass, |applied| applied.verdict);
        let verdict = verdict_of(self.input.as_ref()).max(verdict_of(output));
        let trace = self.trace.map(|scope| api::GuardrailTraceAssessment {
            model_output: output.and(said),
            input_assessment: self
                .input
                .as_ref()
                .map(|applied| by_id(applied, told::assessments(applied, Source::Input, scope, self.images)).collect()),
            output_assessments: output.map(|applied| {
                let mut lists: BTreeMap<String, Vec<api::GuardrailAssessment>> = BTreeMap::new();
                for (id, one) in by_id(applied, told::assessments(applied, Source::Output, scope, Images::default())) {
                    lists.entry(id).or_default().push(one);
                }
                lists
            }),
            action_reason: Some(told::action_reason(verdict).to_owned()),
        });
        Some(Told { intervened: verdict != Verdict::Pass, trace })
    }
}

/// Assessments with the ids of the guardrails that made them.
fn by_id(
    applied: &Applied,
    assessments: Vec<api::GuardrailAssessment>,
) -> impl Iterator<Item = (String, api::GuardrailAssessment)> {
    applied.said.iter().map(|said| said.guard.compiled.id.clone()).zip(assessments)
}

/// What stands in place of everything that was refused.
fn message(applied: &Applied) -> Message {
    Message { role: Role::Assistant, content: vec![ContentBlock::Text(applied.texts().concat())] }
}

fn texts(reply: &mut ModelReply) -> impl Iterator<Item = &mut String> {
    reply.message.content.iter_mut().filter_map(|block| match block {
        ContentBlock::Text(text) if !text.trim().is_empty() => Some(text),
        _ => None,
    })
}

/// A text that is assessed, where it stands.
struct Place<'a> {
    text: &'a mut String,
    qualifiers: Vec<Qualifier>,
}

impl Place<'_> {
    fn part(&self) -> Part {
        Part { text: self.text.clone(), qualifiers: self.qualifiers.clone() }
    }
}

/// The texts that are assessed: where messages mark some, only those, else all of the messages; of the system prompt
/// what is marked. Results of tools are not, as on the service.
fn places(req: &mut api::ConverseRequest) -> Vec<Place<'_>> {
    let messages = req.messages.as_deref_mut().unwrap_or_default();
    let is_marked = |block: &api::ContentBlock| matches!(block, api::ContentBlock::GuardContent(_));
    let some_are_marked = messages.iter().flat_map(|message| &message.content).any(is_marked);
    let system = req.system.iter_mut().flatten().filter_map(|block| match block {
        api::SystemContentBlock::GuardContent(content) => marked(content),
        _ => None,
    });
    let said = messages.iter_mut().flat_map(|message| &mut message.content).filter_map(|block| match block {
        api::ContentBlock::GuardContent(content) => marked(content),
        api::ContentBlock::Text(text) if !some_are_marked => Some(Place { text, qualifiers: Vec::new() }),
        _ => None,
    });
    system.chain(said).collect()
}

fn marked(content: &mut api::GuardrailConverseContentBlock) -> Option<Place<'_>> {
    let api::GuardrailConverseContentBlock::Text(block) = content else { return None };
    let qualifiers = block.qualifiers.iter().flatten().map(|qualifier| match qualifier {
        api::GuardrailConverseContentQualifier::GroundingSource => Qualifier::GroundingSource,
        api::GuardrailConverseContentQualifier::Query => Qualifier::Query,
        api::GuardrailConverseContentQualifier::GuardContent => Qualifier::GuardContent,
    });
    Some(Place { qualifiers: qualifiers.collect(), text: &mut block.text })
}

/// How many images a request has that a filter would look at.
fn images(req: &api::ConverseRequest) -> i64 {
    use api::GuardrailConverseContentBlock::Image;
    let of_system =
        req.system.iter().flatten().filter(|block| matches!(block, api::SystemContentBlock::GuardContent(Image(_))));
    let blocks = req.messages.iter().flatten().flat_map(|message| &message.content);
    let of_messages =
        blocks.filter(|block| matches!(block, api::ContentBlock::Image(_) | api::ContentBlock::GuardContent(Image(_))));
    i64::try_from(of_system.count() + of_messages.count()).unwrap_or(i64::MAX)
}
