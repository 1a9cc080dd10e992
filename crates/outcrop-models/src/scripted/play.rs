//! Playing a script: pure functions from conversation to step to reply.

use super::script::{Answer, Call, Outcome, Script, Step, Turn};
use crate::tool_use_ids::ToolUseIds;
use outcrop_ports::{
    ContentBlock, Message, ModelError, ModelErrorKind, ModelReply, ModelRequest, Reasoning, Role, StopReason,
    ToolResult, ToolResultContent, ToolSpec, ToolUse, Usage,
};
use serde_json::Value;
use std::sync::Arc;

/// The step that answers the request; [`ModelErrorKind::Invalid`] when the script has none.
pub(super) fn find_step<'a>(script: &'a Script, request: &ModelRequest) -> Result<&'a Step, ModelError> {
    let (words, since) = last_words(&request.messages);
    let turn = pick_turn(script, &request.messages, &words, since)?;
    let from = turn.when_tool.as_deref().and_then(|text| first_result_with(since, text)).unwrap_or(0);
    let number = since[from..].iter().filter(|message| message.role == Role::Assistant).count();
    turn.steps.get(number).ok_or_else(|| {
        let (line, steps) = (turn.line, turn.steps.len());
        no_match(format!("the turn at line {line} has {steps} step(s), the model is asked for step {}", number + 1))
    })
}

/// What the step answers, or why it fails.
pub(super) fn reply(step: &Step, request: &ModelRequest) -> Result<ModelReply, ModelError> {
    let answer = match &step.outcome {
        Outcome::Answer(answer) => answer,
        Outcome::Fail { kind, message } => return Err(ModelError::new(*kind, message.clone())),
    };
    let (words, since) = last_words(&request.messages);
    let result = results(since).last().map(text_of).unwrap_or_default();
    let files = files(&request.messages);
    let fill = |text: &str| fill(text, &words, &result, &files);
    let mut uses = Vec::with_capacity(answer.calls.len());
    let mut ids = ToolUseIds::new("tooluse_", &request.messages);
    for call in &answer.calls {
        let input = fill_value(&call.input, &fill);
        let name = tool_name(call, &request.tools)?.to_owned();
        uses.push(ToolUse { tool_use_id: ids.next(""), name, input });
    }
    let stop_reason = answer.stop.unwrap_or(if uses.is_empty() { StopReason::EndTurn } else { StopReason::ToolUse });
    let thinking = answer.think.as_deref().map(&fill);
    let thinking = thinking.map(|text| ContentBlock::ReasoningContent(Reasoning::plain(text)));
    let text = answer.say.as_deref().map(&fill).map(ContentBlock::Text);
    let content: Vec<_> = thinking.into_iter().chain(text).chain(uses.into_iter().map(ContentBlock::ToolUse)).collect();
    let usage = usage(answer, request, &content);
    Ok(ModelReply::new(Message { role: Role::Assistant, content }, stop_reason, usage))
}

/// The turn whose conditions hold, else the next one without conditions: as many of these are over as the user spoke
/// before without meeting a condition.
fn pick_turn<'a>(
    script: &'a Script,
    messages: &[Arc<Message>],
    words: &str,
    since: &[Arc<Message>],
) -> Result<&'a Turn, ModelError> {
    if let Some(turn) = script.turns.iter().find(|turn| holds(turn, words, since)) {
        return Ok(turn);
    }
    let before = messages.len() - since.len();
    let spoken = messages[..before].iter().filter(|message| is_spoken(message)).map(|message| message.text());
    let unmet = spoken.filter(|words| !script.turns.iter().any(|turn| holds(turn, words, &[]))).count();
    // The last of them is the user's last words.
    let played = unmet.saturating_sub(1);
    script.turns.iter().filter(|turn| turn.is_unconditional()).nth(played).ok_or_else(|| {
        let conditions: Vec<String> = script.turns.iter().filter_map(describe).collect();
        let conditions = if conditions.is_empty() { "none".to_owned() } else { conditions.join(", ") };
        let in_order = script.turns.iter().filter(|turn| turn.is_unconditional()).count();
        no_match(format!(
            "no turn of the script fits the words `{}` (conditions: {conditions}; turns without condition: \
             {in_order}, played: {played})",
            shorten(words)
        ))
    })
}

/// Whether the turn has conditions and they hold for the words and what came after them.
fn holds(turn: &Turn, words: &str, since: &[Arc<Message>]) -> bool {
    !turn.is_unconditional()
        && turn.when.as_deref().is_none_or(|text| words.to_lowercase().contains(text))
        && turn.when_regex.as_ref().is_none_or(|regex| regex.is_match(words))
        && turn.when_tool.as_deref().is_none_or(|text| first_result_with(since, text).is_some())
}

fn describe(turn: &Turn) -> Option<String> {
    let when = turn.when.as_ref().map(|text| format!("when `{text}`"));
    let regex = turn.when_regex.as_ref().map(|regex| format!("when_regex `{regex}`"));
    let tool = turn.when_tool.as_ref().map(|text| format!("when_tool `{text}`"));
    let parts: Vec<String> = [when, regex, tool].into_iter().flatten().map(|part| shorten(&part)).collect();
    (!parts.is_empty()).then(|| parts.join(" and "))
}

