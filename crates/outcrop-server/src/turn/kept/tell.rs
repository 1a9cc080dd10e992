//! Replays a turn into entries: the trace as its caller could have seen it, and between its parts what the journal knows.

use super::entry::{self, AskedModel, Entry};
use super::gather::{Below, Gathered, is_inline, request_of};
use super::shown::Shown;
use crate::bill::cost;
use crate::secrets::Secrets;
use crate::turn::emit::{self, Speaker, SpeakingAgent};
use crate::turn::history;
use crate::turn::journal::Stop;
use outcrop_planner::turn::replay::{Moment, Replay};
use outcrop_planner::turn::{Call, Decision, Event, Output, ParserCall, Step};
use outcrop_planner::{INLINE_AGENT, Phase, agent::CollaboratingAgent, turn::collaboration::CollaboratorCall};
use outcrop_ports::{Cost, ModelReply, PriceList};
use outcrop_wire::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// A turn, told.
pub struct Told {
    /// What is to be said of the whole.
    pub summary: Summary,
    /// What it did, in the order of time.
    pub entries: Vec<Entry>,
}

/// A turn in short.
pub struct Summary {
    /// Its number in the session.
    pub number: u32,
    /// How it stands.
    pub status: Status,
    /// Its user's words.
    pub input_text: String,
    /// The version it ran on at last.
    pub version: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended or stopped; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// How it came to its end, or to where it stands: `answer`, `returnControl` or `error`.
    pub end: Option<(&'static str, Value)>,
    /// What it took, with its collaborators where they are told, too.
    pub totals: Totals,
    /// Points at which it can be forked: its model calls.
    pub steps: u32,
}

/// How a turn stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It runs.
    Running,
    /// It waits for the caller.
    Suspended,
    /// It has its answer.
    Finished,
    /// It ended in an error.
    Failed,
    /// Its caller went on without answering it.
    Abandoned,
    /// The process ended in the middle of it.
    CutOff,
}

impl Status {
    /// As it is served.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Suspended => "SUSPENDED",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Abandoned => "ABANDONED",
            Self::CutOff => "CUT_OFF",
        }
    }
}

/// What turns took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Calls of models.
    pub model_calls: u64,
    /// Tokens they read.
    pub input_tokens: u64,
    /// Tokens they wrote.
    pub output_tokens: u64,
    /// Tokens they read from prompt caches.
    pub cache_read_tokens: u64,
    /// Tokens they wrote to prompt caches.
    pub cache_write_tokens: u64,
    /// What they cost, as far as prices are known.
    pub cost: Cost,
    /// Calls whose price is not known.
    pub unpriced_calls: u64,
    /// Calls of functions.
    pub tool_calls: u64,
}

impl Totals {
    fn count(&mut self, event: &Event, prices: &dyn PriceList) {
        match event {
            Event::ModelReplied(replied) => {
                self.model_calls += 1;
                self.answered(&replied.reply, replied.at, prices);
            }
            Event::Summarized(summarized) => {
                self.model_calls += 1;
                if let Ok(reply) = &summarized.outcome {
                    self.answered(reply, summarized.at, prices);
                }
            }
            Event::ModelFailed(_) => self.model_calls += 1,
            Event::ToolReturned(_) => self.tool_calls += 1,
            _ => {}
        }
    }

    fn answered(&mut self, reply: &ModelReply, at: Timestamp, prices: &dyn PriceList) {
        let usage = &reply.usage;
        for (sum, more) in [
            (&mut self.input_tokens, usage.input_tokens),
            (&mut self.output_tokens, usage.output_tokens),
            (&mut self.cache_read_tokens, usage.cache_read_input_tokens),
            (&mut self.cache_write_tokens, usage.cache_write_input_tokens),
        ] {
            *sum = sum.saturating_add(more);
        }
        match cost(reply, at, prices) {
            Some(cost) => self.cost += cost,
            None => self.unpriced_calls += 1,
        }
    }
}

