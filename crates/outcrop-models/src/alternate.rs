//! Messages for providers that want the roles to take turns.

use serde_json::{Value, json};

/// Adds a message whose blocks stand under `member`. One of the same role as the one before goes into that one; one
/// without blocks, such as an answer that was cut off at once, is left out.
pub(crate) fn add(messages: &mut Vec<Value>, role: &str, member: &str, blocks: Vec<Value>) {
    if blocks.is_empty() {
        return;
    }
    match messages.last_mut().filter(|before| before["role"] == role) {
        Some(before) => {
            if let Some(list) = before[member].as_array_mut() {
                list.extend(blocks);
            }
        }
        None => messages.push(json!({"role": role, member: blocks})),
    }
}
