//! Messages of a conversation, in Converse's shape (the JSON form is Converse's, too).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// Who speaks. Tool results are the user's, as in Converse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The caller, and what tools answered.
    User,
    /// The model.
    Assistant,
}

/// One message; `content` is never empty when sent to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub content: Vec<ContentBlock>,
}

impl Message {
    /// A message of the user with one text.
    pub fn user(text: impl Into<String>) -> Self {
        Self { role: Role::User, content: vec![ContentBlock::Text(text.into())] }
    }

    /// A message of the model with one text.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: vec![ContentBlock::Text(text.into())] }
    }

    /// All text blocks, joined without separator.
    pub fn text(&self) -> String {
        self.content.iter().filter_map(ContentBlock::as_text).collect()
    }

    /// The tool uses in it, in order.
    pub fn tool_uses(&self) -> impl Iterator<Item = &ToolUse> {
        self.content.iter().filter_map(|block| match block {
            ContentBlock::ToolUse(tool_use) => Some(tool_use),
            _ => None,
        })
    }
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContentBlock {
    /// Plain text.
    Text(String),
    /// The model asks for a tool.
    ToolUse(ToolUse),
    /// What the tool answered.
    ToolResult(ToolResult),
    /// The model's own thinking, to be carried back unchanged to the provider it came from.
    ReasoningContent(Reasoning),
    /// A file for the model to read.
    Document(File),
    /// A picture for the model to look at.
    Image(File),
}

impl ContentBlock {
    /// The text of a text block.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The file of a document or picture.
    pub fn file(&self) -> Option<&File> {
        match self {
            Self::Document(file) | Self::Image(file) => Some(file),
            _ => None,
        }
    }
}

/// A file that a message carries. Where messages are kept or shown it stands by the hash of its content; the content is
/// put in on the way to a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    /// Name as the caller gave it.
    pub name: String,
    /// Such as `text/csv`; never with parameters, in lower case.
    pub media_type: String,
    /// SHA-256 of the content in lower-case hex.
    pub hash: String,
    /// Length of the content, in bytes.
    pub bytes: u64,
    /// Whether the content is text in UTF-8.
    pub is_text: bool,
    /// The content; absent but in what a model is asked.
    #[serde(skip)]
    pub data: Option<Arc<[u8]>>,
}

impl File {
    /// The content as text, where it is text and there.
    pub fn text(&self) -> Option<&str> {
        let data = self.data.as_deref().filter(|_| self.is_text)?;
        std::str::from_utf8(data).ok()
    }
}

/// A tool the model wants to have called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolUse {
    /// Unique within the conversation; the result carries it back.
    pub tool_use_id: String,
    /// Name as in the tool spec that was offered; a model may invent one.
    pub name: String,
    /// Arguments; an object unless the model misbehaves.
    pub input: Value,
}

impl ToolUse {
    /// Deepest nesting of arguments that is kept.
    pub const INPUT_DEPTH_MAX: usize = 32;

    /// Whether the arguments are nested deeper than is kept.
    pub fn is_too_deep(&self) -> bool {
        fn within(value: &Value, levels: usize) -> bool {
            match value {
                Value::Array(items) => levels > 0 && items.iter().all(|item| within(item, levels - 1)),
                Value::Object(members) => levels > 0 && members.values().all(|member| within(member, levels - 1)),
                _ => true,
            }
        }
        !within(&self.input, Self::INPUT_DEPTH_MAX)
    }
}

/// The answer to one tool use. Every tool use gets exactly one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResult {
    /// Which use it answers.
    pub tool_use_id: String,
    /// What came back.
    pub content: Vec<ToolResultContent>,
    /// Whether the tool did its work.
    pub status: ToolResultStatus,
}

/// A piece of a tool result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToolResultContent {
    /// Text, often JSON text.
    Text(String),
    /// JSON; providers without a place for it send its text.
    Json(Value),
    /// A picture. Providers that take none in a result send it right after, where they can.
    Image(File),
    /// A file to read.
    Document(File),
}

impl ToolResultContent {
    /// What it says in words: text as it is, JSON written out, of files their names.
    pub fn words(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Json(value) => Cow::Owned(value.to_string()),
            Self::Image(file) => Cow::Owned(format!("(picture {})", file.name)),
            Self::Document(file) => Cow::Owned(format!("(document {})", file.name)),
        }
    }
}

/// Whether a tool did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolResultStatus {
    /// It did.
    Success,
    /// It did not; the text says what the model can do about it.
    Error,
}

/// Thinking of a model that reasons.
///
/// It goes back to the model word for word, with its seal, and only to whom the seal belongs. A block without words, but
/// with a signature, seals the block that follows it: Gemini signs calls and texts, too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "ReasoningForm", into = "ReasoningForm")]
pub struct Reasoning {
    /// The thinking in words; empty when redacted.
    pub text: String,
    /// The provider's seal on it.
    pub signature: Option<String>,
    /// Thinking that only the provider can read, as it wrote it (Converse: base64).
    pub redacted: Option<String>,
    /// Whose seal or secret it is: `anthropic`, `bedrock`, `gemini`, … None when it came from a caller, who knows.
    pub origin: Option<String>,
}

impl Reasoning {
    /// Thinking in words, without a seal.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Whether it may be carried to this owner of seals.
    pub fn is_for(&self, origin: &str) -> bool {
        self.origin.as_deref().is_none_or(|own| own == origin)
    }
}

/// Converse's form, `{"reasoningText": {"text", "signature"}}` or `{"redactedContent": "…"}`, and the origin beside it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReasoningForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reasoning_text: Option<ReasoningText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redacted_content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct ReasoningText {
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

impl From<ReasoningForm> for Reasoning {
    fn from(form: ReasoningForm) -> Self {
        let ReasoningForm { reasoning_text, redacted_content: redacted, origin } = form;
        let (text, signature) = reasoning_text.map(|one| (one.text, one.signature)).unwrap_or_default();
        Self { text, signature, redacted, origin }
    }
}

impl From<Reasoning> for ReasoningForm {
    fn from(reasoning: Reasoning) -> Self {
        let Reasoning { text, signature, redacted, origin } = reasoning;
        let is_words = redacted.is_none() || !text.is_empty() || signature.is_some();
        let reasoning_text = is_words.then_some(ReasoningText { text, signature });
        Self { reasoning_text, redacted_content: redacted, origin }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(reasoning: &Reasoning, form: Value) {
        assert_eq!(serde_json::to_value(reasoning).unwrap(), form);
        assert_eq!(serde_json::from_value::<Reasoning>(form).unwrap(), *reasoning);
    }

    #[test]
    fn thinking_has_the_form_of_converse() {
        check(&Reasoning::plain("hm"), json!({"reasoningText": {"text": "hm"}}));
        check(
            &Reasoning { signature: Some("s".into()), origin: Some("anthropic".into()), ..Reasoning::plain("hm") },
            json!({"reasoningText": {"text": "hm", "signature": "s"}, "origin": "anthropic"}),
        );
        check(&Reasoning { redacted: Some("eA==".into()), ..Reasoning::default() }, json!({"redactedContent": "eA=="}));
        check(
            &Reasoning { signature: Some("s".into()), ..Reasoning::default() },
            json!({"reasoningText": {"text": "", "signature": "s"}}),
        );
    }
}
