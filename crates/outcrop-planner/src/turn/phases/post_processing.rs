//! POST_PROCESSING: the answer as the user reads it.
//!
//! On the service the orchestration's end is shown first, although its time includes post-processing; so it is held back
//! until the reply is there.

use crate::phase::Phase;
use crate::turn::event::{Decision, ModelReplied, Output};
use crate::turn::parsers::ParserReply;
use crate::turn::text::{self, tagged};
use crate::turn::trace::{self, Ending};
use crate::turn::{NO_ANSWER, State, Step, Turn};
use outcrop_api::bedrock_agent_runtime::Attribution;
use outcrop_ports::{Message, Role};
use outcrop_wire::Timestamp;
use std::sync::Arc;

impl Turn {
    /// The orchestration has its answer: it is the turn's, unless it is worked over once more.
    pub(super) fn answer_found(
        &mut self,
        at: Timestamp,
        text: String,
        attribution: Option<Attribution>,
        mut output: Vec<Output>,
    ) -> Decision {
        // A document that fits its schema is not worked over.
        if !self.agent.prompts.get(Phase::PostProcessing).enabled || self.answer_schema.is_some() {
            self.close(&text);
            self.state = State::Over;
            self.trace(&mut output, at, |turn| trace::final_response(turn, at, &text, Ending::Finish));
            return Decision { step: Step::Finish { text, attribution }, output };
        }
        self.answer = Some(text);
        let decision = self.post_process(at);
        Decision { output, ..decision }
    }

    /// Asks for the last hand to the answer; what there is to see of it is held back.
    pub(in crate::turn) fn post_process(&mut self, at: Timestamp) -> Decision {
        let mut decision = self.ask_model(Phase::PostProcessing, at, Vec::new());
        self.held = std::mem::take(&mut decision.output);
        decision
    }

    pub(super) fn post_processed(
        &mut self,
        replied: &ModelReplied,
        parsed: Option<ParserReply>,
        mut output: Vec<Output>,
    ) -> Decision {
        let at = replied.at;
        self.show_held(at, &mut output);
        self.answer = None;
        let (text, attribution) = match parsed {
            Some(ParserReply::PostProcessing { text, attribution }) => (text, attribution),
            _ => (final_response(&replied.reply.message.text()), None),
        };
        self.trace(&mut output, at, |turn| trace::post_processing_output(turn, replied, Some(&text)));
        self.replace_answer(&text);
        self.state = State::Over;
        Decision { step: Step::Finish { text, attribution }, output }
    }

    /// Shows the end of the orchestration and what was asked since.
    pub(in crate::turn) fn show_held(&mut self, at: Timestamp, output: &mut Vec<Output>) {
        let held = std::mem::take(&mut self.held);
        if let Some(answer) = &self.answer {
            self.trace(output, at, |turn| trace::final_response(turn, at, answer, Ending::Finish));
        }
        output.extend(held);
    }

    /// An answer that waits for its last hand and does not get it is no answer: the user never read it.
    pub(in crate::turn) fn forget_answer(&mut self) {
        if self.answer.take().is_some() {
            self.replace_answer(NO_ANSWER);
        }
    }

    /// What the user read stands in the history, not what it was made of.
    pub(in crate::turn) fn replace_answer(&mut self, text: &str) {
        if text.is_empty() {
            return self.close(text);
        }
        match self.messages.last_mut() {
            Some(last) if last.role == Role::Assistant => {
                *last = Arc::new(Message::assistant(text));
                self.view.follow(&self.messages);
            }
            _ => self.close(text),
        }
    }
}

/// What is inside of `<final_response>`; all but the thinking when a model leaves the tag away.
fn final_response(said: &str) -> String {
    match tagged(said, "final_response") {
        Some(text) => text.to_owned(),
        None => text::split(said).answer,
    }
}
