//! Prompts that carry a whole conversation in the marks of a chat template.

use outcrop_api::bedrock_runtime::ConversationRole;

/// A conversation: system texts, and who said what.
pub(super) type Conversation = (Vec<String>, Vec<(ConversationRole, String)>);

/// Reads a prompt with the marks of Llama 3 (`<|start_header_id|>user<|end_header_id|>`) or of Mistral and Llama 2
/// (`[INST] … [/INST]`); a prompt without marks is what the user says.
pub(super) fn read(prompt: &str) -> Conversation {
    let (system, messages) = if prompt.contains("<|start_header_id|>") {
        headers(prompt)
    } else if prompt.contains("[INST]") {
        instructions(prompt)
    } else {
        (Vec::new(), vec![(ConversationRole::User, prompt.to_owned())])
    };
    (system, joined(messages))
}

fn headers(prompt: &str) -> Conversation {
    let (mut system, mut messages) = (Vec::new(), Vec::new());
    for part in prompt.split("<|start_header_id|>").skip(1) {
        let Some((role, text)) = part.split_once("<|end_header_id|>") else { continue };
        let end = ["<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"].iter().filter_map(|mark| text.find(mark)).min();
        let text = text[..end.unwrap_or(text.len())].trim();
        if text.is_empty() {
            // The last header stands open, for the model to go on.
            continue;
        }
        match role.trim() {
            "system" => system.push(text.to_owned()),
            "assistant" => messages.push((ConversationRole::Assistant, text.to_owned())),
            _ => messages.push((ConversationRole::User, text.to_owned())),
        }
    }
    (system, messages)
}

fn instructions(prompt: &str) -> Conversation {
    let (mut system, mut messages) = (Vec::new(), Vec::new());
    for part in prompt.split("[INST]").skip(1) {
        let (asked, answered) = part.split_once("[/INST]").unwrap_or((part, ""));
        let mut asked = asked.trim();
        if let Some((before, rest)) = asked.strip_prefix("<<SYS>>").and_then(|rest| rest.split_once("<</SYS>>")) {
            system.push(before.trim().to_owned());
            asked = rest.trim();
        }
        if !asked.is_empty() {
            messages.push((ConversationRole::User, asked.to_owned()));
        }
        let answered = answered.replace("</s>", "").replace("<s>", "");
        if !answered.trim().is_empty() {
            messages.push((ConversationRole::Assistant, answered.trim().to_owned()));
        }
    }
    (system, messages)
}

/// What one side says in a row is one message.
fn joined(messages: Vec<(ConversationRole, String)>) -> Vec<(ConversationRole, String)> {
    let mut joined: Vec<(ConversationRole, String)> = Vec::with_capacity(messages.len());
    for (role, text) in messages {
        match joined.last_mut() {
            Some((last, before)) if *last == role => {
                before.push_str("\n\n");
                before.push_str(&text);
            }
            _ => joined.push((role, text)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The conversation in short: a letter for who speaks, and what is said.
    #[track_caller]
    fn check(prompt: &str, expected: &[&str]) {
        let (system, messages) = read(prompt);
        let system = system.iter().map(|text| format!("s {text}"));
        let said = messages.iter().map(|(role, text)| match role {
            ConversationRole::Assistant => format!("a {text}"),
            _ => format!("u {text}"),
        });
        assert_eq!(system.chain(said).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn prompts_carry_conversations() {
        check("Hi there", &["u Hi there"]);
        check(
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAgain<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
            &["s Be kind.", "u Hi", "a Hello", "u Again"],
        );
        check("<s>[INST] Hi [/INST] Hello </s>[INST] Again [/INST]", &["u Hi", "a Hello", "u Again"]);
        check("<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST]", &["s Be kind.", "u Hi"]);
        check("<s>[INST] One [/INST][INST] Two [/INST]", &["u One\n\nTwo"]);
        // Marks that break off are read as far as they go.
        check("<|start_header_id|>user<|end_header_id|>Hi", &["u Hi"]);
        check("<|start_header_id|>user", &[]);
        check("[INST] Hi", &["u Hi"]);
    }
}
