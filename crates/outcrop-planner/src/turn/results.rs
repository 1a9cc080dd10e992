//! Large tool results: the model sees an excerpt with a reference, and reads on with a tool of ours.
//!
//! The whole result stays in the journal, in the event that brought it. The reference is a hash of it, so whoever looks for
//! it knows it when it is found, and the same result has the same reference after a restart.

use super::arguments;
use super::event::{CollaboratorOutcome, Event};
use outcrop_ports::{ToolOutcome, ToolSpec, ToolUse};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Name of the tool that reads on. Tools of action groups all have `__` in theirs.
pub const READ_TOOL: &str = "outcrop_read_result";

/// Results from this many bytes on can be read on when they have left the conversation.
const KEPT_BYTES_MIN: usize = 1_024;
/// Bytes of one read unless the model says otherwise.
const READ_BYTES: usize = 8 * 1024;
/// Places a search tells at most.
const PLACES_MAX: usize = 20;
/// Bytes shown on either side of a place.
const AROUND_BYTES: usize = 120;
/// Longest text that is searched for, in bytes.
const SEARCH_BYTES_MAX: usize = 1_024;

/// A result that is kept whole in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptResult {
    /// What the model calls it by.
    pub reference: String,
    /// Its length.
    pub bytes: usize,
    /// The turn whose journal has it; absent in that turn itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
}

/// What the model wants to read of a kept result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadResult {
    /// The tool use it answers.
    pub tool_use_id: String,
    /// Which result.
    pub reference: String,
    /// The turn whose journal has it; absent for the running turn, and for a reference that nobody knows.
    pub turn: Option<u32>,
    /// From this byte on.
    pub offset: usize,
    /// Most bytes.
    pub length: usize,
    /// Only places with this text.
    pub search: Option<String>,
}

/// The reference of a result, when it is large enough to be worth one.
pub(super) fn kept(text: &str) -> Option<KeptResult> {
    (text.len() >= KEPT_BYTES_MIN).then(|| KeptResult { reference: reference(text), bytes: text.len(), turn: None })
}

/// Twelve digits of a hash: short enough for a model to copy.
fn reference(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("r{:012x}", hash >> 16)
}

/// The result of this reference, where an event brought it.
pub fn find<'a>(event: &'a Event, wanted: &str) -> Option<&'a str> {
    let is_it = |text: &&str| text.len() >= KEPT_BYTES_MIN && reference(text) == wanted;
    match event {
        Event::ToolReturned(returned) => match &returned.outcome {
            ToolOutcome::Succeeded(success) => Some(success.body.as_str()).filter(is_it),
            ToolOutcome::Failed(_) | ToolOutcome::Pending(_) => None,
        },
        Event::CollaboratorReturned(returned) => match &returned.outcome {
            CollaboratorOutcome::Answered { text, .. } => Some(text.as_str()).filter(is_it),
            CollaboratorOutcome::ReturnedControl { .. } | CollaboratorOutcome::Failed { .. } => None,
        },
        Event::ControlReturned(returned) => {
            returned.results.iter().filter_map(|result| result.body.as_deref()).find(is_it)
        }
        _ => None,
    }
}

/// Beginning and end of a result, and how to read the rest; `None` when it is short enough to be shown whole.
pub(super) fn excerpt(text: &str, bytes_max: usize) -> Option<String> {
    if text.len() <= bytes_max {
        return None;
    }
    let (head, tail) = ends(text, bytes_max);
    let reading = match kept(text) {
        Some(kept) => format!(
            " Read on with {READ_TOOL}, reference \"{}\": bytes {} to {} are left out.",
            kept.reference,
            head.len(),
            text.len() - tail.len()
        ),
        None => String::new(),
    };
    Some(format!(
        "The result has {} bytes; only its beginning and its end are shown.{reading}\n--- beginning\n{head}\n--- end\n{tail}",
        text.len()
    ))
}

/// Two thirds from the beginning and one from the end, cut between lines where a line ends near the cut.
pub(super) fn ends(text: &str, bytes_max: usize) -> (&str, &str) {
    let tail_bytes = bytes_max / 3;
    let head = &text[..line_end(text, 0, bytes_max - tail_bytes)];
    let from = text.ceil_char_boundary(text.len().saturating_sub(tail_bytes).max(head.len()));
    let rest = &text[from..];
    let tail = match rest[..rest.floor_char_boundary(rest.len() / 4)].find('\n') {
        Some(at) => &rest[at + 1..],
        None => rest,
    };
    (head, tail)
}

/// Where a piece from `from` of at most so many bytes ends: after a line, if one ends in its last quarter.
fn line_end(text: &str, from: usize, bytes_max: usize) -> usize {
    let end = text.floor_char_boundary(from.saturating_add(bytes_max).min(text.len()));
    if end == text.len() {
        return end;
    }
    let late = text.ceil_char_boundary(from + (end - from) / 4 * 3).min(end);
    text[late..end].rfind('\n').map_or(end, |at| late + at + 1)
}

