//! Pieces of an answer as the events of ConverseStream.

use super::ask::Asked;
use super::reply::{self, Shown};
use super::stream::{Event, Events, event};
use outcrop_api::bedrock_runtime as api;
use outcrop_ports::Delta;
use outcrop_wire::Blob;

/// Writes the events of ConverseStream.
#[derive(Debug)]
pub(super) struct ConverseEvents {
    shown: Shown,
    /// Index of the block that was begun last.
    index: i64,
    open: Open,
}

/// What kind of block is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Reasoning,
    ToolUse,
}

impl ConverseEvents {
    pub(super) fn new(shown: Shown) -> Self {
        Self { shown, index: -1, open: Open::Nothing }
    }

    /// Ends the block that is being written.
    fn close(&mut self, out: &mut Vec<Event>) {
        if self.open != Open::Nothing {
            self.open = Open::Nothing;
            let stop = api::ContentBlockStopEvent { content_block_index: self.index };
            out.push(event(&api::ConverseStreamOutput::ContentBlockStop(stop)));
        }
    }

    /// Begins a block unless one of this kind is being written.
    fn within(&mut self, kind: Open, out: &mut Vec<Event>) {
        if self.open != kind {
            self.close(out);
            self.index += 1;
            self.open = kind;
        }
    }

    fn piece(&self, delta: api::ContentBlockDelta, out: &mut Vec<Event>) {
        let piece = api::ContentBlockDeltaEvent { delta, content_block_index: self.index };
        out.push(event(&api::ConverseStreamOutput::ContentBlockDelta(piece)));
    }
}

impl Events for ConverseEvents {
    const HAS_TIMEOUT: bool = false;

    fn begin(&mut self, out: &mut Vec<Event>) {
        let start = api::MessageStartEvent { role: api::ConversationRole::Assistant };
        out.push(event(&api::ConverseStreamOutput::MessageStart(start)));
    }

    fn delta(&mut self, delta: Delta, out: &mut Vec<Event>) {
        use api::ContentBlockDelta::{ReasoningContent, Text, ToolUse};
        use api::ReasoningContentBlockDelta as Thinking;
        match delta {
            Delta::Text(text) => {
                self.within(Open::Text, out);
                self.piece(Text(text), out);
            }
            Delta::Reasoning(text) => {
                self.within(Open::Reasoning, out);
                self.piece(ReasoningContent(Thinking::Text(text)), out);
            }
            Delta::ReasoningSignature(signature) => {
                self.within(Open::Reasoning, out);
                self.piece(ReasoningContent(Thinking::Signature(signature)), out);
                self.close(out);
            }
            Delta::ReasoningRedacted(secret) => {
                self.close(out);
                self.within(Open::Reasoning, out);
                let blob = Blob::from_base64(&secret).unwrap_or_else(|| Blob::new(secret.into_bytes()));
                self.piece(ReasoningContent(Thinking::RedactedContent(blob)), out);
                self.close(out);
            }
            Delta::ToolUseStarted { tool_use_id, name } => {
                self.close(out);
                self.within(Open::ToolUse, out);
                let start = api::ToolUseBlockStart { tool_use_id, name, r#type: None };
                let start = api::ContentBlockStartEvent {
                    start: api::ContentBlockStart::ToolUse(start),
                    content_block_index: self.index,
                };
                out.push(event(&api::ConverseStreamOutput::ContentBlockStart(start)));
            }
            Delta::ToolUseInput { json: input, .. } => {
                self.piece(ToolUse(api::ToolUseBlockDelta { input }), out);
            }
        }
    }

    fn end(&mut self, asked: &Asked, out: &mut Vec<Event>) {
        self.close(out);
        let reply = &asked.reply;
        let stop = api::MessageStopEvent {
            stop_reason: reply::stop_reason(reply.stop_reason),
            additional_model_response_fields: reply::additional_fields(reply, &self.shown.response_field_paths),
        };
        out.push(event(&api::ConverseStreamOutput::MessageStop(stop)));
        let metadata = api::ConverseStreamMetadataEvent {
            usage: reply::usage(&reply.usage),
            metrics: api::ConverseStreamMetrics { latency_ms: asked.latency_ms },
            trace: asked
                .guardrail
                .as_ref()
                .and_then(|told| told.trace.clone())
                .map(|trace| api::ConverseStreamTrace { guardrail: Some(trace), prompt_router: None }),
            performance_config: self.shown.performance_config.clone(),
            service_tier: self.shown.service_tier.clone(),
        };
        out.push(event(&api::ConverseStreamOutput::Metadata(metadata)));
    }
}
