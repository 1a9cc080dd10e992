//! From the planner's words to the events of the wire.

use crate::edge::event_stream::FrameSender;
use crate::errors::ApiError;
use outcrop_api::bedrock_agent_runtime as api;
use outcrop_planner::turn::{FailureKind, Output};
use outcrop_wire::Blob;
use serde::Serialize;
use std::sync::Arc;

/// Most bytes of text in one chunk: the wire's limit.
const CHUNK_BYTES_MAX: usize = 1_000_000;

/// Who speaks in the trace.
#[derive(Clone, Debug)]
pub struct Speaker {
    /// The agent.
    pub agent_id: Arc<str>,
    /// Alias the turn came through.
    pub alias_id: Arc<str>,
    /// ARN of the alias.
    pub alias_arn: Arc<str>,
    /// `DRAFT` or a number.
    pub version: Arc<str>,
    /// The session as the client named it.
    pub session_id: Arc<str>,
}

/// Sends a turn's output as frames.
#[derive(Clone)]
pub struct Emitter {
    frames: FrameSender,
    speaker: Speaker,
}

impl Emitter {
    /// An emitter for one response.
    pub fn new(frames: FrameSender, speaker: Speaker) -> Self {
        Self { frames, speaker }
    }

    /// Speaks in the trace as this version from here on.
    pub fn speak_as(&mut self, version: &Arc<str>) {
        self.speaker.version = version.clone();
    }

    /// Sends parts in order.
    pub async fn output(&self, output: Vec<Output>) {
        for part in output {
            match part {
                Output::Trace { at, trace } => {
                    let speaker = &self.speaker;
                    let part = api::TracePart {
                        agent_alias_id: Some(speaker.alias_id.to_string()),
                        agent_id: Some(speaker.agent_id.to_string()),
                        agent_version: Some(speaker.version.to_string()),
                        caller_chain: Some(vec![api::Caller::AgentAliasArn(speaker.alias_arn.to_string())]),
                        collaborator_name: None,
                        event_time: Some(at),
                        session_id: Some(speaker.session_id.to_string()),
                        trace: Some(*trace),
                    };
                    self.send("trace", &part).await;
                }
            }
        }
    }

    /// Sends answer text; an empty text is an empty chunk.
    pub async fn text(&self, text: &str) {
        let mut rest = text;
        loop {
            let cut = rest.floor_char_boundary(CHUNK_BYTES_MAX.min(rest.len()));
            let (piece, after) = rest.split_at(cut);
            let bytes = Blob::new(piece.as_bytes().to_vec());
            self.send("chunk", &api::PayloadPart { attribution: None, bytes: Some(bytes) }).await;
            if after.is_empty() {
                return;
            }
            rest = after;
        }
    }

    /// Gives the caller its part.
    pub async fn return_control(&self, payload: &api::ReturnControlPayload) {
        self.send("returnControl", payload).await;
    }

    /// Ends the stream with an error.
    pub async fn exception(&self, error: &ApiError) {
        self.frames.exception(&error.stream_member(), &error.body()).await;
    }

    async fn send(&self, event_type: &str, payload: &impl Serialize) {
        let payload = serde_json::to_vec(payload).expect("shapes have string keys and no failing members");
        self.frames.event(event_type, &payload).await;
    }
}

/// The exception for a failed turn.
pub fn failure(kind: FailureKind, message: String, resource: Option<String>) -> ApiError {
    let code = match kind {
        FailureKind::Throttled => "ThrottlingException",
        FailureKind::AccessDenied => "AccessDeniedException",
        FailureKind::Invalid => "ValidationException",
        FailureKind::Dependency => "DependencyFailedException",
        FailureKind::ModelUnavailable => "BadGatewayException",
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
