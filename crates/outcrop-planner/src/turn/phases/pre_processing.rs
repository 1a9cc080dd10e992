//! PRE_PROCESSING: whether the request is worked on at all.

use super::thinking;
use crate::phase::Phase;
use crate::turn::event::{Decision, FailureKind, ModelReplied, Output};
use crate::turn::parsers::ParserReply;
use crate::turn::text::{self, tagged};
use crate::turn::{Step, Turn, UNABLE_TO_ASSIST, trace};
use outcrop_ports::Message;

/// What is thought of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::turn) struct Verdict {
    pub(in crate::turn) is_valid: bool,
    pub(in crate::turn) rationale: Option<String>,
}

impl Turn {
    pub(super) fn pre_processed(
        &mut self,
        replied: &ModelReplied,
        parsed: Option<ParserReply>,
        mut output: Vec<Output>,
    ) -> Decision {
        let at = replied.at;
        let verdict = match parsed {
            Some(ParserReply::PreProcessing(verdict)) => Some(verdict),
            _ => verdict(&replied.reply.message),
        };
        self.trace(&mut output, at, |turn| trace::pre_processing_output(turn, replied, verdict.as_ref()));
        match verdict {
            Some(Verdict { is_valid: true, .. }) => self.ask_model(self.first_after_pre_processing(), at, output),
            Some(_) => self.refuse(output),
            None => {
                let reason = "LLM prediction format incorrect: no category";
                self.trace(&mut output, at, |turn| {
                    trace::failure(turn, Phase::PreProcessing, replied.started_at, at, reason)
                });
                self.refuse(output)
            }
        }
    }

    /// Ends the turn without orchestration, and so without its trace.
    fn refuse(&mut self, output: Vec<Output>) -> Decision {
        if self.answer_schema.is_some() {
            let message =
                "The request was refused in pre-processing, and there is no answer to it that fits the answer schema.";
            return self.fail(FailureKind::Invalid, message.to_owned(), None, output);
        }
        self.close(UNABLE_TO_ASSIST);
        Decision { step: Step::Finish { text: UNABLE_TO_ASSIST.to_owned(), attribution: None }, output }
    }
}

/// Reads the category, D and E being fit to go on. A model that leaves the tags away is understood when its answer is
/// the letter, or begins with it.
fn verdict(message: &Message) -> Option<Verdict> {
    let said = message.text();
    let parts = text::split(&said);
    let category = tagged(&said, "category").unwrap_or(&parts.answer);
    let is_valid = match letter(category)? {
        'A' | 'B' | 'C' => false,
        'D' | 'E' => true,
        _ => return None,
    };
    Some(Verdict { is_valid, rationale: thinking(message, &parts.thinking) })
}

/// The first word when it is a single letter, which the word "category" may precede.
fn letter(text: &str) -> Option<char> {
    let mut words = text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.next()?;
    let word = if first.eq_ignore_ascii_case("category") { words.next()? } else { first };
    let mut letters = word.chars();
    let letter = letters.next()?.to_ascii_uppercase();
    letters.next().is_none().then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: &str, expected: Option<(bool, Option<&str>)>) {
        let found = verdict(&Message::assistant(said));
        let expected =
            expected.map(|(is_valid, rationale)| Verdict { is_valid, rationale: rationale.map(str::to_owned) });
        assert_eq!(found, expected, "{said}");
    }

    #[test]
    fn reads_categories() {
        check("<thinking>An order.</thinking>\n<category>D</category>", Some((true, Some("An order."))));
        check("<category>E: it answers</category>", Some((true, None)));
        check("<thinking>x</thinking><category>\nA\n", Some((false, Some("x"))));
        check("Category C", Some((false, None)));
        check("b.", Some((false, None)));
        check("<thinking>It is D</thinking>", None);
        check("A harmless question", Some((false, None)));
        check("Delighted to help", None);
        check("<category>F</category>", None);
        check("", None);
    }
}
