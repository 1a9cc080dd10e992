//! From the planner's words to the events of the wire.

use crate::edge::event_stream::FrameSender;
use crate::errors::ApiError;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_planner::turn::{FailureKind, Output};
use outcrop_wire::{Blob, Timestamp};
use serde::Serialize;
use std::sync::Arc;

/// Most bytes of text in one chunk: the wire's limit.
const CHUNK_BYTES_MAX: usize = 1_000_000;

/// Who speaks in the trace.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// Agent, alias and version; an agent that came with its request has none of them.
    pub agent: Option<SpeakingAgent>,
    /// ARNs of the aliases from the root's to its own.
    pub caller_chain: Vec<Arc<str>>,
    /// The root's collaborator that it is or works for; the root has none.
    pub collaborator_name: Option<Arc<str>>,
    /// The session as the client named it.
    pub session_id: Arc<str>,
}

impl Speaker {
    /// Who speaks in a collaborator's turn below this one.
    pub fn below(
        &self,
        agent: Option<SpeakingAgent>,
        alias_arn: Arc<str>,
        collaborator_name: &Arc<str>,
        session_id: &Arc<str>,
    ) -> Self {
        Self {
            // Below an agent that came with its request nobody has an id in the trace, as the wire has no place for it.
            agent: agent.filter(|_| self.agent.is_some()),
            caller_chain: self.caller_chain.iter().cloned().chain([alias_arn]).collect(),
            collaborator_name: Some(self.collaborator_name.as_ref().unwrap_or(collaborator_name).clone()),
            session_id: session_id.clone(),
        }
    }

    /// A part of the trace with who speaks in it.
    pub fn part(&self, at: Timestamp, trace: api::Trace) -> api::TracePart {
        let agent = self.agent.as_ref();
        // What InvokeInlineAgent sends is the same without these three.
        api::TracePart {
            agent_alias_id: agent.map(|agent| agent.alias_id.to_string()),
            agent_id: agent.map(|agent| agent.agent_id.to_string()),
            agent_version: agent.map(|agent| agent.version.to_string()),
            caller_chain: Some(
                self.caller_chain.iter().map(|arn| api::Caller::AgentAliasArn(arn.to_string())).collect(),
            ),
            collaborator_name: self.collaborator_name.as_ref().map(ToString::to_string),
            event_time: Some(at),
            session_id: Some(self.session_id.to_string()),
            trace: Some(trace),
        }
    }
}

/// An agent as the trace names it.
#[derive(Clone, Debug)]
pub struct SpeakingAgent {
    /// The agent.
    pub agent_id: Arc<str>,
    /// Alias the turn came through.
    pub alias_id: Arc<str>,
    /// `DRAFT` or a number.
    pub version: Arc<str>,
}

/// Sends a turn's output as frames.
#[derive(Clone)]
pub struct Emitter {
    frames: FrameSender,
    speaker: Speaker,
    /// A collaborator answers its supervisor: the caller sees its trace only.
    answers_caller: bool,
}

impl Emitter {
    /// An emitter for one response.
    pub fn new(frames: FrameSender, speaker: Speaker) -> Self {
        Self { frames, speaker, answers_caller: true }
    }

    /// An emitter for a collaborator's turn, which is shown in the same stream.
    pub fn below(
        &self,
        agent: Option<SpeakingAgent>,
        alias_arn: Arc<str>,
        collaborator_name: &Arc<str>,
        session_id: &Arc<str>,
    ) -> Self {
        let speaker = self.speaker.below(agent, alias_arn, collaborator_name, session_id);
        Self { frames: self.frames.clone(), speaker, answers_caller: false }
    }

    /// Speaks in the trace as this version from here on.
    pub fn speak_as(&mut self, version: &Arc<str>) {
        if let Some(agent) = &mut self.speaker.agent {
            agent.version = version.clone();
        }
    }

    /// Whether a supervisor is asked for rather than a caller.
    pub fn is_below(&self) -> bool {
        !self.answers_caller
    }

    /// Whether somebody reads, as far as is known.
    pub fn has_reader(&self) -> bool {
        self.frames.has_reader()
    }

    /// Sends parts in order.
    pub async fn output(&self, output: Vec<Output>) {
        for part in output {
            match part {
                Output::Trace { at, trace } => self.send("trace", &self.speaker.part(at, *trace)).await,
            }
        }
    }

    /// Sends answer text; an empty text is an empty chunk.
    pub async fn text(&self, text: &str) {
        self.answer(text, None).await;
    }

    /// Sends a whole answer with what it rests on; spans are relative to the whole, so the first chunk carries them.
    pub async fn answer(&self, text: &str, mut attribution: Option<api::Attribution>) {
        if !self.answers_caller {
            return;
        }
        let mut rest = text;
        loop {
            let cut = rest.floor_char_boundary(CHUNK_BYTES_MAX.min(rest.len()));
            let (piece, after) = rest.split_at(cut);
            let bytes = Blob::new(piece.as_bytes().to_vec());
            self.send("chunk", &api::PayloadPart { attribution: attribution.take(), bytes: Some(bytes) }).await;
            if after.is_empty() {
                return;
            }
            rest = after;
        }
    }

    /// Gives the caller its part.
    pub async fn return_control(&self, payload: &api::ReturnControlPayload) {
        if self.answers_caller {
            self.send("returnControl", payload).await;
        }
    }

    /// Ends the stream with an error.
    pub async fn exception(&self, error: &ApiError) {
        self.frames.exception(&error.stream_member(), &error.body()).await;
    }

    async fn send(&self, event_type: &str, payload: &impl Serialize) {
        if !self.frames.has_reader() {
            return;
        }
        let payload = serde_json::to_vec(payload).expect("shapes have string keys and no failing members");
        self.frames.event(event_type, &payload).await;
    }
}

/// The exception for a failed turn, told to the operator where it is for them.
pub fn failure(kind: FailureKind, message: String, resource: Option<String>) -> ApiError {
    if kind == FailureKind::Internal {
        tracing::error!(reason = message, "a turn could not go on");
    }
    failure_of(kind, message, resource)
}

/// The exception for a failed turn.
pub fn failure_of(kind: FailureKind, message: String, resource: Option<String>) -> ApiError {
    let code = match kind {
        FailureKind::Throttled => "ThrottlingException",
        FailureKind::AccessDenied => "AccessDeniedException",
        FailureKind::Invalid => "ValidationException",
        FailureKind::Dependency => "DependencyFailedException",
        FailureKind::ModelUnavailable => "BadGatewayException",
        // Of the exceptions that the stream has this is the one that clients neither retry by themselves nor take for a
        // fault: something else came in the way of the request.
        FailureKind::Cancelled => "ConflictException",
        FailureKind::Internal => {
            tracing::error!(reason = message, "a turn could not go on");
            return crate::errors::internal();
        }
    };
    let mut error = ApiError::new(code, message);
    if let Some(resource) = resource {
        error.members.insert("resourceName".to_owned(), resource.into());
    }
    error
}
