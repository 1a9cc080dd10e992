//! ApplyGuardrail: what a guardrail says of texts, without a model.

use crate::App;
use crate::errors::{self, OpResult};
use crate::guardrails::apply::{self, Guard, Origin, Part};
use crate::guardrails::told::{self, Images, Scope};
use crate::ops::OpContext;
use outcrop_api::bedrock_runtime as api;
use outcrop_guardrails::{Coverage, Qualifier, Source, Verdict};

/// Most characters of the texts that contextual grounding reads, as on the service.
const GROUNDING_SOURCE_CHARS_MAX: usize = 100_000;
const QUERY_CHARS_MAX: usize = 1_000;
const RESPONSE_CHARS_MAX: usize = 5_000;

pub(super) async fn apply_guardrail(
    cx: OpContext,
    req: api::ApplyGuardrailRequest,
) -> OpResult<api::ApplyGuardrailResponse> {
    answer(&cx, req).await
}

/// The same for whoever has no request of the wire, such as a custom orchestration.
pub(crate) async fn answer(app: &App, req: api::ApplyGuardrailRequest) -> OpResult<api::ApplyGuardrailResponse> {
    let compiled = app.guardrails.get(app, &req.guardrail_identifier, &req.guardrail_version).await?;
    let guard = Guard { compiled, origin: Origin::Request };
    let source = match req.source {
        api::GuardrailContentSource::Input => Source::Input,
        api::GuardrailContentSource::Output => Source::Output,
    };
    let scope = match req.output_scope {
        Some(api::GuardrailOutputScope::Full) => Scope::Full,
        None | Some(api::GuardrailOutputScope::Interventions) => Scope::Interventions,
    };
    let (parts, images) = parts(&guard, source, req.content)?;
    if source == Source::Output {
        check_grounding(&guard, &parts)?;
    }
    let applied = apply::apply(app, std::slice::from_ref(&guard), source, parts).await;
    let total = applied.said.iter().fold(Coverage::default(), |_, said| said.assessment.coverage);
    let outputs = match applied.verdict {
        Verdict::Pass => Vec::new(),
        Verdict::Masked | Verdict::Blocked => applied.texts(),
    };
    Ok(api::ApplyGuardrailResponse {
        usage: told::total_usage(&applied),
        action: match applied.verdict {
            Verdict::Pass => api::GuardrailAction::None,
            Verdict::Masked | Verdict::Blocked => api::GuardrailAction::GuardrailIntervened,
        },
        action_reason: Some(told::action_reason(applied.verdict).to_owned()),
        outputs: outputs.into_iter().map(|text| api::GuardrailOutputContent { text: Some(text) }).collect(),
        assessments: told::assessments(&applied, source, scope, images),
        guardrail_coverage: Some(told::coverage(&total, images)),
    })
}

/// The texts, and how many images there are. A filter that is to look at images cannot be kept to here, so nothing is said
/// of a request that has some: better no answer than one that looked away.
fn parts(guard: &Guard, source: Source, content: Vec<api::GuardrailContentBlock>) -> OpResult<(Vec<Part>, Images)> {
    let mut parts = Vec::with_capacity(content.len());
    let mut images = Images::default();
    for block in content {
        match block {
            api::GuardrailContentBlock::Text(block) => parts.push(Part {
                text: block.text,
                qualifiers: block.qualifiers.unwrap_or_default().into_iter().map(qualifier).collect(),
            }),
            api::GuardrailContentBlock::Image(_) => images.total += 1,
        }
    }
    let (input, output) = guard.compiled.images;
    if images.total > 0 && (if source == Source::Output { output } else { input }) {
        return Err(errors::validation(
            "A content filter of the guardrail has the modality IMAGE, and images cannot be assessed by this version of Outcrop. Leave images out, or take the modality out of the filter.",
        ));
    }
    Ok((parts, images))
}

fn qualifier(qualifier: api::GuardrailContentQualifier) -> Qualifier {
    match qualifier {
        api::GuardrailContentQualifier::GroundingSource => Qualifier::GroundingSource,
        api::GuardrailContentQualifier::Query => Qualifier::Query,
        api::GuardrailContentQualifier::GuardContent => Qualifier::GuardContent,
    }
}

/// Limits and needs of contextual grounding. It is passed over where its material is missing and another policy has
/// something to do.
fn check_grounding(guard: &Guard, parts: &[Part]) -> OpResult<()> {
    let configuration = &guard.compiled.configuration;
    if !configuration.grounding.iter().any(|filter| filter.enabled) {
        return Ok(());
    }
    let chars = |wanted: Qualifier| -> usize {
        parts.iter().filter(|part| part.qualifiers.contains(&wanted)).map(|part| part.text.chars().count()).sum()
    };
    let (source, query) = (chars(Qualifier::GroundingSource), chars(Qualifier::Query));
    if source == 0 || query == 0 {
        let others = !configuration.topics.is_empty()
            || !configuration.filters.is_empty()
            || !configuration.words.is_empty()
            || !configuration.managed_word_lists.is_empty()
            || !configuration.pii_entities.is_empty()
            || !configuration.regexes.is_empty();
        return if others {
            Ok(())
        } else {
            Err(errors::validation(
                "Contextual grounding needs a text with the qualifier grounding_source, and one with the qualifier query.",
            ))
        };
    }
    let response: usize = parts
        .iter()
        .filter(|part| part.qualifiers.iter().all(|one| *one == Qualifier::GuardContent))
        .map(|part| part.text.chars().count())
        .sum();
    for (what, count, most) in [
        ("grounding source", source, GROUNDING_SOURCE_CHARS_MAX),
        ("query", query, QUERY_CHARS_MAX),
        ("response", response, RESPONSE_CHARS_MAX),
    ] {
        if count > most {
            return Err(errors::validation(format!(
                "The {what} has {count} characters; contextual grounding reads at most {most}."
            )));
        }
    }
    Ok(())
}
