//! Answers in parts, each with the sources it rests on, and what the chunk says of them.
//!
//! ```text
//! <answer_part>
//! <text>A-1 is in processing.</text>
//! <sources><source>2</source></sources>
//! </answer_part>
//! ```

use super::text::tagged;
use outcrop_api::bedrock_agent_runtime as api;
use serde_json::Value;

pub(super) const OPEN: &str = "<answer_part>";
const CLOSE: &str = "</answer_part>";

/// A part of an answer with the ids of its sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) sources: Vec<String>,
}

/// Reads an answer that begins with a part; `None` when it does not. What stands outside of parts is left out.
pub(super) fn read(answer: &str) -> Option<Vec<Part>> {
    let mut rest = answer.trim_start();
    if !rest.starts_with(OPEN) {
        return None;
    }
    let mut parts = Vec::new();
    while let Some(at) = rest.find(OPEN) {
        let body = &rest[at + OPEN.len()..];
        let end = body.find(CLOSE).unwrap_or(body.len());
        let part = &body[..end];
        let text = tagged(part, "text").unwrap_or_default().to_owned();
        if !text.is_empty() {
            parts.push(Part { text, sources: sources(tagged(part, "sources").unwrap_or_default()) });
        }
        rest = body.get(end + CLOSE.len()..).unwrap_or_default();
    }
    Some(parts)
}

fn sources(mut rest: &str) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(at) = rest.find("<source>") {
        let body = &rest[at + "<source>".len()..];
        let end = body.find("</source>").unwrap_or(body.len());
        ids.push(body[..end].trim().to_owned());
        rest = &body[end..];
    }
    ids
}

/// The answer as the user reads it.
pub(super) fn joined(parts: &[Part]) -> String {
    parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// Citations as the chunk carries them: each part with its place in the text, in characters and inclusive, as the
/// service counts. A part that is not in the text has no place. `reference` gives what an id stands for.
pub(super) fn attribution(
    text: &str,
    parts: Vec<Part>,
    reference: impl Fn(&str) -> Option<api::RetrievedReference>,
) -> Option<api::Attribution> {
    let mut searched_to = 0;
    let citations: Vec<api::Citation> = parts
        .into_iter()
        .map(|part| {
            let found = text[searched_to..].find(&part.text).filter(|_| !part.text.is_empty());
            let span = found.map(|at| {
                let from = searched_to + at;
                searched_to = from + part.text.len();
                let start = text[..from].chars().count();
                let end = start + part.text.chars().count() - 1;
                api::Span { start: i64::try_from(start).ok(), end: i64::try_from(end).ok() }
            });
            api::Citation {
                generated_response_part: Some(api::GeneratedResponsePart {
                    text_response_part: Some(api::TextResponsePart { span, text: Some(part.text) }),
                }),
                retrieved_references: Some(part.sources.iter().filter_map(|id| reference(id)).collect()),
            }
        })
        .collect();
    (!citations.is_empty()).then_some(api::Attribution { citations: Some(citations) })
}

/// A source that is known by its id only.
#[expect(clippy::unnecessary_wraps, reason = "of the form that attribution wants")]
pub(super) fn by_id(id: &str) -> Option<api::RetrievedReference> {
    Some(api::RetrievedReference {
        metadata: Some([("sourceId".to_owned(), Value::from(id))].into()),
        ..api::RetrievedReference::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, sources: &[&str]) -> Part {
        Part { text: text.to_owned(), sources: sources.iter().map(|id| (*id).to_owned()).collect() }
    }

    #[test]
    fn reads_answers_in_parts() {
        let answer = "\n<answer_part>\n<text>\nOne.\n</text>\n<sources>\n<source>1</source>\n<source> 2 </source>\n</sources>\n</answer_part>\n\
            <answer_part><text>Two.</text></answer_part> and <answer_part><text>Three";
        let parts = read(answer).expect("has parts");
        assert_eq!(parts, [part("One.", &["1", "2"]), part("Two.", &[]), part("Three", &[])]);
        assert_eq!(joined(&parts), "One. Two. Three");
        assert_eq!(read("See <answer_part>"), None);
        assert_eq!(read(OPEN), Some(Vec::new()));
    }

    #[test]
    fn citations_have_their_place_in_the_text() {
        let parts = vec![part("Ümläut.", &["s1"]), part("Two.", &[]), part("Two.", &[]), part("none", &[])];
        let found = attribution("Ümläut. Two. Two.", parts, by_id).expect("has parts");
        let spans: Vec<_> = found
            .citations
            .unwrap_or_default()
            .into_iter()
            .map(|one| one.generated_response_part.and_then(|part| part.text_response_part).and_then(|part| part.span))
            .map(|span| span.map(|span| (span.start, span.end)))
            .collect();
        let at = |start, end| Some((Some(start), Some(end)));
        assert_eq!(spans, [at(0, 6), at(8, 11), at(13, 16), None]);
    }
}
