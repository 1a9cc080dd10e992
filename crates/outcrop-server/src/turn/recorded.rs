//! What a turn has shown, made again from its journal: for a request that comes again, and to go on from.
//!
//! The planner replays the recorded events and makes the same output; turns of collaborators are found in their own
//! journals and stand where they happened. Read again later, a turn gives what has been added since, so that a turn under
//! way can be followed without its driver knowing of it.

use super::collaborators;
use super::emit::{Emitter, SpeakingAgent};
use super::history;
use super::journal::{self, Entry};
use super::request::call_name;
use crate::App;
use crate::errors::{self, OpResult};
use outcrop_planner::turn::replay::{Replay, Traced};
use outcrop_planner::turn::{Call, Earlier, Event, Output, Step, Turn};
use outcrop_planner::{PreparedAgent, agent::Collaborator};
use outcrop_ports::BoxFuture;
use outcrop_store::TurnRef;
use outcrop_wire::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A turn, read as far as it was written.
pub struct Recorded {
    session: i64,
    number: u32,
    /// The next event to read.
    next_seq: u32,
    emitter: Emitter,
    traced: bool,
    /// The request that is shown; the last one when there is none.
    only: Option<String>,
    /// Whether what happens now belongs to it.
    is_shown: bool,
    /// What earlier turns left, until it is used.
    before: Option<(Earlier, BTreeMap<String, String>)>,
    agents: HashMap<String, Arc<PreparedAgent>>,
    turn: Option<Turn>,
    step: Option<Step>,
    last_at: Timestamp,
    has_end: bool,
    below: Vec<Below>,
}

/// What a collaborator does for one tool use.
struct Below {
    tool_use_id: String,
    collaborator: Arc<Collaborator>,
    request_id: String,
    /// Session of all collaborators below the root.
    session_id: Arc<str>,
    found: Option<Box<Recorded>>,
    is_over: bool,
}

/// Something that was shown.
pub(super) struct Part {
    at: Timestamp,
    emitter: Emitter,
    output: Vec<Output>,
}

impl Recorded {
    /// A turn to be read. `attributes` are those that the session had before it.
    pub(super) async fn of(
        app: &Arc<App>,
        turn: TurnRef,
        attributes: BTreeMap<String, String>,
        emitter: &Emitter,
        traced: bool,
    ) -> OpResult<Self> {
        let history = history::read(app, turn.session, turn.turn, &attributes).await?;
        let attributes = history.attributes.unwrap_or(attributes);
        Ok(Self {
            session: turn.session,
            number: turn.turn,
            next_seq: 0,
            emitter: emitter.clone(),
            traced,
            only: None,
            is_shown: false,
            before: Some((history.earlier, attributes)),
            agents: HashMap::new(),
            turn: None,
            step: None,
            last_at: Timestamp::default(),
            has_end: false,
            below: Vec::new(),
        })
    }

    /// To be read for a request that is not its last.
    #[must_use]
    pub(super) fn only(mut self, request_id: &str) -> Self {
        self.only = Some(request_id.to_owned());
        self
    }

    /// Whether it is that turn.
    pub(super) fn is_of(&self, turn: TurnRef) -> bool {
        (self.session, self.number) == (turn.session, turn.turn)
    }

    /// Reads on, and gives what was shown since the last time.
    ///
    /// # Errors
    /// When the journal or what the turn ran on is gone or damaged.
    pub(super) fn read<'a>(&'a mut self, app: &'a Arc<App>) -> BoxFuture<'a, OpResult<Vec<Part>>> {
        Box::pin(async move {
            let (session, number, from) = (self.session, self.number, self.next_seq);
            let rows = app.store.read(move |tx| tx.turn_events_from(session, number, from)).await?;
            let mut events = Vec::with_capacity(rows.len());
            for row in &rows {
                self.next_seq = row.seq + 1;
                match journal::read(&row.body) {
                    Some(Entry::Event(event)) if !self.has_end => events.push(*event),
                    Some(Entry::Ended { .. }) => self.has_end = true,
                    Some(Entry::Event(_)) => {}
                    None => return Err(lost(session, number)),
                }
            }
            self.agents.extend(history::agents(app, &events).await?);
            // Of a turn that is read from its beginning the last request is shown.
            if self.only.is_none() && self.turn.is_none() {
                self.only = events.iter().rev().find_map(request_of).map(str::to_owned);
            }
            let mut parts = Vec::new();
            for event in events {
                self.apply(event, &mut parts)?;
            }
            for below in &mut self.below {
                if !below.is_over {
                    below.read(app, &self.emitter, self.traced, &mut parts).await?;
                }
            }
            self.below.retain(|below| !below.is_over);
            // Each turn's own parts are in order; between turns it is time that orders.
            parts.sort_by_key(|part| part.at);
            Ok(parts)
        })
    }

