//! Recorded turns: rebuilt to go on, watched step by step, and gone on with by another agent.
//!
//! What a turn decides and shows follows from its events, so a trace that nobody asked for at the time can be had later:
//! [`Replay`] with `traced` makes every part anew, with the times at which what it tells happened.

use super::event::{Decision, Event, FailureKind, Forked, Step};
use super::{Earlier, State, Turn, UNABLE_TO_ASSIST, identity, under};
use crate::agent::PreparedAgent;
use crate::phase::Phase;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a turn is rebuilt from, beside its events.
pub struct Replay<'a> {
    /// The agent of a snapshot's hash, if there still is one.
    pub agents: &'a dyn Fn(&str) -> Option<Arc<PreparedAgent>>,
    /// What earlier turns left.
    pub history: Earlier,
    /// Attributes the session had before.
    pub attributes: BTreeMap<String, String>,
    /// Which trace parts are made.
    pub traced: Traced,
}

/// Which trace parts a replay makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    /// Those that the callers wanted at the time.
    AsAsked,
    /// All, whatever they wanted.
    All,
    /// None.
    Not,
}

impl Traced {
    fn of(self, asked: bool) -> bool {
        match self {
            Self::AsAsked => asked,
            Self::All => true,
            Self::Not => false,
        }
    }
}

/// A recorded event, just applied.
pub struct Moment<'a> {
    /// Its number within the turn, from 0.
    pub index: usize,
    /// What happened.
    pub event: &'a Event,
    /// What follows from it: what was shown and what was done next.
    pub decision: &'a Decision,
    /// The turn, with the event in it.
    pub turn: &'a Turn,
}

impl Replay<'_> {
    /// Rebuilds a turn from its recorded events, the first of which is [`Event::Started`]. `None` when it is not, or when
    /// a snapshot is gone.
    pub fn rebuild(mut self, events: impl IntoIterator<Item = Event>) -> Option<(Turn, Decision)> {
        let mut events = events.into_iter();
        let (mut turn, mut decision) = self.first(events.next()?)?;
        for event in events {
            decision = self.next(&mut turn, event, decision.step)?;
        }
        Some((turn, decision))
    }

    /// Rebuilds a turn and shows every moment of it.
    pub fn watch(mut self, events: &[Event], mut see: impl FnMut(Moment<'_>)) -> Option<(Turn, Decision)> {
        let (first, rest) = events.split_first()?;
        let (mut turn, mut decision) = self.first(first.clone())?;
        see(Moment { index: 0, event: first, decision: &decision, turn: &turn });
        for (index, event) in (1..).zip(rest) {
            decision = self.next(&mut turn, event.clone(), decision.step)?;
            see(Moment { index, event, decision: &decision, turn: &turn });
        }
        Some((turn, decision))
    }

    /// Applies the first event. `None` when it is not [`Event::Started`], or its snapshot is gone.
    pub fn first(&mut self, event: Event) -> Option<(Turn, Decision)> {
        let Event::Started(mut started) = event else { return None };
        started.enable_trace = self.traced.of(started.enable_trace);
        let agent = (self.agents)(&started.snapshot)?;
        let (history, attributes) = (std::mem::take(&mut self.history), std::mem::take(&mut self.attributes));
        Some(Turn::start(agent, history, attributes, started))
    }

    /// Applies a later one; `last` is the step that was to be done before. `None` when a snapshot is gone.
    pub fn next(&self, turn: &mut Turn, event: Event, last: Step) -> Option<Decision> {
        Some(match event {
            Event::Forked(mut forked) => {
                forked.enable_trace = self.traced.of(forked.enable_trace);
                let agent = (self.agents)(&forked.snapshot)?;
                turn.go_on_as(agent, forked)
            }
            Event::ControlReturned(mut returned) => {
                returned.enable_trace = self.traced.of(returned.enable_trace);
                turn.apply(Event::ControlReturned(returned))
            }
            Event::Recovered(recovered) => turn.take_up(&recovered, last),
            event => turn.apply(event),
        })
    }
}

impl Turn {
    /// The phase for which the model is to be asked, if it is. At such a point nothing is under way: every call before it
    /// has its result.
    pub fn asks_for(&self) -> Option<Phase> {
        match &self.state {
            State::AskingModel(phase) => Some(*phase),
            _ => None,
        }
    }

    /// Goes on as another agent, or as the same with another model or instruction, from where the model is to be asked:
    /// the new agent is asked in place of the old. What was said and done so far stays; trace ids begin anew.
    pub fn go_on_as(&mut self, agent: Arc<PreparedAgent>, forked: Forked) -> Decision {
        let Some(phase) = self.asks_for() else {
            let message = format!("a turn cannot be forked in state {}", self.state.name());
            self.abandon("The turn was forked while this call was under way.");
            return self.fail(FailureKind::Internal, message, None, Vec::new());
        };
        self.identity = identity(&agent, &forked.alias_id, &forked.version);
        self.agent = under(self.rules, agent);
        self.session_id = forked.session_id.into();
        self.answered = None;
        let at = forked.at;
        self.begin_request(at, forked.request_id, forked.enable_trace);
        match phase {
            Phase::PreProcessing if self.agent.prompts.get(phase).enabled => self.ask_model(phase, at, Vec::new()),
            Phase::PreProcessing | Phase::RoutingClassifier => {
                self.ask_model(self.first_after_pre_processing(), at, Vec::new())
            }
            Phase::PostProcessing => {
                self.held.clear();
                if self.agent.prompts.get(phase).enabled {
                    return self.post_process(at);
                }
                // The new agent gives its answers out as they are.
                let text = self.answer.take().unwrap_or_else(|| UNABLE_TO_ASSIST.to_owned());
                self.finish(at, text, Vec::new(), super::trace::Ending::Finish)
            }
            Phase::Orchestration | Phase::KnowledgeBaseResponseGeneration | Phase::MemorySummarization => {
                // The call that was to be made is not made.
                self.model_calls = self.model_calls.saturating_sub(u32::from(phase == Phase::Orchestration));
                self.ask_model(phase, at, Vec::new())
            }
        }
    }
}
