//! Applying guardrails to texts: what comes of it, whoever asked.

use super::compiled::Compiled;
use super::{enforced, judge};
use crate::App;
use crate::errors::OpResult;
use outcrop_guardrails::{Assessment, Block, Qualifier, Source, Verdict};
use std::sync::Arc;
use tokio::time::Instant;

/// Texts of more bytes than these together are assessed beside the threads that serve requests.
const INLINE_BYTES_MAX: usize = 32 << 10;

/// Why a guardrail is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The request or the agent names it.
    Request,
    /// It is enforced for the account.
    Account,
}

/// A guardrail that is to be applied.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The guardrail.
    pub compiled: Arc<Compiled>,
    /// Why.
    pub origin: Origin,
}

/// A text that is to be checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// The text.
    pub text: String,
    /// What it is; empty for plain content.
    pub qualifiers: Vec<Qualifier>,
}

impl Part {
    /// Plain content.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), qualifiers: Vec::new() }
    }
}

/// What one guardrail said.
#[derive(Clone, Debug)]
pub struct Said {
    /// Which.
    pub guard: Guard,
    /// What it found.
    pub assessment: Assessment,
    /// Milliseconds it took.
    pub millis: i64,
}

/// What came of a check.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What happens to the content: the strictest of what the guardrails said.
    pub verdict: Verdict,
    /// The guarded texts in order, masked where a guardrail says so. Not to be shown when blocked.
    pub outputs: Vec<String>,
    /// What stands in place of the content when it is blocked.
    pub message: Option<String>,
    /// What each guardrail said, in order.
    pub said: Vec<Said>,
}

impl Applied {
    /// Before any guardrail has spoken.
    fn nothing(parts: &[Part], guards: usize) -> Self {
        let outputs = guarded(parts).map(|part| part.text.clone()).collect();
        Self { verdict: Verdict::Pass, outputs, message: None, said: Vec::with_capacity(guards) }
    }

    /// Takes what a guardrail said, and masks the parts for the next.
    fn take(&mut self, guard: &Guard, source: Source, parts: &mut [Part], assessment: Assessment, began: Instant) {
        if assessment.verdict == Verdict::Masked {
            for (part, text) in parts.iter_mut().filter(|part| is_guarded(&part.qualifiers)).zip(&assessment.outputs) {
                part.text.clone_from(text);
            }
        }
        if assessment.verdict == Verdict::Blocked && self.message.is_none() {
            self.message = Some(blocked_message(guard, source).to_owned());
        }
        self.verdict = self.verdict.max(assessment.verdict);
        let millis = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.said.push(Said { guard: guard.clone(), assessment, millis });
    }

    /// With the texts as all guardrails left them.
    fn masked(mut self, parts: &[Part]) -> Self {
        if self.verdict == Verdict::Masked {
            self.outputs = guarded(parts).map(|part| part.text.clone()).collect();
        }
        self
    }

    /// The texts to be used: masked, or the one message in place of them all.
    pub fn texts(&self) -> Vec<String> {
        match &self.message {
            Some(message) => vec![message.clone()],
            None => self.outputs.clone(),
        }
    }
}

/// The guardrail that a request names, and what is enforced for the model it asks.
///
/// # Errors
/// Not found, for the one or the others: content is never passed unchecked because a guardrail is gone.
pub async fn guards(app: &App, named: Option<(&str, &str)>, model_id: Option<&str>) -> OpResult<Vec<Guard>> {
    let mut guards = Vec::new();
    if let Some((identifier, version)) = named {
        let compiled = app.guardrails.get(app, identifier, version).await?;
        guards.push(Guard { compiled, origin: Origin::Request });
    }
    if let Some(model_id) = model_id {
        for enforced in enforced::for_model(app, model_id).await? {
            let is_named = guards.iter().any(|guard| {
                guard.compiled.id == enforced.compiled.id && guard.compiled.version == enforced.compiled.version
            });
            if !is_named {
                guards.push(enforced);
            }
        }
    }
    Ok(guards)
}

/// Applies guardrails to parts. Each after the first sees what the ones before it masked. Where a model is configured as
/// the classifier, it is asked, too.
pub async fn apply(app: &App, guards: &[Guard], source: Source, mut parts: Vec<Part>) -> Applied {
    let mut applied = Applied::nothing(&parts, guards.len());
    for guard in guards {
        let bytes: usize = parts.iter().map(|part| part.text.len()).sum();
        let began = Instant::now();
        let assessed = if bytes <= INLINE_BYTES_MAX {
            Ok(assess(guard, source, &parts))
        } else {
            let (guard, owned) = (guard.clone(), parts.clone());
            tokio::task::spawn_blocking(move || assess(&guard, source, &owned)).await
        };
        let mut assessment = match assessed {
            Ok(assessment) => assessment,
            // A fault of ours must not let content pass.
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a guardrail could not be applied");
                applied.verdict = Verdict::Blocked;
                applied.message.get_or_insert_with(|| blocked_message(guard, source).to_owned());
                return applied;
            }
        };
        judge::judge(app, guard, source, &parts, &mut assessment).await;
        applied.take(guard, source, &mut parts, assessment, began);
    }
    applied.masked(&parts)
}

/// As [`apply`], at once and with the embedded detectors only.
pub fn apply_now(guards: &[Guard], source: Source, mut parts: Vec<Part>) -> Applied {
    let mut applied = Applied::nothing(&parts, guards.len());
    for guard in guards {
        let began = Instant::now();
        let assessment = assess(guard, source, &parts);
        applied.take(guard, source, &mut parts, assessment, began);
    }
    applied.masked(&parts)
}

fn assess(guard: &Guard, source: Source, parts: &[Part]) -> Assessment {
    let blocks: Vec<Block<'_>> =
        parts.iter().map(|part| Block { text: &part.text, qualifiers: &part.qualifiers }).collect();
    guard.compiled.policies.assess(source, &blocks)
}

/// What a guardrail says in place of content that it blocks.
pub fn blocked_message(guard: &Guard, source: Source) -> &str {
    match source {
        Source::Output => &guard.compiled.blocked_outputs,
        Source::Input | Source::ToolResult | Source::Passage => &guard.compiled.blocked_input,
    }
}

/// Whether policies other than contextual grounding look at what has these qualifiers.
pub fn is_guarded(qualifiers: &[Qualifier]) -> bool {
    Block { text: "", qualifiers }.is_guarded()
}

fn guarded(parts: &[Part]) -> impl Iterator<Item = &Part> {
    parts.iter().filter(|part| is_guarded(&part.qualifiers))
}
