//! An answer that a program reads: one JSON document that fits a JSON Schema, and nothing around it.
//!
//! The model is told the schema in the system prompt. An answer that does not fit goes back to it as a reprompt, as often
//! as [`TurnLimits::reprompts_max`](super::TurnLimits) allows; then the turn fails. Post-processing and routing are left
//! out, and the user cannot be asked: whoever waits for the document is a program.

use super::event::{Decision, FailureKind, Output};
use super::{State, Turn};
use crate::phase::Phase;
use crate::schema;
use serde_json::Value;

/// Most bytes of a schema, as JSON text: it stands in every prompt of the turn.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;

/// What the model is told when it asks the user.
pub(super) const NO_QUESTIONS: &str =
    "The user cannot be asked: the answer is read by a program. Answer with the JSON document, from what is known.";

/// Says what is wrong with a schema, each problem with its place in it as a JSON pointer. Whatever this version would not
/// check is among them: a schema that is taken is kept to.
///
/// # Errors
/// The problems, at least one and at most five.
pub fn check_schema(schema: &Value) -> Result<(), Vec<String>> {
    if schema.to_string().len() > SCHEMA_BYTES_MAX {
        return Err(vec![format!("the whole: has more than {SCHEMA_BYTES_MAX} bytes")]);
    }
    schema::check_schema(schema)
}

/// What the model is told of the schema.
pub(super) fn instruction(schema: &Value) -> String {
    format!(
        "Your final answer is read by a program. Write it as one JSON document that fits this JSON Schema, with nothing before or after it:\n{schema}"
    )
}

impl Turn {
    /// The document in an answer, as the model wrote it; or what to tell the model. `said` is the whole text of the reply,
    /// where that counts, `answer` what was read from it.
    pub(super) fn document(&mut self, said: &str, answer: &str) -> Result<String, String> {
        let Some(schema) = &self.answer_schema else { return Ok(answer.to_owned()) };
        // A document may hold what looks like tags of ours, so the whole is tried first.
        let read = [said, answer].into_iter().filter_map(|text| {
            let text = without_fence(text.trim());
            Some((text, serde_json::from_str::<Value>(text).ok()?))
        });
        let problem = match read.into_iter().next() {
            Some((text, document)) => match schema::check(schema, &document) {
                problems if problems.is_empty() => return Ok(text.to_owned()),
                problems => format!("The answer does not fit the schema: {}.", problems.join("; ")),
            },
            None => {
                let error = serde_json::from_str::<Value>(without_fence(answer.trim())).err();
                let why = error.map(|error| format!(" ({error})")).unwrap_or_default();
                format!(
                    "The answer must be one JSON document that fits the schema, with nothing before or after it. It is no JSON{why}."
                )
            }
        };
        self.answer_problem = Some(problem.clone());
        Err(problem)
    }

    /// Ends a turn that has no answer that fits: whoever asked for a document gets an error rather than other words.
    pub(super) fn fail_without_answer(&mut self, reason: &str, output: Vec<Output>) -> Decision {
        self.state = State::Over;
        let last = self.answer_problem.take().map(|problem| format!(" {problem}")).unwrap_or_default();
        let message = format!("The turn has no answer that fits the answer schema: {reason}.{last}");
        let model = self.model_of(Phase::Orchestration).to_owned();
        self.fail(FailureKind::Dependency, message, Some(model), output)
    }
}

/// The inside of a text that is one fenced block (` ```json … ``` `): models write documents so, whatever they are told.
fn without_fence(text: &str) -> &str {
    let inside = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    let Some((language, body)) = inside.and_then(|inside| inside.split_once('\n')) else { return text };
    let is_language = language.trim().chars().all(|character| character.is_ascii_alphanumeric());
    if is_language { body.trim() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_are_taken_off() {
        for (text, expected) in [
            ("```json\n{\"a\": 1}\n```", "{\"a\": 1}"),
            ("```\n[]\n```", "[]"),
            ("{\"a\": \"```\"}", "{\"a\": \"```\"}"),
            ("Here: ```json\n{}\n```", "Here: ```json\n{}\n```"),
            ("``````", "``````"),
            ("```", "```"),
        ] {
            assert_eq!(without_fence(text), expected);
        }
    }
}