/// The user's last words and the messages after them; all messages when the user said nothing.
fn last_words(messages: &[Arc<Message>]) -> (String, &[Arc<Message>]) {
    match messages.iter().rposition(|message| is_spoken(message)) {
        Some(at) => (messages[at].text(), &messages[at + 1..]),
        None => (String::new(), messages),
    }
}

/// Whether the user speaks; tool results, even with a text beside them, are no words of the user.
fn is_spoken(message: &Message) -> bool {
    let result = |block: &ContentBlock| matches!(block, ContentBlock::ToolResult(_));
    message.role == Role::User
        && message.content.iter().any(|block| block.as_text().is_some())
        && !message.content.iter().any(result)
}

fn first_result_with(messages: &[Arc<Message>], text: &str) -> Option<usize> {
    messages.iter().position(|message| results(std::slice::from_ref(message)).any(|it| text_of(it).contains(text)))
}

fn results(messages: &[Arc<Message>]) -> impl Iterator<Item = &ToolResult> {
    messages.iter().flat_map(|message| &message.content).filter_map(|block| match block {
        ContentBlock::ToolResult(result) => Some(result),
        _ => None,
    })
}

fn text_of(result: &ToolResult) -> String {
    let texts: Vec<_> = result.content.iter().map(ToolResultContent::words).collect();
    texts.join("\n")
}

/// The name as it is offered: the whole name, else the only one that ends with it after `__`.
fn tool_name<'a>(call: &'a Call, tools: &'a [ToolSpec]) -> Result<&'a str, ModelError> {
    let wanted = call.tool.as_str();
    if call.invented || tools.iter().any(|tool| tool.name == wanted) {
        return Ok(wanted);
    }
    let ends = |name: &str| name.strip_suffix(wanted).is_some_and(|group| group.ends_with("__"));
    let found: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).filter(|name| ends(name)).collect();
    if let [name] = found.as_slice() {
        return Ok(name);
    }
    let names = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if !found.is_empty() {
        return Err(no_match(format!("the tool `{wanted}` of the script could be any of {}", names(&found))));
    }
    let offered: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let offered = if offered.is_empty() { "no tool is".to_owned() } else { format!("{} are", names(&offered)) };
    Err(no_match(format!("the tool `{wanted}` of the script is not on offer; {offered}")))
}

/// Puts the placeholders' values in; what comes in with a value is not looked at again.
fn fill(template: &str, words: &str, result: &str, files: &str) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = [("{{input}}", words), ("{{last_result}}", result), ("{{files}}", files)];
        let found = known.into_iter().find_map(|(mark, value)| Some((rest.strip_prefix(mark)?, value)));
        let (after, value) = found.unwrap_or((&rest[2..], "{{"));
        filled.push_str(value);
        rest = after;
    }
    filled + rest
}

/// The files of the message in which the user spoke last: of a text all, of another its name and length.
fn files(messages: &[Arc<Message>]) -> String {
    let spoken = messages.iter().rev().find(|message| is_spoken(message));
    let files = spoken.into_iter().flat_map(|message| &message.content).filter_map(ContentBlock::file);
    let told = files.map(|file| match (file.text(), &file.data) {
        (Some(text), _) => format!("{} ({}): {text}", file.name, file.media_type),
        (None, Some(data)) => format!("{} ({}): {} bytes", file.name, file.media_type, data.len()),
        (None, None) => format!("{} ({}): nothing", file.name, file.media_type),
    });
    told.collect::<Vec<_>>().join("\n")
}

fn fill_value(value: &Value, fill: &impl Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text)),
        Value::Array(items) => items.iter().map(|item| fill_value(item, fill)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), fill_value(value, fill))).collect())
        }
        other => other.clone(),
    }
}

/// What the script says, else a quarter of a token for each byte, about what tokenizers make of English.
fn usage(answer: &Answer, request: &ModelRequest, content: &[ContentBlock]) -> Usage {
    let bytes = |content: &[ContentBlock]| content.iter().map(block_bytes).sum::<usize>();
    let tokens = |bytes: usize| u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX);
    answer.usage.unwrap_or_else(|| {
        let system: usize = request.system.iter().map(String::len).sum();
        let asked: usize = request.messages.iter().map(|message| bytes(&message.content)).sum();
        Usage { input_tokens: tokens(system + asked), output_tokens: tokens(bytes(content)), ..Usage::default() }
    })
}

fn block_bytes(block: &ContentBlock) -> usize {
    match block {
        ContentBlock::Text(text) => text.len(),
        ContentBlock::ReasoningContent(reasoning) => reasoning.text.len(),
        ContentBlock::ToolUse(tool_use) => tool_use.name.len() + tool_use.input.to_string().len(),
        ContentBlock::ToolResult(result) => text_of(result).len(),
        ContentBlock::Document(file) | ContentBlock::Image(file) => usize::try_from(file.bytes).unwrap_or(usize::MAX),
    }
}

fn shorten(text: &str) -> String {
    const CHARS_MAX: usize = 120;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn no_match(message: String) -> ModelError {
    ModelError::new(ModelErrorKind::Invalid, message)
}