/// Tells a turn with those below it.
pub(super) fn tell(mut turn: Gathered, secrets: &Secrets, prices: &dyn PriceList) -> Told {
    let mut summary = summary(&turn, prices);
    let agent = |turn: &Gathered| SpeakingAgent {
        agent_id: turn.session.agent_id.as_str().into(),
        alias_id: turn.session.alias_id.as_str().into(),
        version: "".into(),
    };
    let speaker = Speaker {
        agent: (!is_inline(&turn.session.agent_id)).then(|| agent(&turn)),
        caller_chain: vec![turn.alias_arn.as_str().into()],
        collaborator_name: None,
        session_id: turn.session.session_id.as_str().into(),
    };
    summary.totals = Totals::default();
    let mut shown = Shown::new(secrets);
    let entries = Teller::new(speaker, 0, None, &mut summary.totals, &mut shown, prices).tell(&mut turn);
    summary.input_text = secrets.without(&summary.input_text);
    if let Some((_, end)) = &mut summary.end {
        secrets.remove(end);
    }
    Told { summary, entries }
}

/// A turn in short, without what its collaborators took.
pub(super) fn summary(turn: &Gathered, prices: &dyn PriceList) -> Summary {
    let mut totals = Totals::default();
    turn.events.iter().for_each(|event| totals.count(event, prices));
    let (steps, replayed) = history::steps(&turn.agents, &turn.events);
    let decision = replayed.as_ref().map(|(_, decision)| decision);
    let waits = replayed.as_ref().is_some_and(|(turn, _)| turn.awaited_invocation().is_some());
    let status = match decision.map(|decision| &decision.step) {
        _ if turn.is_running => Status::Running,
        _ if waits && turn.is_awaited => Status::Suspended,
        Some(Step::Finish { .. }) => Status::Finished,
        Some(Step::Fail { .. }) => Status::Failed,
        Some(Step::ReturnControl(_)) => Status::Abandoned,
        // An agent that is gone leaves the end unknown.
        None if turn.stop == Stop::Ended => Status::Finished,
        _ => Status::CutOff,
    };
    let last = turn.times.last().copied();
    let (input_text, version) = turn.events.iter().fold((String::new(), String::new()), |told, event| match event {
        Event::Started(started) => (started.input_text.clone(), started.version.clone()),
        Event::Forked(forked) => (told.0, forked.version.clone()),
        _ => told,
    });
    Summary {
        number: turn.number,
        status,
        input_text,
        version,
        started_at: turn.times.first().copied().unwrap_or_default(),
        ended_at: if turn.is_running { None } else { turn.ended_at.or(last) },
        end: decision.and_then(|decision| end_of(&decision.step)),
        totals,
        steps: u32::try_from(steps.len()).unwrap_or(u32::MAX),
    }
}

/// What a step leaves to the caller, when it is the last for now.
fn end_of(step: &Step) -> Option<(&'static str, Value)> {
    Some(match step {
        Step::Finish { text, attribution } => {
            let mut answer = json!({ "text": text });
            if let Some(attribution) = attribution {
                answer["attribution"] = json!(attribution);
            }
            ("answer", answer)
        }
        Step::ReturnControl(payload) => ("returnControl", json!(payload)),
        Step::Fail { kind, message, resource } => {
            let error = emit::failure_of(*kind, message.clone(), resource.clone());
            let mut members = error.members();
            members.insert("code".to_owned(), json!(error.code));
            ("error", Value::Object(members))
        }
        Step::CallModel(_)
        | Step::Summarize(_)
        | Step::CallParser(_)
        | Step::CallTools(_)
        | Step::Wait
        | Step::Assess { .. }
        | Step::ApplyGuardrail { .. } => return None,
    })
}

/// Tells one turn.
struct Teller<'a, 's> {
    speaker: Speaker,
    depth: u32,
    /// The request that is told; the whole turn when there is none.
    only: Option<String>,
    /// Whether what happens now is part of it.
    is_told: bool,
    totals: &'a mut Totals,
    shown: &'a mut Shown<'s>,
    prices: &'a dyn PriceList,
    entries: Vec<Entry>,
    steps: u32,
    model: Option<AskedModel>,
    /// The model that is to sum up.
    summing_up: Option<String>,
    parser: Option<ParserCall>,
    /// Calls under way, with the times at which they were decided on.
    calls: HashMap<String, (Call, Timestamp)>,
    /// What collaborators under way did, each in the order of time.
    below: Vec<(String, VecDeque<Entry>)>,
}

impl<'a, 's> Teller<'a, 's> {
    fn new(
        speaker: Speaker,
        depth: u32,
        only: Option<String>,
        totals: &'a mut Totals,
        shown: &'a mut Shown<'s>,
        prices: &'a dyn PriceList,
    ) -> Self {
        let is_told = only.is_none();
        Self {
            speaker,
            depth,
            only,
            is_told,
            totals,
            shown,
            prices,
            entries: Vec::new(),
            steps: 0,
            model: None,
            summing_up: None,
            parser: None,
            calls: HashMap::new(),
            below: Vec::new(),
        }
    }

