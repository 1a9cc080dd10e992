//! What a model's reply means, phase by phase.

mod knowledge_base;
mod orchestration;
mod post_processing;
mod pre_processing;
mod routing;

pub(super) use pre_processing::Verdict;

use super::event::{Decision, FailureKind, ModelReplied};
use super::parsers::ParserReply;
use super::{State, Step, Turn, parsers, trace};
use crate::phase::Phase;
use outcrop_ports::{ContentBlock, Message};

impl Turn {
    /// Takes a reply: the author's parser reads it where there is one, else we do.
    pub(super) fn model_replied(&mut self, phase: Phase, replied: ModelReplied) -> Decision {
        let mut output = Vec::new();
        self.correct_estimate(phase, &replied);
        self.count_tokens(&replied.reply.usage);
        if phase == Phase::Orchestration {
            self.trace(&mut output, replied.at, |turn| trace::orchestration_output(turn, &replied));
        }
        let Some(function_arn) = self.agent.prompts.get(phase).parser.clone() else {
            return self.read_reply(phase, replied, None, output);
        };
        let call = parsers::call(&self.identity, phase, self.model_of(phase), function_arn, &replied.reply);
        self.state = State::Parsing(phase, Box::new(replied));
        Decision { step: Step::CallParser(call), output }
    }

    /// Goes on with a reply; `parsed` is what the author's parser made of it.
    pub(super) fn read_reply(
        &mut self,
        phase: Phase,
        replied: ModelReplied,
        parsed: Option<ParserReply>,
        output: Vec<super::Output>,
    ) -> Decision {
        match phase {
            Phase::PreProcessing => self.pre_processed(&replied, parsed, output),
            Phase::Orchestration => self.orchestrated(replied, parsed, output),
            Phase::PostProcessing => self.post_processed(&replied, parsed, output),
            Phase::RoutingClassifier => self.routed(&replied, parsed, output),
            Phase::KnowledgeBaseResponseGeneration => self.generated(&replied, parsed, output),
            // Not a part of any turn.
            Phase::MemorySummarization => {
                let message = format!("a turn does not ask for {}", phase.name());
                self.fail(FailureKind::Internal, message, None, output)
            }
        }
    }
}

/// The model's thinking in reasoning blocks and in thinking tags, joined; `None` when there is none.
fn thinking(message: &Message, in_text: &str) -> Option<String> {
    let reasoning = message.content.iter().filter_map(|block| match block {
        ContentBlock::ReasoningContent(reasoning) => Some(reasoning.text.trim()),
        _ => None,
    });
    let all: Vec<&str> = reasoning.chain([in_text]).filter(|text| !text.is_empty()).collect();
    (!all.is_empty()).then(|| all.join("\n"))
}