    fn apply(&mut self, event: Event, parts: &mut Vec<Part>) -> OpResult<()> {
        self.last_at = self.last_at.max(event.at());
        if let Some(id) = request_of(&event) {
            self.is_shown = self.only.as_deref() == Some(id);
            self.below.clear();
        }
        if let Event::CollaboratorReturned(returned) = &event {
            for below in self.below.iter_mut().filter(|below| below.tool_use_id == returned.tool_use_id) {
                // Turns that began before ids were made this way have others.
                if below.found.is_none() {
                    below.request_id.clone_from(&returned.request_id);
                }
            }
        }
        let agents = |hash: &str| self.agents.get(hash).cloned();
        let traced = if self.traced { Traced::All } else { Traced::Not };
        let (history, attributes) = self.before.take().unwrap_or_default();
        let mut replay = Replay { agents: &agents, history, attributes, traced };
        let decision = match (&mut self.turn, self.step.take()) {
            (Some(turn), Some(step)) => replay.next(turn, event, step),
            (turn, _) => replay.first(event).map(|(first, decision)| {
                *turn = Some(first);
                decision
            }),
        };
        let decision = decision.ok_or_else(|| lost(self.session, self.number))?;
        let Some(turn) = &self.turn else { return Err(lost(self.session, self.number)) };
        let context = turn.tool_context();
        self.emitter.speak_as(&context.agent.version);
        if let Step::CallTools(calls) = &decision.step
            && self.is_shown
            && self.traced
        {
            let scope = turn.call_scope();
            for call in calls {
                let Call::Collaborator(call) = call else { continue };
                // Asked again after the turn was taken up: it is the same ask.
                if self.below.iter().any(|below| below.tool_use_id == call.tool_use_id) {
                    continue;
                }
                self.below.push(Below {
                    tool_use_id: call.tool_use_id.clone(),
                    collaborator: call.collaborator.clone(),
                    request_id: call_name(collaborators::ASKS, &scope, &call.tool_use_id),
                    session_id: match self.emitter.is_below() {
                        true => context.session_id.clone(),
                        false => collaborators::session_below(self.session).into(),
                    },
                    found: None,
                    is_over: false,
                });
            }
        }
        if self.is_shown && !decision.output.is_empty() {
            parts.push(Part { at: self.last_at, emitter: self.emitter.clone(), output: decision.output });
        }
        self.step = Some(decision.step);
        Ok(())
    }

    /// What is to be done next, as far as it is known.
    pub(super) fn step(&self) -> Option<&Step> {
        self.step.as_ref()
    }

    /// The turn as far as it was read.
    pub(super) fn turn(&self) -> Option<&Turn> {
        self.turn.as_ref()
    }

    /// The turn as it is, with the step that is to be done and the number of its next event. `None` when nothing of it was
    /// written.
    pub(super) fn into_turn(self) -> Option<(Turn, Step, u32)> {
        Some((self.turn?, self.step?, self.next_seq))
    }
}

impl Below {
    async fn read(&mut self, app: &Arc<App>, above: &Emitter, traced: bool, parts: &mut Vec<Part>) -> OpResult<()> {
        if self.found.is_none() {
            let found = collaborators::find_turn(app, &self.collaborator, &self.session_id, &self.request_id).await?;
            let Some((session, number)) = found else { return Ok(()) };
            // One that is gone since is shown under its ids alone.
            let target = collaborators::target(app, &self.collaborator).await;
            let speaking = target.ok().filter(|target| !target.prepared.is_inline()).map(|target| SpeakingAgent {
                agent_id: target.agent_id.clone(),
                alias_id: target.alias_id.clone(),
                version: target.version.clone(),
            });
            let emitter =
                above.below(speaking, self.collaborator.alias_arn.clone(), &self.collaborator.name, &self.session_id);
            let turn = TurnRef { session: session.id, turn: number, epoch: session.epoch };
            let recorded = Recorded::of(app, turn, session.attributes, &emitter, traced).await?;
            self.found = Some(Box::new(recorded.only(&self.request_id)));
        }
        if let Some(found) = &mut self.found {
            parts.extend(found.read(app).await?);
            let ends = matches!(found.step, Some(Step::Finish { .. } | Step::Fail { .. } | Step::ReturnControl(_)));
            self.is_over = ends && found.is_shown;
        }
        Ok(())
    }
}

/// Shows parts in their order.
pub(super) async fn show(parts: Vec<Part>) {
    for part in parts {
        part.emitter.output(part.output).await;
    }
}

/// The id of the request that an event brings.
pub(super) fn request_of(event: &Event) -> Option<&str> {
    match event {
        Event::Started(started) => Some(&started.request_id),
        Event::ControlReturned(returned) => Some(&returned.request_id),
        Event::Forked(forked) => Some(&forked.request_id),
        _ => None,
    }
}

fn lost(session: i64, turn: u32) -> errors::ApiError {
    tracing::error!(session, turn, "a turn cannot be read again from its journal");
    errors::internal()
}
