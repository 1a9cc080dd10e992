//! Guardrails in bodies of InvokeModel: what a body says of them, marks in its texts, and what an answer tells.

use super::malformed;
use crate::errors::{self, OpResult};
use crate::ops::bedrock_runtime::guarded::{Told, Wanted};
use outcrop_api::bedrock_runtime as api;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The member of a body for guardrails, whatever the family.
const CONFIG: &str = "amazon-bedrock-guardrailConfig";
const TAG: &str = "amazon-bedrock-guardrails-";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    tag_suffix: Option<String>,
    stream_processing_mode: Option<Mode>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Synchronous,
    Asynchronous,
}

/// Takes what a body says of guardrails out of it; gives the suffix of the tags that mark texts.
///
/// # Errors
/// Validation: what is no configuration, or one without a guardrail.
pub(super) fn take(document: &mut Value, wanted: Option<&mut Wanted>) -> OpResult<Option<String>> {
    let Some(config) = document.as_object_mut().and_then(|members| members.remove(CONFIG)) else { return Ok(None) };
    let config: Config = serde_json::from_value(config).map_err(|error| malformed(&format!("#/{CONFIG}: {error}")))?;
    let suffix = config.tag_suffix.filter(|suffix| !suffix.is_empty());
    let Some(wanted) = wanted else { return Ok(suffix) };
    if wanted.identifier.is_none() {
        return Err(errors::validation(format!(
            "The body holds {CONFIG}, and no guardrail is named. Give guardrailIdentifier and guardrailVersion, or leave it out."
        )));
    }
    wanted.is_async = config.stream_processing_mode == Some(Mode::Asynchronous);
    Ok(suffix)
}

/// Makes blocks of their own of the parts that are marked in the user's texts.
pub(super) fn split(request: &mut api::ConverseRequest, suffix: &str) {
    for message in request.messages.iter_mut().flatten() {
        if message.role != api::ConversationRole::User {
            continue;
        }
        let blocks = std::mem::take(&mut message.content);
        message.content = blocks
            .into_iter()
            .flat_map(|block| match block {
                api::ContentBlock::Text(text) => parts(&text, suffix),
                other => vec![other],
            })
            .collect();
    }
}

/// A text in parts; the tags are no part of it.
fn parts(text: &str, suffix: &str) -> Vec<api::ContentBlock> {
    let mut blocks = Vec::new();
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, marked)) = rest.split_once(&format!("<{TAG}")) {
        let Some((kind, inner, after)) = tagged(marked, suffix) else {
            // Another's tag, or one that does not end, is text.
            let end = rest.len() - marked.len();
            plain.push_str(&rest[..end]);
            rest = marked;
            continue;
        };
        plain.push_str(before);
        blocks.extend(self::plain(std::mem::take(&mut plain)));
        let qualifiers = kind.map(|kind| vec![kind]);
        let block = api::GuardrailConverseTextBlock { text: inner.to_owned(), qualifiers };
        blocks.push(api::ContentBlock::GuardContent(api::GuardrailConverseContentBlock::Text(block)));
        rest = after;
    }
    plain.push_str(rest);
    blocks.extend(self::plain(plain));
    // A text that is blank is refused where texts are read.
    if blocks.is_empty() { vec![api::ContentBlock::Text(text.to_owned())] } else { blocks }
}

fn plain(text: String) -> Option<api::ContentBlock> {
    (!text.trim().is_empty()).then_some(api::ContentBlock::Text(text))
}

type Tagged<'a> = (Option<api::GuardrailConverseContentQualifier>, &'a str, &'a str);

/// What a tag marks, and what follows.
fn tagged<'a>(text: &'a str, suffix: &str) -> Option<Tagged<'a>> {
    let (name, rest) = text.split_once('>')?;
    let qualifier = match name.strip_suffix(suffix)?.strip_suffix('_')? {
        "guardContent" => None,
        "groundingSource" => Some(api::GuardrailConverseContentQualifier::GroundingSource),
        "query" => Some(api::GuardrailConverseContentQualifier::Query),
        _ => return None,
    };
    let (inner, after) = rest.split_once(&format!("</{TAG}{name}>"))?;
    Some((qualifier, inner, after))
}

/// Tells in an answer's document what guardrails did.
pub(super) fn tell(document: &mut Map<String, Value>, told: Option<&Told>) {
    let Some(told) = told else { return };
    let action = if told.intervened { "INTERVENED" } else { "NONE" };
    document.insert("amazon-bedrock-guardrailAction".to_owned(), action.into());
    let Some(trace) = &told.trace else { return };
    let mut guardrail = Map::new();
    if let Some(said) = &trace.model_output {
        guardrail.insert("modelOutput".to_owned(), json!(said));
    }
    if let Some(input) = &trace.input_assessment {
        guardrail.insert("input".to_owned(), json!(input));
    }
    if let Some(outputs) = &trace.output_assessments {
        let each = outputs.iter().flat_map(|(id, list)| list.iter().map(move |one| json!({id.as_str(): one})));
        guardrail.insert("outputs".to_owned(), each.collect());
    }
    if let Some(reason) = &trace.action_reason {
        guardrail.insert("actionReason".to_owned(), json!(reason));
    }
    document.insert("amazon-bedrock-trace".to_owned(), json!({"guardrail": guardrail}));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        let word = |block: api::ContentBlock| match block {
            api::ContentBlock::GuardContent(api::GuardrailConverseContentBlock::Text(block)) => {
                let kinds = block.qualifiers.into_iter().flatten();
                format!("[{}{}]", block.text, kinds.map(|kind| format!(" {kind}")).collect::<String>())
            }
            api::ContentBlock::Text(text) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(parts(text, "x").into_iter().map(word).collect::<Vec<_>>().join("|"), wanted);
    }

    #[test]
    fn marks_make_blocks() {
        let mark = |kind: &str, text: &str| format!("<{TAG}{kind}_x>{text}</{TAG}{kind}_x>");
        check("plain", "plain");
        check(&format!("a {} b", mark("guardContent", "bad")), "a |[bad]| b");
        check(&(mark("groundingSource", "S") + &mark("query", "Q") + "rest"), "[S grounding_source]|[Q query]|rest");
        // What is not marked by the caller's own tags is text: users may write tags, too.
        let other = format!("<{TAG}guardContent_y>z</{TAG}guardContent_y>");
        check(&other, &other);
        let open = format!("a <{TAG}guardContent_x>z");
        check(&open, &open);
        check(" ", " ");
    }
}