    fn tell(mut self, turn: &mut Gathered) -> Vec<Entry> {
        let events = std::mem::take(&mut turn.events);
        let known = std::mem::take(&mut turn.agents);
        let agents = |hash: &str| known.get(hash).cloned();
        let history = std::mem::take(&mut turn.history);
        let replay = Replay { agents: &agents, history, attributes: BTreeMap::new(), traced: true };
        let mut below = std::mem::take(&mut turn.below);
        let mut told = 0;
        replay.watch(&events, |moment| {
            told = moment.index + 1;
            self.moment(&moment, &mut below);
        });
        // Without its agent a turn cannot be replayed: what is left is what the journal says by itself.
        for event in events.iter().skip(told) {
            self.happened(event, event.at(), false);
        }
        let last = events.last().map(Event::at).unwrap_or_default();
        self.let_pass(None, None);
        if self.is_told && turn.stop != Stop::Unreadable {
            self.lost(last);
        }
        self.entries
    }

    fn moment(&mut self, moment: &Moment<'_>, below: &mut HashMap<String, VecDeque<Below>>) {
        let (event, at) = (moment.event, moment.event.at());
        let mut is_left_out = false;
        if let Event::CollaboratorReturned(returned) = event {
            is_left_out = !self.below.iter().any(|(id, _)| *id == returned.tool_use_id);
            self.let_pass(Some(at), Some(&returned.tool_use_id));
        } else {
            self.let_pass(Some(at), None);
        }
        self.happened(event, at, is_left_out);
        self.shown(moment.decision);
        match &moment.decision.step {
            Step::CallModel(request) => {
                // What a custom orchestration has the model asked is no point to fork at.
                let phase = moment.turn.asks_for();
                self.steps += u32::from(phase.is_some());
                let step = (self.depth == 0 && phase.is_some()).then_some(self.steps);
                let model_id = request.model_id.clone();
                self.model = Some(AskedModel { at, phase: phase.unwrap_or(Phase::Orchestration), model_id, step });
            }
            Step::Summarize(request) => self.summing_up = Some(request.model_id.clone()),
            Step::CallParser(call) => self.parser = Some(call.clone()),
            Step::CallTools(calls) => {
                for call in calls {
                    let id = match call {
                        Call::Tool(call) => &call.tool_use_id,
                        Call::Read(read) => &read.tool_use_id,
                        Call::Collaborator(call) => {
                            let asked = below.get_mut(&call.tool_use_id).and_then(VecDeque::pop_front);
                            self.ask(call, asked);
                            &call.tool_use_id
                        }
                    };
                    self.calls.insert(id.clone(), (call.clone(), at));
                }
            }
            Step::Wait | Step::Assess { .. } | Step::ApplyGuardrail { .. } => {}
            step @ (Step::Finish { .. } | Step::ReturnControl(_) | Step::Fail { .. }) => {
                if let Some((kind, end)) = end_of(step) {
                    self.push(at, "ended", json!({ kind: end }));
                }
            }
        }
    }

    /// What the journal says of an event.
    fn happened(&mut self, event: &Event, at: Timestamp, is_left_out: bool) {
        if let Some(request_id) = request_of(event) {
            self.is_told = self.only.as_deref().is_none_or(|only| only == request_id);
        }
        if self.is_told {
            self.totals.count(event, self.prices);
        }
        match event {
            Event::Started(started) => {
                self.speak_as(&started.alias_id, &started.version, &started.session_id);
                self.push(at, "request", entry::words(started));
            }
            Event::ControlReturned(returned) => self.push(at, "request", entry::results(returned)),
            Event::Forked(forked) => {
                // Asked again in place of what was not asked.
                self.model = None;
                self.steps = self.steps.saturating_sub(1);
                self.speak_as(&forked.alias_id, &forked.version, &forked.session_id);
                self.push(at, "request", entry::forked(forked));
            }
            Event::ModelReplied(replied) => {
                if let Some(asked) = self.model.take() {
                    self.push(at, "modelCall", asked.replied(replied, self.prices));
                }
            }
            Event::ModelFailed(failed) => {
                if let Some(asked) = self.model.take() {
                    self.push(at, "modelCall", asked.failed(failed));
                }
            }
            Event::Summarized(summarized) => {
                let model_id = self.summing_up.take();
                self.push(at, "summaryCall", entry::summary(model_id.as_deref(), summarized, self.prices));
            }
            Event::ParserReturned(returned) => {
                let asked = self.parser.take();
                let call = entry::parser(asked.as_ref().map(|call| &*call.function_arn), returned);
                self.push(at, "parserCall", call);
            }
            Event::ToolReturned(returned) => {
                let asked = self.calls.remove(&returned.tool_use_id);
                self.push(at, "toolCall", entry::tool(asked.as_ref(), returned));
            }
            Event::CollaboratorReturned(returned) => {
                let asked = self.calls.remove(&returned.tool_use_id);
                self.push(at, "collaboratorCall", entry::collaborator(asked.as_ref(), returned, is_left_out));
            }
            // What guardrails said stands in the trace.
            Event::Assessed(_) => {}
            Event::LimitReached { limit, .. } => {
                self.lost(at);
                self.push(at, "limit", entry::limit(*limit));
            }
            Event::Cancelled { by, .. } => {
                self.lost(at);
                self.push(at, "cancelled", entry::cancelled(*by));
            }
        }
    }