/// The tool as the model sees it.
pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: READ_TOOL.to_owned(),
        description: "Reads on in a tool result that was too large to be shown whole, by the reference that stands in its place. Give search to find a text in it, or offset and length to read a part."
            .to_owned(),
        input_schema: json!({
            "type": "object",
            "properties": {
                "reference": {"type": "string", "description": "The reference of the result."},
                "search": {"type": "string", "description": "A text to look for, word for word; the places where it stands are shown."},
                "offset": {"type": "integer", "minimum": 0, "description": "The byte to begin at; 0 when left out."},
                "length": {"type": "integer", "minimum": 1, "description": "How many bytes to read."},
            },
            "required": ["reference"],
        }),
    }
}

/// What is to be read, or what is wrong with the arguments.
pub(super) fn asked(tool_use: &ToolUse, bytes_max: usize) -> Result<ReadResult, String> {
    let members = match &tool_use.input {
        Value::Object(members) => Some(members.clone()),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Some(members),
            _ => None,
        },
        _ => None,
    };
    let Some(members) = members else { return Err(format!("The arguments of {READ_TOOL} must be a JSON object.")) };
    let members = arguments::check(&spec().input_schema, members)
        .map_err(|problems| format!("The arguments of {READ_TOOL} do not fit: {}.", problems.join("; ")))?;
    let text = |name: &str| members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let number =
        |name: &str| members.get(name).and_then(Value::as_u64).map(|at| usize::try_from(at).unwrap_or(usize::MAX));
    let Some(reference) = text("reference") else {
        return Err(format!("{READ_TOOL} needs reference, which was not given."));
    };
    let search = text("search").map(str::to_owned);
    if search.as_ref().is_some_and(|search| search.len() > SEARCH_BYTES_MAX) {
        return Err(format!("{READ_TOOL} looks for texts of at most {SEARCH_BYTES_MAX} bytes."));
    }
    Ok(ReadResult {
        tool_use_id: tool_use.tool_use_id.clone(),
        reference: reference.trim().to_owned(),
        turn: None,
        offset: number("offset").unwrap_or(0),
        length: number("length").unwrap_or(READ_BYTES).clamp(1, bytes_max.max(1)),
        search,
    })
}

/// What a read gives: a piece, or the places of a text. Takes time in the length of the result, whatever is searched for.
pub fn read(whole: &str, asked: &ReadResult) -> String {
    let total = whole.len();
    if asked.offset > 0 && asked.offset >= total {
        return format!("The result has only {total} bytes.");
    }
    let from = whole.floor_char_boundary(asked.offset);
    match &asked.search {
        Some(search) => places(whole, from, search, asked.length),
        None => {
            // At least one character, however long it is.
            let end = line_end(whole, from, asked.length).max(whole.ceil_char_boundary(from + 1).min(total));
            let more = if end < total { format!(" Read on from offset {end}.") } else { String::new() };
            format!("Bytes {from} to {end} of {total}.{more}\n{}", &whole[from..end])
        }
    }
}

fn places(whole: &str, from: usize, search: &str, bytes_max: usize) -> String {
    let mut told = String::new();
    let mut count = 0;
    let mut next = None;
    for (at, found) in whole[from..].match_indices(search) {
        let at = from + at;
        let around = around(whole, at, found.len());
        if count == PLACES_MAX || (count > 0 && told.len() + around.len() > bytes_max) {
            next = Some(at);
            break;
        }
        count += 1;
        let _ = write!(told, "\n--- at byte {at}\n{around}");
    }
    match (count, next) {
        (0, _) => format!(
            "The text \"{search}\" does not stand in the result from byte {from} on; upper and lower case count."
        ),
        (_, None) => format!("{count} found, and no more from byte {from} on.{told}"),
        (_, Some(next)) => format!("The first {count} from byte {from} on; there are more from offset {next}.{told}"),
    }
}

/// A place with what stands around it: its line, where that is short.
fn around(whole: &str, at: usize, length: usize) -> &str {
    let begin = whole.floor_char_boundary(at.saturating_sub(AROUND_BYTES));
    let end = whole.ceil_char_boundary((at + length + AROUND_BYTES).min(whole.len()));
    let begin = whole[begin..at].rfind('\n').map_or(begin, |line| begin + line + 1);
    let end = whole[at + length..end].find('\n').map_or(end, |line| at + length + line);
    &whole[begin..end]
}

/// What stands in the place of a result that has left the conversation.
pub(super) fn stand_in(tool: &str, text: &str, known: &BTreeMap<String, KeptResult>) -> String {
    let reference = reference_in(text).map(str::to_owned).or_else(|| kept(text).map(|kept| kept.reference));
    let (bytes, reading) = match reference.and_then(|reference| known.get(&reference)) {
        Some(kept) => (kept.bytes, format!(" Read it with {READ_TOOL}, reference \"{}\".", kept.reference)),
        None => (text.len(), " Call the tool again if you need it.".to_owned()),
    };
    format!("(The result of {tool}, {bytes} bytes, is no longer shown.{reading})")
}

/// The reference that stands in an excerpt or a stand-in.
pub(super) fn reference_in(text: &str) -> Option<&str> {
    let mark = format!("{READ_TOOL}, reference \"");
    let at = text[..text.floor_char_boundary(300)].find(&mark)? + mark.len();
    let reference = text.get(at..at + 13)?;
    text[at + 13..].starts_with('"').then_some(reference)
}

#[cfg(test)]
#[path = "results_tests.rs"]
mod tests;
