//! Where the models say what is not so, or what would keep users from their work. One line each, with the reason.

use serde_json::{Value, json};

/// One change to a model.
struct Quirk {
    service: &'static str,
    shape: &'static str,
    change: Change,
    reason: &'static str,
}

#[derive(Clone, Copy)]
enum Change {
    DropPattern,
    Maximum(u64),
    AddValue(&'static str),
}

const fn quirk(service: &'static str, shape: &'static str, change: Change, reason: &'static str) -> Quirk {
    Quirk { service, shape, change, reason }
}

const AGENT: &str = "bedrock-agent";
const AGENT_RUNTIME: &str = "bedrock-agent-runtime";
const RUNTIME: &str = "bedrock-runtime";
const OTHER_MODELS: &str = "ids of models that AWS does not have (`Qwen/Qwen3-8B`, `qwen3:8b`) must pass";
const BOTH_PROMPT_TYPES: &str = "each service lacks one prompt type that the other has and clients send to both";

const QUIRKS: [Quirk; 21] = [
    quirk(
        AGENT,
        "TaggableResourcesArn",
        Change::DropPattern,
        "says `/d{12}` for `\\d{12}`: no ARN of an agent matches",
    ),
    quirk(AGENT, "PromptType", Change::AddValue("ROUTING_CLASSIFIER"), BOTH_PROMPT_TYPES),
    quirk(AGENT_RUNTIME, "PromptType", Change::AddValue("MEMORY_SUMMARIZATION"), BOTH_PROMPT_TYPES),
    quirk(AGENT, "Instruction", Change::Maximum(20_000), "the quota page allows 20,000 characters, the service too"),
    quirk(AGENT, "ModelIdentifier", Change::DropPattern, OTHER_MODELS),
    quirk(AGENT, "BedrockEmbeddingModelArn", Change::DropPattern, OTHER_MODELS),
    quirk(AGENT, "BedrockModelArn", Change::DropPattern, OTHER_MODELS),
    quirk(AGENT, "BedrockRerankingModelArn", Change::DropPattern, OTHER_MODELS),
    quirk(AGENT, "FlowPromptModelIdentifier", Change::DropPattern, OTHER_MODELS),
    quirk(AGENT, "KnowledgeBaseModelIdentifier", Change::DropPattern, OTHER_MODELS),
    quirk(AGENT, "PromptModelIdentifier", Change::DropPattern, OTHER_MODELS),
    quirk(AGENT_RUNTIME, "BedrockModelArn", Change::DropPattern, OTHER_MODELS),
    quirk(AGENT_RUNTIME, "BedrockRerankingModelArn", Change::DropPattern, OTHER_MODELS),
    quirk(AGENT_RUNTIME, "ModelIdentifier", Change::DropPattern, OTHER_MODELS),
    quirk(AGENT_RUNTIME, "OptimizePromptRequestTargetModelIdString", Change::DropPattern, OTHER_MODELS),
    quirk("bedrock", "GetFoundationModelIdentifier", Change::DropPattern, OTHER_MODELS),
    quirk("bedrock", "InferenceProfileModelSourceArn", Change::DropPattern, OTHER_MODELS),
    quirk("bedrock", "ExcludedModelId", Change::DropPattern, OTHER_MODELS),
    quirk("bedrock", "IncludedModelId", Change::DropPattern, OTHER_MODELS),
    quirk(RUNTIME, "ConversationalModelId", Change::DropPattern, OTHER_MODELS),
    quirk(RUNTIME, "InvokeModelIdentifier", Change::DropPattern, OTHER_MODELS),
];

/// Makes all changes to one service's shapes. One that changes nothing is an error: the list says only what is so.
pub(super) fn apply(service: &str, shapes: &mut Value) -> Result<(), String> {
    for quirk in QUIRKS.iter().filter(|quirk| quirk.service == service) {
        let shape = shapes.get_mut(quirk.shape).and_then(Value::as_object_mut);
        let changed = shape.is_some_and(|shape| match quirk.change {
            Change::DropPattern => shape.shift_remove("pattern").is_some(),
            Change::Maximum(maximum) => shape.insert("max".to_owned(), json!(maximum)) != Some(json!(maximum)),
            Change::AddValue(value) => match shape.get_mut("enum").and_then(Value::as_array_mut) {
                Some(values) if !values.iter().any(|known| known == value) => {
                    values.push(json!(value));
                    true
                }
                _ => false,
            },
        });
        if !changed {
            return Err(format!("the quirk of {service} {} changes nothing any more ({})", quirk.shape, quirk.reason));
        }
    }
    Ok(())
}
