//! A model's answer in Converse's words.

use super::ask::Asked;
use outcrop_api::bedrock_runtime as api;
use outcrop_ports::{ContentBlock, ModelReply, Reasoning, Role, StopReason, Usage};
use outcrop_wire::Blob;
use serde_json::{Map, Value};

/// What of the request comes back with the answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) performance_config: Option<api::PerformanceConfiguration>,
    pub(super) service_tier: Option<api::ServiceTier>,
    /// JSON pointers into what the model's own answer holds.
    pub(super) response_field_paths: Vec<String>,
}

/// The answer of Converse.
pub(super) fn answer(asked: Asked, shown: Shown) -> api::ConverseResponse {
    let Asked { reply, latency_ms, guardrail } = asked;
    api::ConverseResponse {
        stop_reason: stop_reason(reply.stop_reason),
        usage: usage(&reply.usage),
        metrics: api::ConverseMetrics { latency_ms },
        additional_model_response_fields: additional_fields(&reply, &shown.response_field_paths),
        output: api::ConverseOutput::Message(message(reply)),
        trace: guardrail
            .and_then(|told| told.trace)
            .map(|trace| api::ConverseTrace { guardrail: Some(trace), prompt_router: None }),
        performance_config: shown.performance_config,
        service_tier: shown.service_tier,
    }
}

/// The answer's message.
pub(super) fn message(reply: ModelReply) -> api::Message {
    let role = match reply.message.role {
        Role::User => api::ConversationRole::User,
        Role::Assistant => api::ConversationRole::Assistant,
    };
    api::Message { role, content: reply.message.content.into_iter().filter_map(block).collect() }
}

/// A block that a model makes; others have no place in an answer.
fn block(block: ContentBlock) -> Option<api::ContentBlock> {
    Some(match block {
        ContentBlock::Text(text) => api::ContentBlock::Text(text),
        ContentBlock::ToolUse(tool_use) => api::ContentBlock::ToolUse(api::ToolUseBlock {
            tool_use_id: tool_use.tool_use_id,
            name: tool_use.name,
            input: tool_use.input,
            r#type: None,
        }),
        ContentBlock::ReasoningContent(Reasoning { redacted: Some(secret), text, .. }) if text.is_empty() => {
            // What a provider writes is base64; anything else is shown as it is.
            let blob = Blob::from_base64(&secret).unwrap_or_else(|| Blob::new(secret.into_bytes()));
            api::ContentBlock::ReasoningContent(api::ReasoningContentBlock::RedactedContent(blob))
        }
        ContentBlock::ReasoningContent(Reasoning { text, signature, .. }) => {
            let words = api::ReasoningTextBlock { text, signature };
            api::ContentBlock::ReasoningContent(api::ReasoningContentBlock::ReasoningText(words))
        }
        ContentBlock::ToolResult(_) | ContentBlock::Document(_) | ContentBlock::Image(_) => return None,
    })
}

/// Why it ended.
pub(super) fn stop_reason(reason: StopReason) -> api::StopReason {
    match reason {
        StopReason::EndTurn => api::StopReason::EndTurn,
        StopReason::ToolUse => api::StopReason::ToolUse,
        StopReason::MaxTokens => api::StopReason::MaxTokens,
        StopReason::StopSequence => api::StopReason::StopSequence,
        StopReason::ContentFiltered => api::StopReason::ContentFiltered,
        StopReason::GuardrailIntervened => api::StopReason::GuardrailIntervened,
        StopReason::ModelContextWindowExceeded => api::StopReason::ModelContextWindowExceeded,
        StopReason::MalformedModelOutput => api::StopReason::MalformedModelOutput,
        StopReason::MalformedToolUse => api::StopReason::MalformedToolUse,
    }
}

/// Tokens; the total counts what was read from and written to a cache, too.
pub(super) fn usage(usage: &Usage) -> api::TokenUsage {
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    let detail =
        |ttl: api::CacheTTL, tokens: u64| (tokens > 0).then(|| api::CacheDetail { ttl, input_tokens: count(tokens) });
    let for_an_hour = usage.cache_write_hour_input_tokens.min(usage.cache_write_input_tokens);
    let details: Vec<_> = [
        detail(api::CacheTTL::V1h, for_an_hour),
        detail(api::CacheTTL::V5m, usage.cache_write_input_tokens - for_an_hour),
    ]
    .into_iter()
    .flatten()
    .collect();
    api::TokenUsage {
        input_tokens: count(usage.input_tokens),
        output_tokens: count(usage.output_tokens),
        total_tokens: count(usage.total_input_tokens().saturating_add(usage.output_tokens)),
        cache_read_input_tokens: Some(count(usage.cache_read_input_tokens)),
        cache_write_input_tokens: Some(count(usage.cache_write_input_tokens)),
        cache_details: (!details.is_empty()).then_some(details),
    }
}

/// What the caller wants to see of the model's own answer. Of that only the stop sequence is known here, whoever the
/// provider is; paths that lead elsewhere are left out, as on the service.
pub(super) fn additional_fields(reply: &ModelReply, paths: &[String]) -> Option<Value> {
    let mut fields = Map::new();
    if paths.iter().any(|path| path == "/stop_sequence") {
        fields.insert("stop_sequence".to_owned(), reply.stop_sequence.clone().map_or(Value::Null, Value::from));
    }
    (!fields.is_empty()).then_some(Value::Object(fields))
}
