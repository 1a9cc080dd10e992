//! The guardrails of an agent: what they said of the user's words comes with [`Started`](super::Started), what they say of
//! the answer is asked for by [`Step::Assess`] before it is given out.
//!
//! What they took out never comes back: the words of a turn are masked before they are recorded, and what stands in place
//! of an answer stands in the history, too.

use super::event::{Decision, FailureKind, Output, Step};
use super::{State, Turn, trace};
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_ports::Role;
use outcrop_wire::Timestamp;
use serde::{Deserialize, Serialize};

/// What guardrails said of a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assessed {
    /// When they were asked.
    pub started_at: Timestamp,
    /// When they had answered.
    pub at: Timestamp,
    /// Id of the check.
    pub call_id: String,
    /// What follows.
    pub verdict: Verdict,
    /// What stands in place of the text, unless it passes. Absent for words that are masked: what is recorded of them is
    /// what stands in their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What each guardrail found, as the trace shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assessments: Vec<api::GuardrailAssessment>,
}

/// What follows from what guardrails found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The text is used as it is.
    #[default]
    Passed,
    /// Values in it are masked.
    Masked,
    /// Something else stands in its place.
    Blocked,
}

/// Stands in what is recorded for a value that guardrails found.
const VALUE: &str = "(not recorded)";

impl Assessed {
    /// The same without the values that were found: names of types and patterns stay.
    #[must_use]
    pub fn without_values(&self) -> Self {
        let mut assessed = self.clone();
        for policy in assessed.assessments.iter_mut().filter_map(|one| one.sensitive_information_policy.as_mut()) {
            let entities = policy.pii_entities.iter_mut().flatten().map(|found| &mut found.r#match);
            let regexes = policy.regexes.iter_mut().flatten().map(|found| &mut found.r#match);
            entities.chain(regexes).for_each(|value| *value = Some(VALUE.to_owned()));
        }
        assessed
    }

    /// The values that were found and did not pass.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let policies = self.assessments.iter().filter_map(|one| one.sensitive_information_policy.as_ref());
        let values = policies.flat_map(|policy| {
            let entities = policy.pii_entities.iter().flatten().filter_map(|found| found.r#match.as_deref());
            let regexes = policy.regexes.iter().flatten().filter_map(|found| found.r#match.as_deref());
            entities.chain(regexes)
        });
        values.filter(|value| *value != VALUE)
    }

    /// Whether it holds values that [`Self::without_values`] leaves out.
    pub fn has_values(&self) -> bool {
        self.values().next().is_some()
    }
}

/// Which way a text goes that was assessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The user's words.
    Input,
    /// The answer.
    Output,
    /// What a tool gave back.
    Tool,
}

/// An answer that waits for what guardrails say of it.
#[derive(Debug)]
pub(super) struct Held {
    text: String,
    attribution: Option<api::Attribution>,
    /// What shows the answer, and what comes with it.
    output: Vec<Output>,
}

impl Turn {
    /// Has an answer assessed before it is given out, where there is a guardrail.
    pub(super) fn guarded(&mut self, decision: Decision) -> Decision {
        let is_due = self.is_guarded && !self.answer_is_assessed;
        match decision {
            Decision { step: Step::Finish { text, attribution }, output } if is_due && !text.is_empty() => {
                let step = Step::Assess { text: text.clone() };
                self.state = State::Assessing(Box::new(Held { text, attribution, output }));
                Decision { step, output: Vec::new() }
            }
            decision => decision,
        }
    }

    /// Takes what guardrails said of the user's words. They end the turn when they do not pass: nothing of it stands in the
    /// history then.
    pub(super) fn words_assessed(&mut self, assessed: &Assessed, output: &mut Vec<Output>) -> Option<Step> {
        self.trace(output, assessed.at, |turn| trace::guardrail(turn, Side::Input, assessed));
        if assessed.verdict != Verdict::Blocked {
            return None;
        }
        self.answer_is_assessed = true;
        self.state = State::Over;
        if self.answer_schema.is_some() {
            let message =
                "The request was refused by a guardrail, and there is no answer to it that fits the answer schema.";
            return Some(Step::Fail { kind: FailureKind::Invalid, message: message.to_owned(), resource: None });
        }
        Some(Step::Finish { text: assessed.text.clone().unwrap_or_default(), attribution: None })
    }

    /// Takes what guardrails said of the answer, and gives it out as they left it.
    pub(super) fn answer_assessed(&mut self, assessed: &Assessed, held: Held) -> Decision {
        let Held { mut text, mut attribution, mut output } = held;
        self.answer_is_assessed = true;
        self.state = State::Over;
        if assessed.verdict != Verdict::Passed {
            text = assessed.text.clone().unwrap_or_default();
            // It counts characters of the text that it was made for.
            attribution = None;
            self.put_in_place_of_answer(&text);
            output.iter_mut().for_each(|part| trace::replace_answer(part, &text));
        }
        self.trace(&mut output, assessed.at, |turn| trace::guardrail(turn, Side::Output, assessed));
        // Whoever waits for a document gets one or an error.
        let is_left = match assessed.verdict {
            Verdict::Passed => true,
            Verdict::Masked => self.answer_schema.is_none() || self.document("", &text).is_ok(),
            Verdict::Blocked => self.answer_schema.is_none(),
        };
        if !is_left {
            return self.fail_without_answer("a guardrail did not pass the answer", output);
        }
        Decision { step: Step::Finish { text, attribution }, output }
    }

    /// What shows that a piece of the answer was assessed while it was written.
    pub fn piece_assessed(&self, assessed: &Assessed) -> Vec<Output> {
        let mut output = Vec::new();
        self.trace(&mut output, assessed.at, |turn| trace::guardrail(turn, Side::Output, assessed));
        output
    }

    /// Takes an answer back that nobody has assessed: it is not given out, and not remembered.
    pub(super) fn withdraw_answer(&mut self, state: &State) {
        if matches!(state, State::Assessing(_)) {
            self.answer_is_assessed = true;
            self.put_in_place_of_answer(super::NO_ANSWER);
        }
    }

    fn put_in_place_of_answer(&mut self, text: &str) {
        if self.new_messages().last().is_some_and(|last| last.role == Role::Assistant) {
            self.replace_answer(text);
        }
        self.replace_custom_output(text);
    }
}
