//! The conversation as the model sees it: the turn's messages, some of them shortened. What is kept is never changed.

use super::earlier::{Place, Shortened, begins_turn};
use super::results::{self, KeptResult};
use outcrop_ports::{ContentBlock, Message, ToolResult, ToolResultContent, ToolUse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Results below this many bytes are as short as what would stand in their place.
const STOOD_BYTES_MIN: usize = 256;

/// A view of messages, index for index.
#[derive(Debug, Default)]
pub(super) struct View {
    shown: Vec<Arc<Message>>,
    /// Messages before this one are not shown; the slot before it holds the summary.
    covered: usize,
    summary: Option<String>,
    /// Results and files in messages before this one are stand-ins.
    stood: usize,
    /// Where the messages of earlier turns stand in the session.
    places: Vec<Place>,
}

impl View {
    /// The view of a history, shortened as the last turn left it.
    pub(super) fn of(
        messages: &[Arc<Message>],
        places: Vec<Place>,
        shortened: &Shortened,
        known: &BTreeMap<String, KeptResult>,
    ) -> Self {
        let mut view = Self { shown: messages.to_vec(), places, ..Self::default() };
        let count = |place: Option<Place>| place.map_or(0, |place| place.count_before(&view.places));
        let (covered, stood) = (count(shortened.covered), count(shortened.stood));
        // What is not shown needs no stand-ins.
        view.stood = covered;
        view.stand_in(messages, stood, known);
        if let Some(summary) = &shortened.summary
            && covered > 0
        {
            view.cover(covered, summary.clone());
        }
        view
    }

    /// Follows the messages: new ones are shown as they are, and so is the last.
    pub(super) fn follow(&mut self, messages: &[Arc<Message>]) {
        self.shown.truncate(messages.len().saturating_sub(1));
        self.shown.extend(messages[self.shown.len()..].iter().cloned());
        self.covered = self.covered.min(messages.len());
        self.stood = self.stood.min(messages.len());
    }

    /// What is shown of the messages before `end`, the summary first.
    pub(super) fn before(&self, end: usize) -> &[Arc<Message>] {
        let from = self.covered - usize::from(self.summary.is_some());
        &self.shown[from.min(end)..end]
    }

    /// What is shown of the messages from `begin` on.
    pub(super) fn from(&self, begin: usize) -> &[Arc<Message>] {
        &self.shown[begin..]
    }

    pub(super) fn at(&self, index: usize) -> &Arc<Message> {
        &self.shown[index]
    }

    pub(super) fn covered(&self) -> usize {
        self.covered
    }

    pub(super) fn stood(&self) -> usize {
        self.stood
    }

    pub(super) fn summary(&self) -> Option<&str> {
        self.summary.as_deref()
    }

    /// The messages before `end` at which the conversation can be cut: where the user speaks.
    pub(super) fn cuts(&self, end: usize) -> impl Iterator<Item = usize> + '_ {
        (self.covered + 1..end).filter(|&at| begins_turn(&self.shown[at])).chain((end > self.covered).then_some(end))
    }

    /// Puts stand-ins in the place of results and files in the messages before `end`; gives how many.
    pub(super) fn stand_in(
        &mut self,
        messages: &[Arc<Message>],
        end: usize,
        known: &BTreeMap<String, KeptResult>,
    ) -> usize {
        let mut count = 0;
        for at in self.stood..end {
            if let Some((message, replaced)) = without_results(messages, at, known) {
                self.shown[at] = Arc::new(message);
                count += replaced;
            }
        }
        self.stood = self.stood.max(end);
        count
    }

    /// Leaves the messages before `end` as they are.
    pub(super) fn pass(&mut self, end: usize) {
        self.stood = self.stood.max(end);
    }

    /// Cuts the results of one message to excerpts of so many bytes; gives how many.
    pub(super) fn cut_results(&mut self, at: usize, bytes_max: usize) -> usize {
        let mut count = 0;
        let mut message = self.shown[at].as_ref().clone();
        for block in &mut message.content {
            let ContentBlock::ToolResult(result) = block else { continue };
            for content in &mut result.content {
                let ToolResultContent::Text(text) = content else { continue };
                // One that is an excerpt already keeps what its head says of reading on.
                let head = results::reference_in(text).and_then(|_| text.split_once("\n--- beginning\n"));
                let (head, body) = head.map_or((None, text.as_str()), |(head, body)| (Some(head), body));
                if body.len() <= bytes_max {
                    continue;
                }
                let cut = match head {
                    Some(head) => {
                        let (begin, end) = results::ends(body, bytes_max);
                        format!("{head}\n--- beginning\n{begin}\n--- end\n{end}")
                    }
                    None => results::excerpt(body, bytes_max).unwrap_or_default(),
                };
                *text = cut;
                count += 1;
            }
        }
        if count > 0 {
            self.shown[at] = Arc::new(message);
        }
        count
    }

    /// Shows a summary in place of the messages before `end`, which must be one at least.
    pub(super) fn cover(&mut self, end: usize, summary: String) {
        self.shown[end - 1] = Arc::new(Message::user(summary.as_str()));
        self.covered = end;
        self.summary = Some(summary);
    }

    /// Where a message stands, for turns to come; `first_new` is the first of this turn's own.
    pub(super) fn place(&self, index: usize, first_new: usize) -> Option<Place> {
        let own = || Place { turn: None, message: u32::try_from(index.saturating_sub(first_new)).unwrap_or(u32::MAX) };
        match index {
            0 => None,
            index if index < first_new => self.places.get(index).copied(),
            _ => Some(own()),
        }
    }
}

/// The message with stand-ins for its results and files, and how many there are; `None` when it has none worth it.
fn without_results(
    messages: &[Arc<Message>],
    at: usize,
    known: &BTreeMap<String, KeptResult>,
) -> Option<(Message, usize)> {
    let long = |text: &str| text.len() >= STOOD_BYTES_MIN;
    let text = |result: &ToolResult| result.content.iter().map(ToolResultContent::words).collect();
    let mut count = 0;
    let mut message = None;
    for (index, block) in messages[at].content.iter().enumerate() {
        let stands = match block {
            ContentBlock::ToolResult(result) => {
                let text: String = text(result);
                if !long(&text) {
                    continue;
                }
                let tool = at.checked_sub(1).and_then(|before| tool_of(&messages[before], &result.tool_use_id));
                let stand_in = results::stand_in(tool.map_or("a tool", |tool| tool.name.as_str()), &text, known);
                ContentBlock::ToolResult(ToolResult {
                    content: vec![ToolResultContent::Text(stand_in)],
                    ..result.clone()
                })
            }
            ContentBlock::Document(file) | ContentBlock::Image(file) => ContentBlock::Text(format!(
                "(The file {}, {} bytes, was shown here and is no longer. Ask for it again if you need it.)",
                file.name, file.bytes
            )),
            _ => continue,
        };
        count += 1;
        message.get_or_insert_with(|| messages[at].as_ref().clone()).content[index] = stands;
    }
    message.map(|message| (message, count))
}

fn tool_of<'a>(message: &'a Message, tool_use_id: &str) -> Option<&'a ToolUse> {
    message.tool_uses().find(|one| one.tool_use_id == tool_use_id)
}