    fn shown(&mut self, decision: &Decision) {
        for Output::Trace { at, trace } in &decision.output {
            let part = self.speaker.part(*at, trace.as_ref().clone());
            self.push(*at, "trace", entry::part(&part));
        }
    }

    /// A collaborator begins: what it did is told where it happened.
    fn ask(&mut self, call: &CollaboratorCall, asked: Option<Below>) {
        let Some(Below { turn: Some(mut turn), request_id }) = asked else { return };
        if !self.is_told {
            return;
        }
        let agent = match &call.collaborator.agent {
            CollaboratingAgent::Alias { agent_id, alias_id } if &**agent_id != INLINE_AGENT => {
                Some(SpeakingAgent { agent_id: agent_id.clone(), alias_id: alias_id.clone(), version: "".into() })
            }
            _ => None,
        };
        let session_id: Arc<str> = turn.session.session_id.as_str().into();
        let collaborator = &call.collaborator;
        let speaker = self.speaker.below(agent, collaborator.alias_arn.clone(), &collaborator.name, &session_id);
        let told = Teller::new(speaker, self.depth + 1, request_id, &mut *self.totals, &mut *self.shown, self.prices)
            .tell(&mut turn);
        self.below.push((call.tool_use_id.clone(), told.into()));
    }

    /// Tells what collaborators did up to a time, and all that one of them did.
    fn let_pass(&mut self, until: Option<Timestamp>, whole: Option<&str>) {
        loop {
            let due = |(id, entries): &(String, VecDeque<Entry>)| {
                let first = entries.front()?;
                let is_due = whole == Some(id.as_str()) || until.is_none_or(|until| first.at <= until);
                is_due.then_some(first.at)
            };
            let next = self.below.iter().enumerate().filter_map(|(index, one)| Some((due(one)?, index))).min();
            let Some((_, index)) = next else { break };
            self.entries.extend(self.below[index].1.pop_front());
        }
        self.below.retain(|(id, _)| whole != Some(id.as_str()));
    }

    /// Calls that were made and have no result in the journal.
    fn lost(&mut self, at: Timestamp) {
        if let Some(asked) = self.model.take() {
            self.push(at, "modelCall", asked.lost());
        }
        let mut calls: Vec<_> = self.calls.drain().collect();
        calls.sort_by(|one, other| one.0.cmp(&other.0));
        for (_, (call, asked_at)) in calls {
            let (kind, call) = entry::lost(&call, asked_at);
            self.push(at, kind, call);
        }
    }

    /// As whom it spoke at the time: a fork shares turns with a session that went through another alias.
    fn speak_as(&mut self, alias_id: &str, version: &str, session_id: &str) {
        self.speaker.session_id = session_id.into();
        if let Some(agent) = &mut self.speaker.agent {
            (agent.alias_id, agent.version) = (alias_id.into(), version.into());
        }
        if let ([root], 0) = (self.speaker.caller_chain.as_mut_slice(), self.depth)
            && let Some((agent_arn, _)) = root.rsplit_once('/')
        {
            *root = format!("{agent_arn}/{alias_id}").into();
        }
    }

    fn push(&mut self, at: Timestamp, kind: &'static str, value: Value) {
        if self.is_told {
            let who = self.speaker.collaborator_name.clone();
            let value = self.shown.show(value);
            self.entries.push(Entry { at, depth: self.depth, who, kind, value });
        }
    }
}
