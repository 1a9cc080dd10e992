//! What of a request counts when it is compared with recorded ones.

use super::Clean;
use crate::catalog::reduce_model_id;
use outcrop_ports::{ContentBlock, Message, ModelRequest};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// A request as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    /// Everything that counts.
    pub(super) value: Value,
    /// Its hash, in hex: the name of the recording.
    pub(super) key: String,
}

impl Form {
    /// The form of a request.
    ///
    /// Ids of tool uses become `use-1`, `use-2`, … in the order in which they first stand there: providers make them up.
    /// Seals on thinking, whose thinking it was, and cache points are left out: they say nothing to the model. Files
    /// stand by the hash of their content. Secrets are blanked, so that two requests with different ones are the same.
    pub(super) fn of(request: &ModelRequest, clean: &Clean) -> Self {
        let mut ids = HashMap::new();
        let messages: Vec<Value> = request.messages.iter().map(|message| message_form(message, &mut ids)).collect();
        let mut value = json!({
            "model": reduce_model_id(&request.model_id),
            "system": request.system,
            "messages": messages,
            "inference": request.inference,
        });
        if !request.tools.is_empty() {
            value["tools"] = json!(&*request.tools);
            value["toolChoice"] = json!(request.tool_choice);
        }
        if let Some(fields) = &request.additional_fields {
            value["additionalFields"] = json!(fields);
        }
        clean(&mut value);
        let value = sorted(value);
        let key = hex(&Sha256::digest(value.to_string()));
        Self { value, key: key[..32].to_owned() }
    }
}

fn message_form(message: &Message, ids: &mut HashMap<String, String>) -> Value {
    let content: Vec<Value> = message.content.iter().map(|block| block_form(block, ids)).collect();
    json!({"role": message.role, "content": content})
}

fn block_form(block: &ContentBlock, ids: &mut HashMap<String, String>) -> Value {
    let mut value = json!(block);
    let mut number = |id: &str| {
        let next = ids.len() + 1;
        ids.entry(id.to_owned()).or_insert_with(|| format!("use-{next}")).clone()
    };
    match block {
        ContentBlock::ToolUse(tool_use) => value["toolUse"]["toolUseId"] = number(&tool_use.tool_use_id).into(),
        ContentBlock::ToolResult(result) => value["toolResult"]["toolUseId"] = number(&result.tool_use_id).into(),
        ContentBlock::ReasoningContent(reasoning) => value = json!({"reasoningContent": {"text": reasoning.text}}),
        _ => {}
    }
    value
}

/// The same with the members of objects in order of their names, so that it does not matter who wrote them how.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members.into_iter().collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().map(|(name, member)| (name, sorted(member))).collect::<Map<_, _>>())
        }
        scalar => scalar,
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    use std::fmt;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
