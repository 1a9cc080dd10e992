//! Turns the events of a turn into text for a terminal. Pure: events in, text out.
//!
//! Events are read as JSON, member by member, and not as the typed union: what cannot be shown is passed over, and
//! streams of the real service, which departs from its own model in places, are shown as well.

mod kept;
mod lines;
mod steps;

use super::control::{self, Request};
use crate::client::StreamEvent;
use lines::Label;
pub(crate) use lines::clean;
use serde_json::Value;
use std::collections::HashMap;

/// How to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether to use colours; those used can be read on dark and on light ground.
    pub color: bool,
    /// Columns of the terminal; 0 when lines shall not be wrapped.
    pub width: usize,
}

/// How much of a step is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// As it happens: some lines of each.
    Lines,
    /// Afterwards: a line for each.
    Short,
    /// Afterwards: all of it.
    Full,
}

/// The state of one turn's output.
pub(crate) struct Renderer {
    style: Style,
    detail: Detail,
    /// What the last thing written was.
    last: Last,
    /// The model of each model call under way, by trace id.
    models: HashMap<String, String>,
    totals: Totals,
    sources: Vec<String>,
    /// The last thought that was shown: models that reason have it told twice.
    thought: String,
}

/// Characters of a step that is shown short.
const SHORT_CHARS: usize = 160;

#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Step,
    /// A piece of the answer, and whether it ended its line.
    Answer {
        line_ended: bool,
    },
}

#[derive(Default)]
struct Totals {
    model_calls: u64,
    input_tokens: u64,
    output_tokens: u64,
    millis: Option<u64>,
    cost: Option<f64>,
}

impl Renderer {
    /// Starts a turn.
    pub(crate) fn new(style: Style) -> Self {
        let (models, sources, thought) = (HashMap::new(), Vec::new(), String::new());
        Self { style, detail: Detail::Lines, last: Last::Nothing, models, totals: Totals::default(), sources, thought }
    }

    /// The text that one event adds.
    pub(crate) fn event(&mut self, event: &StreamEvent) -> String {
        let payload = &event.payload;
        if event.is_exception {
            let message = payload["message"].as_str().unwrap_or("no message");
            return self.step(Label::Failed, &format!("{}: {message}", event.name));
        }
        match event.name.as_str() {
            "chunk" => self.chunk(event),
            "trace" => self.trace(payload),
            "returnControl" => {
                let calls: Vec<String> = control::requests(payload).iter().map(Request::title).collect();
                calls.iter().map(|call| self.step(Label::Asks, call)).collect()
            }
            "files" => {
                let files = payload["files"].as_array().map_or(&[][..], Vec::as_slice);
                files.iter().map(|file| self.step(Label::File, &describe_file(file))).collect()
            }
            // Something newer than this program.
            _ => String::new(),
        }
    }

    /// What comes after the last event: sources and totals.
    pub(crate) fn finish(&mut self) -> String {
        let mut out = String::new();
        for source in std::mem::take(&mut self.sources) {
            out.push_str(&self.step(Label::Source, &source));
        }
        let totals = std::mem::take(&mut self.totals);
        let mut parts = Vec::new();
        if let Some(millis) = totals.millis {
            parts.push(seconds(millis));
        }
        if totals.model_calls > 0 {
            let plural = if totals.model_calls == 1 { "" } else { "s" };
            parts.push(format!("{} model call{plural}", totals.model_calls));
            if totals.input_tokens > 0 || totals.output_tokens > 0 {
                parts.push(tokens(totals.input_tokens, totals.output_tokens));
            }
            parts.extend(totals.cost.filter(|cost| *cost > 0.0).map(crate::cost::dollars));
        }
        if !parts.is_empty() {
            out.push_str(&self.step(Label::Total, &parts.join(", ")));
        }
        if self.last == (Last::Answer { line_ended: false }) {
            out.push('\n');
        }
        out
    }

    fn chunk(&mut self, event: &StreamEvent) -> String {
        let text = event.text();
        for citation in event.payload["attribution"]["citations"].as_array().into_iter().flatten() {
            for reference in citation["retrievedReferences"].as_array().into_iter().flatten() {
                let source = place_of(reference);
                if !self.sources.contains(&source) {
                    self.sources.push(source);
                }
            }
        }
        if text.is_empty() {
            return String::new();
        }
        let before = if self.last == Last::Step { "\n" } else { "" };
        self.last = Last::Answer { line_ended: text.ends_with('\n') };
        format!("{before}{}", lines::clean(&text))
    }

    /// One step: a label and text beside it.
    fn step(&mut self, label: Label, text: &str) -> String {
        let before = match std::mem::replace(&mut self.last, Last::Step) {
            Last::Answer { line_ended: false } => "\n\n",
            Last::Answer { line_ended: true } => "\n",
            Last::Nothing | Last::Step => "",
        };
        let step = match self.detail {
            Detail::Lines => lines::step(self.style, label, text),
            Detail::Short => lines::whole(self.style, label, &lines::shorten(text, SHORT_CHARS)),
            Detail::Full => lines::whole(self.style, label, text),
        };
        format!("{before}{step}")
    }
}

fn describe_file(file: &Value) -> String {
    let name = file["name"].as_str().unwrap_or("without name");
    let kind = file["type"].as_str().unwrap_or("unknown type");
    // Base64: four characters for three bytes.
    let bytes = file["bytes"].as_str().map_or(0, |text| text.trim_end_matches('=').len() * 3 / 4);
    format!("{name} ({kind}, {bytes} bytes)")
}

/// Where a passage comes from: its URI, or the first words of the passage.
fn place_of(reference: &Value) -> String {
    let location = &reference["location"];
    let uri = location
        .as_object()
        .into_iter()
        .flat_map(|location| location.values())
        .find_map(|place| ["uri", "url", "id"].iter().find_map(|key| place[*key].as_str()));
    let text = reference["content"]["text"].as_str();
    uri.or(text).map_or_else(|| "unnamed source".to_owned(), |text| lines::shorten(text, 200))
}

fn seconds(millis: u64) -> String {
    format!("{}.{:02} s", millis / 1000, millis % 1000 / 10)
}

fn tokens(input: u64, output: u64) -> String {
    format!("{input} tokens in, {output} out")
}

#[cfg(test)]
mod tests;
