//! KNOWLEDGE_BASE_RESPONSE_GENERATION: the answer from search results, for an agent that has one knowledge base and
//! nothing else.

use crate::turn::citations;
use crate::turn::event::{Decision, ModelReplied, Output};
use crate::turn::parsers::ParserReply;
use crate::turn::text;
use crate::turn::{Turn, trace};
use outcrop_ports::Message;

impl Turn {
    pub(super) fn generated(
        &mut self,
        replied: &ModelReplied,
        parsed: Option<ParserReply>,
        mut output: Vec<Output>,
    ) -> Decision {
        let at = replied.at;
        self.trace(&mut output, at, |turn| trace::knowledge_base_output(turn, replied));
        let (text, attribution) = match parsed {
            Some(ParserReply::KnowledgeBase { text, attribution }) => (text, attribution),
            _ => {
                let answer = text::split(&replied.reply.message.text()).answer;
                match citations::read(&answer) {
                    Some(parts) => {
                        let text = citations::joined(&parts);
                        let attribution = citations::attribution(&text, parts, citations::by_id);
                        (text, attribution)
                    }
                    None => (answer, None),
                }
            }
        };
        let text = match self.answer_schema.is_some().then(|| self.document("", &text)) {
            None => text,
            Some(Ok(text)) => text,
            Some(Err(problem)) => return self.fail_without_answer(&problem, output),
        };
        self.push(Message::assistant(text.as_str()));
        // As recorded of the service: the end comes under the next number.
        self.request.iteration += 1;
        self.answer_found(at, text, attribution, output)
    }
}
