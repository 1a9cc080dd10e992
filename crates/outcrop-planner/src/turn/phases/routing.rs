//! ROUTING_CLASSIFIER: the one collaborator that takes the whole request, or the supervisor itself.

use crate::phase::Phase;
use crate::turn::event::{Decision, ModelReplied, Output};
use crate::turn::parsers::{ParserReply, Route};
use crate::turn::text::{self, tagged};
use crate::turn::{Turn, trace};
use outcrop_api::bedrock_agent::AgentCollaboration;
use outcrop_ports::Message;

/// What the classifier writes when no single agent can take the request.
const UNDECIDABLE: &str = "undecidable";
/// What it writes when the agent that took the request before shall take this one, too.
const KEEP_PREVIOUS: &str = "keep_previous_agent";

impl Turn {
    /// Routing comes first where there is some; else the orchestration begins. An answer that has to fit a schema is the
    /// supervisor's own: only it knows the schema.
    pub(in crate::turn) fn first_after_pre_processing(&self) -> Phase {
        let routes = self.agent.collaboration == AgentCollaboration::SupervisorRouter
            && self.agent.prompts.get(Phase::RoutingClassifier).enabled
            && self.answer_schema.is_none();
        if routes { Phase::RoutingClassifier } else { Phase::Orchestration }
    }

    /// Sends the request where the classifier wants it. What it did not decide, or not so that it can be understood, is
    /// the supervisor's own: it plans and asks as if there were no classifier.
    pub(super) fn routed(
        &mut self,
        replied: &ModelReplied,
        parsed: Option<ParserReply>,
        mut output: Vec<Output>,
    ) -> Decision {
        let at = replied.at;
        self.trace(&mut output, at, |turn| trace::routing_output(turn, replied));
        let route = match parsed {
            Some(ParserReply::Routing(route)) => route,
            _ => route(&replied.reply.message),
        };
        let (name, text) = match route {
            Route::Agent { name, text } => (Some(name), text),
            Route::LastAgent => (self.last_agent.clone(), None),
            Route::Undecided => (None, None),
            Route::Nonsense(reason) => {
                self.trace(&mut output, at, |turn| {
                    trace::failure(turn, Phase::RoutingClassifier, replied.started_at, at, &reason)
                });
                (None, None)
            }
        };
        match name.and_then(|name| self.collaborator(&name)) {
            Some(collaborator) => self.route_to(at, collaborator, text, output),
            None => self.ask_model(Phase::Orchestration, at, output),
        }
    }
}

/// Reads the name inside of `<a>`; a model that leaves the tags away is understood when its answer is nothing else.
fn route(message: &Message) -> Route {
    let said = message.text();
    let parts = text::split(&said);
    let name = tagged(&said, "a").unwrap_or(&parts.answer).trim();
    match name {
        "" => Route::Nonsense("LLM prediction format incorrect: no agent".to_owned()),
        UNDECIDABLE => Route::Undecided,
        KEEP_PREVIOUS => Route::LastAgent,
        name => Route::Agent { name: name.to_owned(), text: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_routes() {
        let read = |said: &str| route(&Message::assistant(said));
        let agent = |name: &str| Route::Agent { name: name.to_owned(), text: None };
        assert_eq!(read("<a>Billing</a>"), agent("Billing"));
        assert_eq!(read("<thinking>Money.</thinking> <a> Billing </a>"), agent("Billing"));
        assert_eq!(read("Billing\n"), agent("Billing"));
        assert_eq!(read("<a>undecidable</a>"), Route::Undecided);
        assert_eq!(read("<a>keep_previous_agent</a>"), Route::LastAgent);
        assert!(matches!(read(""), Route::Nonsense(_)));
    }
}
